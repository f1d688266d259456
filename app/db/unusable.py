"""Why a database cannot be used, in words that say what to do. What a driver says is not repeated: it may name data."""

import re

# Words of the drivers of PostgreSQL and SQLite, and ours. A server that speaks another language is not understood.
_CAUSES = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (
            "password authentication failed|no password supplied",
            "it refuses the user's password: correct it in the URL, with %40 for @, %3A for :, %2F for / and %25 for %",
        ),
        (r'database ".*" does not exist', "it has no such database: make it with createdb, or correct the URL's end"),
        (r'role ".*" does not exist', "it does not know the user: make it with createuser, or correct the URL"),
        ("pg_hba.conf", "it lets this user in from nowhere near here: add a line to the server's pg_hba.conf"),
        (
            "too many clients|connection slots|too many connections",
            "all its connections are taken: raise max_connections, or lower SMSGW_DATABASE_CONNECTIONS",
        ),
        ("starting up|shutting down|recovery mode", "it is starting or stopping: try again soon"),
        (
            "failed to resolve host|could not translate host name",
            "its host is not known: correct the URL, or ask the name service",
        ),
        (
            "Connection refused|connection to server on socket .* failed: No such file",
            "nothing listens there: start the server, or correct host and port in the URL",
        ),
        (
            "timeout expired|timed out|No route to host|Network is unreachable",
            "its host does not answer: see to the network, firewalls included, or correct the URL",
        ),
        ("SSL|certificate", "it and the URL do not agree about TLS: see sslmode and sslrootcert in the URL"),
        (
            "readonly database",
            "its files cannot be written: put them where they can be, and let them belong to the gateway's user",
        ),
        (
            "unable to open database file",
            "its file cannot be opened: the folder must be writable, not read-only, and belong to the gateway's user",
        ),
        ("disk is full", "its disk is full: make room"),
        ("disk I/O error", "its disk fails, or is full"),
        ("file is not a database", "its file is no SQLite database: name another one"),
        ("malformed", "its file is damaged: restore a backup"),
        ("database is locked", "another program holds its lock"),
    )
)


def why_unusable(error: BaseException | None) -> str:
    """Return why a database cannot be used, from what its driver raised; the name of the error for an unknown cause."""
    said = str(error)
    return next((words for pattern, words in _CAUSES if pattern.search(said)), type(error).__name__)
