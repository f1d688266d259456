"""What several handsets show, in one order, and what they are asked."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from app.web.dependencies import AfterIdIn, GatewayIn
from app.web.simulator import ThreadMessageOut, message_out, number_of
from app.web.times import ShanghaiTime
from app.web.words import QuestionWord, SentWord

router = APIRouter()
_MOST_HANDSETS = 500
_PAGE_SIZE = 1_000
_Handsets = Annotated[
    list[str] | None,
    Query(
        max_length=_MOST_HANDSETS,
        description="the number of a handset; repeat it for several, leave it out for all",
    ),
]


class EntryOut(ThreadMessageOut):
    """A message, its handset, and what it is."""

    handset: str = Field(examples=["13800138000"])
    kind: SentWord | None = Field(
        description="the question that it asks, such as `choosing-services`, else its class: reply, result, "
        "confirmation, notice, care or marketing; null for what the handset sent"
    )
    code: str | None = Field(description="the digits that its question wants, if it wants some")


class ThreadsOut(BaseModel):
    """The messages of handsets, oldest first."""

    messages: list[EntryOut]


class OpenQuestionOut(BaseModel):
    """A question that waits for an answer, the number that this has to be sent to, and until when."""

    handset: str
    kind: QuestionWord
    number: str
    until: ShanghaiTime
    code: str | None


class OpenQuestionsOut(BaseModel):
    """Questions, oldest first."""

    questions: list[OpenQuestionOut]


@router.get("/threads", summary="The threads of several handsets in one order")
async def read_threads(
    gateway: GatewayIn,
    handset: _Handsets = None,
    after: AfterIdIn = None,
    limit: Annotated[int, Query(ge=1, le=5_000)] = _PAGE_SIZE,
) -> ThreadsOut:
    """Messages after the one with id ``after``, whichever handset has it; otherwise as in a handset's thread."""
    found = await gateway.simulator.threads.messages(_numbers(handset), after, limit)
    providers = gateway.carriers.providers
    return ThreadsOut(
        messages=[
            EntryOut(
                **dict(message_out(one.msisdn, one.message, providers)),
                handset=_short(one.msisdn),
                kind=one.kind,
                code=one.code,
            )
            for one in found
        ]
    )


@router.get("/questions", summary="The questions that handsets can answer now")
async def read_questions(gateway: GatewayIn, handset: _Handsets = None) -> OpenQuestionsOut:
    """Whatever became of their messages. An answer counts if it is sent to ``number``, a code wherever it is sent."""
    found = await gateway.simulator.threads.questions(_numbers(handset))
    return OpenQuestionsOut(
        questions=[
            OpenQuestionOut(
                handset=_short(one.msisdn), kind=one.kind, number=one.number, until=one.until, code=one.code
            )
            for one in found
        ]
    )


def _numbers(given: list[str] | None) -> list[str] | None:
    return None if given is None else list(map(number_of, given))


def _short(msisdn: str) -> str:
    """Return a number as it is dialled in China."""
    return msisdn.removeprefix("+86")
