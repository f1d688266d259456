"""What reports make of one message: its status, and the statuses of its segments, in any order (delivery.md 12)."""

from dataclasses import dataclass, field

from app.db.message_parts import MessagePart
from app.db.reports import ReportedMessage
from app.domain.messages import DeliveryReport, OutboundStatus, status_after_report, status_from_segments


@dataclass(slots=True)
class Reported:
    """A message as the reports of a batch change it.

    Attributes:
        message: as it is stored.
        parts: its known segments by their numbers, from 1; empty if its carrier reports on messages only.
        segments: how many it has.
        changed_parts: the numbers of the segments that are to be saved.
    """

    message: ReportedMessage
    parts: dict[int, MessagePart]
    status: OutboundStatus
    error_code: str | None
    provider_message_id: str | None
    segments: int
    changed_parts: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, message: ReportedMessage, parts: dict[int, MessagePart]) -> "Reported":
        """Return a message as it is stored."""
        return cls(
            message,
            parts,
            OutboundStatus(message.status),
            message.error_code,
            message.provider_message_id,
            message.segments,
        )

    @property
    def is_changed(self) -> bool:
        """Whether the status or the number of segments differs from the stored one."""
        return self.status != self.message.status or self.segments != self.message.segments

    def apply(self, report: DeliveryReport, status: OutboundStatus) -> None:
        """Apply a report with a known status; of a message with several segments it may be about one."""
        if self.provider_message_id is None:
            self.provider_message_id = report.provider_message_id or None
        if report.segments is not None:
            status = self._status_with_count(report.segments, status)
        number = self._segment_of(report) if self.segments > 1 else None
        if number is not None:
            status = self._status_with_segment(number, report, status)
        after = status_after_report(self.status, status)
        if after is not self.status:
            self.status, self.error_code = after, report.error_code

    def _segment_of(self, report: DeliveryReport) -> int | None:
        """Return the number of the segment that a report is about; None: it is about the whole message."""
        if report.part is not None:
            return report.part
        key = report.part_key or report.provider_message_id
        named = (part.number for part in self.parts.values() if part.provider_message_id == key)
        if (number := next(named, None)) is None and report.part_key is not None:
            return next((number for number in range(1, self.segments) if number not in self.parts), self.segments)
        return number

    def _status_with_count(self, segments: int, status: OutboundStatus) -> OutboundStatus:
        """Take the carrier's count of segments. Return DELIVERED if reports on all of them have come before it."""
        self.segments = max(segments, *self.parts) if self.parts else segments
        known = [(number, part.status) for number, part in self.parts.items()]
        return (
            OutboundStatus.DELIVERED
            if status_from_segments(known, self.segments) is OutboundStatus.DELIVERED
            else status
        )

    def _status_with_segment(self, number: int, report: DeliveryReport, status: OutboundStatus) -> OutboundStatus:
        """Record the report of a segment. Return the status that it gives the message."""
        before = self.parts.get(number)
        theirs = before.provider_message_id if before else None
        if theirs is None and report.part_key is not None:
            theirs = report.part_key
        elif theirs is None and report.reference is not None and status is OutboundStatus.ACCEPTED:
            # A late answer to an attempt: from now on reports name the segment by this id.
            theirs = report.provider_message_id
        segment_status = status_after_report(before.status, status) if before else status
        part = MessagePart(number, theirs, segment_status)
        if part != before:
            self.parts[number] = part
            self.changed_parts.add(number)
        # The report itself counts, too: a failure is the message's although the segment was delivered before.
        known = [(number, part.status) for number, part in self.parts.items()]
        found = status_from_segments([*known, (number, status)], self.segments)
        return found or status
