"""The plugin in somebody else's run of pytest."""

from pathlib import Path

import pytest

from tests.testkit.conftest import Pytest

PASSES = """
import pytest
from smsgw_testkit import Gateway, Handset

def test_the_demo(smsgw: Gateway, handset: Handset) -> None:
    assert "彩铃" in handset.send("0000")
    handset.reply("1")

def test_begins_anew(handset):
    assert "彩铃" in handset.send("0000")

@pytest.mark.smsgw(now="2026-12-31T23:59:00", fixture=None)
class TestMarks:
    def test_of_a_class(self, smsgw):
        assert smsgw.clock.now.isoformat() == "2026-12-31T23:59:00+08:00"
        assert "非本网号码" in smsgw.handset("13800138000").send("0000")

    @pytest.mark.smsgw(now="2027-01-01T00:00:00")
    def test_the_nearest_counts(self, smsgw, smsgw_handset):
        assert smsgw.clock.now.isoformat() == "2027-01-01T00:00:00+08:00"
        assert smsgw_handset().number != smsgw_handset().number
        assert smsgw_handset("13900139000").number == "13900139000"

def test_events(handset, smsgw_events):
    handset.send("0000")
    handset.reply("2")
    smsgw_events.expect(["subscription.unsubscribed"])

def test_without_events(handset):
    handset.send("0000")
    handset.reply("2")
"""


def test_fixtures_and_marks(run: Pytest, shared: str) -> None:
    done = run(PASSES, shared, "--smsgw-durations", "--strict-markers", "-W", "error")
    assert "6 passed" in done.stdout, done.stdout
    for line in ("start of a gateway: median", "reset: median", "text with its answers: median"):
        assert line in done.stdout


def test_a_projects_own_handset_hides_that_of_the_kit(run: Pytest, shared: str) -> None:
    tests = """
import pytest

@pytest.fixture
def handset():
    return "ours"

def test_it(handset, smsgw, smsgw_handset):
    assert handset == "ours"
    assert smsgw_handset("13800138000").send("0000").items
"""
    assert "1 passed" in run(tests, shared).stdout


def test_settings_of_pytest(run: Pytest, shared: str) -> None:
    tests = """
def test_it(smsgw):
    assert smsgw.clock.now.isoformat() == "2028-02-29T10:00:00+08:00"
    assert smsgw.defaults.timeout == 3
    assert "非本网号码" in smsgw.handset("13800138000").send("0000")
"""
    done = run(tests, shared, ini="smsgw_fixture =\nsmsgw_now = 2028-02-29 10:00\nsmsgw_timeout = 3\n")
    assert "1 passed" in done.stdout, done.stdout


def test_settings_files_are_named_from_where_pytest_begins(run: Pytest, tmp_path: Path) -> None:
    tests = """
import pytest

@pytest.mark.smsgw(config="gateway.yaml")
def test_it(smsgw): pass
"""
    (tmp_path / "gateway.yaml").write_text("confirm_mode: maybe", "utf-8")
    (tmp_path / "elsewhere").mkdir()
    arguments = (f"--rootdir={tmp_path}", "-c", str(tmp_path / "pytest.ini"), str(tmp_path / "test_it.py"))
    out = run(tests, *arguments, within="elsewhere").stdout
    assert f"confirm_mode ({tmp_path / 'gateway.yaml'}:1): must be one of fixed, code" in out


FAILS = """
def test_it(smsgw, handset):
    handset.send("0000")
    smsgw.clock.advance(minutes=5)
    handset.send("什么")
    assert handset.reply("9").sole("已退订")
"""


def test_a_failure_shows_what_happened(run: Pytest, shared: str) -> None:
    out = run(FAILS, shared).stdout
    report = out[out.index("- smsgw -") :]
    assert "NoMessage: no '已退订'" in out
    for line in (
        "clock: 2026-03-02 10:05:00+08:00",
        "handset 13800138000:",
        "  03-02 10:00:00 > [10086] 0000",
        "  03-02 10:00:00 < [10086977] 尊敬的神州行客户",
        "  03-02 10:05:00 > [10086] 什么",
        "open questions: 10086977 (choosing-services) until 03-02 12:00:00",
        "log:",
    ):
        assert line in report


STRICT = """
import pytest, urllib.request

def post_unsigned(events):
    request = urllib.request.Request(events.address_of("XINHUA"), b"{}", method="POST")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(request)

def test_strict(smsgw_events):
    post_unsigned(smsgw_events)

@pytest.mark.smsgw(strict=False)
def test_not_strict(smsgw_events):
    post_unsigned(smsgw_events)
"""


def test_trouble_that_no_test_asked_for_is_an_error(run: Pytest, shared: str) -> None:
    out = run(STRICT, shared).stdout
    assert "1 failed, 1 passed" in out
    assert "GatewayTrouble: an event to XINHUA did not verify: it is not signed" in out
    assert "2 passed" in run(STRICT, shared, ini="smsgw_strict = false\n").stdout


STRICT_AND_WIDE = """
import pytest, urllib.request

@pytest.fixture
def trouble(smsgw_module):
    request = urllib.request.Request(smsgw_module.events.address_of("XINHUA"), b"{}", method="POST")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(request)

def test_overlooks_it(trouble): pass

def test_has_none(smsgw_module): pass

@pytest.mark.smsgw(strict=False)
def test_need_not_look(trouble): pass

def test_has_none_either(smsgw_module): pass

def test_fails_by_itself(trouble): assert False

def test_has_none_of_that(smsgw_module): pass

def test_has_its_own(trouble, smsgw): pass
"""


def test_trouble_is_an_error_of_its_test_alone_where_tests_share_a_gateway(run: Pytest, shared: str) -> None:
    out = run(STRICT_AND_WIDE, shared, "-rfE").stdout
    assert "3 failed, 4 passed" in out, out
    for name in ("overlooks_it", "fails_by_itself", "has_its_own"):
        assert f"FAILED test_it.py::test_{name}" in out
    assert "; an event to XINHUA" not in out


ENDS = """
import os, pytest

@pytest.mark.smsgw(strict=False)
def test_kills_it_last(smsgw):
    os.kill(smsgw._parts.backend.pid, 9)
    smsgw._parts.backend._process.wait()
"""


def test_a_gateway_that_ends_is_an_error_of_a_test_that_need_not_look(run: Pytest) -> None:
    out = run(ENDS).stdout
    assert "1 failed" in out, out
    assert "GatewayDied: the gateway ended with status -9" in out


def test_a_wrong_timeout_is_said(run: Pytest, shared: str) -> None:
    for given in ("soon", "0", "301", "nan"):
        done = run(NEEDS, shared, ini=f"smsgw_timeout = {given}\n")
        assert f"smsgw_timeout = {given}: give a number of seconds, at most 300" in done.stdout


WIDE = """
import pytest

@pytest.fixture(scope="module")
def reader(smsgw_module):
    return smsgw_module.subscriber().has("SJB")

def test_one(smsgw_module, reader):
    reader.send("0000")

@pytest.mark.parametrize("number", [1, 2])
def test_the_fixtures_of_a_test_are_of_one_gateway(smsgw_module, reader, smsgw, handset, smsgw_events, number):
    assert smsgw is smsgw_module
    assert len(reader.thread) == 2
    handset.send("HELP")
    assert len(handset.thread) == 2 * number
"""


WIDE_FAILS = """
def test_it(smsgw_module):
    smsgw_module.handset("13800138000").send("0000").sole("nothing like that")
"""


def test_a_failure_with_a_wider_fixture_alone_shows_what_happened(run: Pytest, shared: str) -> None:
    assert "  03-02 10:00:00 > [10086] 0000" in run(WIDE_FAILS, shared).stdout


def test_a_wider_fixture_is_reset_once(run: Pytest, shared: str) -> None:
    done = run(WIDE, shared)
    assert "3 passed" in done.stdout, done.stdout
    mixed = WIDE + "\ndef test_another(smsgw): pass\n"
    out = run(mixed, shared).stdout
    assert "3 passed, 1 error" in out
    assert "a wider fixture holds the only gateway" in out


@pytest.mark.parametrize(
    ("mark", "says"),
    [
        ("nov='2026-01-01'", "knows no 'nov'; there are: fixture, now, config, strict"),
        ("'demo'", "takes words only"),
        ("now='tomorrow'", "now='tomorrow'): give a time such as '2026-12-31T23:59:00', or 'real'"),
        ("strict='no'", "strict='no'): give True or False"),
    ],
)
def test_a_mark_with_a_wrong_word_is_an_error_at_collection(run: Pytest, mark: str, says: str) -> None:
    workers = "2" if "nov" in mark else "0"
    tests = f"import pytest\n@pytest.mark.smsgw({mark})\ndef test_it(): pass\ndef test_other(): pass\n"
    done = run(tests, "-n", workers)
    assert done.returncode != pytest.ExitCode.OK
    assert "ERROR collecting test_it.py" in done.stdout
    assert f"test_it.py::test_it: @pytest.mark.smsgw{'(' if 'give' in says else ' '}" in done.stdout
    assert says in done.stdout
    assert "passed" not in done.stdout


def test_a_wrong_word_in_the_mark_of_a_test_case_is_an_error_at_collection(run: Pytest) -> None:
    tests = """
import pytest, unittest

@pytest.mark.smsgw(nov="2026-01-01")
class Case(unittest.TestCase):
    def test_it(self): pass
"""
    assert "test_it.py::Case: @pytest.mark.smsgw knows no 'nov'" in run(tests).stdout


WIDE_MARKS = """
import pytest
{module}

@pytest.mark.smsgw({class_})
class TestIt:
    @pytest.mark.smsgw({test})
    def test_it(self, {fixture}):
        assert {fixture}.clock.now.year == 2030
"""


@pytest.mark.parametrize(
    ("fixture", "place", "mend"),
    [
        ("smsgw_session", "module", "set it for the run"),
        ("smsgw_module", "class_", r"say it in a mark of the module (pytestmark)"),
        ("smsgw_module", "test", r"say it in a mark of the module (pytestmark)"),
        ("smsgw_class", "test", "say it in a mark of the class or module"),
    ],
)
def test_a_mark_that_a_wider_fixture_would_not_follow_is_an_error_at_collection(
    run: Pytest, fixture: str, place: str, mend: str
) -> None:
    given = {"module": "", "class_": "", "test": "", place: "config={'confirm_mode': 'code'}"}
    given["module"] = f"pytestmark = pytest.mark.smsgw({given['module']})"
    out = run(WIDE_MARKS.format(fixture=fixture, **given)).stdout
    assert "ERROR collecting test_it.py" in out
    assert f"@pytest.mark.smsgw(config=…) has no effect, as the test uses {fixture}, whose gateway has begun" in out
    assert mend in out


@pytest.mark.parametrize("fixture", ["smsgw_class", "smsgw_module"])
def test_a_wider_fixture_follows_the_marks_of_its_place(run: Pytest, shared: str, fixture: str) -> None:
    place = fixture.replace("smsgw_class", "class_").replace("smsgw_module", "module")
    given = {"module": "", "class_": "", "test": "strict=False", place: "now='2030-01-01'"}
    given["module"] = f"pytestmark = pytest.mark.smsgw({given['module']})"
    out = run(WIDE_MARKS.format(fixture=fixture, **given), shared).stdout
    assert "1 passed" in out, out


NEEDS = "def test_it(handset): handset.send('0000')\n"


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("--smsgw-command=no-such-program", "GatewayNotFound: --smsgw-command: there is no program no-such-program"),
        ("--smsgw-command=false", "GatewayDied: the gateway did not start (exit status 1)"),
        ("--smsgw-url=http://127.0.0.1:9", "GatewayNotFound: nothing answers at http://127.0.0.1:9"),
        ("--smsgw-image=smsgw", "GatewayNotFound: --smsgw-image needs testcontainers"),
    ],
)
def test_no_gateway_is_said_with_what_to_do(run: Pytest, argument: str, says: str) -> None:
    out = run(NEEDS, argument).stdout
    assert says in out
    assert "1 error" in out


def test_a_gateway_is_started_for_each_set_of_settings_and_anew_when_it_dies(run: Pytest) -> None:
    tests = """
import os, pytest, time
from smsgw_testkit import GatewayDied

urls = {}

def test_the_usual(smsgw):
    urls["usual"] = smsgw.url

@pytest.mark.smsgw(config={"confirm_mode": "code"})
def test_settings(smsgw, handset):
    assert smsgw.url != urls["usual"]
    smsgw.order(handset, "ZQ")
    assert handset.receive().code.isdigit()

@pytest.mark.smsgw(config={"confirm_mode": "maybe"})
def test_wrong_settings(smsgw):
    pass

def test_the_usual_again(smsgw, handset):
    assert smsgw.url == urls["usual"]
    os.kill(smsgw._parts.backend.pid, 9)
    handset.send("0000")

def test_anew(smsgw, handset):
    assert smsgw.url != urls["usual"]
    assert handset.send("0000").items
"""
    out = run(tests).stdout
    assert "3 passed, 1 error" in out or "1 failed, 3 passed, 1 error" in out, out
    assert "the gateway did not start (exit status 2)" in out
    assert "confirm_mode (config:1): must be one of fixed, code" in out
    assert "GatewayDied: the gateway ended with status -9; the next test gets a new one" in out


HANGS = """
import os, signal, smsgw_testkit.wire.calls

urls = []

def test_it_hangs(smsgw):
    urls.append(smsgw.url)
    os.kill(smsgw._parts.backend.pid, signal.SIGSTOP)
    smsgw.api._connection.sock.settimeout(0.5)
    smsgw.drain()

def test_anew(smsgw, handset):
    assert urls != [smsgw.url]
    assert handset.send("0000").items
"""


def test_a_gateway_that_does_not_answer_is_started_anew(run: Pytest) -> None:
    out = run(HANGS).stdout
    assert "1 failed, 1 passed" in out, out
    assert "GatewayDied: the gateway did not answer (timed out), and was ended; the next test gets a new one" in out


NEIGHBOURS = """
import pytest

@pytest.mark.parametrize("number", range(8))
def test_it(smsgw, smsgw_handset, number):
    there = [row["handset"] for row in smsgw.api.get("/simulator/threads")["messages"]]
    assert [handset for handset in there if handset.startswith("136")] == []
    one = smsgw_handset().has("SJB")
    assert len(one.send("0000")) == 1
    print(one.inbox.text, smsgw.clock.advance(days=30).of(one).text)
"""


def test_workers_never_meet_and_two_runs_say_the_same(run: Pytest) -> None:
    """Each worker has a gateway; that of two runs with one `now` gives the same texts."""
    first, second = (run(NEIGHBOURS, "-n", workers, "-rP", "--smsgw-durations").stdout for workers in ("2", "0"))
    assert "8 passed" in first
    assert "8 passed" in second
    assert "2 times" in first[first.index("start of a gateway") :].splitlines()[0]
    said = [[line for line in out.splitlines() if "尊敬的" in line] for out in (first, second)]
    assert len(said[0]) == 8
    assert said[0] == said[1]


SHARED = """
import pytest

@pytest.mark.parametrize("number", range(6))
def test_it(smsgw, smsgw_handset, number):
    one = smsgw_handset().has("SJB")
    with one.network.refuse():
        assert one.send("HELP") == []
    with one.unreachable():
        assert one.send("0000").one().status == "undelivered"
    assert one.send("0000").one().status == "delivered"
"""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("-n", "2"), "each worker would reset the gateway at http://"),
        (("--smsgw-no-reset",), "@pytest.mark.smsgw(now=…) needs a reset, and --smsgw-no-reset forbids it"),
    ],
)
def test_what_would_disturb_others_is_refused(run: Pytest, shared: str, arguments: tuple[str, ...], says: str) -> None:
    tests = "import pytest\n@pytest.mark.smsgw(now='2030-01-01')\ndef test_it(smsgw): pass\n"
    out = run(tests, shared, *arguments).stdout
    assert says in out
    assert "1 error" in out


def test_no_reset_is_for_a_gateway_of_others(run: Pytest) -> None:
    out = run(NEEDS, "--smsgw-no-reset").stdout
    assert "--smsgw-no-reset is for a gateway that others use, too: give its --smsgw-url" in out


def test_a_shared_gateway_disturbs_nobody(run: Pytest, shared: str, smsgw: object) -> None:
    done = run(SHARED, shared, "--smsgw-no-reset", "-n", "3")
    assert "6 passed" in done.stdout, done.stdout
