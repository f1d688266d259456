"""Delivery: hand queued messages over to providers, and process their delivery reports."""
