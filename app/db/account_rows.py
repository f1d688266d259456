"""Conversion between rows and values of subscribers and subscriptions."""

import json
from dataclasses import asdict
from datetime import datetime

from app.db import tables
from app.db.rows import Fields, raw
from app.db.types import from_micros
from app.domain.account import Brand, Language, Payment, Plan, Subscriber, SubscriberStatus
from app.domain.catalogue import Billing, CancelEffect
from app.domain.evidence import ChainHead
from app.domain.subscriptions import Channel, Subscription, SubscriptionState, Terms

Tenure = tuple[int, str, int]
SUBSCRIBER_COLUMNS = tuple(map(raw, tables.subscriber.c))
SUBSCRIPTION_COLUMNS = tuple(map(raw, tables.subscription.c))

# A dict lookup is several times faster than calling the enum, and this is the hot path.
_BRANDS = {brand.value: brand for brand in Brand}
_PAYMENTS = {payment.value: payment for payment in Payment}
_STATUSES = {status.value: status for status in SubscriberStatus}
_LANGUAGES = {language.value: language for language in Language}
_STATES = {state.value: state for state in SubscriptionState}
_CHANNELS = {channel.value: channel for channel in Channel}
_BILLINGS = {billing.value: billing for billing in Billing}
_EFFECTS = {effect.value: effect for effect in CancelEffect}


def subscriber_of(row: Fields) -> Subscriber:
    """Return the subscriber in a row of ``SUBSCRIBER_COLUMNS``; instants in the row are microseconds."""
    (
        _,
        msisdn,
        tenure,
        brand,
        vip,
        payment,
        balance,
        points,
        status,
        language,
        plan,
        password,
        created,
        closed,
        *_,
    ) = row
    return Subscriber(
        msisdn,
        tenure,
        _BRANDS[brand],
        bool(vip),
        _PAYMENTS[payment],
        balance,
        points,
        _STATUSES[status],
        _LANGUAGES[language],
        plan_of(plan),
        password,
        from_micros(created),
        instant_or_none(closed),
    )


def plan_of(text: str | None) -> Plan | None:
    """Return the plan in JSON text; None for none."""
    return Plan(**json.loads(text)) if text else None


def instant_or_none(micros: int | None) -> datetime | None:
    """Return the UTC instant for microseconds since the epoch; None for None."""
    return None if micros is None else from_micros(micros)


def subscription_of(row: Fields) -> Subscription:
    """Return the subscription in a row of ``SUBSCRIPTION_COLUMNS``; instants in the row are microseconds."""
    (
        _, _, _, id_, code, state, in_plan, started, channel, price, billing, sp, effect, trial, contract, left, ends,
        confirmed, goes_on, free_until, began_under, owed_month,
    ) = row  # fmt: skip
    return Subscription(
        id_,
        code,
        _STATES[state],
        bool(in_plan),
        from_micros(started),
        _CHANNELS[channel],
        Terms(price, _BILLINGS[billing], sp, _EFFECTS[effect]),
        instant_or_none(trial),
        instant_or_none(contract),
        instant_or_none(left),
        instant_or_none(ends),
        instant_or_none(confirmed),
        bool(goes_on),
        instant_or_none(free_until),
        began_under,
        owed_month,
    )


def _tenure_row(bucket: int, msisdn: str, tenure: int) -> dict[str, object]:
    return {"bucket": bucket, "msisdn": msisdn, "tenure": tenure}


def subscriber_row(bucket: int, subscriber: Subscriber, chain: ChainHead) -> dict[str, object]:
    """Return the row of a tenure, with the head of its evidence chain."""
    plan = json.dumps(asdict(subscriber.plan), ensure_ascii=False) if subscriber.plan else None
    return {
        **_tenure_row(bucket, subscriber.msisdn, subscriber.tenure),
        "brand": subscriber.brand,
        "vip": subscriber.vip,
        "payment": subscriber.payment,
        "balance_fen": subscriber.balance_fen,
        "points": subscriber.points,
        "status": subscriber.status,
        "language": subscriber.language,
        "plan": plan,
        "password_hash": subscriber.password_hash,
        "created_at": subscriber.created_at,
        "closed_at": subscriber.closed_at,
        "evidence_seq": chain.seq,
        "evidence_hash": chain.hash,
        "evidence_key": chain.key,
        "evidence_mac": chain.mac,
    }


def subscription_row(tenure: Tenure, item: Subscription) -> dict[str, object]:
    """Return the row of a subscription."""
    return {
        **_tenure_row(*tenure),
        "id": item.id,
        "service_code": item.service_code,
        "state": item.state,
        "in_plan": item.in_plan,
        "started_at": item.started_at,
        "channel": item.channel,
        "price_fen": item.terms.price_fen,
        "billing": item.terms.billing,
        "sp_code": item.terms.sp_code,
        "cancel_effect": item.terms.cancel_effect,
        "trial_ends_at": item.trial_ends_at,
        "contract_until": item.contract_until,
        "unsubscribed_at": item.unsubscribed_at,
        "ends_at": item.ends_at,
        "confirmed_at": item.confirmed_at,
        "goes_on": item.goes_on,
        "free_until": item.free_until,
        "began_under": item.began_under,
        "owed_month": item.owed_month,
    }
