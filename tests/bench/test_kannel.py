"""Kannel, and the servers that it is run with."""

import os
import shutil
import sys
from pathlib import Path

import httpx
import pytest

from bench.errors import SkippedError
from bench.kannel import INSTALL, kannel, requests_of
from bench.load.traffic import Customers, Senders
from bench.processes import free_port, serving

INSTALLED = all(shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") for name in ("bearerbox", "smsbox"))


def test_where_kannel_is_missing_the_command_that_installs_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_given, **_named: None)
    with pytest.raises(SkippedError, match=INSTALL), kannel(tmp_path, "text", 4):
        pass


def test_the_carrier_counts_messages_and_nothing_else(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "bench.servers.sink", str(port)]
    with (
        serving(command, port=port, ready="/", log=tmp_path / "sink.log", env=os.environ),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        assert client.get("/count").text == "0"
        assert client.post("/send", json={}, headers={"webhook-id": "7"}).json() == {"message_id": "sink-7"}
        assert client.get("/send?to=1").json() == {"message_id": "sink-none"}
        assert client.get("/count").text == "2"


@pytest.mark.skipif(not INSTALLED, reason=f"Kannel is not installed: {INSTALL}")
def test_kannel_answers_each_message_with_the_listing(tmp_path: Path) -> None:
    with kannel(tmp_path, "您正在使用的业务有：1、彩铃5元/月" * 20, 4) as running:
        for request in requests_of(Senders(Customers(3, 5)).take(3)):
            path = request.split(b" ")[1].decode()
            assert httpx.get(f"http://127.0.0.1:{running.port}{path}", trust_env=False).status_code == 202
        running.drain(3, limit_seconds=20)
        used = running.meter().stop()
        assert set(used.seconds) == {"bearerbox and smsbox", "boxes, in the kernel", "endpoint of get-url"}
