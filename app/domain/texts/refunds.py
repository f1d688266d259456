"""Texts about refunds (flows.md 12)."""

from app.domain.account import Language
from app.domain.texts import wording
from app.domain.texts.wording import Text

DOUBLE = Text(
    zh="{name}费用已双倍退还，共{amount}。",
    en="For {name} twice the fee was given back: {amount}. ",
)
PRINCIPAL = Text(
    zh="{name}费用{amount}已先行退还，其余部分将于3天内核实并告知您。",
    en="For {name} the fee of {amount} was given back; within three days we tell you about the rest. ",
)
NOT_DECIDED = Text(
    zh="非常抱歉，您的工单{number}未能按时处理完毕。",
    en="We are sorry: your ticket {number} was not dealt with in time. ",
)
SECOND_HALF = Text(
    zh="经核实，{name}费用再退还{amount}，连同此前退还的为双倍退还。",
    en="For {name} another {amount} was given back: twice the fee in all. ",
)
IN_CUSTOMERS_FAVOUR = Text(
    zh="{name}费用未能在3天内核实，按有利于您的原则再退还{amount}，连同此前退还的为双倍退还。",
    en="As nobody could decide about {name} within three days, another {amount} was given back: twice the fee in all. ",
)
CLOSED = Text(
    zh="经核实，{name}费用不再另行退还，此前退还的{amount}仍归您所有。",
    en="For {name} nothing more is given back; the {amount} that you got stays yours. ",
)


def refund(language: Language, text: Text, name: str, fen: int) -> str:
    """Return one of these texts with the name of a service and an amount in fen."""
    return text.say(language, name=name, amount=wording.yuan(language, fen))
