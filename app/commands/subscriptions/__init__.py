"""Subscriptions: list them, pick from the listing, and unsubscribe."""
