"""Webhooks go to public addresses only, checked when the connection is made (safety.md 30)."""

import asyncio
import socket
import threading

import httpx
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from app.services.events import resolving
from app.services.events.public_addresses import address_violation
from app.services.events.resolving import CheckedResolver, Lookups, PrivateAddressError

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "10.0.0.1."])
def test_a_private_address_is_refused_at_once(host: str) -> None:
    assert address_violation(f"https://{host}/", private=False) == "must be a public address"
    assert address_violation(f"http://{host}/", private=True) is None


class Names(AbstractResolver):
    """Resolves a name to other addresses each time, as in DNS rebinding."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            {"hostname": host, "host": one, "port": port, "family": family, "proto": 0, "flags": 0}
            for one in self.answers.pop(0)
        ]

    async def close(self) -> None:
        pass


async def test_a_name_is_checked_each_time_by_all_its_addresses() -> None:
    resolver = CheckedResolver(Names(["8.8.8.8"], ["8.8.8.8", "127.0.0.1"], ["127.0.0.1"]))
    assert [one["host"] for one in await resolver.resolve("sp.example", 443)] == ["8.8.8.8"]
    for _ in range(2):
        with pytest.raises(PrivateAddressError):
            await resolver.resolve("sp.example", 443)


async def test_a_name_whose_server_is_silent_takes_one_thread_and_delays_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    silence = threading.Event()
    asked: list[str] = []
    really = socket.getaddrinfo

    def answer(host: str, *rest: object, **more: object) -> object:
        asked.append(host)
        if host == "silent.example":
            silence.wait(60)
            raise socket.gaierror
        return really("127.0.0.1", *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    lookups = Lookups()
    waiting = [asyncio.create_task(lookups.resolve("silent.example", 443)) for _ in range(200)]
    await asyncio.sleep(0)
    assert [one["host"] for one in await lookups.resolve("sp.example", 443)] == ["127.0.0.1"]
    waiting[0].cancel()
    silence.set()
    for task in waiting[1:]:
        with pytest.raises(socket.gaierror):
            await task
    assert asked == ["silent.example", "sp.example"]


async def test_a_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first check of 127.0.0.1 is made to pass, each later one fails."""
    names = Names(["127.0.0.1"], ["127.0.0.1"])
    checked: list[str] = []

    def judge(address: str) -> bool:
        checked.append(address)
        return len(checked) == 1

    monkeypatch.setattr(resolving, "is_public", judge)
    monkeypatch.setattr(resolving, "Lookups", lambda: names)
    transport = resolving.make_webhook_transport(private=False)
    hosts: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        hosts.extend(line for line in head.split("\r\n") if line.lower().startswith("host:"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://sp.example:{server.sockets[0].getsockname()[1]}/events"
    async with server, httpx.AsyncClient(transport=transport) as client:
        assert (await client.post(url, content=b"{}")).status_code == 200
        with pytest.raises(httpx.TransportError):
            await client.post(url, content=b"{}")
    assert [one.lower() for one in hosts] == [f"host: {url.split('/')[2]}"], (
        "under its name; no connection was kept for the second time"
    )
