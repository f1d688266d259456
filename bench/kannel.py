"""Kannel, from Debian's packages: bearerbox and smsbox with a service for the keyword `0000`, on loopback ports.

bearerbox gets messages by HTTP and keeps each in a spool folder until it is done with it. smsbox gets the text of the
reply from a small server of the benchmark. bearerbox posts the reply to the benchmark's carrier. Sources: Kannel 1.4.5
User Guide, "HTTP-based relay and content gateways" and "SMS-service configurations".
"""

import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import httpx

from bench.errors import BenchError, SkippedError
from bench.load.traffic import Message
from bench.processes import free_port, serving
from bench.usage import Meter, processor_seconds, system_seconds

INSTALL = "apt-get install kannel kannel-extras"
BOXES, IN_KERNEL, ENDPOINT = "bearerbox and smsbox", "boxes, in the kernel", "endpoint of get-url"
_SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin"
_START_SECONDS = 15.0
_PAUSE_SECONDS = 0.01
# Only errors are logged, and a long text stays one message, as the gateway hands it over, too.
_CONFIGURATION = """\
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = bench
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
store-type = spool
store-location = {spool}
dlr-storage = internal

group = smsc
smsc = http
smsc-id = bench
system-type = generic
port = {inbound}
connect-allow-ip = 127.0.0.1
max-pending-submits = {connections}
max-sms-octets = 2000
send-url = "http://127.0.0.1:{sink}/send?from=%P&to=%p&text=%b&coding=%c&charset=%C"
status-success-regex = "sink"

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {boxes}
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
sms-length = 2000

group = sms-service
keyword = 0000
get-url = "http://127.0.0.1:{endpoint}/listing?from=%p&to=%P&text=%a&id=%I"
accept-x-kannel-headers = true
max-messages = 1

group = sms-service
keyword = default
max-messages = 0
text = "none"
"""


@dataclass(frozen=True, slots=True)
class Kannel:
    """A running Kannel."""

    version: str
    port: int
    """Where messages are posted."""
    spool: Path
    carrier: httpx.Client
    boxes: Sequence[int]
    """The process ids of bearerbox and smsbox."""
    endpoint: int
    """The process id of the server that answers `get-url`."""

    def meter(self) -> Meter:
        """Begin to measure what the boxes use, what of that in the kernel, and apart from both, the endpoint."""
        clocks = {
            BOXES: lambda: sum(map(processor_seconds, self.boxes)),
            IN_KERNEL: lambda: sum(map(system_seconds, self.boxes)),
            ENDPOINT: lambda: processor_seconds(self.endpoint),
        }
        return Meter(clocks, self.boxes)

    @property
    def sent(self) -> int:
        """The number of replies that the carrier has taken."""
        return int(self.carrier.get("/count").text)

    def drain(self, sent: int, limit_seconds: float) -> float:
        """Wait until `sent` replies are with the carrier and the spool is empty; return that time (monotonic, seconds).

        Raises BenchError if it takes longer than `limit_seconds`.
        """
        give_up = time.monotonic() + limit_seconds
        # The folders of the spool are looked at last, so that nobody waits for them while bearerbox works in them.
        while (found := self.sent) != sent or any(files for _, _, files in os.walk(self.spool)):
            if time.monotonic() > give_up:
                raise BenchError(f"Kannel should have sent {sent:,} replies, but has sent {found:,}")
            time.sleep(_PAUSE_SECONDS)
        return time.monotonic()


def requests_of(messages: Sequence[Message]) -> list[bytes]:
    """Return a request of Kannel's HTTP interface for each message."""
    return [
        b"GET /?%b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        % urlencode({"from": one["from"], "to": one["to"], "text": one["text"], "id": one["message_id"]}).encode()
        for one in messages
    ]


@contextmanager
def kannel(folder: Path, text: str, connections: int) -> Iterator[Kannel]:
    """Run Kannel while the block runs; its reply to `0000` is `text`. Raise SkippedError if it is not installed."""
    bearerbox, smsbox = _program("bearerbox"), _program("smsbox")
    names = ("admin", "boxes", "inbound", "sendsms", "sink", "endpoint")
    ports = {name: free_port() for name in names}
    spool, configuration, listing = folder / "spool", folder / "kannel.conf", folder / "listing.txt"
    spool.mkdir()
    listing.write_text(text, "utf-8")
    configuration.write_text(_CONFIGURATION.format(**ports, spool=spool, connections=connections))
    # 3 is the level of errors.
    options = ["-v", "3", str(configuration)]
    with ExitStack() as stack:

        def run(command: Sequence[str], port: str, ready: str, name: str) -> int:
            log = folder / f"{name}.log"
            return stack.enter_context(serving(command, port=ports[port], ready=ready, log=log, env=os.environ))

        run([sys.executable, "-m", "bench.servers.sink", str(ports["sink"])], "sink", "/", "sink")
        python = [sys.executable, "-m", "bench.servers.listing", str(ports["endpoint"]), str(listing)]
        endpoint = run(python, "endpoint", "/", "endpoint")
        first = run([bearerbox, *options], "admin", "/status.txt", "bearerbox")
        second = run([smsbox, *options], "admin", "/status.txt", "smsbox")
        version = _await_smsbox(f"http://127.0.0.1:{ports['admin']}/status.txt")
        carrier = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{ports['sink']}", trust_env=False))
        yield Kannel(version, ports["inbound"], spool, carrier, [first, second], endpoint)


def _program(name: str) -> str:
    """Return the path of a program of Kannel's."""
    found = shutil.which(name) or shutil.which(name, path=_SYSTEM_FOLDERS)
    if found is None:
        raise SkippedError(f"There is no {name}. On Debian and Ubuntu: {INSTALL}")
    return found


def _await_smsbox(status: str) -> str:
    """Wait until bearerbox says that smsbox is connected; return Kannel's version."""
    give_up = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up:
        text = httpx.get(status, trust_env=False).text
        if "smsbox:" in text:
            return text.partition("version `")[2].partition("'")[0] or "unknown"
        time.sleep(_PAUSE_SECONDS)
    raise BenchError(f"smsbox was not connected to bearerbox after {_START_SECONDS:g} s")
