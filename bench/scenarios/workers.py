"""Several processes on PostgreSQL beside one: what a round trip costs, and what they cost without messages."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from time import sleep

from bench.figures import Figure, Result
from bench.gateway import Setup
from bench.lab import EmptyEndpoint, Lab, empty_figures
from bench.load.traffic import Customers, Senders
from bench.postgres import postgresql as postgresql_server
from bench.scenarios.round_trips import TIME, RoundTrips, Share, one_a_request
from bench.usage import processor_seconds

WORKERS = 3
SERVER = "PostgreSQL server"
ONE, SEVERAL = "one process", f"web and {WORKERS} workers"
RATIO = f"{SEVERAL} / {ONE}"


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway with customers on a server of its own."""

    trips: RoundTrips
    server: Callable[[], float]
    """Processor seconds of all processes of the server."""
    version: str


@dataclass(frozen=True, slots=True)
class Resting:
    """What some time without messages takes, in per cent of a core."""

    workers: Sequence[float]
    server: float


def workers(lab: Lab, empty: EmptyEndpoint) -> Result:
    """One message a request, by turns through one process and through several; each on a server that does no more."""
    with ExitStack() as stack:
        one, several = (stack.enter_context(_running(lab, count)) for count in (0, WORKERS))
        pairs = lab.turns("turns", lambda: (one.trips.share(), several.trips.share()), empty.share)
        found = [shares for _, shares in pairs]
        # In parts, so that the server's own upkeep, which comes now and then, falls into few of them.
        seconds = lab.scale.resting_seconds / len(pairs)
        alone, resting = ([_resting(each, seconds) for _ in pairs] for each in (one, several))
        version = one.version
    figures = [
        *compare(found),
        *empty_figures([share for share, _ in pairs]),
        Figure.of("the busiest worker without messages", "% of a core", [max(rest.workers) for rest in resting]),
        Figure.of(f"the server without messages, with {SEVERAL}", "% of a core", [rest.server for rest in resting]),
        Figure.of(f"the server without messages, with {ONE}", "% of a core", [rest.server for rest in alone]),
    ]
    return Result(figures=figures, notes=[f"PostgreSQL {version}, its default settings"])


def compare(turns: Sequence[tuple[Share, Share]]) -> list[Figure]:
    """Return the figures of turns, each a share through one process and a share through several."""
    ratios = [_spent(several) / _spent(one) for one, several in turns]
    alone, shared = ([turn[place] for turn in turns] for place in (0, 1))
    return [Figure.of(RATIO, "", ratios), *_figures(ONE, alone), *_figures(SEVERAL, shared)]


@contextmanager
def _running(lab: Lab, count: int) -> Iterator[Running]:
    """Run a gateway with so many workers, warmed up, on a server of its own with customers."""
    scale = lab.scale
    customers = Customers(scale.postgresql_customers, scale.services)
    shape = replace(one_a_request(lab), share=scale.postgresql_messages)
    with postgresql_server(lab.new_folder()) as server:
        clocks = {SERVER: server.processor_seconds}
        setup = Setup(folder=lab.new_folder(), database_url=server.url, other_clocks=clocks)
        with lab.gateway(setup) as gateway:
            lab.fill(gateway, customers)
        with lab.gateway(replace(setup, workers=count)) as gateway:
            trips = RoundTrips(lab, gateway, shape, Senders(customers))
            trips.share(scale.warm_up)
            yield Running(trips, server.processor_seconds, server.version)


def _resting(running: Running, seconds: float) -> Resting:
    """Return what the workers and the server take while nothing comes."""
    pids = [worker.pid for worker in running.trips.gateway.workers]
    before, server = [processor_seconds(pid) for pid in pids], running.server()
    sleep(seconds)
    spent = [processor_seconds(pid) - began for pid, began in zip(pids, before, strict=True)]
    return Resting([each / seconds * 100 for each in spent], (running.server() - server) / seconds * 100)


def _spent(share: Share) -> float:
    """Return the processor time of a message in µs, of all processes."""
    return sum(share.microseconds.values())


def _figures(name: str, shares: Sequence[Share]) -> list[Figure]:
    parts = shares[0].microseconds
    return [
        Figure.of(f"{name}: {TIME}", "µs", [_spent(share) for share in shares]),
        *(
            Figure.of(f"{name}: of that, by the {part}", "µs", [one.microseconds[part] for one in shares])
            for part in parts
        ),
        Figure.of(f"{name}: round trips", "/s", [share.messages / share.seconds for share in shares]),
    ]
