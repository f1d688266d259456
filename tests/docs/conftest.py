"""A running gateway for the commands in the documents."""

import sys
from collections.abc import Iterator

import pytest

from smsgw_testkit import gateway as gateway_of_the_kit
from tests.docs.reading import ROOT
from tests.docs.terminal import clean_environment, free_port, server


@pytest.fixture(scope="package")
def gateway_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a gateway in its own process, started as the documents say."""
    folder = tmp_path_factory.mktemp("gateway")
    port = free_port()
    environment = clean_environment(SMSGW_ENV="demo", SMSGW_DATABASE_URL=f"sqlite:///{folder / 'gateway.db'}")
    command = [sys.executable, "-m", "app", "demo", "--port", str(port)]
    with server(command, port, ROOT, environment, folder / "log"):
        yield port


@pytest.fixture(scope="package")
def kits_gateway() -> Iterator[str]:
    """The URL of a gateway that the kit has started."""
    with gateway_of_the_kit() as smsgw:
        yield smsgw.url


@pytest.fixture
def gateway(gateway_port: int) -> str:
    """The URL of the gateway."""
    return f"http://127.0.0.1:{gateway_port}"
