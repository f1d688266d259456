"""Toy carriers, written from the standards: for tests and demos, on loopback. They share no code with the adapters."""
