"""Long work in pieces, each a transaction of its own: a generator yields them, and is sent the result of each."""

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from sqlalchemy import Connection

_T = TypeVar("_T")
Piece = Callable[[Connection], Any]
Pieces = Generator[Piece, Any, _T]


def drive(pieces: Pieces[_T], carry_out: Callable[[Piece], Any]) -> _T:
    """Have pieces carried out, one after the other; return what they come to."""
    try:
        piece = next(pieces)
        while True:
            piece = pieces.send(carry_out(piece))
    except StopIteration as end:
        result: _T = end.value
        return result
