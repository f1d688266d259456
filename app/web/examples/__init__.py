"""An example of every call for the API reference: what is sent and what comes back, in the world of the demo fixture.

A test posts each to a gateway and holds what comes back against it, so that they stay true.
"""

from app.web.examples import (
    care,
    charges,
    directory,
    health,
    looking,
    orders,
    outreach,
    simulator,
    tickets,
    usage,
    webhooks,
)
from app.web.examples.example import Example

EXAMPLES: dict[str, Example] = {
    **webhooks.EXAMPLES,
    **simulator.EXAMPLES,
    **directory.EXAMPLES,
    **care.EXAMPLES,
    **looking.EXAMPLES,
    **orders.EXAMPLES,
    **charges.EXAMPLES,
    **usage.EXAMPLES,
    **outreach.EXAMPLES,
    **tickets.EXAMPLES,
    **health.EXAMPLES,
}
__all__ = ["EXAMPLES", "Example"]
