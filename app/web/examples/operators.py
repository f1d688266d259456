"""Examples for what an operator of the gateway looks at: tokens and providers."""

from app.web.examples.example import Example

EXAMPLES = {
    "get /api/v1/tokens": Example(
        parameters={"limit": 100},
        answers={
            "200": {
                "tokens": [
                    {
                        "name": "crm",
                        "scopes": ["directory:write"],
                        "created_at": "2026-03-02T10:00:00+08:00",
                        "revoked_at": None,
                        "expires_at": "2027-06-01T10:00:00+08:00",
                        "last_used_at": "2026-12-01T09:58:00+08:00",
                        "replaced_until": None,
                    }
                ],
                "next_cursor": None,
            }
        },
    ),
    "get /api/v1/providers": Example(
        parameters={"limit": 100},
        answers={
            "200": {
                "providers": [
                    {
                        "name": "carrier",
                        "kind": "smpp",
                        "sends": True,
                        "is_default": True,
                        "circuit": "closed",
                        "binds": {"wanted": 2, "up": 2, "last_error": None},
                    }
                ],
                "next_cursor": None,
            }
        },
    ),
}
