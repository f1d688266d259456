"""CONNECT and its answer: how each side shows that it knows the secret (carriers.md 6.1)."""

import hashlib
from datetime import datetime

from app import observability
from app.domain.calendar import SHANGHAI
from app.domain.values import value
from app.providers.cmpp.codes import connect_refusal, is_ours, shown
from app.providers.cmpp.pdu import Form, Layout, Values, Version, layout
from app.providers.session.dialect import Bound, End, EndKind

_NULS = bytes(9)
_STATUS_OCTETS_3 = 4
log = observability.logger(__name__)


@value
class Identity:
    """Who connects, to which version, and whether the carrier must show that it knows the secret."""

    provider: str
    sp_id: str
    secret: str
    version: Version
    is_strict: bool


class Connect:
    """One CONNECT. Its authenticator is part of what the answer is checked by."""

    def __init__(self, identity: Identity, at: datetime) -> None:
        self._identity = identity
        stamp = f"{at.astimezone(SHANGHAI):%m%d%H%M%S}"
        self._secret = identity.secret.encode("ascii")
        # With the zero that the months from January to September begin with [C 8.4.1.1].
        self._source = _md5(identity.sp_id.encode("ascii"), _NULS, self._secret, stamp.encode("ascii"))
        self._stamp = int(stamp)

    def body(self) -> bytes:
        """Return the body of the PDU."""
        identity = self._identity
        values: Values = {
            "source_addr": identity.sp_id,
            "authenticator": self._source,
            "version": identity.version.octet,
            "timestamp": self._stamp,
        }
        return layout(Form.CONNECT, identity.version).written(values)

    def read_answer(self, body: bytes) -> Bound | End:
        """Return what the answer means. Its own length says how many octets Status has, whatever our version is."""
        form = _form_of(body)
        read = form.read_some(body)
        status, theirs = read.number("status"), read.number("version")
        if not body:
            return End(EndKind.LINK, "the answer to the connect is empty")
        if status:
            return connect_refusal(status, theirs)
        if not self._is_genuine(read.octets("status"), read.octets("authenticator")):
            if self._identity.is_strict:
                reason = "the carrier did not show that it knows the secret; check secret"
                return End(EndKind.IDENTITY, reason, blames_secret=True)
            log.warning("the carrier did not show that it knows the secret", provider=self._identity.provider)
        if not is_ours(theirs, self._identity.version):
            log.warning(
                "the carrier says that it has another version", provider=self._identity.provider, has=shown(theirs)
            )
        return Bound()

    def _is_genuine(self, status: bytes, authenticator: bytes) -> bool:
        return authenticator == _md5(status, self._source, self._secret)


def _form_of(body: bytes) -> Layout:
    """Return the form of an answer. One with a Status of four octets has more of them than any with one."""
    long = layout(Form.CONNECT_RESP, Version.V3)
    is_long = len(body) >= long.octets or len(body) == _STATUS_OCTETS_3
    return long if is_long else layout(Form.CONNECT_RESP, Version.V2)


def _md5(*parts: bytes) -> bytes:
    return hashlib.md5(b"".join(parts), usedforsecurity=False).digest()
