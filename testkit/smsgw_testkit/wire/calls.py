"""HTTP calls to the gateway, over one connection that is kept."""

import http.client
import json
import select
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from smsgw_testkit.errors import Refused, SmsgwError

# Advancing by a year runs everything that falls due in it.
_LONGEST_CALL_SECONDS = 600
_REASON = "integration test"
Query = Mapping[str, object]


class Api:
    """Calls of a gateway, with its token and a reason. Every call but a 2xx raises ``Refused``."""

    def __init__(self, url: str, token: str, lost: Callable[[Exception], SmsgwError]) -> None:
        """``lost`` returns the error to raise if there is no answer."""
        self.url = url.rstrip("/")
        self.token = token
        self._lost = lost
        parts = urlsplit(self.url)
        self._prefix = parts.path
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "127.0.0.1", parts.port, timeout=_LONGEST_CALL_SECONDS)
        self._lock = threading.Lock()

    def get(self, path: str, query: Query | None = None) -> Any:  # noqa: ANN401  JSON
        """Return the answer to a GET, from JSON; ``query`` may hold lists."""
        return self.call("GET", path, query=query)

    def post(self, path: str, json: object = None) -> Any:  # noqa: ANN401  JSON
        """Return the answer to a POST, from JSON."""
        return self.call("POST", path, {} if json is None else json)

    def put(self, path: str, json: object = None) -> Any:  # noqa: ANN401  JSON
        """Return the answer to a PUT, from JSON."""
        return self.call("PUT", path, {} if json is None else json)

    def patch(self, path: str, json: object = None) -> Any:  # noqa: ANN401  JSON
        """Return the answer to a PATCH, from JSON."""
        return self.call("PATCH", path, {} if json is None else json)

    def delete(self, path: str) -> Any:  # noqa: ANN401  JSON
        """Return the answer to a DELETE, from JSON; None if it has no body."""
        return self.call("DELETE", path)

    def call(
        self,
        method: str,
        path: str,
        json: object = None,
        *,
        query: Query | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401  JSON
        """Return the answer, from JSON if it is JSON; ``body`` is sent as it is, in place of ``json``.

        Raise Refused unless the status is 2xx.
        """
        sent = body if body is not None else None if json is None else _bytes_of(json)
        given = {
            "Authorization": f"Bearer {self.token}",
            "X-Reason": _REASON,
            **({} if sent is None else {"Content-Type": "application/json"}),
            **(headers or {}),
        }
        target = quote(self._prefix + path, safe="/?&=%:+#,") + (f"?{urlencode(query, doseq=True)}" if query else "")
        status, answer = self._exchange(method, target, sent, given)
        read = _read(answer)
        if not http.HTTPStatus.OK <= status < http.HTTPStatus.MULTIPLE_CHOICES:
            raise Refused(f"{method} {path}", status, read)
        return read

    def close(self) -> None:
        """Close the connection; the next call opens one."""
        with self._lock:
            self._connection.close()

    def _exchange(self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        with self._lock:
            if self._is_stale():
                self._connection.close()
            try:
                self._connection.request(method, target, body, dict(headers))
                answer = self._connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                raise self._lost(error) from None

    def _is_stale(self) -> bool:
        """Return True if the server closed the connection, as it does after some idle seconds."""
        kept = self._connection.sock
        return kept is not None and bool(select.select([kept], [], [], 0)[0])


def _bytes_of(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _read(answer: bytes) -> object:
    if not answer:
        return None
    try:
        return json.loads(answer)
    except ValueError:
        return answer.decode("utf-8", "replace")
