"""Use cases of the management API."""
