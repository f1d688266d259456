"""PostgreSQL, whatever it has counted: what a round trip costs its server, before and after tables were analysed."""

from collections.abc import Iterator
from dataclasses import replace

from bench.figures import Figure, Result
from bench.gateway import Gateway, Setup
from bench.lab import EmptyEndpoint, Lab, empty_figures
from bench.load.traffic import Customers, Senders
from bench.postgres import Server
from bench.postgres import postgresql as postgresql_server
from bench.scenarios.backlog import mend, take_in
from bench.scenarios.round_trips import RoundTrips, one_a_request

SERVER = "PostgreSQL server"


def counted(lab: Lab, empty: EmptyEndpoint) -> Result:
    """One message a request, with tables that were never analysed, analysed when empty, and analysed when full."""
    scale = lab.scale
    customers = Customers(scale.postgresql_customers, scale.services)
    shape, senders = replace(one_a_request(lab), share=scale.postgresql_messages), Senders(customers)
    shares, figures = [empty.share()], []
    with postgresql_server(lab.new_folder()) as server:
        # Only what is analysed here is known.
        server.execute("ALTER SYSTEM SET autovacuum = off", "SELECT pg_reload_conf()")
        clocks = {SERVER: server.processor_seconds}
        setup = Setup(folder=lab.new_folder(), database_url=server.url, other_clocks=clocks)
        with lab.gateway(setup) as gateway:
            lab.fill(gateway, customers)
            trips = RoundTrips(lab, gateway, shape, senders)
            trips.share(scale.warm_up // 4)
            for state in _states(lab, server, gateway, senders):
                spent = [trips.share().microseconds for _ in range(3)]
                figures += [
                    Figure.of(
                        f"{state}: processor time of the server a round trip", "µs", [one[SERVER] for one in spent]
                    ),
                    Figure.of(f"{state}: of the gateway", "µs", [one["gateway"] for one in spent]),
                ]
    shares.append(empty.share())
    return Result(figures=[*figures, *empty_figures(shares)], notes=[f"PostgreSQL {server.version}, autovacuum off"])


def _states(lab: Lab, server: Server, gateway: Gateway, senders: Senders) -> Iterator[str]:
    """Yield the name of each state once the tables are in it."""
    yield "never analysed"
    server.execute("VACUUM ANALYZE")
    yield "analysed when nothing waits"
    gateway.freeze_clock()
    gateway.set_faults("error")
    take_in(lab, gateway, senders, lab.scale.postgresql_messages)
    server.execute("VACUUM ANALYZE")
    mend(lab, gateway, lab.scale.postgresql_messages)
    yield "analysed when all waits"
