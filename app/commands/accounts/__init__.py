"""The account of a number: subscriber, password, balance, bills, data usage, suspension, imports."""
