"""The desk's address for events of 10086, which are signed by Standard Webhooks."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from app.readers import Readers


def is_signed(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Return True if the secret (``whsec_…``) signed the body."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers.get('webhook-id', '')}.{headers.get('webhook-timestamp', '')}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(expected, one) for one in headers.get("webhook-signature", "").split())


@contextmanager
def listening(secret: str, readers: Readers) -> Iterator[str]:
    """Take events in until the block ends. Yield the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if is_signed(secret, self.headers, body):
                readers.told(json.loads(body))
                self.send_response(204)
            else:
                self.send_response(401)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/10086"
        finally:
            server.shutdown()
            thread.join()
