"""The OpenAPI description of the webhooks, written by hand as they are not FastAPI routes (ADR 0005)."""

from collections.abc import Mapping

from app.web import problems

_Schema = Mapping[str, object]
_TIME = "RFC 3339, YYYYMMDDHHMMSS, or epoch seconds or milliseconds; without a zone, in the provider's time zone"
PART_SCHEMA: _Schema = {
    "concat_ref": {"type": "integer", "description": "for a part of a long message: the same in all its parts"},
    "concat_total": {"type": "integer", "minimum": 1, "maximum": 255, "description": "for a part: the number of parts"},
    "concat_part": {"type": "integer", "minimum": 1, "description": "for a part: its position, from 1"},
    "udh": {"type": "string", "description": "instead of the concat fields: the user data header, in hex"},
}
_MESSAGE_SCHEMA: _Schema = {
    "type": "object",
    "required": ["from", "to", "text"],
    "properties": {
        "message_id": {
            "type": ["string", "integer", "null"],
            "description": "the provider's id; a repeat has no effect. Without one, a repeat is recognised by from, "
            "to, received_at and text",
        },
        "from": {"type": ["string", "integer"], "description": "the sender's number, in any usual form"},
        "to": {"type": ["string", "integer"], "description": "the service number that the message was sent to"},
        "text": {"type": "string"},
        "received_at": {
            "type": ["string", "number", "null"],
            "description": f"when the provider received it: {_TIME}; an impossible time is ignored",
        },
        **PART_SCHEMA,
    },
    "example": {"message_id": "abc-1", "from": "13800138000", "to": "10086", "text": "0000"},
}
_RESULT_SCHEMA: _Schema = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "the gateway's id; a duplicate has that of the first"},
        "status": {"type": "string", "enum": ["accepted", "duplicate", "invalid"]},
        "detail": {"type": "string"},
    },
}
_REPORT_SCHEMA: _Schema = {
    "type": "object",
    "required": ["message_id", "status"],
    "properties": {
        "message_id": {"type": ["string", "number"], "description": "the provider's id of the gateway's message"},
        "reference": {
            "type": "string",
            "description": "the gateway's, as sent with the message; finds a message whose answer was lost",
        },
        "status": {
            "type": "string",
            "enum": ["accepted", "delivered", "undelivered", "expired", "rejected", "deleted", "unknown"],
        },
        "error_code": {"type": ["string", "number", "null"]},
        "at": {"type": ["string", "number", "null"], "description": _TIME},
        "part": {
            "type": ["integer", "string", "null"],
            "description": "the segment reported on, from 1; a message is delivered when all its segments are",
        },
    },
    "example": {"message_id": "sim-1", "status": "delivered", "error_code": "", "at": "2026-03-01T10:00:05+08:00"},
}


def _operation(
    operation_id: str, summary: str, schema: _Schema, answers: Mapping[str, tuple[str, _Schema]]
) -> dict[str, object]:
    errors = {
        "401": "the signature is missing, wrong or too old",
        "404": "unknown provider",
        "413": "too large",
        "415": "unsupported media type, charset or content encoding; the detail lists the supported ones",
        "422": "cannot be read; nothing was stored. For an array, results says why, item by item",
    }
    errors["503"] = "the database is unavailable; send it again after Retry-After seconds"
    parameter = {
        "name": "provider",
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
        "description": "the name of a provider in the settings; with a path token: name, slash, token",
    }
    return {
        "post": {
            "tags": ["webhooks"],
            "operationId": operation_id,
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
        "deliver_message",
        "Messages from handsets",
        {"oneOf": [_MESSAGE_SCHEMA, {"type": "array", "maxItems": 500, "items": _MESSAGE_SCHEMA}]},
        {
            "202": ("stored", _RESULT_SCHEMA),
            "200": (
                "a repeat, or the results of an array",
                {"oneOf": [_RESULT_SCHEMA, {"type": "array", "items": _RESULT_SCHEMA}]},
            ),
        },
    ),
    "/webhooks/{provider}/status": _operation(
        "deliver_report",
        "Delivery reports",
        _REPORT_SCHEMA,
        {
            "200": (
                "recorded, or ignored because the message is unknown",
                {"type": "object", "example": {"status": "accepted"}},
            )
        },
    ),
}
