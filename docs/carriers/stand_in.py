# ruff: noqa: INP001  a script beside the pages that use it, not part of a package
"""A stand-in for a carrier's API, to try the gateway without an account.

``stand_in.py PORT STATUS BODY`` answers every POST with this status and body, and appends what was posted to taken.txt,
a line each.
"""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import unquote_plus

port, status, body = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode()


class StandIn(BaseHTTPRequestHandler):
    """POST to any path."""

    def do_POST(self) -> None:
        """Note what was posted, and answer."""
        posted = self.rfile.read(int(self.headers["content-length"])).decode()
        if "urlencoded" in self.headers.get("content-type", ""):
            posted = unquote_plus(posted)
        with Path("taken.txt").open("a", encoding="utf-8") as taken:
            taken.write(f"{posted}\n")
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


HTTPServer(("127.0.0.1", port), StandIn).serve_forever()
