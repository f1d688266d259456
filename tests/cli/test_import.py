"""``smsgw import``: bulk files into a running gateway (http-api.md, command line)."""

import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import anyio.to_thread
import pytest
from typer.testing import CliRunner, Result

from app.cli.smsgw import app
from app.db.subscribers import subscriber
from tests.cli.terminals import free_port
from tests.running import settings_for
from tests.web.calls import Web
from tests.web.sockets import listening

pytestmark = pytest.mark.anyio


@pytest.fixture
async def web(sqlite_url: str) -> AsyncIterator[Web]:
    async with listening(settings_for(sqlite_url)) as started:
        yield started


async def run(web: Web, *arguments: str) -> Result:
    return await anyio.to_thread.run_sync(
        partial(CliRunner().invoke, app, ["import", "--url", str(web.client.base_url), *arguments])
    )


def subscriber_line(number: int, **fields: object) -> str:
    line = {
        "type": "subscriber", "msisdn": f"1370013{number:04}", "brand": "mzone", "payment": "prepaid",
        "balance_fen": 1000, "points": 0, "status": "active", **fields,
    }  # fmt: skip
    return json.dumps(line) + "\n"


async def test_a_file_larger_than_one_request(web: Web, tmp_path: Path) -> None:
    file = tmp_path / "customers.jsonl"
    file.write_text("".join(map(subscriber_line, range(2_500))))
    done = await run(web, str(file))
    assert done.exit_code == 0, done.output
    assert "2500 lines imported" in done.stdout
    assert await web.running.count(subscriber) == 2_502


async def test_bad_lines_are_named_by_file_and_line(web: Web, tmp_path: Path) -> None:
    file, report = tmp_path / "customers.jsonl", tmp_path / "bad.jsonl"
    file.write_text("".join(subscriber_line(n, **({"brand": "no"} if n in (7, 1_500) else {})) for n in range(2_000)))
    done = await run(web, str(file), "--report", str(report))
    assert done.exit_code == 1
    assert f"{file}:8: 422 brand" in done.stderr.replace("\n", "")
    assert f"{file}:1501: 422 brand" in done.stderr.replace("\n", "")
    assert "1998 of 2000 lines imported, 2 not" in done.stderr
    assert [json.loads(line)["line"] for line in report.read_text().splitlines()] == [8, 1501]


def subscription_line(number: int, **fields: object) -> str:
    line = {
        "type": "subscription", "msisdn": f"1370013{number:04}", "service_code": "CL", "state": "active",
        "in_plan": False, "started_at": "2025-06-01T10:00:00+08:00", "channel": "sms", **fields,
    }  # fmt: skip
    return json.dumps(line) + "\n"


async def test_fields_that_the_gateway_keeps_are_counted_in_one_line(web: Web, tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    first.write_text("".join(subscriber_line(n) + subscription_line(n) for n in range(600)))
    assert "keeps" not in (await run(web, str(first))).stdout
    earlier = {"started_at": "2025-05-01T10:00:00+08:00"}
    second.write_text(
        "".join(subscription_line(n, **(earlier if n % 500 == 1 else {})) for n in range(600)) * 2 + "{}\n"
    )
    done = await run(web, str(second))
    assert f"Lines of which the gateway keeps its own value: started_at 4 (first {second}:2)." in done.stdout, (
        done.output
    )
    assert "1200 of 1201 lines imported, 1 not" in done.stderr


async def test_csv_with_line_breaks_in_cells(web: Web, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    heading = "msisdn,brand,payment,balance_fen,points,status,plan.name,plan.data_kb\n"
    rows = [f"1370013{n:04},mzone,prepaid,1000,0,active,,\n" for n in range(1_100)]
    rows[3] = '13700130003,mzone,prepaid,1000,0,active,"a\nb",1\n'
    rows[1_050] = "13700131050,no,prepaid,1000,0,active,,\n"
    file.write_text(heading + "".join(rows))
    done = await run(web, "--type", "subscriber", str(file))
    assert done.exit_code == 1
    shown = done.stderr.replace("\n", "")
    assert f"{file}:6: 422 plan.name" in shown, done.stderr
    assert f"{file}:1053: 422 brand" in shown, done.stderr
    assert await web.running.count(subscriber) == 1_100


HEADING = "msisdn,brand,payment,balance_fen,points,status\n"


async def test_a_stray_quote_costs_its_own_line(web: Web, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    rows = [f"1370013{n:04},mzone,prepaid,1000,0,active\n" for n in range(2_600)]
    for stray in (3, 1_000, 2_599):
        rows[stray] = f'"{rows[stray]}'
    file.write_text(HEADING + "".join(rows))
    done = await run(web, "--type", "subscriber", str(file))
    assert "2597 of 2600 lines imported, 3 not" in done.stderr
    shown = done.stderr.replace("\n", "")
    assert all(f"{file}:{line}: 422 The line is no CSV" in shown for line in (5, 1_002, 2_601)), done.stderr


async def test_a_row_over_several_lines_is_not_cut_between_requests(web: Web, tmp_path: Path) -> None:
    file = tmp_path / "services.csv"
    heading = "msisdn,brand,payment,balance_fen,points,status,plan.name,plan.data_kb\n"
    rows = [f'1370013{n:04},mzone,prepaid,1000,0,active,"a\nb\nc",1\n' for n in range(700)]
    file.write_text(heading + "".join(rows))
    done = await run(web, "--type", "subscriber", str(file))
    assert "0 of 700 lines imported, 700 not" in done.stderr


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ((HEADING + "13700130001,动感,prepaid,1,0,active\n" * 1_500).encode("gbk"), "GBK"),
        (HEADING.replace(",", ";").encode(), "semicolons"),
        (HEADING.replace("brand", "marque").encode(), "column 2"),
        (b"PK\x03\x04 and so on", "workbook"),
    ],
)
async def test_a_file_of_another_kind_is_refused_once_with_its_cause(
    web: Web, tmp_path: Path, content: bytes, cause: str
) -> None:
    file = tmp_path / "customers.csv"
    file.write_bytes(content)
    done = await run(web, "--type", "subscriber", str(file))
    assert done.exit_code == 1
    assert done.stderr.count(cause) == 1, done.stderr
    assert await web.running.count(subscriber) == 2


async def test_a_file_of_bad_lines_is_counted(web: Web, tmp_path: Path) -> None:
    file = tmp_path / "customers.jsonl"
    file.write_text("{}\n" * 4_000)
    done = await run(web, str(file))
    assert "0 of 4000 lines imported, 4000 not" in done.stderr


async def test_a_missing_type_file_or_token_is_explained(web: Web, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("msisdn\n")
    assert (await run(web, str(file))).exit_code == 2
    assert (await run(web, str(tmp_path / "none.jsonl"))).exit_code == 2
    (tmp_path / "one.jsonl").write_text(subscriber_line(1))
    refused = await run(web, "--token", "wrong", str(tmp_path / "one.jsonl"))
    assert refused.exit_code == 1
    assert "smsgw token create" in refused.stderr.replace("\n", " ")


def test_a_gateway_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "customers.jsonl"
    file.write_text(subscriber_line(1))
    done = CliRunner().invoke(app, ["import", "--url", f"http://127.0.0.1:{free_port()}", str(file)])
    assert done.exit_code == 1
    assert "smsgw serve" in done.stderr.replace("\n", " ")
