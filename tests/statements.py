"""The statements that run on a database, those that go past SQLAlchemy to SQLite's driver included."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

from app.db import claims, rows, writing

# The modules with such statements.
_PAST_SQLALCHEMY: tuple[Any, ...] = (rows, writing, claims)
# Gets a statement, and the parameters of one execution.
Listener = Callable[[str, tuple[object, ...]], None]


class _Driver:
    """SQLite's connection, as far as statements go past SQLAlchemy, with a listener."""

    def __init__(self, driver: sqlite3.Connection, listener: Listener) -> None:
        self._driver = driver
        self._listener = listener

    def execute(self, sql: str, given: Iterable[Any]) -> sqlite3.Cursor:
        found = tuple(given)
        self._listener(sql, found)
        return self._driver.execute(sql, found)

    def executemany(self, sql: str, given: Iterable[tuple[Any, ...]]) -> sqlite3.Cursor:
        many = list(given)
        self._listener(sql, many[0])
        return self._driver.executemany(sql, many)


@contextmanager
def listening(listener: Listener, *engines: Engine) -> Iterator[None]:
    """Call the listener before each statement of these engines, once for a statement with many rows."""

    def execute(*given: object) -> None:
        _, _, statement, parameters, _, many = given
        listener(str(statement), parameters[0] if many else parameters)  # type: ignore[index, arg-type]  # SQLAlchemy's

    driver_of = rows.driver_of

    def listened(connection: Connection) -> _Driver | sqlite3.Connection:
        found = driver_of(connection)
        return _Driver(found, listener) if connection.engine in engines else found

    for engine in engines:
        event.listen(engine, "before_cursor_execute", execute)
    for module in _PAST_SQLALCHEMY:
        module.driver_of = listened
    try:
        yield
    finally:
        for module in _PAST_SQLALCHEMY:
            module.driver_of = driver_of
        for engine in engines:
            event.remove(engine, "before_cursor_execute", execute)
