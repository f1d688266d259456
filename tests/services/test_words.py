"""What the API lists as known words is all that there is."""

import pytest

from app.domain.dialogue import QUESTION_KINDS
from app.domain.evidence import EVIDENCE_KINDS, EvidenceDraft
from tests.commands.transcript import Conversation, registry


def test_every_kind_of_question_is_listed() -> None:
    assert sorted(state.kind for state in registry().questions) == [*QUESTION_KINDS]


def test_every_kind_of_evidence_in_a_conversation_is_listed() -> None:
    """Held by the transcripts of all commands: this one shows that they would fail."""
    assert len({*EVIDENCE_KINDS}) == len(EVIDENCE_KINDS)
    with pytest.raises(AssertionError, match="EVIDENCE_KINDS"):
        Conversation().record(EvidenceDraft("never heard of", "x", {}))
