"""Which gateway the tests use: one that runs, an image, a command, or the package of this environment."""

import importlib.util
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from smsgw_testkit.errors import GatewayDied, GatewayNotFound, SmsgwError
from smsgw_testkit.running.process import GatewayProcess, readable
from smsgw_testkit.wire.calls import Api

TOKEN = "demo"  # noqa: S105  it is accepted in demo and test only
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_FOUR_WAYS = (
    "there is no gateway to test against. One of: `--smsgw-url URL` (or SMSGW_URL), a gateway that runs; "
    "`--smsgw-image IMAGE`, a container; `--smsgw-command COMMAND`, such as 'uvx smsgw' or the path of a smsgw "
    "elsewhere; or `pip install smsgw` into this environment"
)


@dataclass(frozen=True)
class Choice:
    """What the command line and the environment say; the first that is not empty counts."""

    url: str | None = None
    image: str | None = None
    command: str | None = None

    @classmethod
    def of(cls, url: str | None = None, image: str | None = None, command: str | None = None) -> "Choice":
        """Return what is given; without a URL, that of the variable ``SMSGW_URL``."""
        return cls(url or os.environ.get("SMSGW_URL") or None, image or None, command or None)


class Backend(Protocol):
    """A gateway that runs."""

    url: str

    def lines(self, limit: int) -> list[str]:
        """Return the last lines of its log, oldest first."""

    def lost(self, error: Exception) -> SmsgwError:
        """Return the error of a call that was not answered."""

    @property
    def has_ended(self) -> bool:
        """True if it is no more, and another one can be started."""

    def require_near(self, why: str) -> None:
        """Raise SmsgwError if it cannot post to this machine's loopback; ``why`` that is needed."""

    def stop(self) -> None:
        """End it, if the kit has started it."""


class Elsewhere:
    """A gateway that somebody else runs."""

    has_ended = False  # as far as anybody can tell

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._api = Api(self.url, TOKEN, self.lost)

    def lines(self, limit: int) -> list[str]:
        """Return the last lines of its log."""
        return logged(self._api, limit)

    def lost(self, error: Exception) -> SmsgwError:
        """Return the error of a call that was not answered."""
        return GatewayNotFound(f"nothing answers at {self.url} ({error}); start a gateway there, or leave the URL out")

    def require_near(self, why: str) -> None:
        """Raise SmsgwError if it runs on another machine."""
        if urlsplit(self.url).hostname not in _LOOPBACK:
            raise SmsgwError(f"{why}, which {self.url} cannot reach; leave out the URL, or give one of this machine")

    def stop(self) -> None:
        """Leave it running."""
        self._api.close()


class InContainer(Elsewhere):
    """A gateway in a container of the kit. Once it does not answer, another takes its place."""

    def __init__(self, image: str) -> None:
        try:
            from smsgw_testkit.container import SmsgwContainer  # noqa: PLC0415  testcontainers may not be there
        except ImportError:
            raise GatewayNotFound(
                "--smsgw-image needs testcontainers: pip install 'smsgw-testkit[container]'"
            ) from None
        self._container = SmsgwContainer(image)
        self._container.start()
        super().__init__(self._container.get_url())
        self.has_ended = False

    def lost(self, error: Exception) -> GatewayDied:
        """Return the error of a call that was not answered."""
        self.has_ended = True
        written = b"".join(self._container.get_logs()).decode("utf-8", "replace").splitlines()
        what = f"the gateway in the container did not answer ({error})"
        return GatewayDied(f"{what}; the next test gets a new one", None, [readable(line) for line in written[-50:]])

    def require_near(self, why: str) -> None:
        """Raise SmsgwError: a container has a loopback of its own."""
        raise SmsgwError(f"{why}, which a container cannot reach; leave out the image, or use --smsgw-command")

    def stop(self) -> None:
        """End the container."""
        super().stop()
        self._container.stop()


def started(choice: Choice, configuration: str, origin: str, *, is_default: bool) -> Backend:
    """Return a running gateway. ``configuration`` is YAML, ``is_default``: it says nothing that a test asked for.

    Raise GatewayNotFound if there is none, GatewayDied if it does not start.
    """
    if choice.url or choice.image:
        if not is_default:
            raise GatewayNotFound(
                "settings of a test's own need a gateway that the kit starts: leave out URL and image"
            )
        return Elsewhere(choice.url) if choice.url else InContainer(choice.image or "")
    return GatewayProcess(_command(choice), configuration, origin)


def logged(api: Api, limit: int) -> list[str]:
    """Return the last lines of the log of a gateway, as people read them."""
    import json  # noqa: PLC0415  only for a report

    return [readable(json.dumps(line)) for line in api.get("/simulator/log", {"limit": limit})["lines"]]


def _command(choice: Choice) -> Sequence[str]:
    if choice.command:
        program, *rest = shlex.split(choice.command)
        # The gateway is started in another folder.
        found = shutil.which(program)
        if found is None:
            raise GatewayNotFound(f"--smsgw-command: there is no program {program}")
        return [str(Path(found).absolute()), *rest]
    if importlib.util.find_spec("smsgw") is None:
        raise GatewayNotFound(_FOUR_WAYS)
    return [sys.executable, "-m", "smsgw"]
