"""Servers that the gateway is compared with or sends to, each run in a process of its own."""
