"""Logging and metrics. Neither logs nor labels of metrics contain subscribers' numbers or texts."""

import logging
import re
import secrets
import sys
import traceback
from collections import deque
from collections.abc import MutableMapping
from contextvars import ContextVar

import structlog
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

_NUMBER = re.compile(r"(?<!\d)(?:\+|00)?(?:86)?1[3-9]\d{9}(?!\d)")
_FORBIDDEN_FIELDS = frozenset({"text", "body", "password", "token", "secret", "authorization", "sealed"})

# Series that say since when a process counts; `process_start_time_seconds` does.
disable_created_metrics()  # type: ignore[no-untyped-call]  # as the library has it
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

BUILD = Gauge("smsgw_build_info", "1, with the versions of the gateway and of Python", ["version", "python"])
DATABASE_UP = Gauge("smsgw_database_up", "1 while the database can be read")
HTTP = Counter(
    "smsgw_http_requests", "Answers, by the request's method, the route and the status", ["method", "route", "status"]
)
WEBHOOK_SECONDS = Histogram(
    "smsgw_webhook_seconds", "From a webhook's request to its answer", ["provider"], buckets=_SECONDS
)
WEBHOOKS_REFUSED = Counter(
    "smsgw_webhooks_unauthenticated", "Webhooks answered 401: their sender is not proven", ["provider"]
)
STEP_SECONDS = Histogram(
    "smsgw_step_seconds", "How long a batch of a step took, commit included", ["step"], buckets=_SECONDS
)
HANDOVER_SECONDS = Histogram(
    "smsgw_handover_seconds",
    "How long a call took that handed messages over",
    ["provider"],
    buckets=(*_SECONDS, 20, 35),
)
ANSWER_SECONDS = Histogram(
    "smsgw_answer_seconds",
    "From a stored message to the hand-over of its reply: all that a customer waits for here",
    ["provider"],
    buckets=(*_SECONDS, 30, 60, 300, 3600),
)
LOOP_LAG = Histogram(
    "smsgw_event_loop_lag_seconds", "How late the event loop is, looked at once a second", buckets=(0.001, *_SECONDS)
)
DATABASE_THREADS = Gauge("smsgw_database_threads", "Threads with a connection to the database")
DATABASE_BUSY = Gauge("smsgw_database_threads_busy", "Threads that work on the database now")
DATABASE_WAITING = Gauge("smsgw_database_waiting", "Pieces of work that wait for a thread")
INBOUND = Counter("smsgw_inbound_stored", "Messages in, by what the provider was told", ["status"])
UNUSED = Counter("smsgw_inbound_unused", "Messages in that were taken and not used as they are, by reason", ["reason"])
TURNS = Counter("smsgw_turns", "Turns handled, by kind of stimulus", ["stimulus"])
POISONED = Counter("smsgw_turns_failed", "Turns whose handling raised an error")
SET_ASIDE = Counter("smsgw_set_aside", "What failed and is tried again later, while the others go on", ["what"])
DEAD_LETTERS = Counter("smsgw_dead_letters", "Messages in that were given up after three tries")
ACCEPTED = Counter("smsgw_outbound_accepted", "Messages out that a provider took", ["provider"])
ATTEMPTS = Counter("smsgw_outbound_attempts", "Attempts to hand a message over, by result", ["provider", "result"])
DOUBLES = Counter(
    "smsgw_outbound_possible_doubles",
    "Attempts without an answer that are repeated: the most that are sent twice",
    ["provider"],
)
FAILED_OVER = Counter("smsgw_outbound_diverted", "Messages that another provider was given", ["provider"])
UNUSED_REPORTS = Counter("smsgw_reports_unused", "Delivery reports that were taken and not used, by reason", ["reason"])
STAMPS_OFF = Counter(
    "smsgw_inbound_stamps_off", "Messages in whose provider's time was more than ten minutes off", ["provider"]
)
REPORTS = Counter("smsgw_delivery_reports", "Delivery reports, by what was done with them", ["result"])
EVENTS = Counter("smsgw_events", "Events for others, by what became of telling them; overdue: an alarm", ["result"])
BIND_UP = Gauge("smsgw_bind_up", "Binds that are up in this process", ["provider"])
WINDOW_USED = Gauge("smsgw_window_used", "Segments that were submitted and not answered yet", ["provider"])
UNANSWERED = Gauge("smsgw_inbound_unanswered", "What came over binds and is not stored yet", ["provider"])
SUBMIT_ANSWERS = Counter("smsgw_submit_answers", "Answers to submitted segments, by result", ["provider", "result"])
SUBMIT_SECONDS = Histogram("smsgw_submit_seconds", "From a submitted segment to its answer", ["provider"])
BAD_INPUT = Counter("smsgw_bad_input", "What carriers sent over binds and was not used, by kind", ["provider", "what"])
BINDS_ENDED = Counter("smsgw_binds_ended", "Binds that ended or were refused, by reason", ["provider", "reason"])
BATCH = Histogram(
    "smsgw_batch_size",
    "How many a step handled in one commit",
    ["step"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
)


# The ASGI scope of the request that is answered in this context.
REQUEST: ContextVar[MutableMapping[str, object]] = ContextVar("request")


def batch(step: str, size: int) -> None:
    """Observe how many items a step handled in one commit."""
    BATCH.labels(step).observe(size)


def label(words: str) -> str:
    """Return words as the value of a label: ``prefix_not_allowed``."""
    return words.replace(" ", "_").replace("'", "")


def _mask_number(found: re.Match[str]) -> str:
    return f"+86{found.group()[-11:-8]}****{found.group()[-4:]}"


def masked_text(text: str) -> str:
    """Return a text with every mobile number of China masked, as ``+86138****8000``."""
    return _NUMBER.sub(_mask_number, text)


def mask_fields(_logger: object, _name: str, fields: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """Hide private fields and mask numbers; the last processor before a line is rendered (delivery.md, security)."""
    for key, value in fields.items():
        if key.lower() in _FORBIDDEN_FIELDS:
            fields[key] = "(hidden)"
        elif isinstance(value, str):
            fields[key] = masked_text(value)
    return fields


def _request_field(_logger: object, _name: str, fields: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """Name the request in a line about it. Its id is made with the first line, as next to no request has one."""
    request = REQUEST.get(None)
    if request is not None:
        fields["request_id"] = request.setdefault("request_id", secrets.token_hex(8))
    return fields


def trace_of(error: BaseException) -> str:
    """Return the places and types of an error and its causes, without messages, as these may quote a customer."""
    lines: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        frames = traceback.extract_tb(cause.__traceback__)
        lines += [f"{frame.filename.rpartition('/app/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
        lines.append(type(cause).__name__)
        cause = cause.__cause__
    return "\n".join(lines)


def _trace_field(_logger: object, _name: str, fields: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """Replace an exception by ``trace``, the places that it passed."""
    given = fields.pop("exc_info", None)
    error = (
        given
        if isinstance(given, BaseException)
        else given[1]
        if isinstance(given, tuple)
        else sys.exc_info()[1]
        if given
        else None
    )
    if isinstance(error, BaseException):
        fields["trace"] = trace_of(error)
    return fields


_Processors = list[structlog.typing.Processor]


def _shared() -> _Processors:
    """Return what is done with every line before it is rendered."""
    return [
        _request_field,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _trace_field,
        mask_fields,
    ]


def _formatter(shared: _Processors, renderer: structlog.typing.Processor) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    )


class RecentLines(logging.Handler):
    """Keeps the last lines of the log, as JSON, masked as the log is."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=most)
        self.setFormatter(_formatter(_shared(), structlog.processors.JSONRenderer(ensure_ascii=False)))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(self.format(record))


def keep_lines(most: int = 500) -> RecentLines:
    """Keep the last lines that this process logs from now on, until the logging is configured again."""
    kept = RecentLines(most)
    logging.getLogger().addHandler(kept)
    return kept


def recent_lines(limit: int) -> list[str]:
    """Return the last lines of the log, oldest first, as JSON objects; none if they are not kept."""
    kept = next((one for one in logging.getLogger().handlers if isinstance(one, RecentLines)), None)
    return list(kept.lines)[-limit:] if kept else []


def configure_logging(level: str = "INFO", *, plain: bool = False) -> None:
    """Log one line for each event to standard error: coloured on a terminal, else JSON, or text if ``plain``."""
    at_a_terminal = sys.stderr.isatty()
    shared = _shared()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer = (
        structlog.dev.ConsoleRenderer(colors=at_a_terminal)
        if at_a_terminal or plain
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    formatter = _formatter(shared, renderer)
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # Alembic logs its set-up at every start.
    logging.getLogger("alembic").setLevel(logging.WARNING)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger whose lines are masked."""
    log: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return log
