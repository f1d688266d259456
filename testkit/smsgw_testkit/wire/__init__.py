"""HTTP in both directions, by the standard library."""
