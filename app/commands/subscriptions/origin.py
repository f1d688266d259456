"""查2: say when and through which channel a service was ordered and how that was confirmed (flows.md 5.2)."""

import json

from app.domain.texts import origins
from app.domain.turn import Turn


def explain_origin(turn: Turn, label: str, subscription_id: str) -> str:
    """Return how a subscription began, according to the evidence that the turn has loaded."""
    language = turn.account.language
    held = turn.account.subscriptions.get(subscription_id)
    if held is None:
        return origins.not_on_record(language)
    opening = origins.ordered(language, label, held.started_at, held.channel)
    records = [record for record in turn.account.evidence if record.subject == subscription_id and record.payload]
    for record in reversed(records):
        if record.kind == "import":
            return opening + origins.imported(language, record.at)
        answer = json.loads(record.payload or "{}").get("answer")
        if record.kind == "order-confirmed" and answer:
            return opening + origins.confirmed(language, answer)
    return opening + origins.not_on_record(language)
