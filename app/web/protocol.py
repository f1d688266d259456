"""Uvicorn's HTTP protocol with limits on the time and size of requests (safety.md 37)."""

import asyncio
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, ClassVar

import httptools
from typing_extensions import override
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from app.web import problems
from app.web.middleware.limits import STREAMED, refuse_connection
from app.web.problem_codes import Code

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

_MAX_HEAD_BYTES = 32 * 1024
_MAX_HEAD_LINES = 100
_TOO_LARGE = f"The head may have at most {_MAX_HEAD_BYTES // 1024} KiB and {_MAX_HEAD_LINES} lines."
_TOO_SLOW = "The request did not come in time: its head within {:g} s, its body within {:g} s."
_NOT_HTTP = "This is no HTTP request."
# Colon, space and CRLF.
_HEADER_OVERHEAD_BYTES = 4


class _Expected(Enum):
    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


class Protocol(HttpToolsProtocol):
    """One connection, with timeouts in seconds.

    Of more than ``most_unfinished`` connections with an incomplete request, the oldest is dropped. A client may send
    ``most_pipelined`` requests ahead of their answers; with one more the connection ends after these.
    """

    head_seconds: ClassVar[float] = 10
    # For a whole body, or for the next piece of a streamed one.
    body_seconds: ClassVar[float] = 30
    # How long to wait for a client that does not read its answer; and before closing after a refusal, and for the rest
    # of a body that was answered before it was whole, so that the answer arrives.
    stall_seconds: ClassVar[float] = 30
    linger_seconds: ClassVar[float] = 2
    most_unfinished: ClassVar[int] = 1_500
    most_pipelined: ClassVar[int] = 100
    unfinished: ClassVar[dict["Protocol", None]] = {}

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._expected = _Expected.NOTHING
        self._has_begun = False
        self._is_refused = False
        self._parser_advanced = False
        self._unparsed_bytes = 0
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None
        # The request that is being answered; ``cycle`` is the last one that came, which may wait behind it.
        self._running: RequestResponseCycle | None = None

    # ---- the connection

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Start the timeout for the first request."""
        super().connection_made(transport)
        self._expect(_Expected.HEAD)
        self._track_unfinished()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers, and let no answer be written any more."""
        self.unfinished.pop(self, None)
        self.pipeline.clear()
        if self._running is not None:
            self._running.disconnected = True
            self._running.message_event.set()
        for timer in (self._timer, self._stall_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        """Pass data to the parser and enforce the limits."""
        if self._is_refused:
            return
        if self._expected is _Expected.NOTHING:
            self._expect(_Expected.HEAD)
        self._has_begun, self._parser_advanced = True, False
        super().data_received(data)
        # Bytes that the parser buffers, such as an incomplete line.
        self._unparsed_bytes = 0 if self._parser_advanced else self._unparsed_bytes + len(data)
        self._check_size()
        self._track_unfinished()

    @override
    def pause_writing(self) -> None:
        """Start the stall timeout: the client does not read its answer."""
        super().pause_writing()
        self._stall_timer = self.loop.call_later(self.stall_seconds, self.transport.abort)

    @override
    def resume_writing(self) -> None:
        """Cancel the stall timeout: the client reads again."""
        super().resume_writing()
        if self._stall_timer is not None:
            self._stall_timer.cancel()

    # ---- the parser

    @override
    def on_message_begin(self) -> None:
        """Note the start of a head."""
        super().on_message_begin()
        self._parser_advanced = True
        self._expect(_Expected.HEAD)

    @override
    def on_headers_complete(self) -> None:
        """Check a complete head, then pass it on."""
        if self._is_too_large():
            self._refuse(Code.HEAD_TOO_LARGE, _TOO_LARGE)
            raise ValueError(_TOO_LARGE)  # stops the parser
        if len(self.pipeline) >= self.most_pipelined:
            self._end_behind_answers()
            raise ValueError  # the same
        self._use_target_host()
        super().on_headers_complete()
        self.headers = []  # trailers are counted separately
        self._parser_advanced = True
        self._expect(_Expected.BODY)

    @override
    def on_body(self, body: bytes) -> None:
        """Pass a piece of a body on; it restarts the timeout of a streamed body."""
        super().on_body(body)
        self._parser_advanced = True
        if self._is_streamed():
            self._expect(_Expected.BODY)

    @override
    def on_message_complete(self) -> None:
        """Note the end of a request."""
        super().on_message_complete()
        self._parser_advanced = True
        self._expect(_Expected.NOTHING)
        self.unfinished.pop(self, None)
        if self.cycle.response_complete:
            # The end of a body that was answered earlier ended uvicorn's wait for the next request.
            wait = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
            self.timeout_keep_alive_task = wait

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        self._running = cycle
        given: Any = refuse_connection if app is service_unavailable else app  # uvicorn's types of ASGI differ
        super()._start_asgi_task(cycle, given)

    @override
    def on_response_complete(self) -> None:
        """Note the end of an answer, even if its request is incomplete."""
        super().on_response_complete()
        if self._is_answered():
            self._wait(self.linger_seconds)
        if self.pipeline and not self.transport.is_closing():
            self.flow.pause_reading()  # no more until all are answered that came
        self._track_unfinished()

    @override
    def _unsupported_upgrade_warning(self) -> None:
        """Ignore an upgrade request. The parser stops reading, so the connection closes after the answer."""
        self._is_refused = True
        self.cycle.keep_alive = False

    @override
    def send_400_response(self, msg: str) -> None:
        """Answer 400 to data that is not HTTP, unless the request was refused already."""
        if not self._is_refused:
            self._refuse(Code.NOT_HTTP, _NOT_HTTP)

    # ---- limits

    def _check_size(self) -> None:
        if not self._is_refused and (self._unparsed_bytes > _MAX_HEAD_BYTES or self._is_too_large()):
            self._refuse(Code.HEAD_TOO_LARGE, _TOO_LARGE)

    def _is_too_large(self) -> bool:
        """Return True if the header lines, or the trailers, are too many or too long."""
        lines = self.headers
        return bool(lines) and (
            len(lines) > _MAX_HEAD_LINES
            or len(self.url) + sum(len(name) + len(value) + _HEADER_OVERHEAD_BYTES for name, value in lines)
            > _MAX_HEAD_BYTES
        )

    def _is_streamed(self) -> bool:
        return self.scope.get("path") in STREAMED and not self.cycle.response_complete

    def _use_target_host(self) -> None:
        """Replace the Host header by the host of an absolute target, which takes precedence (RFC 9112, 3.2.2)."""
        if self.url.startswith(b"/"):
            return
        target: Any = httptools.parse_url(self.url)  # its type stubs are wrong
        name, port = target.host, target.port
        if name:
            host = name if port is None else b"%s:%d" % (name, port)
            self.headers[:] = [one for one in self.headers if one[0] != b"host"]
            self.headers.append((b"host", host))

    def _track_unfinished(self) -> None:
        if (
            self._is_refused
            or self._expected is _Expected.NOTHING
            or (self._expected is _Expected.BODY and self._is_streamed())
        ):
            return
        self.unfinished.setdefault(self)
        if len(self.unfinished) > self.most_unfinished:
            oldest = next(iter(self.unfinished))
            del self.unfinished[oldest]
            oldest.transport.abort()

    def _expect(self, what: _Expected) -> None:
        self._expected = what
        if what is _Expected.NOTHING:
            self._has_begun = False
            return
        self._wait(self.head_seconds if what is _Expected.HEAD else self.body_seconds)

    def _wait(self, seconds: float) -> None:
        self._deadline = self.loop.time() + seconds
        if self._timer is None:
            self._timer = self.loop.call_later(seconds, self._check_deadline)
        elif self._timer.when() > self._deadline:
            self._timer.cancel()
            self._timer = self.loop.call_at(self._deadline, self._check_deadline)

    def _check_deadline(self) -> None:
        """Refuse or close the connection if its deadline passed, else wait on. One timer serves many requests."""
        self._timer = None
        if self._expected is _Expected.NOTHING or self._is_refused:
            return
        if self.flow.read_paused:  # the gateway itself is slow, not the client
            self._deadline = self.loop.time() + self.body_seconds
        if self._deadline > self.loop.time():
            self._timer = self.loop.call_at(self._deadline, self._check_deadline)
        elif self._has_begun and not self._is_answered():
            self._refuse(Code.TOO_SLOW, _TOO_SLOW.format(self.head_seconds, self.body_seconds))
        else:
            self.transport.close()

    def _end_behind_answers(self) -> None:
        """Stop reading, and close once the requests that wait are answered."""
        self._is_refused = True
        self.unfinished.pop(self, None)
        newest, _ = self.pipeline[0]
        newest.keep_alive = False

    def _is_answered(self) -> bool:
        """Return True if the body of an answered request is still coming."""
        return self._expected is _Expected.BODY and self.cycle.response_complete

    def _refuse(self, code: Code, detail: str) -> None:
        """Stop reading, answer unless another answer is under way, and close after ``linger_seconds``."""
        self._is_refused = True
        self.unfinished.pop(self, None)
        cycle = self._running
        if cycle is not None and not cycle.response_complete:
            if self._expected is _Expected.HEAD or self.pipeline:
                self.pipeline.clear()
                cycle.keep_alive = False  # the answer to an earlier request is still sent
                return
            cycle.disconnected = True
            cycle.message_event.set()
        if cycle is None or cycle.response_complete or not cycle.response_started:
            body, status = problems.body_of(code, detail), problems.status_of(code)
            head = f"content-type: {problems.MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[status] + head.encode() + body)
        self.transport.write_eof()
        self.loop.call_later(self.linger_seconds, self.transport.close)
