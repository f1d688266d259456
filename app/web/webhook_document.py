"""The webhooks as OpenAPI describes them, by hand: they are no FastAPI routes (ADR 0005)."""

from collections.abc import Mapping

from app.web import problems

_Schema = Mapping[str, object]
_TIME = "RFC 3339, YYYYMMDDHHMMSS, or seconds or milliseconds of the epoch; without a zone it is the provider's"
PART_SCHEMA: _Schema = {
    "concat_ref": {"type": "integer", "description": "of a part of a long message: the same in all its parts"},
    "concat_total": {"type": "integer", "minimum": 1, "maximum": 255, "description": "of a part: how many there are"},
    "concat_part": {"type": "integer", "minimum": 1, "description": "of a part: which one it is, from 1"},
    "udh": {"type": "string", "description": "instead of those three: the user data header, in hex"},
}
_MESSAGE_SCHEMA: _Schema = {
    "type": "object",
    "required": ["from", "to", "text"],
    "properties": {
        "message_id": {
            "type": ["string", "integer", "null"],
            "description": "the provider's id; a repeat has no effect. Without one a message is known by from, to, "
            "received_at and text",
        },
        "from": {"type": ["string", "integer"], "description": "who wrote, in any usual form"},
        "to": {"type": ["string", "integer"], "description": "the service number that was written to"},
        "text": {"type": "string"},
        "received_at": {
            "type": ["string", "number", "null"],
            "description": f"when the provider got it: {_TIME}; one that cannot be costs nothing but itself",
        },
        **PART_SCHEMA,
    },
    "example": {"message_id": "abc-1", "from": "13800138000", "to": "10086", "text": "0000"},
}
_RESULT_SCHEMA: _Schema = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "our id; a duplicate has the first one's"},
        "status": {"type": "string", "enum": ["accepted", "duplicate", "invalid"]},
        "detail": {"type": "string"},
    },
}
_REPORT_SCHEMA: _Schema = {
    "type": "object",
    "required": ["message_id", "status"],
    "properties": {
        "message_id": {"type": ["string", "number"], "description": "the provider's id of our message"},
        "reference": {
            "type": "string",
            "description": "ours, as it was sent along: finds a message whose answer got lost",
        },
        "status": {
            "type": "string",
            "enum": ["accepted", "delivered", "undelivered", "expired", "rejected", "deleted", "unknown"],
        },
        "error_code": {"type": ["string", "number", "null"]},
        "at": {"type": ["string", "number", "null"], "description": _TIME},
        "part": {
            "type": ["integer", "string", "null"],
            "description": "which segment it is about, from 1: the message is delivered when all are",
        },
    },
    "example": {"message_id": "sim-1", "status": "delivered", "error_code": "", "at": "2026-03-01T10:00:05+08:00"},
}


def _operation(summary: str, schema: _Schema, answers: Mapping[str, tuple[str, _Schema]]) -> dict[str, object]:
    errors = {
        "401": "the signature is missing, wrong or too old",
        "404": "no such provider",
        "413": "too large",
        "415": "in a form, charset or packing that is not read; the detail says what is",
        "422": "cannot be read; nothing was stored. Of an array: results has why, item by item",
    }
    errors["503"] = "the database is away; send it again after Retry-After seconds"
    parameter = {
        "name": "provider",
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
        "description": "a provider of the settings; of one with a path token: its name, a slash and the token",
    }
    return {
        "post": {
            "tags": ["webhooks"],
            "summary": summary,
            "parameters": [parameter],
            "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
            "responses": {
                **{
                    code: {"description": text, "content": {"application/json": {"schema": answer}}}
                    for code, (text, answer) in answers.items()
                },
                **{code: {"description": text, "content": problems.CONTENT} for code, text in errors.items()},
            },
        }
    }


OPENAPI_PATHS: dict[str, object] = {
    "/webhooks/{provider}/inbound": _operation(
        "Messages from handsets",
        {"oneOf": [_MESSAGE_SCHEMA, {"type": "array", "maxItems": 500, "items": _MESSAGE_SCHEMA}]},
        {
            "202": ("stored", _RESULT_SCHEMA),
            "200": (
                "known already, or the results of an array",
                {"oneOf": [_RESULT_SCHEMA, {"type": "array", "items": _RESULT_SCHEMA}]},
            ),
        },
    ),
    "/webhooks/{provider}/status": _operation(
        "Delivery reports",
        _REPORT_SCHEMA,
        {
            "200": (
                "taken, or ignored because we do not know the message",
                {"type": "object", "example": {"status": "accepted"}},
            )
        },
    ),
}
