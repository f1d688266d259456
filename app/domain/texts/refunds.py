"""Texts about refunds (flows.md 12)."""

from app.domain.account import Language
from app.domain.texts import wording
from app.domain.texts.wording import Text

DOUBLE = Text(
    zh="{name}费用已双倍退还，共{amount}。",
    en="Twice the fee for {name} was refunded: {amount}. ",
)
PRINCIPAL = Text(
    zh="{name}费用{amount}已先行退还，其余部分将于3天内核实并告知您。",
    en="The fee of {amount} for {name} was refunded; within three days we will tell you about the rest. ",
)
NOT_DECIDED = Text(
    zh="非常抱歉，您的工单{number}未能按时处理完毕。",
    en="We are sorry: your ticket {number} was not resolved in time. ",
)
SECOND_HALF = Text(
    zh="经核实，{name}费用再退还{amount}，连同此前退还的为双倍退还。",
    en="Another {amount} for {name} was refunded: twice the fee in all. ",
)
IN_CUSTOMERS_FAVOUR = Text(
    zh="{name}费用未能在3天内核实，按有利于您的原则再退还{amount}，连同此前退还的为双倍退还。",
    en="As we could not settle the fee for {name} within three days, another {amount} was refunded: twice the fee in all. ",
)
CLOSED = Text(
    zh="经核实，{name}费用不再另行退还，此前退还的{amount}仍归您所有。",
    en="Nothing more is refunded for {name}; the {amount} already refunded stays yours. ",
)


def refund(language: Language, text: Text, name: str, fen: int) -> str:
    """Return one of these texts with the name of a service and an amount in fen."""
    return text.say(language, name=name, amount=wording.yuan(language, fen))
