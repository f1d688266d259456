"""What Citus would say to a statement, without Citus: it refuses some, and answers some wrongly.

The rules are those of its version 13.2. All tables with a bucket are distributed by it, and the others are copied to every
node. The statements of all tests with PostgreSQL can be checked (``make citus-statements``).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pglast import ast, parse_sql
from pglast.enums import A_Expr_Kind, BoolExprType, OnConflictAction
from pglast.visitors import Skip, Visitor
from sqlalchemy import Connection, Engine, event

from app.db.schema import metadata
from app.domain.msisdn import BUCKETS

# A node of pglast's tree, whose attributes depend on the statement.
Node = Any
# As many pieces as stand for the shards of a cluster.
_PIECES = 4
DISTRIBUTED = frozenset(table.name for table in metadata.sorted_tables if "bucket" in table.c)
_BUCKET = "bucket"


@dataclass
class _Level:
    """A SELECT, UPDATE or DELETE: its tables by their aliases, and its conditions that are joined by AND."""

    tables: dict[str, str] = field(default_factory=dict)
    # Names of what is read beside tables: subqueries and functions.
    others: set[str] = field(default_factory=set)
    conditions: list[Node] = field(default_factory=list)

    @property
    def distributed(self) -> set[str]:
        return {alias for alias, name in self.tables.items() if name in DISTRIBUTED}


def pieces(_cursor: object) -> tuple[tuple[int, ...], ...]:
    """Return pieces of the buckets, as ``distribution`` would find them."""
    return tuple(tuple(range(first, BUCKETS, _PIECES)) for first in range(_PIECES))


@contextmanager
def checked() -> Iterator[list[str]]:
    """Check the statements that run on any PostgreSQL database. Yield a list, which gets what is refused."""
    refused: list[str] = []

    def check(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if connection.dialect.name == "postgresql":
            refused.extend(f"{fault}: {statement}" for fault in _faults_of(statement))

    event.listen(Engine, "before_cursor_execute", check)
    try:
        yield refused
    finally:
        event.remove(Engine, "before_cursor_execute", check)


@cache
def _faults_of(statement: str) -> list[str]:
    return faults(statement)


def faults(sql: str) -> list[str]:
    """Return why Citus would refuse a statement, or answer it wrongly; nothing if it takes it."""
    return [fault for parsed in parse_sql(_numbered(sql)) for fault in _of_statement(parsed.stmt)]


def _numbered(sql: str) -> str:
    """Return a statement with placeholders of PostgreSQL in place of the driver's."""
    parts = sql.replace("%%", "%").split("%(")
    return parts[0] + "".join(f"$1{part.partition(')s')[2]}" for part in parts[1:])


def _of_statement(statement: Node) -> Iterator[str]:
    match statement:
        case ast.SelectStmt():
            yield from _of_select(statement)
        case ast.InsertStmt() if statement.selectStmt is not None:
            yield from _of_insert(statement)
        case ast.UpdateStmt() | ast.DeleteStmt():
            yield from _of_change(statement)


def _of_select(select: ast.SelectStmt) -> Iterator[str]:
    level = _level(select.fromClause or (), select.whereClause)
    if select.lockingClause:
        yield from (
            f"locks rows of many shards: {alias}" for alias in level.distributed if not _is_pinned(level, alias)
        )
    yield from _of_joins(level)
    yield from _of_subqueries(select, level, writes=False)


def _of_insert(insert: ast.InsertStmt) -> Iterator[str]:
    conflict = insert.onConflictClause
    if conflict and conflict.action == OnConflictAction.ONCONFLICT_NOTHING and not insert.returningClause:
        yield "counts the rows that were given, not those inserted: RETURNING is missing"
    yield from _of_statement(insert.selectStmt)


def _of_change(change: ast.UpdateStmt | ast.DeleteStmt) -> Iterator[str]:
    further = (change.fromClause if isinstance(change, ast.UpdateStmt) else change.usingClause) or ()
    level = _level((change.relation, *further), change.whereClause)
    yield from _of_joins(level)
    if level.distributed:
        yield from _of_subqueries(change, level, writes=True)


# ---- joins and buckets


def _of_joins(level: _Level) -> Iterator[str]:
    """All distributed tables have to be joined by their buckets, directly or by way of others."""
    left = sorted(alias for alias in level.distributed if not _is_pinned(level, alias))
    if left:
        reached = _joined_to({left[0]}, level)
        yield from (f"joins {alias} by something else than its bucket" for alias in left if alias not in reached)


def _joined_to(aliases: set[str], level: _Level) -> set[str]:
    """Return the aliases whose buckets equal those of ``aliases``, directly or by way of others."""
    reached, before = set(aliases), 0
    while before != len(reached):
        before = len(reached)
        for one, other in _equal_buckets(level):
            if {one, other} & reached:
                reached |= {one, other}
    return reached


def _equal_buckets(level: _Level) -> Iterator[tuple[str, str]]:
    for condition in level.conditions:
        if isinstance(condition, ast.A_Expr) and _operator(condition) == "=":
            columns = [_column(condition.lexpr), _column(_by_index(condition.rexpr))]
            aliases = [column[0] for column in columns if column and column[1] == _BUCKET and column[0]]
            if len(aliases) == len(columns):
                yield aliases[0], aliases[1]


def _is_pinned(level: _Level, alias: str) -> bool:
    """Return True if the bucket of a table equals a value, or one of an array, which may be the buckets of a shard."""
    names = {alias, ""} if len(level.tables) + len(level.others) == 1 else {alias}
    for condition in level.conditions:
        if not isinstance(condition, ast.A_Expr) or _operator(condition) != "=":
            continue
        column = _column(condition.lexpr)
        if column and column[1] == _BUCKET and column[0] in names and _is_given(condition.rexpr):
            return True
    return False


def _is_given(value: Node) -> bool:
    while isinstance(value, ast.TypeCast):
        value = value.arg
    if isinstance(value, ast.A_ArrayExpr):
        return all(_is_given(one) for one in value.elements or ())
    return isinstance(value, ast.ParamRef | ast.A_Const)


def _by_index(value: Node) -> Node:
    """Return the value in ``ANY (ARRAY[value])``, which stands for ``=`` where tables are not distributed."""
    if isinstance(value, ast.A_ArrayExpr) and value.elements and len(value.elements) == 1:
        return value.elements[0]
    return value


def _operator(expression: ast.A_Expr) -> str:
    is_plain = expression.kind in (A_Expr_Kind.AEXPR_OP, A_Expr_Kind.AEXPR_OP_ANY)
    names: tuple[Node, ...] = expression.name or ()
    return str(names[-1].sval) if is_plain else ""


def _column(value: Node) -> tuple[str, str] | None:
    """Return the table's alias, or nothing, and the name of a column."""
    fields: tuple[Node, ...] = (value.fields if isinstance(value, ast.ColumnRef) else None) or ()
    if not fields or not all(isinstance(part, ast.String) for part in fields):
        return None
    return (fields[0].sval if len(fields) > 1 else "", fields[-1].sval)


# ---- subqueries


def _of_subqueries(node: Node, level: _Level, *, writes: bool) -> Iterator[str]:
    for subquery in _subqueries(node):
        inner = _level(subquery.fromClause or (), subquery.whereClause)
        outer = _outer_aliases(subquery, inner) & {*level.tables, *level.others}
        if writes and bool(inner.distributed) != bool(outer):
            yield f"changes rows by a subquery that cannot be pushed down: {', '.join(sorted(inner.tables)) or 'of rows'}"
        elif inner.distributed and outer and not _follows(inner, level, outer):
            yield f"looks into {', '.join(sorted(inner.distributed))} for each row of {', '.join(sorted(outer))}"
        yield from _of_select(subquery)


def _follows(inner: _Level, level: _Level, outer: set[str]) -> bool:
    """Return True if a correlated subquery reads rows in the shard of the outer row."""
    reached = _joined_to(outer & level.distributed, inner)
    return all(alias in reached or _is_pinned(inner, alias) for alias in inner.distributed)


def _subqueries(node: Node) -> Iterator[ast.SelectStmt]:
    """Yield the subqueries of a statement: in conditions, columns and tables, but not those within them."""
    found: list[ast.SelectStmt] = []

    class Finder(Visitor):
        def visit_SelectStmt(self, _ancestors: object, select: ast.SelectStmt) -> object:  # noqa: N802
            if select is node:
                return None
            if select.larg is not None:  # UNION
                return None
            found.append(select)
            return Skip

    Finder()(node)
    yield from found


def _outer_aliases(subquery: ast.SelectStmt, inner: _Level) -> set[str]:
    known = {*inner.tables, *inner.others}
    found: set[str] = set()

    class Finder(Visitor):
        def visit_ColumnRef(self, _ancestors: object, reference: ast.ColumnRef) -> None:  # noqa: N802
            column = _column(reference)
            if column and column[0] and column[0] not in known:
                found.add(column[0])

    Finder()(subquery)
    return found


# ---- what a level reads


def _level(tables: Sequence[Node], where: Node) -> _Level:
    level = _Level()
    for table in tables:
        _add(level, table)
    level.conditions += _conjuncts(where)
    return level


def _add(level: _Level, table: Node) -> None:
    if isinstance(table, ast.JoinExpr):
        _add(level, table.larg)
        _add(level, table.rarg)
        level.conditions += _conjuncts(table.quals)
        return
    alias = table.alias.aliasname if table.alias else ""
    if isinstance(table, ast.RangeVar):
        name = str(table.relname)
        level.tables[str(alias or name)] = name
    else:
        level.others.add(str(alias))


def _conjuncts(condition: Node) -> list[Node]:
    if isinstance(condition, ast.BoolExpr) and condition.boolop == BoolExprType.AND_EXPR:
        return [one for part in condition.args or () for one in _conjuncts(part)]
    return [] if condition is None else [condition]
