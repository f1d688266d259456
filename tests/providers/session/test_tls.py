"""Sessions over TLS: a right certificate works, a wrong name or an unknown authority is refused (carriers.md 10.11)."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.providers.base import Accepted, BindEndedError, EndlessLease
from tests.providers.session.carriers import AnyCarrier
from tests.providers.session.rig import Stored, bound, listening, make, message

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that signs itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "toy")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "toy.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


def served(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


async def test_a_session_over_tls(certificate: Path, carrier: AnyCarrier) -> None:
    tls = {"ca": str(certificate), "server_name": "localhost"}
    async with bound(carrier, tls=served(certificate), options={"tls": tls}) as rig:
        assert await rig.send() == Accepted(rig.id(1))


async def test_much_goes_both_ways_over_tls(certificate: Path, carrier: AnyCarrier) -> None:
    tls = {"ca": str(certificate), "server_name": "localhost"}
    async with bound(carrier, tls=served(certificate), options={"tls": tls, "window": 50}) as rig:
        rig.deliver_all(*["0000"] * 1000)
        sending = (
            rig.send(message(recipient=f"+861380013{number:04}", reference=f"{number}")) for number in range(500)
        )
        assert all(isinstance(result, Accepted) for result in await asyncio.gather(*sending))
        await rig.server.until(lambda: len(rig.answers) == 1000)


@pytest.mark.parametrize(
    ("names", "says"), [({"server_name": "smsc.example"}, "certificate"), ({"server_name": "localhost"}, "certificate")]
)
async def test_a_wrong_name_or_an_unknown_authority_is_refused(
    certificate: Path, names: dict[str, str], says: str, carrier: AnyCarrier
) -> None:
    ca = {"ca": str(certificate)} if names["server_name"] == "smsc.example" else {}
    async with listening(carrier, tls=served(certificate)) as server:
        with pytest.raises(BindEndedError, match=says):
            await asyncio.wait_for(make(carrier, server.port, tls={**ca, **names}).run(0, Stored(), EndlessLease()), 5)
        assert all(session.pdus == [] for session in server.sessions)
