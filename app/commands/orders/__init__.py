"""Orders: asking for a yes, and what a yes, a no or silence does."""
