"""Line numbers of the settings in the settings file."""

import re
from collections.abc import Iterator, Mapping

import yaml

# The path of a setting: the names, or indexes of a list, that lead to it.
Location = tuple[str, ...]
_TABLE = re.compile(r"\s*\[\[?([^\]]+)\]\]?")
_KEY = re.compile(r"\s*([A-Za-z0-9_\-.\"']+)\s*=")


def lines_of(text: str, *, toml: bool) -> Mapping[Location, int]:
    """Return the line number, from 1, of every setting in a file; nothing for YAML that cannot be parsed."""
    if toml:
        return dict(_in_toml(text))
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return {}
    return dict(_in_yaml(root, ()))


def line_of(lines: Mapping[Location, int], location: Location) -> int | None:
    """Return the line number of a setting, or of the nearest location above it that has one."""
    while location:
        if location in lines:
            return lines[location]
        location = location[:-1]
    return None


def _in_yaml(node: yaml.Node | None, above: Location) -> Iterator[tuple[Location, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*above, str(key.value))
            yield here, key.start_mark.line + 1
            yield from _in_yaml(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            here = (*above, str(number))
            yield here, value.start_mark.line + 1
            yield from _in_yaml(value, here)


def _in_toml(text: str) -> Iterator[tuple[Location, int]]:
    table: Location = ()
    for number, line in enumerate(text.splitlines(), 1):
        if found := _TABLE.match(line):
            table = _dotted(found[1])
            yield table, number
        elif found := _KEY.match(line):
            yield (*table, *_dotted(found[1])), number


def _dotted(name: str) -> Location:
    return tuple(part.strip().strip("\"'") for part in name.split("."))
