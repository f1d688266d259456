"""Examples for health checks and metrics."""

from app.web.examples.example import Example

EXAMPLES = {
    "get /livez": Example(answers={"200": {"status": "ok"}}),
    "get /readyz": Example(
        answers={
            "200": {
                "status": "ok",
                "environment": "production",
                "parts": {
                    "database": "ok",
                    "providers": {"carrier": {"kind": "generic", "sends": True, "circuit": "closed"}},
                },
                "failing": [{"kind": "carrier_away", "of": "carrier", "seconds": 312}],
            }
        }
    ),
    "get /metrics": Example(
        answers={
            "200": (
                "# HELP smsgw_inbound_stored_total Messages in, by what the provider was told\n"
                "# TYPE smsgw_inbound_stored_total counter\n"
                'smsgw_inbound_stored_total{status="accepted"} 1204.0\n'
            )
        }
    ),
}
