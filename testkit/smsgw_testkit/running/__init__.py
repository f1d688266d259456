"""Gateways in processes, in containers or elsewhere, and the settings that they have."""
