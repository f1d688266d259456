"""Settings of a gateway under test: those of the project, what a test changes in them, and what the kit needs."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from smsgw_testkit.errors import SmsgwError

CARRIER = "carrier"


@dataclass(frozen=True)
class Configuration:
    """Settings that one gateway has.

    Attributes:
        file: a settings file (YAML, TOML or JSON); None for none.
        given: settings in place of those of the file, by their names at the top.
    """

    file: Path | None = None
    given: Mapping[str, object] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The same for configurations that one gateway can have."""
        given = json.dumps(self.given, sort_keys=True, default=str)
        return f"{self.file} {given}"

    @property
    def is_default(self) -> bool:
        """True if a gateway that knows nothing of this has it, too."""
        return self.file is None and not self.given

    def text(self, billing: Mapping[str, str], carrier: Mapping[str, object]) -> str:
        """Return the settings as YAML, which JSON is, too, with the addresses of the kit's receivers.

        ``carrier``: the settings of the provider ``carrier``, whose other side is the kit.

        A project's own ``billing`` is left as it is. Raise SmsgwError for a file that cannot be read.
        """
        added = {"providers": {CARRIER: carrier}}
        if self.file is None:
            return json.dumps(_merged({"billing": billing, **self.given}, added), ensure_ascii=False, default=str)
        try:
            written = self.file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise SmsgwError(f"smsgw_config: {self.file} cannot be read ({why})") from None
        if self.file.suffix in (".toml", ".json"):
            found = _merged({"billing": billing, **_content(self.file, written), **self.given}, added)
            return json.dumps(found, ensure_ascii=False, default=str)
        return self._in_yaml(written, billing, added)

    def _in_yaml(self, written: str, billing: Mapping[str, str], added: Mapping[str, Mapping[str, object]]) -> str:
        """Return YAML with settings replaced as text: the kit has no library that reads it."""
        written = f"{written.rstrip()}\n"
        for name in self.given:
            written = re.sub(
                rf"^{re.escape(name)}\s*:.*\n?(?:(?:[ \t#\-\]}}].*|[ \t]*)\n)*", "", written, flags=re.MULTILINE
            )
        rest = dict(self.given)
        if "billing" not in rest and not re.search(r"^billing\s*:", written, re.MULTILINE):
            rest["billing"] = billing
        for name, more in added.items():
            block = re.search(rf"^{name}\s*:[ \t]*(?:#.*)?\n((?:[ \t]*(?:#.*)?\n)*)([ \t]+)", written, re.MULTILINE)
            flow = re.search(rf"^{name}\s*:[ \t]*\{{(?=\s*([^\s]))", written, re.MULTILINE)
            if flow is not None:
                first = ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in more.items())
                written = f"{written[: flow.end()]}{first}{'' if flow[1] == '}' else ', '}{written[flow.end() :]}"
            elif block is None:
                rest[name] = _merged({name: rest.get(name, {})}, {name: more})[name]
            else:
                lines = "".join(f"{block[2]}{key}: {json.dumps(value)}\n" for key, value in more.items())
                written = written[: block.start(2)] + lines + written[block.start(2) :]
        lines = "".join(
            f"{name}: {json.dumps(value, ensure_ascii=False, default=str)}\n" for name, value in rest.items()
        )
        return f"{written.rstrip()}\n{lines}"


def _content(file: Path, written: str) -> dict[str, object]:
    """Return the settings in TOML or JSON. Raise SmsgwError if they are not."""
    try:
        found = tomllib.loads(written) if file.suffix == ".toml" else json.loads(written)
    except ValueError as error:
        raise SmsgwError(f"smsgw_config: {file} is no {file.suffix[1:].upper()}: {error}") from None
    if not isinstance(found, dict):
        raise SmsgwError(f"smsgw_config: {file} must be settings by name")
    return found


def _merged(one: Mapping[str, object], other: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    found = dict(one)
    for name, more in other.items():
        before = found.get(name)
        found[name] = {**(before if isinstance(before, dict) else {}), **more}
    return found
