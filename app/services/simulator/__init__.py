"""The simulated network, its clock and its fixtures, for demo and test."""
