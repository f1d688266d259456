"""What others may have us call: public addresses, checked where they are connected to (safety.md 30)."""

import asyncio
import socket

import httpx
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from app.services import public_addresses
from app.services.public_addresses import CheckedResolver, PrivateAddressError, fault_of, is_public

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:10.0.0.1",
        "2002:a00:1::", "64:ff9b::a00:1", "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    ],
)  # fmt: skip
def test_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "https://sp.example:99999/", "https://", "sp.example", "javascript:alert(1)", "https://sp.example:0/",
        "https://münchen.example/",
    ],
)  # fmt: skip
def test_what_is_no_address_is_named_as_such(url: str) -> None:
    assert "https://sp.example/events" in (fault_of(url, private=True) or "")


class Names(AbstractResolver):
    """Answers one thing after the other, as a name does that is rebound."""

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


async def test_a_name_is_judged_each_time_by_all_that_it_leads_to() -> None:
    resolver = CheckedResolver(Names(["8.8.8.8"], ["8.8.8.8", "127.0.0.1"], ["127.0.0.1"]))
    assert [one["host"] for one in await resolver.resolve("sp.example", 443)] == ["8.8.8.8"]
    for _ in range(2):
        with pytest.raises(PrivateAddressError):
            await resolver.resolve("sp.example", 443)


async def test_a_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is public when it is looked up, and this machine's whenever it is asked again."""
    names = Names(["127.0.0.1"], ["127.0.0.1"])
    checked: list[str] = []

    def judge(address: str) -> bool:
        checked.append(address)
        return len(checked) == 1

    monkeypatch.setattr(public_addresses, "is_public", judge)
    monkeypatch.setattr("aiohttp.ThreadedResolver", lambda: names)
    transport = public_addresses.make_webhook_transport(private=False)
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
