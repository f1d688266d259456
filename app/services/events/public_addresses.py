"""Which addresses of webhooks may be set: public ones with TLS, unless the settings allow others (safety.md 30)."""

from app.addresses import AddressError, address_of, is_public, literal_of


def address_violation(url: str, *, private: bool) -> str | None:
    """Return what is wrong with the URL of a webhook as the end of a sentence, or None if it is valid.

    A host name is not resolved here. ``private``: allow private addresses and plain http.
    """
    try:
        address = address_of(url)
    except AddressError as error:
        return str(error)
    if private:
        return None
    if address.scheme != "https":
        return "must be https; http is for SMSGW_ALLOW_PRIVATE_WEBHOOKS=true only"
    literal = literal_of(address.host.rstrip("."))
    return "must be a public address" if literal is not None and not is_public(str(literal)) else None
