"""Sessions with carriers that the gateway connects to: bind, window, keep-alive, drain, texts; nothing of a PDU.

A kind of carrier brings a ``Dialect``, which reads and writes octets, and a ``SessionProvider`` (carriers.md 4).
"""
