"""查2: who ordered it, when, through which channel and how it was confirmed, from the evidence (flows.md 5.2)."""

import json

from app.domain.texts import origins
from app.domain.turn import Turn


def explain_origin(turn: Turn, label: str, subscription_id: str) -> str:
    """What the evidence says of how a subscription began."""
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
