"""The pytest plugin: options, settings, marks, fixtures, and a section in the report of a failed test.

Nothing is started, and nothing but this module imported, until a test asks for a fixture.
"""

import contextlib
import os
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING

import pytest

from smsgw_testkit import marks

if TYPE_CHECKING:
    from smsgw_testkit.carrier import Carrier
    from smsgw_testkit.events import Events
    from smsgw_testkit.gateways import Gateway
    from smsgw_testkit.handset import Handset
    from smsgw_testkit.runs import Run

_OF_DEMO = "13800138000"
_Made = pytest.Item | pytest.Collector | list[pytest.Item | pytest.Collector] | None
_run: pytest.StashKey["Run"] = pytest.StashKey()
_used: pytest.StashKey["Gateway"] = pytest.StashKey()
_OTHERS = "smsgw_durations"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare options and settings."""
    group = parser.getgroup("smsgw", "tests against an SMS command gateway")
    group.addoption("--smsgw-url", metavar="URL", help="Use the gateway that runs there (or variable SMSGW_URL).")
    group.addoption("--smsgw-image", metavar="IMAGE", help="Run the gateway in a container of this image.")
    group.addoption("--smsgw-command", metavar="COMMAND", help="Run this smsgw, such as 'uvx smsgw'.")
    group.addoption(
        "--smsgw-no-reset", action="store_true", help="Leave what the gateway has: others use it, too (with a URL)."
    )
    group.addoption("--smsgw-durations", action="store_true", help="Say at the end how long calls to it took.")
    parser.addini("smsgw_fixture", "Customers to begin with: demo, or empty for none.", default="demo")
    parser.addini("smsgw_now", "Where the clock stands at the beginning of a test; real: it runs.", default="")
    parser.addini("smsgw_config", "A settings file of the gateway.", default="")
    parser.addini("smsgw_timeout", "Seconds for which a call waits until nothing is left to do.", default="10")
    parser.addini("smsgw_strict", "Whether trouble that no test asked for is an error.", type="bool", default=True)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark."""
    config.addinivalue_line("markers", marks.DESCRIPTION)


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem() -> Generator[None, _Made, _Made]:
    """Refuse marks with words that there are not, where pytest-xdist reports it, too."""
    made = yield
    for node in made if isinstance(made, list) else [made]:
        # Tests of a unittest.TestCase do not come by here, their class does.
        if isinstance(node, pytest.Item | pytest.Class):
            marks.check(node)
    return made


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the gateways."""
    run = config.stash.get(_run, None)
    if run is not None:
        run.session.close()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Check what a test that passes may have overlooked, while what it set up is still there."""
    try:
        yield
    except BaseException:
        _overlook(item)
        raise
    gateway = _gateway_of(item)
    if gateway is not None:
        _run_of(item.config).check(item, gateway)


# ---- the report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what happened in the gateway to the report of a test that fails."""
    report = yield
    gateway = _gateway_of(item)
    if report.failed and gateway is not None:
        from smsgw_testkit.errors import SmsgwError  # noqa: PLC0415  only now

        try:
            report.sections.append(("smsgw", gateway.description()))
        except SmsgwError as error:
            report.sections.append(("smsgw", str(error)))
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the durations of a worker to the process that reports."""
    run = session.config.stash.get(_run, None)
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if run is not None and output is not None:
        output[_OTHERS] = dict(run.session.durations.seconds)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Collect the durations of a worker."""
    output = getattr(node, "workeroutput", {})
    config: pytest.Config | None = getattr(node, "config", None)
    if config is not None and _OTHERS in output:
        _run_of(config).session.durations.add(output[_OTHERS])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write the durations, if asked for."""
    run = config.stash.get(_run, None)
    if run is not None and config.getoption("smsgw_durations"):
        terminalreporter.section("smsgw durations")
        for line in run.session.durations.lines():
            terminalreporter.write_line(line)


# ---- fixtures


@pytest.fixture
def smsgw(request: pytest.FixtureRequest) -> Iterator["Gateway"]:
    """The gateway, freshly reset: the demo customers, and a clock that stands at 2026-03-02 10:00 in Shanghai."""
    wider = next((name for name in marks.WIDER if name in request.fixturenames), None)
    with _run_of(request.config).test(request, request.getfixturevalue(wider) if wider else None) as gateway:
        request.node.stash[_used] = gateway
        yield gateway


@pytest.fixture
def handset(smsgw: "Gateway") -> "Handset":
    """The phone of the demo customer 13800138000, who has five services."""
    return smsgw.handset(_OF_DEMO)


@pytest.fixture
def smsgw_handset(smsgw: "Gateway") -> Callable[..., "Handset"]:
    """Make phones: of a new customer with a number that no other test uses, or of a number."""

    def make(number: str | None = None) -> "Handset":
        return smsgw.subscriber() if number is None else smsgw.handset(number)

    return make


@pytest.fixture
def smsgw_events(smsgw: "Gateway") -> "Events":
    """What SPs and billing are told: received, verified and kept."""
    return smsgw.events


@pytest.fixture
def smsgw_carrier(smsgw: "Gateway") -> "Carrier":
    """The other side of a carrier that the gateway knows as the provider ``carrier``."""
    return smsgw.carrier


@pytest.fixture(scope="session")
def smsgw_session(request: pytest.FixtureRequest) -> Iterator["Gateway"]:
    """A gateway that is reset once, at the beginning of the run."""
    with _run_of(request.config).wide(request) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def smsgw_module(request: pytest.FixtureRequest) -> Iterator["Gateway"]:
    """A gateway that is reset at the beginning of the module."""
    with _run_of(request.config).wide(request) as gateway:
        yield gateway


@pytest.fixture(scope="class")
def smsgw_class(request: pytest.FixtureRequest) -> Iterator["Gateway"]:
    """A gateway that is reset at the beginning of the class."""
    with _run_of(request.config).wide(request) as gateway:
        yield gateway


def _gateway_of(item: pytest.Item) -> "Gateway | None":
    """Return the gateway that a test uses, also if it asks for a wider fixture only."""
    values: dict[str, Gateway] = getattr(item, "funcargs", {})
    return item.stash.get(_used, None) or next((values[name] for name in marks.WIDER if name in values), None)


def _overlook(item: pytest.Item) -> None:
    """Have the trouble of a test that fails by itself be no error of the next one that uses the same gateway."""
    gateway = _gateway_of(item)
    if gateway is not None and any(name in getattr(item, "fixturenames", ()) for name in marks.WIDER):
        from smsgw_testkit.errors import SmsgwError  # noqa: PLC0415  only now

        with contextlib.suppress(SmsgwError):
            gateway.new_troubles()


def _run_of(config: pytest.Config) -> "Run":
    run = config.stash.get(_run, None)
    if run is None:
        from smsgw_testkit.runs import Run  # noqa: PLC0415  the first test that uses a gateway

        run = config.stash[_run] = Run.of(config, _worker_number(os.environ.get("PYTEST_XDIST_WORKER", "")))
    return run


def _worker_number(worker: str) -> int:
    """Return the number of a worker of pytest-xdist, ``gw3``; 0 without it."""
    digits = worker.removeprefix("gw")
    return int(digits) if digits.isdigit() else 0
