"""One run of pytest: its settings, its gateways, and what a test or a wider fixture gets of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from smsgw_testkit.defaults import LONGEST_WAIT, STANDING_AT, Defaults
from smsgw_testkit.gateways import Gateway
from smsgw_testkit.marks import Wanted
from smsgw_testkit.running.configuration import Configuration
from smsgw_testkit.running.finding import Choice
from smsgw_testkit.running.sessions import Session

if TYPE_CHECKING:
    from smsgw_testkit.times import Time


@dataclass(frozen=True)
class Run:
    """The gateways of a run of pytest.

    Attributes:
        folder: where pytest begins; the names of settings files are relative to it.
        config_file: the settings file that the run names.
    """

    session: Session
    folder: Path
    config_file: Path | None
    strict: bool

    @classmethod
    def of(cls, config: pytest.Config, worker: int) -> "Run":
        """Return the run that the command line and the settings of pytest describe."""
        named = str(config.getini("smsgw_config"))
        choice = Choice.of(
            config.getoption("smsgw_url"), config.getoption("smsgw_image"), config.getoption("smsgw_command")
        )
        defaults = Defaults(
            fixture=str(config.getini("smsgw_fixture")) or None,
            now=str(config.getini("smsgw_now")) or STANDING_AT,
            timeout=_seconds(str(config.getini("smsgw_timeout"))),
        )
        no_reset = bool(config.getoption("smsgw_no_reset"))
        # Of pytest-xdist, in its workers.
        workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
        _check_sharing(choice, workers, no_reset=no_reset)
        session = Session(choice, defaults, worker, no_reset)
        folder = config.rootpath
        return cls(session, folder, folder / named if named else None, bool(config.getini("smsgw_strict")))

    @contextmanager
    def test(self, request: pytest.FixtureRequest, wider: Gateway | None) -> Iterator[Gateway]:
        """Yield the gateway of a test: freshly reset, or that of a wider fixture which the test uses, too."""
        wanted = Wanted.of(request.node)
        gateway = wider
        if gateway is None:
            gateway = self.session.gateway(self._configuration(wanted))
            gateway.forget_test()
            self._begin(gateway, wanted)
        yield gateway

    def check(self, item: pytest.Item, gateway: Gateway) -> None:
        """Raise GatewayTrouble if a test that passed overlooked something, unless it need not look (``strict``).

        Raise GatewayDied if its gateway has ended, in any case.
        """
        if Wanted.of(item).words.get("strict", self.strict):
            gateway.check()
        elif gateway.has_ended:
            gateway.drain()
        else:
            gateway.new_troubles()

    @contextmanager
    def wide(self, request: pytest.FixtureRequest) -> Iterator[Gateway]:
        """Yield a gateway that nobody else resets until the fixture ends."""
        wanted = Wanted.of(request.node)
        gateway = self.session.gateway(self._configuration(wanted), claim=True)
        try:
            gateway.forget_test()
            self._begin(gateway, wanted)
            yield gateway
        finally:
            self.session.release(gateway)

    def _configuration(self, wanted: Wanted) -> Configuration:
        config = wanted.words.get("config")
        file = self.folder / config if isinstance(config, str | Path) else self.config_file
        given = cast("Mapping[str, object]", config) if isinstance(config, dict) else {}
        return Configuration(file, given)

    def _begin(self, gateway: Gateway, wanted: Wanted) -> None:
        defaults = self.session.defaults
        fixture = cast("str | None", wanted.words.get("fixture", defaults.fixture))
        now = cast("Time", wanted.words.get("now", defaults.now))
        if self.session.no_reset:
            ignored = next((word for word in ("fixture", "now") if word in wanted.words), None)
            if ignored:
                raise pytest.UsageError(
                    f"@pytest.mark.smsgw({ignored}=…) needs a reset, and --smsgw-no-reset forbids it: leave out either"
                )
            gateway.begin(fixture=None, is_shared=True)
        else:
            gateway.reset(fixture=fixture, now=now)


def _check_sharing(choice: Choice, workers: int, *, no_reset: bool) -> None:
    """Raise UsageError for options by which tests would empty the gateway of others, or begin with nothing."""
    if no_reset and not choice.url:
        raise pytest.UsageError("--smsgw-no-reset is for a gateway that others use, too: give its --smsgw-url")
    if choice.url and not no_reset and workers > 1:
        raise pytest.UsageError(
            f"each worker would reset the gateway at {choice.url} in the middle of the others' tests: add "
            "--smsgw-no-reset, use one worker (-n 0), or leave out the URL (or SMSGW_URL), so that each starts its own"
        )


def _seconds(given: str) -> float:
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= LONGEST_WAIT:
        raise pytest.UsageError(f"smsgw_timeout = {given}: give a number of seconds, at most {LONGEST_WAIT}")
    return seconds
