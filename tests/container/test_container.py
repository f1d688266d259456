"""The container's files, which cannot be built here: they are linted and compared with the settings."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import Settings

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
COMPOSE = (ROOT / "compose.yaml").read_text("utf-8")
DEPLOYMENT = (ROOT / "docs" / "deployment.md").read_text("utf-8")
INTERPOLATED = re.compile(r"\$\{([A-Z_]+)([^}]*)\}")
RUNNING = ("web", "worker")
WITHIN_SECONDS = 60


def run(*command: str, cwd: Path = ROOT, **environment: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SMSGW_")}
    return subprocess.run(
        command,
        cwd=cwd,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=WITHIN_SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
    return found


def test_they_pass_their_linters() -> None:
    done = run("make", "--no-print-directory", "--assume-old", "setup", "lint-container")
    assert done.returncode == 0, done.stdout + done.stderr


def test_required_variables_have_a_hint_and_others_a_default() -> None:
    asked = dict(INTERPOLATED.findall(COMPOSE))
    assert asked.keys() == set(re.findall(r"^\| `([A-Z_]+)` \|", DEPLOYMENT, re.MULTILINE)), "docs/deployment.md"
    for name, rest in asked.items():
        assert rest.startswith((":?", ":-")), name
        if rest.startswith(":?"):
            assert ".env" in rest, name
    assert {name for name, rest in asked.items() if rest.startswith(":?")} == {
        "SMSGW_ENV",
        "POSTGRES_PASSWORD",
        "SMSGW_SEAL_KEY",
    }


def test_every_variable_is_a_setting(services: dict[str, dict[str, Any]]) -> None:
    known = {f"SMSGW_{name.upper()}" for name in Settings.model_fields}
    assert services["web"]["environment"].keys() <= known


def test_nothing_listens_beyond_this_machine(services: dict[str, dict[str, Any]]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert "ports" not in services["database"]


def test_the_schema_is_brought_up_before_the_gateway_starts(services: dict[str, dict[str, Any]]) -> None:
    for name in RUNNING:
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
        assert services["migrate"]["environment"] == services[name]["environment"]
    assert services["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert services["migrate"]["command"] == ["smsgw", "migrate"]


def test_the_gateway_can_do_no_harm_to_its_machine(services: dict[str, dict[str, Any]]) -> None:
    for name in (*RUNNING, "migrate"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in services[name]["security_opt"]


def test_the_image_sets_no_environment_and_does_not_run_as_root() -> None:
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    assert not [line for line in lines if "SMSGW_ENV" in line and not line.startswith("#")]
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users, "the image runs as root"
    assert users[-1].isdigit()
    assert users[-1] != "0"
    assert [line for line in lines if line.startswith("HEALTHCHECK")]


def test_only_what_the_image_needs_goes_into_it() -> None:
    rules = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    kept = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert rules[1] == "*", "everything is left out but what is named"
    assert kept >= {"app", "migrations", "requirements", "alembic.ini", "pyproject.toml"}
    assert all((ROOT / name).exists() for name in kept)
    assert not {name for name in kept if name.startswith((".env", "data"))}


def test_the_env_file_of_the_page_is_valid(tmp_path: Path) -> None:
    """The block on the page creates .env; with what compose adds, the settings are valid."""
    if not shutil.which("bash") or not shutil.which("openssl"):
        pytest.skip("bash or openssl is not there")
    [block] = [block for block in re.findall(r"```sh\n(.*?)```", DEPLOYMENT, re.DOTALL) if "cat > .env" in block]
    made = run("bash", "-euc", block.partition("docker compose")[0], cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    given = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text("utf-8").splitlines())
    assert re.fullmatch("[A-Za-z0-9]{32,}", given["POSTGRES_PASSWORD"])
    written = yaml.safe_load(COMPOSE)["services"]["web"]["environment"]
    environment = {
        name: INTERPOLATED.sub(lambda found: given.get(found[1]) or found[2].removeprefix(":-"), value)
        for name, value in written.items()
    }
    settings_file = ROOT / "examples" / "gateway.yaml"
    (tmp_path / ".env").unlink()
    done = run(
        str(BIN / "smsgw"), "config", "check", cwd=tmp_path, **{**environment, "SMSGW_CONFIG": str(settings_file)}
    )
    assert done.returncode == 0, done.stderr
    assert given["SMSGW_SEAL_KEY"] not in done.stdout
    assert given["POSTGRES_PASSWORD"] not in done.stdout
