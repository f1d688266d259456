"""Local gateways refuse other host names and writes from other sites' pages on every route (safety.md 36)."""

from collections.abc import AsyncIterator

import httpx
import pytest

from app.main import create_app
from app.providers import provider_kinds
from app.settings import Environment, SettingsFile
from app.settings.check import checked_settings
from app.settings.model import SettingsError
from tests.running import options_of, settings_for
from tests.web.calls import Web, assert_problem, message, serving

pytestmark = pytest.mark.anyio
TOKEN = "0123456789abcdefghijKLMNOP"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
FILE = SettingsFile(
    providers={
        "signed": options_of(kind="generic", secret=SECRET),
        "hidden": options_of(kind="generic", path_token=TOKEN),
        "fenced": options_of(kind="generic", allowed_ips=["127.0.0.0/8"]),
    }
)


@pytest.fixture
async def web(sqlite_url: str) -> AsyncIterator[Web]:
    """A local gateway with a provider for each kind of webhook authentication."""
    given = settings_for(sqlite_url, file=FILE).model_copy(update={"allowed_hosts": ["Gateway.Example.", "192.0.2.7"]})
    async with serving(given) as started:
        yield started


async def call(web: Web, host: str | None, method: str = "GET", path: str = "/livez", **headers: str) -> httpx.Response:
    request = web.client.build_request(method, path, headers=headers, json=message() if method == "POST" else None)
    del request.headers["host"]
    if host is not None:
        request.headers = httpx.Headers({**request.headers, "host": host}, encoding="utf-8")
    return await web.client.send(request)


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST", "localhost.", "localhost:8086", "localhost.:1", "127.0.0.1", "127.0.0.1:9000",
        "127.9.9.9", "[::1]", "[::1]:8086", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]:80", "gateway.example",
        "GATEWAY.example:443", "192.0.2.7",
    ],
)  # fmt: skip
async def test_loopback_names_and_those_that_are_set_are_answered(web: Web, host: str) -> None:
    assert (await call(web, host)).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        None, "", "rebind.evil.example", "rebind.evil.example:8086", "localhost.evil.example", "evillocalhost",
        "127.0.0.1.evil.example", "localhost@evil.example", "evil.example#localhost", "evil.example/localhost",
        "localhost/evil", "localhost?", "localhost:x", "127.1", "2130706433", "0x7f.0.0.1", "10.0.0.1",
        "[::2]", "::1", "[::1", "gateway.example.evil.example", "sub.gateway.example", "192.0.2.77", "localhost localhost",
        "localhost..", "localhost\x00", "ｌocalhost", "*",
    ],
)  # fmt: skip
async def test_any_other_name_is_refused_with_the_setting_to_change(web: Web, host: str | None) -> None:
    assert "SMSGW_ALLOWED_HOSTS" in assert_problem(await call(web, host), 421)


async def test_two_host_headers_are_refused(web: Web) -> None:
    request = httpx.Request("GET", "http://localhost/livez", headers=[("host", "localhost"), ("host", "evil.example")])
    assert (await web.client.send(request)).status_code == 421


def paths() -> list[tuple[str, str]]:
    described = create_app(settings_for("sqlite://")).openapi()["paths"]
    found = [(how.upper(), path) for path, operations in described.items() for how in operations]
    assert len(found) > 60
    return [
        *found,
        ("POST", "/nowhere"),
        ("GET", "/"),
        ("GET", "/docs"),
        ("GET", "/static/docs.js"),
        ("OPTIONS", "/livez"),
    ]


WRITES = {"POST", "PUT", "PATCH", "DELETE"}


async def test_no_route_answers_another_name_or_takes_a_write_of_another_page(web: Web) -> None:
    for method, path in paths():
        assert (await call(web, "evil.example", method, path)).status_code == 421, (method, path)
        if path.endswith("{msisdn}/events"):
            continue  # an endless stream
        own = await call(web, "localhost", method, path, origin="http://localhost", **{"sec-fetch-site": "same-origin"})
        assert own.status_code != 421, (method, path)
        for said in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
            answer = await call(web, "localhost", method, path, **said)
            assert (answer.status_code == 403) is (method in WRITES), (method, path)


FOREIGN = [
    "http://evil.example", "https://localhost.evil.example", "null", "NULL", "", "http://localhost:3000",
    "http://127.0.0.1", "https://localhost", "http://localhost/", "http://localhost@evil.example", "localhost",
    "http://localhost http://evil.example", "file://", "chrome-extension://abcdef", "http://[::1]",
]  # fmt: skip


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_write_of_another_origin_is_refused_and_changes_nothing(web: Web, origin: str) -> None:
    for path in ("/webhooks/generic/inbound", "/simulator/handsets/13800138000/messages", "/simulator/reset"):
        assert_problem(await call(web, "localhost:80", "POST", path, origin=origin), 403)
    assert await web.running.say("0000")


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site", "", "whatever"])
async def test_a_write_that_the_browser_marks_as_cross_site_is_refused(web: Web, site: str) -> None:
    answer = await call(web, "localhost", "POST", "/webhooks/generic/inbound", **{"sec-fetch-site": site})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8086", "http://localhost:8086"),
        ("LOCALHOST:8086", "http://localhost:8086"),
        ("127.0.0.1", "http://127.0.0.1"),
        ("[::1]:8086", "http://[::1]:8086"),
        ("localhost:443", "https://localhost"),
        ("gateway.example", "https://gateway.example"),
    ],
)
async def test_own_pages_and_programs_can_write(web: Web, host: str, origin: str) -> None:
    path = "/webhooks/generic/inbound"
    own = await call(web, host, "POST", path, origin=origin, **{"sec-fetch-site": "same-origin"})
    assert own.status_code == 202
    assert (await call(web, host, "POST", path)).status_code == 200
    assert (await call(web, host, "POST", path, **{"sec-fetch-site": "none"})).status_code == 200


async def test_an_authenticated_carrier_can_use_any_name(web: Web) -> None:
    tunnel = "abc.tunnel.example"
    assert (await call(web, tunnel, "POST", "/webhooks/signed/inbound")).status_code == 401
    assert (await call(web, tunnel, "POST", f"/webhooks/hidden/{TOKEN}/inbound")).status_code == 202
    assert (await call(web, tunnel, "POST", "/webhooks/hidden/inbound")).status_code == 401
    for path in (
        "/webhooks/fenced/inbound",
        "/webhooks/generic/inbound",
        "/webhooks/nobody/inbound",
        "/webhooks/signed2/inbound",
    ):
        assert (await call(web, tunnel, "POST", path)).status_code == 421
    foreign = await call(web, tunnel, "POST", f"/webhooks/hidden/{TOKEN}/inbound", origin="https://evil.example")
    assert foreign.status_code == 403
    by_picture = await call(web, "localhost", "GET", "/webhooks/generic/inbound", **{"sec-fetch-site": "cross-site"})
    assert by_picture.status_code == 403, "some carriers call by GET, and so does a picture of a page"


async def test_it_answers_to_the_host_that_it_listens_on(sqlite_url: str) -> None:
    app = create_app(settings_for(sqlite_url), "Box.Example")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://box.example:8086") as client:
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/livez", headers={"host": "localhost"})).status_code == 200
        assert (await client.get("/livez", headers={"host": "other.example"})).status_code == 421


@pytest.mark.parametrize("env", ["demo", "dev", "test", "production"])
async def test_only_production_does_not_check_host_and_origin(sqlite_url: str, env: str) -> None:
    file = SettingsFile(default_provider="out", providers={"out": options_of(kind="generic", secret=SECRET, send_url="https://carrier.example/send"
    )})  # fmt: skip
    app = create_app(settings_for(sqlite_url, Environment(env), file))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://sms.example") as client:
        answer = await client.get("/livez", headers={"origin": "https://elsewhere.example"})
        assert answer.status_code == (200 if env == "production" else 421)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("", []),
        ("gateway.example", ["gateway.example"]),
        ("a.example, [::1],192.0.2.7", ["a.example", "[::1]", "192.0.2.7"]),
    ],
)
def test_the_setting_is_a_list_with_commas(monkeypatch: pytest.MonkeyPatch, given: str, names: list[str]) -> None:
    monkeypatch.setenv("SMSGW_ENV", "test")
    monkeypatch.setenv("SMSGW_ALLOWED_HOSTS", given)
    assert checked_settings(provider_kinds()).allowed_hosts == names


@pytest.mark.parametrize("given", ["*", "http://gateway.example", "gateway.example:8086", "a b", "a,,b", '["a"]'])
def test_an_invalid_name_stops_the_start(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("SMSGW_ENV", "test")
    monkeypatch.setenv("SMSGW_ALLOWED_HOSTS", given)
    with pytest.raises(SettingsError, match="SMSGW_ALLOWED_HOSTS"):
        checked_settings(provider_kinds())
