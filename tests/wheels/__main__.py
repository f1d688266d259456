"""Check the distributions in a folder, as a stranger would use them: ``python -m tests.wheels dist``."""

import shutil
import sys
import tempfile
from pathlib import Path

from tests.databases import postgresql
from tests.wheels.artefacts import ROOT, check_gateway, check_testkit
from tests.wheels.durations import check_durations
from tests.wheels.environment import Environment
from tests.wheels.starting import check_start, folder_with_an_app

_EXAMPLE = ROOT / "examples" / "testkit"


def main(wheels: Path) -> None:
    """Check contents, installation, start, and the suite of the example."""
    check_gateway(wheels)
    check_testkit(wheels)
    with tempfile.TemporaryDirectory(prefix="smsgw-wheels-") as name:
        folder = Path(name)
        installed = Environment.with_wheels(folder / "venv", wheels)
        print(installed.run("-m", "pip", "check").strip())
        found = installed.run("-c", "import importlib.util as u; print(u.find_spec('app'), u.find_spec('smsgw').name)")
        assert found.strip() == "None smsgw", found
        project = folder_with_an_app(folder / "project")
        check_start(installed, project, database_url=f"sqlite:///{folder / 'gateway.db'}")
        with postgresql() as server:
            check_start(installed, project, database_url=server.get_uri("postgres"))
        print("The installed gateway starts beside an app of the project, on SQLite and on PostgreSQL.")
        if _EXAMPLE.is_dir():
            example = folder / "example"
            shutil.copytree(_EXAMPLE, example, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
            said = installed.run("-m", "pytest", "-q", "-n", "2", "--smsgw-durations", cwd=example)
            print(said)
            check_durations(said)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
