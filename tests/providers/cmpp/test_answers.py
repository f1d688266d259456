"""What answers mean: each Result of a SUBMIT, each Status of a CONNECT (carriers.md 6.1, 6.5), and other PDUs (7)."""

import asyncio
from collections.abc import Callable
from struct import pack

import pytest
from prometheus_client import REGISTRY

from app.providers.base import Accepted, BindEndedError, EndlessLease, Refused, RefusedForNow
from app.providers.cmpp.pdu import packed
from app.providers.session.dialect import Answered, Ignored
from app.toys.ismg import CONNECT, SUBMIT, Pdu, Session, answer_connect, behave, connect_status
from tests.providers.cmpp.rig import VERSIONS, bound, provider
from tests.providers.session.carriers import CMPP2, CMPP3
from tests.providers.session.rig import Stored, listening, make, message, until
from tests.providers.session.rig import bound as rig_bound

pytestmark = pytest.mark.anyio
THROTTLED, LATER, OUR_SETTINGS = {8}, {3}, {5, 7, 10, 11, 12}
FOR_GOOD = {1, 2, 4, 6, 9, 13, 14, 99, 100, 199, 255}
BY_VERSION = {"2.0": CMPP2, "3.0": CMPP3}


def answer_to(result: int, version: str = "3.0", *, msg_id: bytes = b"\1" * 8, **options: object) -> Answered:
    dialect = bound(version)
    if options:
        [dialect] = provider(version, **options).dialects(0, "secret")
        dialect.bind(3)
        dialect.read(packed(0x80000001, 3, bytes(21)))
    heard = dialect.read(packed(0x80000004, 5, msg_id + result.to_bytes(1 if version == "2.0" else 4)))
    assert isinstance(heard, Answered)
    assert heard.sequence == 5
    return heard


# ---- SUBMIT


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("result", sorted(THROTTLED | LATER | OUR_SETTINGS | FOR_GOOD))
def test_every_result_by_itself(result: int, version: str) -> None:
    heard = answer_to(result, version)
    if result in FOR_GOOD:
        assert isinstance(heard.result, Refused)
    else:
        assert isinstance(heard.result, RefusedForNow)
        assert heard.result.throttled == (result in THROTTLED)
    assert heard.end is None
    assert (heard.check is not None) == (result in OUR_SETTINGS)


def test_results_of_four_octets() -> None:
    assert answer_to(2**32 - 1).result == Refused("CMPP 4294967295")
    assert answer_to(256).result == Refused("CMPP 256")


@pytest.mark.parametrize(("version", "octets"), [("2.0", b"\0\0\0\x08"), ("3.0", b"\x08")])
def test_a_result_in_the_width_of_the_other_version_is_understood(version: str, octets: bytes) -> None:
    heard = bound(version).read(packed(0x80000004, 5, b"\1" * 8 + octets))
    assert isinstance(heard, Answered)
    assert heard.result == RefusedForNow("CMPP 8 flow control", throttled=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("behind", [1, 4000])
def test_what_follows_a_result_is_not_read(version: str, behind: int) -> None:
    heard = bound(version).read(packed(0x80000004, 5, b"\1" * 8 + b"\0\0\0\x0d" + b"\xff" * behind))
    assert isinstance(heard, Answered)
    assert heard.result == Refused("CMPP 13 Dest_terminal_Id")


@pytest.mark.parametrize("version", VERSIONS)
def test_ids_are_the_octets_in_hexadecimal_digits(version: str) -> None:
    assert answer_to(0, version, msg_id=bytes.fromhex("0A2B000000000001")).result == Accepted("0a2b000000000001")
    assert answer_to(0, version, msg_id=bytes(8)).result == Accepted("")


def test_the_settings_overrule_the_table() -> None:
    codes = {100: "throttle", 101: "later", 8: "good", 10: "later"}
    assert answer_to(100, codes=codes).result == RefusedForNow("CMPP 100", throttled=True)
    assert answer_to(101, codes=codes).result == RefusedForNow("CMPP 101")
    assert answer_to(8, codes=codes).result == Refused("CMPP 8 flow control")
    assert answer_to(10, codes=codes).check is None


def without_id() -> float:
    return (
        REGISTRY.get_sample_value("smsgw_bad_input_total", {"provider": "carrier", "what": "answer_without_an_id"}) or 0
    )


@pytest.mark.parametrize("version", VERSIONS)
async def test_without_an_id_our_reference_is_the_id(version: str) -> None:
    def nameless(session: Session, pdu: Pdu) -> None:
        session.answer(pdu, bytes(8) + session.ismg.result(0)) if pdu.command == SUBMIT else behave(session, pdu)

    async with rig_bound(BY_VERSION[version], nameless) as rig:
        item = message()
        before = without_id()
        assert await rig.send(item) == Accepted(item.reference)
        assert without_id() == before + 1


async def test_a_code_about_our_settings_is_logged_with_the_one_to_check(caplog: pytest.LogCaptureFixture) -> None:
    def strict(session: Session, pdu: Pdu) -> None:
        CMPP3.refuse(session, pdu, 7) if pdu.command == SUBMIT else behave(session, pdu)

    async with rig_bound(CMPP3, strict) as rig:
        assert await rig.send() == RefusedForNow("CMPP 7 service_id")
    assert "'check': 'service_id'" in caplog.text


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("pdu", "bad"),
    [
        (packed(0x80000004, 5), "answer without a result"),
        (packed(0x80000004, 5, b"\1" * 8), "answer without a result"),
        (packed(0x80000002, 5), "unknown answer"),
        (packed(0x80000006, 5, b"x"), "unknown answer"),
        (packed(0x80000001, 5, bytes(21)), "unknown answer"),
        (packed(0x6, 5, b"x"), "unknown request"),
        (packed(0x1, 5, b"x"), "unknown request"),
        (packed(0x7FFFFFFF, 5), "unknown request"),
    ],
)
def test_what_is_not_for_us_is_ignored(version: str, pdu: bytes, bad: str) -> None:
    assert bound(version).read(pdu) == Ignored(bad)


# ---- CONNECT


def refusing(*statuses: int) -> Callable[[Session, Pdu], None]:
    """Return a carrier that refuses the first connects with these statuses."""
    left = list(statuses)

    def refuse(session: Session, pdu: Pdu) -> None:
        if pdu.command == CONNECT and left:
            answer_connect(session, pdu, left.pop(0))
        else:
            behave(session, pdu)

    return refuse


@pytest.mark.parametrize(
    ("status", "pause", "says"),
    [
        (1, (60, 60), r"status 1 \(structure\); check"),
        (2, (60, 60), r"status 2 \(source address\); check sp_id, secret and the address"),
        (3, (60, 60), r"status 3 \(authentication\); check"),
        (4, (60, 60), r"status 4 \(version too high\); it has version"),
        (5, (0, 1), "status 5$"),
        (200, (0, 1), "status 200$"),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_refused_connect_says_why_and_how_long_to_wait(
    status: int, pause: tuple[float, float], says: str, version: str
) -> None:
    carrier = BY_VERSION[version]
    async with listening(carrier, refusing(status)) as ismg:
        given = make(carrier, ismg.port)
        with pytest.raises(BindEndedError, match=says) as refused:
            await given.run(0, Stored(), EndlessLease())
        assert pause[0] <= refused.value.pause.total_seconds() <= pause[1]
        assert not given.is_ready


async def test_the_version_that_the_carrier_has_is_told_and_never_tried() -> None:
    async with listening(CMPP2) as ismg:
        with pytest.raises(BindEndedError, match=r"it has version 2\.0; set version"):
            await make(CMPP3, ismg.port).run(0, Stored(), EndlessLease())
        assert [pdu.body[22] for session in ismg.sessions for pdu in session.of(CONNECT)] == [0x30]


async def test_of_two_secrets_the_second_is_tried_when_the_first_is_wrong() -> None:
    async with listening(CMPP3) as ismg:
        given = make(CMPP3, ismg.port, secret=["wrong", "sesame"])
        with pytest.raises(BindEndedError, match="authentication") as refused:
            await given.run(0, Stored(), EndlessLease())
        assert refused.value.pause.total_seconds() <= 1
        running = asyncio.create_task(given.run(0, Stored(), EndlessLease()))
        await ismg.session()
        running.cancel()


@pytest.mark.parametrize("status", [1, 2, 4])
async def test_the_second_secret_is_not_tried_when_the_first_was_not_refused(status: int) -> None:
    async with listening(CMPP3, refusing(status, status)) as ismg:
        given = make(CMPP3, ismg.port, secret=["sesame", "other"])
        pauses = []
        for _ in range(2):
            with pytest.raises(BindEndedError, match=f"status {status}") as refused:
                await given.run(0, Stored(), EndlessLease())
            pauses.append(refused.value.pause.total_seconds())
        assert pauses == [60, 120]
        connects = [pdu for session in ismg.sessions for pdu in session.of(CONNECT)]
        assert [connect_status(ismg, pdu.body) for pdu in connects] == [0, 0]


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_answer_in_the_other_versions_width_is_read_by_its_length(
    version: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig_bound(BY_VERSION[version], answer_as_other) as rig:
        assert await rig.send() == Accepted(rig.id(1))
    assert "another version" in caplog.text


def answer_as_other(session: Session, pdu: Pdu) -> None:
    """Answer a CONNECT as an ISMG of the other version does, and all else as one of this."""
    ismg = session.ismg
    ours = ismg.version
    if pdu.command == CONNECT:
        ismg.version = 0x50 - ours
        answer_connect(session, pdu, 0)
        session.bound = "901234"
        ismg.version = ours
    else:
        behave(session, pdu)


@pytest.mark.parametrize("is_strict", [False, True])
async def test_a_carrier_that_does_not_know_the_secret(is_strict: bool, caplog: pytest.LogCaptureFixture) -> None:  # noqa: FBT001
    def impostor(session: Session, pdu: Pdu) -> None:
        if pdu.command == CONNECT:
            session.bound = "901234"
            session.answer(pdu, bytes(4) + b"x" * 16 + b"\x30")
        else:
            behave(session, pdu)

    async with listening(CMPP3, impostor) as ismg:
        given = make(CMPP3, ismg.port, verify_ismg=is_strict)
        running = asyncio.create_task(given.run(0, Stored(), EndlessLease()))
        if is_strict:
            with pytest.raises(BindEndedError, match="did not show that it knows the secret"):
                await running
        else:
            await until(lambda: "did not show" in caplog.text)
            running.cancel()
            await asyncio.wait([running])
            assert "did not show that it knows the secret" in caplog.text


@pytest.mark.parametrize("body", [b"", b"\0", b"\3", b"\0\0\0\3", b"\0" * 10])
async def test_an_answer_to_a_connect_of_any_length_is_no_fault(body: bytes) -> None:
    [dialect] = provider("3.0").dialects(0, "secret")
    dialect.bind(3)
    dialect.read(packed(0x80000001, 3, body))


async def test_before_the_connects_answer_a_test_is_answered_and_a_message_is_not_stored() -> None:
    def hasty(session: Session, pdu: Pdu) -> None:
        if pdu.command == CONNECT:
            session.send(0x8, 5)
            session.send(0x5, 6, session.ismg.message("13800138000", "10086", "early").body(session.ismg.version))
            behave(session, pdu)
            session.send(0x5, 7, session.ismg.message("13800138000", "10086", "0000").body(session.ismg.version))
        else:
            behave(session, pdu)

    async with rig_bound(CMPP3, hasty) as rig:
        await rig.server.until(lambda: rig.answers)
        said = [(pdu.command, pdu.sequence) for pdu in rig.session.pdus[1:]]
        assert said == [(0x80000008, 5), (0x80000005, 7)]
        assert rig.inbox.texts == ["0000"]


# ---- bad input


@pytest.mark.parametrize("length", [4097, 11])
async def test_a_pdu_of_impossible_length_ends_the_session(length: int) -> None:
    async with rig_bound(CMPP3) as rig:
        rig.session.write(pack(">III", length, 0x5, 1))
        assert "impossible length" in str(await rig.end())


@pytest.mark.parametrize("version", VERSIONS)
async def test_bad_input_is_counted_and_the_session_goes_on(version: str) -> None:
    async with rig_bound(BY_VERSION[version]) as rig:
        for pdu in (
            packed(0x6, 1, b"x"),
            packed(0x80000004, 99, bytes(12)),
            packed(0x80000077, 1),
            packed(0x5, 4, b"x"),
        ):
            rig.session.write(pdu)
        rig.session.send(0x8, 1234)
        await rig.server.until(lambda: rig.of(0x80000008))
        assert [CMPP3.result_of(pdu) for pdu in rig.answers] == [1]
        assert await rig.send() == Accepted(rig.id(1))


# ---- repeats


@pytest.mark.parametrize("version", VERSIONS)
async def test_what_is_not_answered_is_sent_again_under_its_msg_id(version: str) -> None:
    async with rig_bound(BY_VERSION[version]) as rig:
        rig.server.repeated_after = 0.1
        rig.inbox.go_on.clear()
        delivery = rig.server.message("13800138000", "10086", "0000")
        rig.server.deliver(rig.session, delivery)
        await until(lambda: len(rig.provider._binds[0]._sessions[0]._storing) == 3)
        rig.inbox.go_on.set()
        await rig.server.until(lambda: len(rig.answers) == 3)
        assert {getattr(item, "message_id", "") for item in rig.inbox.found} == {delivery.msg_id.hex()}
