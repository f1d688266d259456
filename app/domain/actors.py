"""Actors: who caused a change, as evidence and records name them."""

TIMER = "timer"
ORDER = "order"
FIXTURE = "fixture"
SEAL = "smsgw evidence seal"
TENURE_ENDED = "tenure-ended"


def subscriber(message_id: str) -> str:
    """Return the subscriber who sent a message, named by its id."""
    return f"mo:{message_id}"


def system(name: str) -> str:
    """Return the system that holds the API token with this name."""
    return f"api:{name}"


def agent(name: str) -> str:
    """Return the agent who holds the API token with this name."""
    return f"agent:{name}"
