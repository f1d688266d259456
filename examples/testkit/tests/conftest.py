"""The newspaper in the catalogue of 10086, and the desk that is told of its readers."""

import pytest

from app.desk import SERVICE
from app.readers import Readers
from app.webhook import listening

SECRET = "whsec_em5vbmctZmVudC16aGl5aW4tYmFvLXNlY3JldC0="


@pytest.fixture(autouse=True)
def _newspaper(smsgw):
    smsgw.provider("ZHIYINBAO", name="知音传媒", short_name="知音")
    smsgw.service(SERVICE, name="知音报", price_fen=300, cancel_effect="within_24h")


@pytest.fixture
def readers(smsgw_events):
    """The desk's readers, kept up to date by the events of 10086."""
    found = Readers()
    with listening(SECRET, found) as url:
        smsgw_events.forward_to(url, SECRET)
        yield found


@pytest.fixture
def reader(smsgw_handset):
    """A customer who has read the newspaper since January."""
    return smsgw_handset().has(SERVICE, since="2026-01-05 09:00")
