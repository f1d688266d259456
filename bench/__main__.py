"""The command line: `python -m bench`."""

import resource
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from bench import traffic
from bench.display import Display
from bench.errors import BenchError
from bench.measure import Options, measure
from bench.processes import PROJECT
from bench.report import to_json, to_lines

DESCRIPTION = """Measures full round trips a second (a message posted to the webhook, stored, turned into a reply, the
reply taken by the simulated provider), next to the rate of an empty FastAPI endpoint that is posted the same messages
by the same load generator. The two take turns, as the speed of a machine swings."""
MESSAGES = 30_000
ROUNDS = 3
EMPTY_SECONDS = 8.0
SMOKE_MESSAGES = 200
SMOKE_ROUNDS = 2
SMOKE_EMPTY_SECONDS = 1.0
MAX_CONNECTIONS = 1_000
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    options = _options(parser, given)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    _allow_connections()
    display = Display()
    try:
        result = measure(options, display)
        if given.json is not None:
            given.json.write_text(to_json(result))
    except (BenchError, OSError) as error:
        display.problem(f"No figure: {error}")
        return 1
    except KeyboardInterrupt:
        display.problem("Interrupted.")
        return INTERRUPTED
    print(*to_lines(result), sep="\n")
    if given.smoke:
        print("a smoke run: all works, but it is too short for its figures to say much")
    return 0


def _allow_connections() -> None:
    """Raise the limit of open files to the maximum, as each connection is an open file on both sides."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _parser() -> ArgumentParser:
    parser = ArgumentParser("python -m bench", description=DESCRIPTION)
    add = parser.add_argument
    add("--messages", type=int, default=MESSAGES, help="messages to send, one a request (default: %(default)s)")
    add("--subscribers", type=int, help=f"who send them in turn (default: one for {traffic.MESSAGES_EACH} messages)")
    add(
        "--connections",
        type=int,
        default=MAX_CONNECTIONS,
        help="connections, each with one request in flight (default: %(default)s)",
    )
    add(
        "--rounds",
        type=int,
        default=ROUNDS,
        help="shares of the messages, with the empty endpoint between them (default: %(default)s)",
    )
    add("--text", default="0000", help="what is sent; one reply to each message is expected (default: %(default)s)")
    add(
        "--empty-seconds",
        type=float,
        default=EMPTY_SECONDS,
        help="how long to post to the empty endpoint (default: %(default)s)",
    )
    add("--empty-only", action="store_true", help="leave the gateway out")
    add("--smoke", action="store_true", help=f"only see that all works: {SMOKE_MESSAGES} messages, a few seconds")
    add("--json", type=Path, metavar="FILE", help="write the figures to this file, too")
    _add_gateway_options(parser)
    return parser


def _add_gateway_options(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("how the gateway is run").add_argument
    add("--database-url", metavar="URL", help="measure on this database; what is written stays (default: new SQLite)")
    add(
        "--directory",
        type=Path,
        default=PROJECT / "data" / "bench",
        help="a real disk, for a run's own files (default: data/bench)",
    )
    add("--reports", action="store_true", help="let the network send a delivery report for each reply, too")
    add(
        "--counter",
        default="smsgw_outbound_accepted_total",
        help="the metric that counts replies taken (default: %(default)s)",
    )
    add("--limit-seconds", type=float, default=300.0, help="give up when one step takes longer (default: %(default)s)")


def _options(parser: ArgumentParser, given: Namespace) -> Options:
    """Return the checked options; exit with status 2 if one is invalid."""
    if given.smoke:
        given.messages = min(given.messages, SMOKE_MESSAGES)
        given.rounds = min(given.rounds, SMOKE_ROUNDS)
        given.empty_seconds = min(given.empty_seconds, SMOKE_EMPTY_SECONDS)
    if given.messages < 1 or given.empty_seconds <= 0 or given.limit_seconds <= 0:
        parser.error("--messages, --empty-seconds and --limit-seconds must be more than 0")
    if not 1 <= given.rounds <= given.messages:
        parser.error("--rounds must be 1 to the number of messages")
    if not 1 <= given.connections <= MAX_CONNECTIONS:
        parser.error(f"--connections must be 1 to {MAX_CONNECTIONS:,}")
    needed = traffic.subscribers_for(given.messages)
    subscribers = given.subscribers or needed
    if not needed <= subscribers <= traffic.SUBSCRIBER_LIMIT:
        parser.error(
            f"{given.messages:,} messages take {needed:,} subscribers, so that none of them passes the gateway's limits"
            f" (and at most {traffic.SUBSCRIBER_LIMIT:,} are possible)"
        )
    return Options(
        messages=given.messages,
        subscribers=subscribers,
        rounds=given.rounds,
        connections=given.connections,
        empty_seconds=given.empty_seconds,
        limit_seconds=given.limit_seconds,
        text=given.text,
        counter=given.counter,
        database_url=given.database_url,
        directory=given.directory,
        reports=given.reports,
        gateway=not given.empty_only,
    )


if __name__ == "__main__":
    sys.exit(main())
