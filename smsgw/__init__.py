"""Starter of the gateway, and all that an installed gateway adds to the names that can be imported (ADR 34)."""
