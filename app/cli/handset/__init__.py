"""A handset in the terminal: what a line means, the gateway behind it, and how messages look."""
