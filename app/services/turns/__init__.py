"""Turns: claim what waits, load accounts, handle, and write the outcome in one commit."""
