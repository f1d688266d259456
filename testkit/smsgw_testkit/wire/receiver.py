"""An HTTP server in the process of the tests, to which the gateway posts events, or texts for a carrier."""

import http.client
import socketserver
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from urllib.parse import urlsplit

from smsgw_testkit.wire import signing

# Below it are the addresses of events.
EVENTS = "/events/"
_FORWARD_SECONDS = 30
Answer = tuple[int, bytes]


@dataclass
class Behaviour:
    """How the receiver answers the next posts.

    Attributes:
        status: of the answer; None: it never answers.
        times: how many posts get it; None: all from now on.
        after: seconds of real time before the answer.
        within: the path that gets it, or all below it if it ends with a slash.
    """

    status: int | None
    times: int | None
    after: float
    within: str

    def is_for(self, path: str) -> bool:
        """Return True if posts to a path, or all below one that ends with a slash, get it."""
        return path == self.within or (self.within.endswith("/") and path.startswith(self.within))


@dataclass(frozen=True)
class Received:
    """A post.

    Attributes:
        wrong: why its signature did not verify; None if it did.
        status: what was answered; None: nothing.
        expected: False if the answer was an error that no test asked for.
        unreached: why nothing answered where it was passed on to; None if something did.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes
    wrong: str | None
    status: int | None
    expected: bool
    unreached: str | None = None


@dataclass
class Receiver:
    """Keeps what is posted to it, verified by its secret, and answers as it was told.

    Attributes:
        answers: what makes the body of a good answer from the post's, by path.
        forward: where posts below ``/events/`` are passed on to, and the secret that signs them anew.
    """

    answers: Mapping[str, Callable[[bytes], bytes]] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    behaviours: list[Behaviour] = field(default_factory=list)
    forward: tuple[str, str | None] | None = None
    secret: str = field(default_factory=signing.new_secret)

    def __post_init__(self) -> None:
        self.changed = threading.Condition()
        self._released = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.receiver = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def clear(self) -> None:
        """Forget all posts and behaviours, and let go of posts that hang."""
        with self.changed:
            self._released.set()
            self._released = threading.Event()
            self.received.clear()
            self.behaviours.clear()
            self.forward = None

    def close(self) -> None:
        """Stop listening."""
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer | None:
        """Keep a post, and return what to answer; None: nothing."""
        with self.changed:
            released = self._released
            behaviour = self._next(path)
        wrong = _violation(self.secret, headers, body)
        unreached = None
        if behaviour is not None:
            status = behaviour.status
            released.wait(behaviour.after)
        elif wrong:
            status = http.client.UNAUTHORIZED
        else:
            forwarded = self.forward and path.startswith(EVENTS)
            status, unreached = self._forwarded(headers, body) if forwarded else (http.client.OK, None)
        good = status is not None and status < http.client.MULTIPLE_CHOICES
        with self.changed:
            if released.is_set():
                return None  # it is of the test before
            expected = good or behaviour is not None
            self.received.append(Received(path, headers, body, wrong, status, expected, unreached))
            self.changed.notify_all()
        if status is None:
            released.wait()
            return None
        make = self.answers.get(path) if good else None
        return status, make(body) if make else b""

    def behave(self, behaviour: Behaviour) -> None:
        """Answer the next posts like this, after those for which some posts are still to come.

        One that holds for all from now on ends where a newer one holds.
        """
        if behaviour.times is not None and behaviour.times < 1:
            return
        with self.changed:
            if behaviour.times is None:
                self.behaviours = [
                    one for one in self.behaviours if one.times is not None or not behaviour.is_for(one.within)
                ]
            wider = (
                place for place, one in enumerate(self.behaviours) if one.times is None and one.is_for(behaviour.within)
            )
            self.behaviours.insert(next(wider, len(self.behaviours)), behaviour)

    def posts(self, within: str) -> list[Received]:
        """Return what was posted to a path, or below one that ends with a slash, oldest first."""
        with self.changed:
            return [one for one in self.received if one.path.startswith(within)]

    def wait(self, until: Callable[[], bool], seconds: float) -> bool:
        """Wait until something that was received makes ``until`` true. Return False if the time is over first."""
        end = time.monotonic() + seconds
        with self.changed:
            return self.changed.wait_for(until, max(0, end - time.monotonic()))

    def _next(self, path: str) -> Behaviour | None:
        for behaviour in self.behaviours:
            if behaviour.is_for(path):
                if behaviour.times is not None:
                    behaviour.times -= 1
                    if behaviour.times == 0:
                        self.behaviours.remove(behaviour)
                return behaviour
        return None

    def _forwarded(self, headers: Mapping[str, str], body: bytes) -> tuple[int, str | None]:
        """Pass an event on. Return the status of the answer, and why there was none."""
        url, secret = self.forward or ("", None)
        parts = urlsplit(url)
        signed = signing.sign(secret, headers.get("webhook-id", ""), body) if secret else _signature(headers)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=_FORWARD_SECONDS)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, body, {"Content-Type": "application/json", **signed})
            return connection.getresponse().status, None
        except (OSError, http.client.HTTPException) as error:
            return http.client.BAD_GATEWAY, f"nothing answered at {url} ({error})"
        finally:
            connection.close()


def _violation(secret: str, headers: Mapping[str, str], body: bytes) -> str | None:
    try:
        signing.verify(secret, headers, body)
    except signing.SignatureError as error:
        return str(error)
    return None


def _signature(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.startswith("webhook-")}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    receiver: Receiver

    def server_bind(self) -> None:
        """Bind, without asking for the name of the address, which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take a post."""
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = cast("_Server", self.server).receiver.take(self.path, headers, body)
        if answer is None:
            self.close_connection = True
            return
        status, content = answer
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as it is declared
        """Write nothing: the tests' output is theirs."""

    def handle(self) -> None:
        """Handle requests until the gateway closes the connection, in whatever way."""
        try:
            super().handle()
        except OSError:
            self.close_connection = True
