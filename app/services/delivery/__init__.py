"""Delivery: hand queued messages to providers, and take their reports."""
