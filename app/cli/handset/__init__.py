"""The handset of ``smsgw chat``: parser of typed lines, client of the gateway's simulator, display of messages."""
