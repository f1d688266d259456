"""The account of a number: its subscriber, balance, bills, data usage, imports."""
