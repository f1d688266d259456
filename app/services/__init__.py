"""Use cases: each step of a message, for a whole batch at once. Only this package opens transactions."""
