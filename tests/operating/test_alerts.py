"""The alert rules, the scrape example and the dashboard: each names metrics and labels that there are, and each rule fires."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import REGISTRY

import app.main  # noqa: F401  all metrics
from app.failures import Kind
from tests.programs import program

ROOT = Path(__file__).parents[2]
PROMETHEUS, DASHBOARD = ROOT / "ops" / "prometheus", ROOT / "ops" / "grafana" / "dashboard.json"
PAGE = ROOT / "docs" / "monitoring.md"
# Labels that Prometheus adds.
_ADDED = {"job", "instance", "le", "alertname", "alertstate"}
_FAILING = 'smsgw_failing{{kind="{}",of="{}"}} 0 0 1x60'.format
# What makes each alert fire within 30 minutes: series with a value every 15 s. At their beginning none does.
FIRES: dict[str, list[str]] = {
    "SmsgwGatewayDown": ['up{job="smsgw"} 1 1 0x60'],
    "SmsgwDatabaseAway": ["smsgw_database_up 1 1 0x60", _FAILING("database_away", "")],
    "SmsgwDiskFull": [_FAILING("disk_full", "")],
    "SmsgwReadOnly": [_FAILING("read_only", "")],
    "SmsgwCarrierAway": [_FAILING("carrier_away", "carrier")],
    # After each rest it is half-open for as long as a message tries whether the carrier is there.
    "SmsgwCircuitOpen": [f'smsgw_provider_circuit{{provider="carrier"}} 0 0 {"2 2 1 " * 40}'],
    "SmsgwCarrierObjects": [_FAILING("carrier_objects", "carrier")],
    "SmsgwWebhooksRefused": ['smsgw_webhooks_unauthenticated_total{provider="carrier"} 0+1x120'],
    "SmsgwClockOff": [_FAILING("clock_off", "")],
    "SmsgwRepliesWait": ['smsgw_backlog{queue="unsent"} 0+100x120'],
    "SmsgwMessagesWait": ['smsgw_backlog{queue="pending"} 0+100x120'],
    "SmsgwAnswersSlow": [
        'smsgw_answer_seconds_bucket{provider="carrier",le="30"} 0x120',
        'smsgw_answer_seconds_bucket{provider="carrier",le="60"} 0+5x120',
        'smsgw_answer_seconds_bucket{provider="carrier",le="+Inf"} 0+5x120',
    ],
    "SmsgwWebhooksSlow": [
        'smsgw_webhook_seconds_bucket{provider="carrier",le="2.5"} 0x120',
        'smsgw_webhook_seconds_bucket{provider="carrier",le="5"} 0+5x120',
        'smsgw_webhook_seconds_bucket{provider="carrier",le="+Inf"} 0+5x120',
    ],
    "SmsgwWebhooksFail": [
        'smsgw_http_requests_total{method="POST",route="/webhooks/{provider}/inbound",status="503"} 0+1x120'
    ],
    "SmsgwTurnsFail": ["smsgw_turns_failed_total 0 0 0+1x120"],
    "SmsgwDeadLetters": ['smsgw_backlog{queue="dead"} 0 0 1x120'],
    "SmsgwEventsOverdue": ['smsgw_backlog{queue="events_overdue"} 0 0 1x120'],
    "SmsgwProbeFails": ['smsgw_probe_up{command="HELP"} 1 1 0x120'],
    "SmsgwPossibleDoubles": ['smsgw_outbound_possible_doubles_total{provider="carrier"} 0 0 1x120'],
    "SmsgwEventLoopLate": [
        'smsgw_event_loop_lag_seconds_bucket{instance="one",le="0.5"} 0x120',
        'smsgw_event_loop_lag_seconds_bucket{instance="one",le="1"} 0+15x120',
        'smsgw_event_loop_lag_seconds_bucket{instance="one",le="+Inf"} 0+15x120',
    ],
    "SmsgwDatabaseBusy": ["smsgw_database_waiting 0 0 3x120"],
}


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text("utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return found


def expressions() -> Iterator[str]:
    """Yield every expression of the rules and of the dashboard."""
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in panels() for target in panel.get("targets", ()))


def our_metrics() -> dict[str, set[str]]:
    """Return the names under which Prometheus knows the metrics of the gateway, with their labels."""
    ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
    found: dict[str, set[str]] = {}
    for family in REGISTRY.collect():
        labels = set(getattr(REGISTRY._names_to_collectors.get(family.name), "_labelnames", ()))
        found |= {family.name + end: labels for end in ends.get(family.type, ())}
    return {name: labels for name, labels in found.items() if name.startswith("smsgw_")}


def promtool(*arguments: str) -> None:
    command = [program("promtool", package="the package prometheus"), *arguments]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_metric_that_is_named_exists() -> None:
    known = our_metrics()
    named = {name for text in expressions() for name in re.findall(r"\bsmsgw_\w+", text)}
    assert len(named) > 20
    assert named - known.keys() == set()


def test_every_label_that_is_named_exists() -> None:
    known = {label for labels in our_metrics().values() for label in labels} | _ADDED
    for text in expressions():
        named = set(re.findall(r"(\w+)=~?\"", text))
        named |= {label for group in re.findall(r"by \(([^)]*)\)", text) for label in re.split(r", ?", group)}
        assert named - known == set(), text


def test_every_kind_of_failure_that_is_named_exists() -> None:
    named = {
        kind
        for text in expressions()
        for group in re.findall(r"kind=~?\"([^\"]+)\"", text)
        for kind in group.split("|")
    }
    assert named
    assert named - set(Kind) == set()


def test_every_alert_has_a_section_that_says_what_to_do() -> None:
    sections = re.findall(r"^### (Smsgw\w+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert sections == [rule["alert"] for rule in rules()]
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["to_do"]
        assert rule["annotations"]["runbook"] == f"docs/monitoring.md#{rule['alert'].lower()}"


def test_the_dashboard_has_no_panel_twice_and_none_over_another() -> None:
    assert len({panel["id"] for panel in panels()}) == len(panels())
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken
        taken |= cells
        assert panel["type"] == "row" or all(target["expr"] for target in panel["targets"])


def test_prometheus_reads_the_example() -> None:
    promtool("check", "config", str(PROMETHEUS / "prometheus.yml"))


def test_every_alert_fires_when_it_should_and_not_before(tmp_path: Path) -> None:
    assert FIRES.keys() == {rule["alert"] for rule in rules()}
    fired = 'group by (alertname) (ALERTS{alertstate="firing"})'
    tests = [
        {
            "name": alert,
            "interval": "15s",
            "input_series": [dict(zip(("series", "values"), one.split(" ", 1), strict=True)) for one in series],
            "promql_expr_test": [
                {"expr": fired, "eval_time": "15s", "exp_samples": []},
                {
                    "expr": fired,
                    "eval_time": "29m" if "x120" in series[0] else "14m",
                    "exp_samples": [{"labels": f'{{alertname="{alert}"}}', "value": 1}],
                },
            ],
        }
        for alert, series in FIRES.items()
    ]
    given = {"rule_files": [str(PROMETHEUS / "alerts.yml")], "evaluation_interval": "15s", "tests": tests}
    file = tmp_path / "alerts_test.yml"
    file.write_text(json.dumps(given), "utf-8")
    promtool("test", "rules", str(file))


def test_the_rules_alone_are_well_formed() -> None:
    promtool("check", "rules", str(PROMETHEUS / "alerts.yml"))
