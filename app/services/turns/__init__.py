"""Turns: claim what is due, load accounts, run the commands, and write all outcomes in one commit."""
