"""The URL of a running gateway, for the commands that call one."""

from urllib.parse import urlsplit

from app.cli.handset.words import NO_URL
from app.cli.terminal import WRONG_USE, exit_with_error
from app.domain.account import Language
from app.settings.sources import variables

_DEFAULT_PORT = "8086"


def gateway_url(given: str | None, language: Language = Language.EN) -> str:
    """Return the URL ``given``, or that of this machine's gateway. End the command if it is not an HTTP URL."""
    port = variables().get("SMSGW_PORT")
    url = given or f"http://127.0.0.1:{port.value if port else _DEFAULT_PORT}"
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        fits = False
    if not fits:
        exit_with_error(NO_URL.say(language, url=url), WRONG_USE)
    return url
