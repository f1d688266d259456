"""``smsgw demo --carrier``: a toy carrier beside the gateway, in its process, as long as that runs."""

import errno
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated
from urllib.parse import urlsplit

import typer

from app.cli.caller import DEFAULT_HOST, Caller, free_port
from app.services.startup import StartError
from app.settings import Environment, Settings, SettingsError
from app.toys import TOYS
from app.toys.carrier import ToyCarrier
from app.web.serving import listen


def _known(kind: str | None) -> str | None:
    if kind is not None and kind not in TOYS:
        raise typer.BadParameter(f"{kind!r} is none of: {', '.join(TOYS)}.")
    return kind


def _listed() -> str:
    *others, last = TOYS
    return f"{', '.join(others)} or {last}"


CarrierKind = Annotated[
    str | None,
    typer.Option(
        "--carrier",
        metavar="|".join(TOYS),
        callback=_known,
        help="Put a toy carrier of this kind beside the gateway: what the phones send and get goes through it, over "
        "its own protocol. In demo only.",
    ),
]
CarrierPort = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=65535,
        help="Port of the toy carrier; default "
        + ", ".join(f"{toy.default_port} for {kind}" for kind, toy in TOYS.items())
        + ".",
    ),
]


def check_carrier(settings: Settings, called: Caller) -> None:
    """Raise SettingsError if a toy carrier is asked for that must not be."""
    if called.carrier is None:
        if called.carrier_port is not None:
            raise SettingsError(f"--carrier-port is that of --carrier, which is missing: {_listed()}")
    elif settings.env is not Environment.DEMO:
        raise SettingsError(
            f"SMSGW_ENV is {settings.env.value}: a toy carrier stands beside a demo only; leave out --carrier, or set "
            "SMSGW_ENV=demo"
        )


@contextmanager
def carrier_beside(settings: Settings, called: Caller, url: str) -> Iterator[ToyCarrier | None]:
    """Yield the toy carrier that is asked for, which listens already and runs later; None if there is to be none.

    ``url`` is the gateway's. Raise StartError, which names the command to type instead, if its port is not to be had.
    """
    if called.carrier is None:
        yield None
        return
    kind = TOYS[called.carrier]
    port = called.carrier_port or kind.default_port
    try:
        [listening] = listen(DEFAULT_HOST, port)
    except OSError as error:
        why = "is taken by another program" if error.errno == errno.EADDRINUSE else "cannot be used"
        instead = called.again(port=settings.port, carrier_port=free_port(DEFAULT_HOST))
        raise StartError(f"Port {port}, for the toy carrier, {why}. Try: {instead}") from None
    with closing(listening):
        yield kind.load()(listening, reached_at(url))


def reached_at(url: str) -> str:
    """Return a URL at which this machine reaches a gateway that listens at all addresses."""
    parts = urlsplit(url)
    loopback = {"0.0.0.0": DEFAULT_HOST, "::": "[::1]"}.get(parts.hostname or "")  # noqa: S104  it is compared
    return parts._replace(netloc=f"{loopback}:{parts.port}").geturl() if loopback else url
