"""Field types for words of a known set in answers, where the set has no enum of its own.

The document lists the words and answers are not checked against them: a row that another version wrote is still shown.
"""

from typing import Annotated

from pydantic import Field

from app.domain.dialogue import QUESTION_KINDS
from app.domain.evidence import EVIDENCE_KINDS
from app.domain.messages import MessageClass, OutboundStatus
from app.services.simulator.explanations import TIMERS, VERDICTS

EvidenceWord = Annotated[str, Field(json_schema_extra={"enum": [*EVIDENCE_KINDS]})]
# ``sent``: the handset's own.
ThreadStatusWord = Annotated[str, Field(json_schema_extra={"enum": ["sent", *OutboundStatus]})]
QuestionWord = Annotated[str, Field(json_schema_extra={"enum": [*QUESTION_KINDS]})]
# A question, or the class of a message that asks none.
SentWord = Annotated[str, Field(json_schema_extra={"enum": [*QUESTION_KINDS, *MessageClass]})]
TimerWord = Annotated[str, Field(json_schema_extra={"enum": sorted(TIMERS)})]
VerdictWord = Annotated[str, Field(json_schema_extra={"enum": sorted(VERDICTS)})]
TierWord = Annotated[str, Field(json_schema_extra={"enum": ["vip", "gotone", "ordinary"]})]
