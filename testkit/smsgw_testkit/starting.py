"""A gateway without pytest: for ``unittest``, scripts and notebooks."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from smsgw_testkit.defaults import DEMO, STANDING_AT, Defaults
from smsgw_testkit.gateways import Gateway
from smsgw_testkit.running.configuration import Configuration
from smsgw_testkit.running.finding import Choice
from smsgw_testkit.running.sessions import Session
from smsgw_testkit.times import Time


@contextmanager
def gateway(
    *,
    fixture: str | None = DEMO,
    now: Time = STANDING_AT,
    config: Mapping[str, object] | str | Path | None = None,
    choice: Choice | None = None,
    timeout: float = 10,
    strict: bool = True,
) -> Iterator[Gateway]:
    """Run a gateway until the block ends, with the customers of a fixture and a clock that stands.

    ``config``: settings by name, or a settings file. ``choice``: another gateway than that of this environment.
    ``timeout``: seconds for which a call waits until nothing is left to do.
    ``strict``: raise GatewayTrouble at the end if anything went wrong that nobody asked for. Tests that answer for it
    themselves call ``smsgw.check()`` at their end.

    Raise GatewayNotFound if there is no gateway, GatewayDied if it does not start.
    """
    file = Path(config).absolute() if isinstance(config, str | Path) else None
    given = config if isinstance(config, Mapping) else {}
    session = Session(choice or Choice.of(), Defaults(fixture, now, timeout))
    try:
        found = session.gateway(Configuration(file, given))
        found.reset()
        yield found
        if strict:
            found.check()
    finally:
        session.close()
