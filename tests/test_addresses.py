"""What can be called, and what of that is the internet's."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from app.addresses import address_of, address_violation, is_public


@pytest.mark.parametrize(
    "address",
    ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8", "2002:808:808::1",
     "2001:0:808:808::f7f7:f7f7", "2606:4700::5efe:8.8.8.8"],
)  # fmt: skip
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
        "255.255.255.255", "240.0.0.1", "198.18.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
        "ff02::1", "ff0e::1", "2001:db8::1", "3fff::1", "100::1", "5f00::1", "4000::1", "fec0::1", "2001:20::1",
    ],
)  # fmt: skip
def test_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1"])
@pytest.mark.parametrize(
    "around",
    [
        "::{v4}", "::ffff:{v4}", "::ffff:0:{v4}", "64:ff9b::{v4}", "64:ff9b:1::{v4}", "2002:{hex}::1", "2001:0:{hex}::",
        "2001:0:808:808::{inverse}", "2606:4700::5efe:{v4}", "2606:4700::200:5efe:{v4}",
    ],
)  # fmt: skip
def test_an_address_is_no_more_public_than_the_one_inside_of_it(around: str, inside: str) -> None:
    number = [int(part) for part in inside.split(".")]
    high, low = number[0] << 8 | number[1], number[2] << 8 | number[3]
    parts = {"v4": inside, "hex": f"{high:x}:{low:x}", "inverse": f"{high ^ 0xFFFF:x}:{low ^ 0xFFFF:x}"}
    assert not is_public(around.format(**parts))


@pytest.mark.parametrize(
    "url",
    [
        "https://sp.example:99999/", "https://", "https:///x", "https:x", "sp.example", "javascript:alert(1)",
        "ftp://sp.example/", "https://sp.example:0/", "https://münchen.example/", "https://203.0.113.07/events",
        "https://256.1.1.1/", "https://10.20.30.400/events", "https://[v1.x]/", "https://0177.0.0.1/", "https://1.2.3/",
        "https://0x7f.1/", "https://0x7f000001/", "https://2130706433/", "https://127.1./", "https://a..b/",
        "https://.b/", f"https://{'a' * 64}.example/", f"https://{'a.' * 130}example/", "https://*.example/",
        "https://[fe80::1%25eth0]/", "https://[1.2.3.4]/", "https://[::1/", "https://a b/", "https://a/b c",
        "https://a/\x7f", "ht\ntp://a/", " https://a/", "https://a\\@b/", "https://a%41/", "https://a:b/",
    ],
)  # fmt: skip
def test_what_is_no_address_is_named_as_such(url: str) -> None:
    fault = address_violation(url)
    assert fault
    assert "https://sp.example/events" in fault


@pytest.mark.parametrize("url", ["https://u@sp.example/", "https://u:p@sp.example/", "https://:p@sp.example/"])
def test_an_address_holds_no_password(url: str) -> None:
    assert "user or password" in (address_violation(url) or "")


@pytest.mark.parametrize(
    "url",
    [
        "https://sp.example/events", "HTTPS://SP.Example:8443/a?b=c", "https://sp.example./", "https://a_b.example/",
        "http://127.0.0.1:9000/send", "http://localhost:1/", "https://[::1]:80/", "https://[::ffff:1.2.3.4]/",
        "https://xn--mnchen-3ya.example/%E5%8D%81", "https://4you.example/", "https://1.2.3.4.example/",
    ],
)  # fmt: skip
def test_what_can_be_called_is_taken(url: str) -> None:
    assert address_violation(url) is None


HOSTS = st.from_regex(r"[0-9a-fx.\[\]:%@_-]{0,20}", fullmatch=True)


@given(st.one_of(st.text(max_size=30), HOSTS), st.sampled_from(["", ":80", ":-1", ":٣", ":99999", "/..", "?", "#@"]))
def test_whatever_is_taken_can_be_used_by_the_code_that_sends(host: str, rest: str) -> None:
    text = f"https://{host}{rest}"
    if address_violation(text) is not None:
        return
    url = address_of(text)
    request = httpx.Request("POST", url, headers={"host": url.netloc.decode("ascii")})
    sent = URL(str(request.url))
    assert sent.host
    assert sent.port
    sent.host.encode("idna")
