"""What is sealed with a replaced key is sealed with the newest one, so that the replaced one can be removed."""

from functools import partial

from app.db import sealed
from app.db.session import Database
from app.domain.values import value
from app.services.sealing import Sealer

_BEFORE_ALL = "0"


@value
class Resealed:
    """What was sealed anew.

    Attributes:
        secrets: webhook secrets of SPs.
        texts: texts of messages that wait for their turn, or are dead letters.
        unknown: of both, what stays as it is, as its key is not known.
    """

    secrets: int
    texts: int
    unknown: int


def seal_anew(database: Database, sealer: Sealer) -> Resealed:
    """Seal everything with the newest key that another one has sealed. Gateways that know both keys may run."""
    unknown: set[str] = set()

    def replace(text: str) -> str | None:
        try:
            return sealer.seal_anew(text)
        except ValueError:
            unknown.add(text)
            return None

    secrets = database.write_now(partial(sealed.replace_secrets, replace=replace))
    texts = 0
    after: str | None = _BEFORE_ALL
    while after is not None:
        changed, after = database.write_now(partial(sealed.replace_texts, replace=replace, after=after))
        texts += changed
    return Resealed(secrets, texts, len(unknown))
