"""An example request and answer for every call of the API reference, with the customers of the demo fixture.

A test sends each example to a gateway and compares the answers, so that the examples stay true.
"""

from app.web.examples import (
    care,
    charges,
    customer_lists,
    directory,
    health,
    inspection,
    operators,
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
    **inspection.EXAMPLES,
    **directory.EXAMPLES,
    **care.EXAMPLES,
    **customer_lists.EXAMPLES,
    **orders.EXAMPLES,
    **charges.EXAMPLES,
    **usage.EXAMPLES,
    **outreach.EXAMPLES,
    **tickets.EXAMPLES,
    **operators.EXAMPLES,
    **health.EXAMPLES,
}
__all__ = ["EXAMPLES", "Example"]
