"""The load: customers, their messages, and the process that sends them."""
