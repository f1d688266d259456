"""The table of scenarios and the command line."""

from collections.abc import Sequence

import pytest

from bench.__main__ import main
from bench.errors import BenchError
from bench.load.traffic import ARRAY, MESSAGES_EACH, Customers, Senders, in_arrays, one_each
from bench.load.wire import read_response
from bench.scenarios import FULL_SCENARIOS, SCENARIOS, Scenario
from tests.docs.reading import ROOT


def test_the_page_explains_every_scenario() -> None:
    page = (ROOT / "docs" / "performance.md").read_text("utf-8")
    every = [*SCENARIOS, *FULL_SCENARIOS]
    assert [scenario.name for scenario in every if f"| `{scenario.name}` |" not in page] == []


@pytest.mark.parametrize(("options", "scenarios"), [([], SCENARIOS), (["--full"], FULL_SCENARIOS)])
def test_the_list_names_every_scenario(
    options: list[str], scenarios: Sequence[Scenario], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*options, "--list"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed] == [scenario.name for scenario in scenarios]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--only", "single,none"], "there is no scenario none"),
        (["--only", "day"], "there is no scenario day"),
        (["--turns", "0"], "--turns must be more than 0"),
        (["--smoke", "--page", "page.md"], "too little for a page"),
    ],
)
def test_wrong_use_is_told(given: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(given)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_customers_write_in_turn_and_no_message_has_the_id_of_another() -> None:
    senders = Senders(Customers(3, 5))
    messages = [*senders.take(4), *senders.take(2)]
    assert [message["from"][-1] for message in messages] == ["0", "1", "2", "0", "1", "2"]
    assert len({message["message_id"] for message in messages}) == 6


def test_customers_with_long_listings_send_fewer_messages() -> None:
    assert [Customers(1, services).messages_each for services in (1, 5, 50)] == [30, 30, 7]


def test_scattered_customers_each_write_once_before_one_writes_again() -> None:
    senders = Senders(Customers(50, 5), texts=("0000", "1"), scattered=True)
    first, second = senders.take(50), senders.take(50)
    numbers = [message["from"] for message in first]
    assert sorted(numbers) == Customers(50, 5).msisdns() != numbers
    assert [message["from"] for message in second] == numbers
    assert ({message["text"] for message in first}, {message["text"] for message in second}) == ({"0000"}, {"1"})


def test_no_customer_sends_more_than_the_gateway_answers() -> None:
    senders = Senders(Customers(2, 5))
    senders.take(2 * MESSAGES_EACH)
    with pytest.raises(BenchError, match="too many for 2 customers"):
        senders.take(1)


def test_customers_are_lines_of_an_import_grouped_by_service() -> None:
    lines = list(Customers(2, 3).lines())
    assert [line["type"] for line in lines] == ["subscriber"] * 2 + ["subscription"] * 6
    assert [line["service_code"] for line in lines[2:]] == ["BENCH1"] * 2 + ["BENCH2"] * 2 + ["BENCH3"] * 2


def test_messages_are_sent_alone_or_in_arrays() -> None:
    messages = Senders(Customers(50, 5)).take(2 * ARRAY + 1)
    assert len(one_each("/", messages)) == 201
    arrays = in_arrays("/", messages)
    assert [request.count(b'"message_id"') for request in arrays] == [100, 100, 1]


def test_an_answer_is_found_once_it_is_whole() -> None:
    answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}"
    assert read_response(answer[:-1]) is None
    assert read_response(answer) == (202, len(answer) - 2, len(answer))
