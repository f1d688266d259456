"""The general reasons of refusals, for short."""

from app.domain.refusals import RefusalReason

UNKNOWN, CONFLICT, INVALID = RefusalReason.UNKNOWN, RefusalReason.CONFLICT, RefusalReason.INVALID
