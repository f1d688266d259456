"""Conversion between rows and domain values for what is stored as JSON: limits and the states of questions."""

from collections.abc import Iterable, Mapping

from pydantic import TypeAdapter

from app.db.accounts import StoredAccount, StoredQuestion
from app.db.conversations import LockedConversation
from app.domain.account import Account
from app.domain.dialogue import ClosedAs, Question, QuestionState
from app.domain.limits import Limits
from app.services.turns.positional import PositionalFormat

_LIMITS = TypeAdapter(Limits)
_NO_LIMITS = Limits()


class AccountCodec:
    """Converts accounts and questions; ``states`` are the question states of all commands."""

    def __init__(self, states: Iterable[type[QuestionState]]) -> None:
        self._formats: Mapping[str, PositionalFormat[QuestionState]] = {
            state.kind: PositionalFormat(state) for state in states
        }

    def account(self, conversation: LockedConversation, stored: StoredAccount | None) -> Account:
        """Return the account of a number.

        It has no subscriber if nothing is stored. Questions of a kind that no command asks are left out.
        """
        limits = _LIMITS.validate_json(conversation.guards) if conversation.guards else _NO_LIMITS
        if stored is None:
            return Account(msisdn=conversation.msisdn, limits=limits)
        return Account(
            msisdn=conversation.msisdn,
            subscriber=stored.subscriber,
            subscriptions={item.id: item for item in stored.subscriptions},
            questions={row.id: self._question(row) for row in stored.questions if row.kind in self._formats},
            limits=limits,
        )

    def can_read(self, stored: StoredAccount) -> bool:
        """Return False if a question is of a kind or form that only another program knows."""
        try:
            for row in stored.questions:
                self._formats[row.kind].load(row.state)
        except (KeyError, ValueError):
            return False
        return True

    def answer_code(self, kind: str | None, state: str | None) -> str | None:
        """Return the digits that a stored question wants; None if it wants none, or is of an unknown kind."""
        known = self._formats.get(kind or "")
        return known.load(state).answer_code if known is not None and state is not None else None

    def _question(self, row: StoredQuestion) -> Question:
        return Question(
            id=row.id,
            state=self._formats[row.kind].load(row.state),
            extension=row.extension,
            asked_text=row.asked_text,
            asked_at=row.asked_at,
            expires_at=row.expires_at,
            parent_id=row.parent_id,
            handed_over_at=row.handed_over_at,
            failed_at=row.failed_at,
            closed_at=row.closed_at,
            closed_as=ClosedAs(row.closed_as) if row.closed_as else None,
        )

    def question_row(self, bucket: int, msisdn: str, tenure: int, question: Question) -> dict[str, object]:
        """Return the row of a new question, without its text."""
        kind = question.state.kind
        return {
            "bucket": bucket,
            "msisdn": msisdn,
            "tenure": tenure,
            "id": question.id,
            "kind": kind,
            "state": self._formats[kind].dump(question.state),
            "extension": question.extension,
            "asked_at": question.asked_at,
            "expires_at": question.expires_at,
            "parent_id": question.parent_id,
            "handed_over_at": question.handed_over_at,
            "failed_at": question.failed_at,
            "closed_at": question.closed_at,
            "closed_as": question.closed_as,
        }


def dump_limits(limits: Limits) -> str:
    """Return limits as the JSON of the column ``guards``."""
    return _LIMITS.dump_json(limits, exclude_defaults=True).decode()
