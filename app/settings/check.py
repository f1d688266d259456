"""Read and check the settings. All problems are reported together: setting, place and remedy."""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from app.options import ProviderKinds, ProviderOptions
from app.settings.file import SettingsFile
from app.settings.model import Settings, SettingsError
from app.settings.places import Location, line_of, lines_of
from app.settings.sources import PREFIX, Variable, variables

_SETTING_NAME = re.compile(r"(SMSGW_[A-Z_]+|[a-z_]+(?:\.[^\s:]+?)*)(?=[:\s]|$)")
_CHOICES = re.compile(r"^String should match pattern '\^\(([^()]*)\)\$'$")
_SCHEMES = re.compile(r"^String should match pattern '\^\(([^()]*)\)://'$")
_SIMILARITY_CUTOFF = 0.75


@dataclass(frozen=True, slots=True)
class SettingProblem:
    """A problem with a setting.

    ``place`` is where the setting is set: ``environment``, or file and line; None if it is not set.
    """

    name: str
    place: str | None
    problem: str

    def __str__(self) -> str:
        return f"{self.name}{f' ({self.place})' if self.place else ''}: {self.problem}"


@dataclass
class Sources:
    """Where settings are set: variables by name, and the settings file with its content and line numbers (from 1).

    ``kinds`` are the models of the providers in the file.
    """

    variables: Mapping[str, Variable]
    kinds: ProviderKinds
    path: Path | None = None
    content: dict[str, Any] = field(default_factory=dict)
    lines: Mapping[Location, int] = field(default_factory=dict)

    def place_of_variable(self, name: str) -> str | None:
        """Return where a variable is set; None if it is not."""
        found = self.variables.get(name)
        return found.place if found else None

    def place_in_file(self, location: Location) -> str | None:
        """Return file and line of a setting, or the file alone if its line is not known; None without a file."""
        line = line_of(self.lines, location)
        return f"{self.path}:{line}" if line else str(self.path) if self.path else None

    def locate(self, message: str) -> SettingProblem:
        """Return the problem for an error message; its place is that of the setting that the message begins with."""
        match = _SETTING_NAME.match(message)
        if not match:
            return SettingProblem("settings", None, message)
        name, problem = match[1], message[match.end() :].lstrip(": ")
        place = self.place_of_variable(name) if name.startswith(PREFIX) else self.place_in_file(tuple(name.split(".")))
        return SettingProblem(name, place, problem)


def read(kinds: ProviderKinds) -> tuple[Settings | None, Sources, list[SettingProblem]]:
    """Return the settings (None if they cannot be used), where they are set, and all problems."""
    sources = Sources(variables(), kinds)
    problems = list(_unknown_variables(sources))
    file = SettingsFile()
    if config := sources.variables.get(f"{PREFIX}CONFIG"):
        sources.path = Path(config.value)
        problems += _read_file(sources)
        file, wrong = _validated_file(sources)
        problems += wrong
    try:
        return Settings(file=file), sources, problems
    except ValidationError as error:
        return None, sources, [*problems, *_environment_problems(error, sources)]


def checked_settings(kinds: ProviderKinds) -> Settings:
    """Return the settings. Raise SettingsError with one line for each problem.

    A variable whose name resembles no setting is ignored: orchestrators set their own (``SMSGW_SERVICE_HOST``).
    """
    settings, _, found = read(kinds)
    problems = [problem for problem in found if problem.problem != _NO_SETTING]
    if settings is None or problems:
        raise SettingsError("\n".join(map(str, problems)))
    return settings


# ---- the environment

_NO_SETTING = "is no setting; remove it, or see docs/settings.md for those that there are"


def _unknown_variables(sources: Sources) -> Iterator[SettingProblem]:
    known = [name.upper() for name, item in Settings.model_fields.items() if not item.exclude]
    for name, variable in sources.variables.items():
        bare = name.removeprefix(PREFIX)
        if bare not in known:
            similar = difflib.get_close_matches(bare, known, n=1, cutoff=_SIMILARITY_CUTOFF)
            problem = f"is no setting; did you mean {PREFIX}{similar[0]}?" if similar else _NO_SETTING
            yield SettingProblem(name, variable.place, problem)


def _environment_problems(error: ValidationError, sources: Sources) -> Iterator[SettingProblem]:
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        if not item["loc"]:
            yield from map(sources.locate, item["msg"].removeprefix("Value error, ").splitlines())
            continue
        field_name = str(item["loc"][0])
        name = f"{PREFIX}{field_name.upper()}"
        if item["type"] == "missing":
            yield SettingProblem(
                name, None, "is not set: choose demo, dev, test or production (`smsgw demo` sets demo)"
            )
        else:
            yield SettingProblem(
                name, sources.place_of_variable(name), _explain(item["msg"], Settings.model_fields.get(field_name))
            )


# ---- the file


def _read_file(sources: Sources) -> list[SettingProblem]:
    path = sources.path or Path()
    toml = path.suffix == ".toml"
    try:
        text = path.read_text("utf-8")
        content = tomllib.loads(text) if toml else yaml.safe_load(text)
    except OSError as error:
        problem = f"{path} cannot be read ({error.strerror}); name a file that exists"
        return [SettingProblem(f"{PREFIX}CONFIG", sources.place_of_variable(f"{PREFIX}CONFIG"), problem)]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return [SettingProblem("settings file", f"{path}:{line}", f"is no valid YAML: {error.problem}")]
    except (tomllib.TOMLDecodeError, yaml.YAMLError, UnicodeDecodeError) as error:
        return [SettingProblem("settings file", str(path), f"is no valid {'TOML' if toml else 'YAML'}: {error}")]
    if content is not None and not isinstance(content, dict):
        return [
            SettingProblem("settings file", str(path), "must hold names and values, such as `menu_max_segments: 3`")
        ]
    sources.content, sources.lines = content or {}, lines_of(text, toml=toml)
    return []


def _validated_file(sources: Sources) -> tuple[SettingsFile, list[SettingProblem]]:
    """Return the settings of the file without its invalid parts, and their problems.

    Invalid parts are dropped until the rest is valid, so that all problems are found in one go.
    """
    problems: list[SettingProblem] = []
    content = sources.content
    while True:
        try:
            return SettingsFile.model_validate(content, context=sources.kinds), problems
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
        locations = [tuple(map(str, item["loc"])) for item in found]
        for item, location in zip(found, locations, strict=True):
            problems.append(_file_problem(item["type"], item["msg"], location, sources))
        content = _drop_invalid(content, locations)


def _drop_invalid(content: Mapping[str, Any], locations: Sequence[Location]) -> dict[str, Any]:
    """Return the content without the invalid settings. An invalid provider is dropped as a whole.

    So is ``default_provider``, as it may name a dropped provider.
    """
    providers = {location[1] for location in locations if location[0] == "providers" and len(location) > 1}
    dropped = {location[0] for location in locations if location[0] != "providers" or len(location) == 1}
    rest = {name: value for name, value in content.items() if str(name) not in dropped}
    if providers:
        rest.pop("default_provider", None)
        rest["providers"] = {name: value for name, value in content["providers"].items() if str(name) not in providers}
    return rest


def _file_problem(kind: str, message: str, location: Location, sources: Sources) -> SettingProblem:
    name, place = ".".join(location), sources.place_in_file(location)
    if kind == "extra_forbidden":
        names = _setting_names(_model_at(location[:-1], sources))
        similar = difflib.get_close_matches(location[-1], names, n=1, cutoff=_SIMILARITY_CUTOFF)
        known = f"did you mean {similar[0]}?" if similar else f"there are: {', '.join(names)}"
        return SettingProblem(name, place, f"is no setting; {known}")
    return SettingProblem(
        name, place, "is missing" if kind == "missing" else _explain(message, _field_at(location, sources))
    )


def _setting_names(model: type[BaseModel] | None) -> list[str]:
    return [item.alias or name for name, item in model.model_fields.items()] if model else []


def _field_at(location: Location, sources: Sources) -> FieldInfo | None:
    """Return the model field of a location in the file, or of the nearest location above it."""
    model: type[BaseModel] | None = SettingsFile
    found = None
    for depth, part in enumerate(location):
        if model is None:
            return found
        if location[:depth] == ("providers",):
            model = _provider_model(part, sources)
            continue
        field_here = next((item for name, item in model.model_fields.items() if part in (name, item.alias)), None)
        if field_here is None:
            return found
        found, model = field_here, _model_of(field_here)
    return found


def _model_at(location: Location, sources: Sources) -> type[BaseModel] | None:
    if len(location) == len(("providers", "name")) and location[0] == "providers":
        return _provider_model(location[1], sources)
    found = _field_at(location, sources)
    return SettingsFile if not location else _model_of(found) if found else None


def _provider_model(name: str, sources: Sources) -> type[BaseModel]:
    given = sources.content["providers"][name]
    return sources.kinds.get(str(given.get("kind")), ProviderOptions) if isinstance(given, dict) else ProviderOptions


def _model_of(item: FieldInfo) -> type[BaseModel] | None:
    parts = get_args(item.annotation) or (item.annotation,)
    return next((part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)), None)


# ---- messages


def _explain(message: str, item: FieldInfo | None) -> str:
    """Return pydantic's error message in plainer words, with an example of a valid value."""
    message = message.removeprefix("Value error, ")
    if choices := _CHOICES.match(message):
        return f"must be one of {', '.join(choices[1].split('|'))}"
    if schemes := _SCHEMES.match(message):
        known = [f"{one}://".replace("\\", "") for one in schemes[1].split("|") if "+" not in one]
        return f"must begin with {', '.join(known[:-1])} or {known[-1]}"
    message = message.replace("Input should be", "must be").replace("String should match pattern", "must be like")
    example = item.examples[0] if item is not None and item.examples else None
    if example is None or str(example).startswith("(") or isinstance(example, (list, dict)):
        return message
    return f"{message}; for example {str(example).lower() if isinstance(example, bool) else example}"
