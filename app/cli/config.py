"""``smsgw config``: check and print the settings, and make a seal key."""

import json
from collections.abc import Iterator, Sequence
from datetime import time, timedelta
from enum import Enum
from typing import Annotated
from urllib.parse import urlsplit

import typer
from cryptography.fernet import Fernet
from pydantic import BaseModel, SecretStr
from rich.table import Table
from rich.text import Text

from app.cli.connecting import try_all
from app.cli.terminal import FAILED, examples, out, print_done, print_errors
from app.composition import build_gateway
from app.db.session import normalise_url
from app.domain.storage import StorageUnavailableError
from app.providers import provider_kinds
from app.settings import Settings, SettingsError
from app.settings.check import SettingProblem, Sources, read
from app.settings.sources import PREFIX

app = typer.Typer(help="Settings.", no_args_is_help=True)
_HIDDEN = "(hidden)"
_Row = tuple[str, str, str]


@app.command(
    epilog=examples(
        ("smsgw config check", "exit status 1 if anything is wrong"),
        ("SMSGW_CONFIG=gateway.yaml smsgw config check", "with a settings file that is not in force yet"),
        ("smsgw config check --connect", "exit status 1 if a carrier refuses, too"),
        ("smsgw config check --json", "for programs"),
    )
)
def check(
    *,
    connect: Annotated[
        bool,
        typer.Option(
            "--connect",
            help="Also bind once to each carrier that the gateway holds sessions with, and say what it answered. Where "
            "a gateway runs, the carrier counts one bind more.",
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help='Print JSON: {"problems": […], "settings": […]}, with the same exit status.')
    ] = False,
) -> None:
    """Name each mistake in the settings, its place and a remedy; else print the settings, secrets hidden.

    They are in the order of docs/settings.md.
    """
    settings, sources, problems = read(provider_kinds())
    if settings is not None:
        problems += _assembly_problems(settings, sources)
    found = list(_rows(settings, sources)) if settings is not None and not problems else []
    if as_json:
        _print_json(problems, found)
    elif problems:
        print_errors("\n".join(map(str, problems)))
    if settings is None or problems:
        raise typer.Exit(FAILED)
    if not as_json:
        _print_table(found)
    if connect:
        _connect(settings)


def _rows(settings: Settings, sources: Sources) -> Iterator[_Row]:
    """Yield the name, the value and the place of each setting."""
    yield from _environment_rows(settings, sources)
    yield from _file_rows(settings.file, sources)
    for name in settings.provider_names():
        if name not in settings.file.providers:
            yield f"providers.{name}", "", f"always there in {settings.env.value}"


def _print_table(rows: Sequence[_Row]) -> None:
    table = Table(title="Settings are in order")
    table.add_column("setting", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("from", overflow="fold")
    for name, value, place in rows:
        table.add_row(Text(name), Text(value), Text(place, "dim" if place == "default" else ""))
    out.print(table)


def _print_json(problems: Sequence[SettingProblem], rows: Sequence[_Row]) -> None:
    wrong = [{"setting": one.name, "from": one.place, "problem": one.problem} for one in problems]
    found = [{"setting": name, "value": value, "from": place} for name, value, place in rows]
    out.out(json.dumps({"problems": wrong, "settings": found}, ensure_ascii=False, indent=2))


def _connect(settings: Settings) -> None:
    """Say what the carriers answer to a bind. Exit with a status if one refuses."""
    tried = try_all(settings)
    for one in tried:
        line = f"{one.provider}: {one.answer}"
        if one.is_bound:
            print_done(line)
        elif one.is_bound is None:
            out.print(Text(line), soft_wrap=True)
        else:
            print_errors(line)
    if any(one.is_bound is False for one in tried):
        raise typer.Exit(FAILED)


def _assembly_problems(settings: Settings, sources: Sources) -> list[SettingProblem]:
    """Return the problems that only building the gateway shows.

    The build stops at the first problem, so it is repeated without each setting that is wrong.
    """
    problems: list[SettingProblem] = []
    while True:
        try:
            build_gateway(settings).storage.database.close()
        except SettingsError as error:
            problem = sources.locate(str(error))
            # Then default_provider may name a provider that was left out.
            if problem.name != "default_provider" or not any(one.name.startswith("providers.") for one in problems):
                problems.append(problem)
            rest = _without_setting(settings, problem.name)
            if rest is None:
                return problems
            settings = rest
        except StorageUnavailableError as error:
            name = f"{PREFIX}DATABASE_URL"
            return [*problems, SettingProblem(name, sources.place_of_variable(name), str(error))]
        else:
            return problems


def _without_setting(settings: Settings, name: str) -> Settings | None:
    """Return the settings without the one with this name; None if it cannot be left out."""
    parts = name.split(".")
    file = settings.file
    if name == f"{PREFIX}SEAL_KEY" and settings.seal_key is not None:
        return settings.model_copy(update={"seal_key": None})
    if parts[0] == "aliases" and file.aliases:
        return settings.model_copy(update={"file": file.model_copy(update={"aliases": {}})})
    if parts[0] == "providers" and len(parts) > 1 and parts[1] in file.providers:
        kept = {other: provider for other, provider in file.providers.items() if other != parts[1]}
        default = file.default_provider if file.default_provider in kept else None
        return settings.model_copy(
            update={"file": file.model_copy(update={"providers": kept, "default_provider": default})}
        )
    return None


# ---- the table of values


def _environment_rows(settings: Settings, sources: Sources) -> Iterator[_Row]:
    for field, item in Settings.model_fields.items():
        if not item.exclude:
            name, value = f"{PREFIX}{field.upper()}", getattr(settings, field)
            if value and field in ("database_url", "database_direct_url"):
                value = normalise_url(value).render_as_string(hide_password=True)
            yield name, _display(value), sources.place_of_variable(name) or "default"


def _file_rows(model: BaseModel, sources: Sources, *above: str) -> Iterator[_Row]:
    for field, item in type(model).model_fields.items():
        location, value = (*above, item.alias or field), getattr(model, field)
        if isinstance(value, BaseModel):
            yield from _file_rows(value, sources, *location)
        elif field == "providers" and not above:
            for name, provider in value.items():
                yield from _file_rows(provider, sources, *location, name)
        else:
            place = sources.place_in_file(location) if field in model.model_fields_set else None
            yield ".".join(location), _display(value), place or "default"


def _display(value: object) -> str:  # noqa: PLR0911  one for each kind of value
    """Return a setting as it is written in the settings file, with secrets hidden."""
    match value:
        case None:
            return "unset"
        case SecretStr():
            return _HIDDEN
        case bool():
            return "true" if value else "false"
        case Enum():
            return str(value.value)
        case timedelta():
            hours, rest = divmod(int(value.total_seconds()), 3600)
            return f"{rest}s" if not hours else f"{hours}h" if not rest else f"{hours * 3600 + rest}s"
        case time():
            return f"{value:%H:%M}"
        case list() | tuple():
            return ", ".join(map(_display, value)) or "none"
        case dict():
            return ", ".join(f"{name}: {_display(part)}" for name, part in value.items()) or "none"
        case str() if "://" in value and urlsplit(value).query:
            return f"{value.partition('?')[0]}?{_HIDDEN}"
    return str(value)


@app.command("seal-key", epilog=examples(("smsgw config seal-key", "a new key for SMSGW_SEAL_KEY")))
def make_seal_key() -> None:
    """Print a new key for SMSGW_SEAL_KEY."""
    out.print(Fernet.generate_key().decode(), soft_wrap=True)
