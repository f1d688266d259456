"""What the gateway did with a message of a simulated handset: one call that puts everything together."""

import json
from collections.abc import Iterator

from fastapi import APIRouter

from app.domain.service_numbers import ServiceNumbers
from app.domain.texts.wording import Text
from app.services.simulator.explanations import TIMERS, VERDICTS, why
from app.services.simulator.inspecting import Inspection, QuestionRead, Reception, Reply
from app.web.answers import answer
from app.web.api.models import EvidenceOut
from app.web.dependencies import GatewayIn, MessageIdIn
from app.web.handsets.models import (
    AskedOut,
    ChangeOut,
    DeliveryReportOut,
    FailedAttemptOut,
    InspectionOut,
    LinkOut,
    ReceivedOut,
    ReplyOut,
    SentEventOut,
    TakenOut,
    TimerOut,
    VerdictOut,
)
from app.web.simulator import number_of

router = APIRouter()


@router.get("/handsets/{msisdn}/messages/{message_id}", summary="What the gateway did with a message")
async def inspect_message(msisdn: str, message_id: MessageIdIn, gateway: GatewayIn) -> InspectionOut:
    """For either direction: the turn that handled a sent message, or that made a received one.

    It is put together from what is stored anyway; the text as it was read and the route are derived again.
    """
    inspector = gateway.simulator.inspector
    return _out(await inspector.inspect(number_of(msisdn), message_id), inspector.numbers)


def _out(found: Inspection, numbers: ServiceNumbers) -> InspectionOut:
    reception = found.reception
    verdict = reception.message.verdict if reception else None
    return answer(
        InspectionOut,
        found,
        id=found.message.id,
        direction=found.message.direction,
        msisdn=found.message.msisdn,
        received=_received(reception) if reception else None,
        read_as=reception.read_as.words if reception else None,
        taken=_taken(reception, numbers) if reception else None,
        verdict=VerdictOut(word=verdict, **_both(VERDICTS.get(verdict, Text(verdict, verdict)))) if verdict else None,
        who=None if reception else found.who,
        changes=[answer(ChangeOut, one) for one in found.changes],
        evidence=[answer(EvidenceOut, one, payload=_payload(one.payload)) for one in found.evidence],
        questions=[_asked(one, numbers) for one in found.questions],
        replies=list(map(_reply, found.replies)),
        events=[answer(SentEventOut, one, data=json.loads(one.data)) for one in found.events],
        timers=[answer(TimerOut, one, **_both(TIMERS[one.kind])) for one in found.timers],
        links=list(_links(found)),
    )


def _both(text: Text) -> dict[str, str]:
    return {"en": text.en, "zh": text.zh}


def _payload(stored: str | None) -> object:
    return json.loads(stored) if stored else None


def _asked(question: QuestionRead, numbers: ServiceNumbers) -> AskedOut:
    return answer(AskedOut, question, sender=numbers.number(question.extension), text=question.asked_text)


def _received(reception: Reception) -> ReceivedOut:
    message, handling = reception.message, reception.handling
    return answer(
        ReceivedOut,
        message,
        sender=message.msisdn,
        to=message.service_number,
        sent_at=handling.sent_at,
        due_at=handling.due_at if handling.handled_at is None and handling.due_at > message.at else None,
        handled_at=handling.handled_at,
        tries=handling.tries,
    )


def _taken(reception: Reception, numbers: ServiceNumbers) -> TakenOut:
    route, question = reception.route, reception.question
    asked_from = numbers.number(question.extension) if question else None
    words = why(route, dialled=reception.message.service_number, asked_from=asked_from)
    return answer(
        TakenOut,
        route,
        by=route.kind,
        why=_both(words),
        question=_asked(question, numbers) if question else None,
    )


def _reply(reply: Reply) -> ReplyOut:
    return answer(
        ReplyOut,
        reply.message,
        sender=reply.message.service_number,
        failed_attempts=[answer(FailedAttemptOut, one) for one in reply.failed_attempts],
        reports=[answer(DeliveryReportOut, one) for one in reply.reports],
        next_attempt_at=reply.next_attempt_at,
    )


# ---- links

_API = "/api/v1"
# By the kind of record: the tag of the call that shows one, its name, its path, and the parameter.
_RECORDS = {
    "charge": ("charges", "get_charge", "/charges/{charge_id}", "charge_id"),
    "order": ("orders", "get_order", "/orders/{order_id}", "order_id"),
    "ticket": ("tickets", "get_ticket", "/tickets/{ticket_id}", "ticket_id"),
}


def _link(shows: str, tag: str, name: str, path: str, **given: str) -> LinkOut:
    """Return the link to a GET; ``name`` is the id of the operation."""
    return LinkOut.model_validate(
        {"shows": shows, "path": _API + path.format(**given), "reference": f"/docs#/{tag}/{name}"}
    )


def _links(found: Inspection) -> Iterator[LinkOut]:
    msisdn, one_message = found.message.msisdn, "/messages/{message_id}"
    if found.reception:
        yield _link("received", "messages", "get_message", one_message, message_id=found.reception.message.id)
    if any(change.what == "subscription" for change in found.changes):
        path = "/subscribers/{msisdn}/subscriptions"
        yield _link("changes", "subscribers", "list_subscriptions", path, msisdn=msisdn)
    for change in found.changes:
        if change.what in _RECORDS:
            tag, name, path, parameter = _RECORDS[change.what]
            yield _link("changes", tag, name, path, **{parameter: change.id})
    if found.evidence:
        yield _link("evidence", "subscribers", "list_evidence", "/subscribers/{msisdn}/evidence", msisdn=msisdn)
    if found.questions:
        path = "/subscribers/{msisdn}/questions"
        yield _link("questions", "subscribers", "list_subscriber_questions", path, msisdn=msisdn)
    for reply in found.replies:
        yield _link("replies", "messages", "get_message", one_message, message_id=reply.message.id)
    if found.events:
        yield _link("events", "events", "list_events", "/events")
