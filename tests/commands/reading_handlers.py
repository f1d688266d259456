"""Finds the kinds of records that a function reads, itself or through what it calls, from the source of the commands."""

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import FunctionType, ModuleType

from app.db.records import KINDS
from app.domain.records import Record

_CHECKS = frozenset({"isinstance", "issubclass"})


def kinds_read_by(function: Callable[..., object]) -> frozenset[type[Record]]:
    """Return the kinds of records that a function of ``app.commands`` may ask an account for."""
    assert isinstance(function, FunctionType)
    seen: set[FunctionType] = set()
    waiting = [function]
    found: set[type[Record]] = set()
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        kinds, called = _direct(current)
        found |= kinds
        waiting += called
    return frozenset(found)


@cache
def _direct(function: FunctionType) -> tuple[frozenset[type[Record]], tuple[FunctionType, ...]]:
    """Return the kinds that a function itself names to read, and the functions of the commands that it refers to."""
    module = sys.modules[function.__module__]
    # Methods that dataclasses generate have no source in the module.
    if not module.__name__.startswith("app.commands") or function.__code__.co_filename != module.__file__:
        return frozenset(), ()
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    kinds: set[type[Record]] = set()
    called: list[FunctionType] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            kinds.update(_kinds_asked_for(node, function))
        if isinstance(node, ast.Attribute) and node.attr == "records" and ast.unparse(node.value).endswith("account"):
            kinds.update(KINDS)
        called += _functions_in(_referred(node, function))
    return frozenset(kinds), tuple(called)


def _kinds_asked_for(call: ast.Call, function: FunctionType) -> Iterator[type[Record]]:
    """Yield the kinds of records among the arguments of a call, such as ``records_of(Charge)``."""
    if isinstance(call.func, ast.Name) and call.func.id in _CHECKS:
        return
    for argument in call.args:
        kind = _referred(argument, function)
        if isinstance(kind, type) and issubclass(kind, Record):
            yield kind


def _referred(node: ast.AST, function: FunctionType) -> object:
    """Return the module's value that a name, or a name of an imported module, stands for; None for anything else."""
    if isinstance(node, ast.Name):
        return function.__globals__.get(node.id)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        module = function.__globals__.get(node.value.id)
        return getattr(module, node.attr, None) if isinstance(module, ModuleType) else None
    return None


def _functions_in(found: object) -> Iterator[FunctionType]:
    """Yield a function, the methods of a class, or the functions in a table."""
    if isinstance(found, FunctionType):
        yield found
    elif isinstance(found, type) and found.__module__.startswith("app.commands"):
        for member in vars(found).values():
            plain = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            if isinstance(plain, FunctionType):
                yield plain
    elif isinstance(found, Mapping):
        for item in found.values():
            yield from _functions_in(item)
    elif isinstance(found, tuple):
        for item in found:
            yield from _functions_in(item)
