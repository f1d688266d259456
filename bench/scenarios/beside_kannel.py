"""The gateway beside Kannel: single messages, by turns with each other and the empty endpoint.

The gateway is measured twice: with the simulated network, as `single`, and posting each reply over HTTP, as `out`,
which Kannel does, too. Kannel does less: a fixed text is fetched for each message, nothing is known of the customer,
nothing is kept once it is sent, and its spool does not sync to disk.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.figures import Figure, Result
from bench.kannel import BOXES, ENDPOINT, IN_KERNEL, Kannel, kannel, requests_of
from bench.lab import EmptyEndpoint, EmptyShare, Lab, empty_figures
from bench.load.generator import quantile
from bench.load.traffic import Senders
from bench.scenarios.round_trips import RoundTrips, Share, carrier, one_a_request

GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class _Turn:
    """One turn of both."""

    single: Share
    out: Share
    kannel: Share


def beside_kannel(lab: Lab, empty: EmptyEndpoint) -> Result:
    """Turns of the empty endpoint, the gateway and Kannel, whose reply is the text that the gateway sent."""
    shape = replace(one_a_request(lab), share=lab.scale.kannel_messages)
    with (
        carrier(lab) as settings,
        lab.gateway(lab.with_customers()) as gateway,
        lab.gateway(lab.with_customers(settings=settings)) as sending,
    ):
        single, out = (RoundTrips(lab, one, shape, Senders(lab.customers())) for one in (gateway, sending))
        for trips in (single, out):
            trips.share(lab.scale.warm_up)
        text = gateway.last_text(lab.customers().msisdns()[0])
        with kannel(lab.new_folder(), text, lab.scale.connections) as other:
            senders = Senders(lab.customers())
            _share(lab, other, senders, lab.scale.warm_up)
            pairs = lab.turns(
                "the gateway and Kannel",
                lambda: _Turn(single.share(), out.share(), _share(lab, other, senders, shape.share)),
                empty.share,
            )
            version = other.version
    return Result(
        figures=_figures(pairs),
        notes=[f"Kannel {version}; the reply has {len(text)} characters; {shape.share:,} messages a turn"],
    )


def _share(lab: Lab, other: Kannel, senders: Senders, count: int) -> Share:
    """Send messages to Kannel and wait until the carrier has a reply to each and the spool is empty."""
    requests = requests_of(senders.take(count))
    plan = lab.plan(other.port, requests)
    sent = other.sent
    meter = other.meter()
    outcome = lab.generator.run(plan)
    done = other.drain(sent + count, lab.limit_seconds)
    return Share(count, done - outcome.started, meter.stop(), outcome)


def _figures(pairs: Sequence[tuple[EmptyShare, _Turn]]) -> list[Figure]:
    turns = [turn for _, turn in pairs]
    by_kannel = [turn.kannel.microseconds[BOXES] for turn in turns]
    by_single = [turn.single.microseconds[GATEWAY] for turn in turns]
    by_out = [turn.out.microseconds[GATEWAY] for turn in turns]
    return [
        Figure.of("gateway, processor time a round trip", "µs", by_single),
        Figure.of("gateway, the same, each reply posted over HTTP", "µs", by_out),
        Figure.of("Kannel, processor time a round trip, bearerbox and smsbox", "µs", by_kannel),
        Figure.of(
            "of that, in the kernel, with the files of the spool",
            "µs",
            [one.kannel.microseconds[IN_KERNEL] for one in turns],
        ),
        Figure.of(
            "Kannel, the endpoint of get-url apart", "µs", [turn.kannel.microseconds[ENDPOINT] for turn in turns]
        ),
        Figure.of("gateway / Kannel", "", [one / other for one, other in zip(by_single, by_kannel, strict=True)]),
        Figure.of(
            "gateway that posts over HTTP / Kannel",
            "",
            [one / other for one, other in zip(by_out, by_kannel, strict=True)],
        ),
        *_rates("gateway", [turn.single for turn in turns]),
        *_rates("gateway that posts over HTTP", [turn.out for turn in turns]),
        *_rates("Kannel", [turn.kannel for turn in turns]),
        *empty_figures([one for one, _ in pairs]),
    ]


def _rates(name: str, shares: Sequence[Share]) -> list[Figure]:
    return [
        Figure.of(f"{name}, round trips", "/s", [share.messages / share.seconds for share in shares]),
        *(
            Figure.of(
                f"{name}, answer to the request, {label}",
                "ms",
                [quantile(share.outcome.latencies, part) * 1e3 for share in shares],
            )
            for label, part in (("p50", 0.5), ("p99", 0.99))
        ),
    ]
