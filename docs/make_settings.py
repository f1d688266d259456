# ruff: noqa: INP001  a script beside what it writes, not part of a package
"""Generates docs/settings.md from the settings' models; ``--check`` fails if the page is not up to date."""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import time, timedelta
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from app.options import ProviderOptions
from app.providers import provider_kinds
from app.settings import Settings
from app.settings.file import BillingFile, Hours, ProbeFile, RetentionFile, SettingsFile, Windows

PAGE = Path(__file__).with_name("settings.md")
EXAMPLE = """\
default_provider: simulator
aliases: {CHA: "0000"}
windows: {listing: 90m}
quiet_hours: {from: "21:30", to: "08:00"}
menu_max_segments: 3
providers:
  simulator:
    kind: simulator
  carrier:
    kind: generic
"""
HEAD = """\
# Settings

Made by `python docs/make_settings.py` from `app/settings`, `app/options.py` and `app/providers`; change the
descriptions there.

Settings come from two places: environment variables, which may also be in a file `.env` in the working directory (the
environment takes precedence), and one settings file, YAML or TOML, that `SMSGW_CONFIG` names. All are read once, at the
start. Any problem stops the start. All problems are reported together: the setting's name, its place (the environment,
or the line of `.env` or of the settings file) and what would be right; for an unknown name, a similar one is suggested.
`smsgw config check` reports the same without starting anything, and names every variable `SMSGW_…` that is not a
setting. Without problems it prints the settings in force, secrets hidden, and where each value comes from.

A setting whose meaning ends in "not used yet" is accepted and checked, and has no effect so far.
"""
FILE_HEAD = """\
A file named `*.toml` is TOML, any other YAML. Unknown names are refused. A length is a whole number and a unit: `90s`,
`30m`, `2h`, `1d`. Times of day are those of Asia/Shanghai.
"""
PROVIDERS_HEAD = """\
Each provider has a name, which is part of the path of its webhooks: `/webhooks/carrier/inbound`. In demo and test two
always exist: `generic` and `simulator`, each of the kind of its name.

All kinds have these settings; each kind has more:
"""


class UndescribedError(Exception):
    """A field without a description cannot be documented."""


# ---- types and values


_NAMES: dict[object, str] = {
    bool: "boolean",
    timedelta: "length",
    time: "time of day",
    Path: "path",
    SecretStr: "secret",
    IPv4Network | IPv6Network: "address or network",
    dict: "map of texts",
}


def _type_name(annotation: Any, metadata: list[Any]) -> str:  # noqa: ANN401  an annotation is anything
    """Return the type of a setting in words."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if name := _NAMES.get(annotation) or _NAMES.get(get_origin(annotation)):
        return name
    if get_origin(annotation) in (Union, UnionType):
        return " or ".join(_type_name(part, metadata) for part in get_args(annotation) if part is not NoneType)
    if get_origin(annotation) is list:
        return f"list of {_plural(_type_name(get_args(annotation)[0], []))}"
    if issubclass(annotation, Enum):
        return _one_of([str(member.value) for member in annotation])
    if annotation is str:
        return _text(next((item.pattern for item in metadata if getattr(item, "pattern", None)), None))
    return f"{'integer' if annotation is int else 'number'}{_bounds(metadata)}"


def _plural(words: str) -> str:
    return " or ".join(f"{word}{'es' if word.endswith('s') else 's'}" for word in words.split(" or "))


def _text(pattern: str | None) -> str:
    if pattern is None:
        return "text"
    choices = pattern.removeprefix("^(").removesuffix(")$").split("|")
    return _one_of(choices) if len(choices) > 1 else f"text like `{pattern}`"


def _one_of(choices: list[str]) -> str:
    quoted = [f"`{choice}`" for choice in choices]
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _bounds(metadata: list[Any]) -> str:
    words = {"ge": "from", "gt": "above", "le": "to"}
    found = [
        f" {word} {getattr(item, name)}" for item in metadata for name, word in words.items() if hasattr(item, name)
    ]
    return "".join(found)


def _value(value: object) -> str:
    """Return a value as it is written in the settings file."""
    match value:
        case timedelta():
            hours, rest = divmod(int(value.total_seconds()), 3600)
            return f"`{f'{rest}s' if rest else f'{hours}h'}`"
        case time():
            return f"`{value:%H:%M}`"
        case str():
            return value if value.startswith("(") else f"`{value}`"
        case _:
            return f"`{json.dumps(value)}`"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    return "unset" if default is None else _value(default)


# ---- tables


def _row(name: str, field: FieldInfo) -> str:
    if not field.description or not field.examples:
        raise UndescribedError(f"{name}: give its Field in app/settings a description and examples")
    example = _value(field.examples[0])
    cells = (f"`{name}`", _type_name(field.annotation, field.metadata), _default(field), example, field.description)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _table(
    model: type[BaseModel], prefix: str = "", *, upper: bool = False, known: type[BaseModel] | None = None
) -> str:
    """Return the table of a model's settings, without those of ``known``; empty if there are no others."""
    rows = [
        _row(prefix + (name.upper() if upper else field.alias or name), field)
        for name, field in model.model_fields.items()
        if not field.exclude and not _is_section(field) and not (known and name in known.model_fields)
    ]
    if not rows:
        return ""
    return "\n".join(["| setting | type | default | example | meaning |", "|---|---|---|---|---|", *rows]) + "\n"


def _is_section(field: FieldInfo) -> bool:
    """Return True if a field contains further settings, which get a table of their own."""
    parts = [
        get_args(part)[0] if get_origin(part) is Annotated else part
        for part in get_args(field.annotation) or (field.annotation,)
    ]
    return any(isinstance(part, type) and issubclass(part, BaseModel) for part in parts)


def _kinds() -> Iterator[str]:
    """Yield the settings of each kind of provider; of one that extends another kind only what it adds."""
    shown: dict[str, type[ProviderOptions]] = {}
    for kind, model in provider_kinds().items():
        yield f"#### Kind `{kind}`\n"
        like = next((other for other, known in shown.items() if issubclass(model, known)), None)
        about = (model.__doc__ or "").partition("\n\n")[0]
        yield f"{about}{f' The settings are those of `{like}`.' if like else ''}\n"
        if table := _table(model, "providers.<name>.", known=shown[like] if like else ProviderOptions):
            yield table
        shown[kind] = model


def _sections() -> Iterator[str]:
    yield HEAD
    yield "## Environment variables\n"
    yield _table(Settings, "SMSGW_", upper=True)
    yield "## The settings file\n"
    yield FILE_HEAD
    yield _table(SettingsFile)
    yield _table(Windows, "windows.")
    yield _table(Hours, "quiet_hours.")
    yield _table(RetentionFile, "retention.")
    yield _table(BillingFile, "billing.")
    yield _table(ProbeFile, "probe.")
    yield "### Providers\n"
    yield PROVIDERS_HEAD
    yield _table(ProviderOptions, "providers.<name>.")
    yield from _kinds()
    yield "## An example\n"
    yield f"```yaml\n{EXAMPLE}```\n"


def page() -> str:
    """Return the page's text.

    Raises UndescribedError if a field has no description, ValidationError if the example is invalid.
    """
    SettingsFile.model_validate(yaml.safe_load(EXAMPLE))
    return "\n".join(_sections())


def main() -> int:
    """Write or check the page; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if the page is not up to date")
    checking = parser.parse_args().check
    try:
        text = page()
    except UndescribedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if not checking:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"docs/{PAGE.name} is not up to date: run `python docs/make_settings.py`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
