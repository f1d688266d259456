"""What the distributions contain, and what they say of themselves."""

import email
import tarfile
import tomllib
import zipfile
from email.message import Message
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Made by running and testing, never part of a distribution.
_MADE = (".pyc", ".db", ".db-wal", ".db-shm", ".log", ".key", ".env")


def wheel_of(folder: Path, name: str) -> Path:
    """Return the one wheel of a distribution. Raise AssertionError if there is none, or more than one."""
    found = sorted(folder.glob(f"{name}-[0-9]*.whl"))
    assert len(found) == 1, f"{folder} has {len(found)} wheels of {name}: empty it, then `make dist`"
    return found[0]


def sources(*folders: str) -> set[str]:
    """Return the files of folders of this checkout."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    return {
        path.relative_to(ROOT).as_posix()
        for path in found
        if path.is_file() and "__pycache__" not in path.parts and not path.name.endswith(_MADE)
    }


def check_gateway(folder: Path) -> None:
    """Check the wheel and the sdist of the gateway: one name at the top, everything below it."""
    wheel = wheel_of(folder, "smsgw")
    with zipfile.ZipFile(wheel) as opened:
        files = {name for name in opened.namelist() if not name.endswith("/")}
    tops = {name.partition("/")[0] for name in files}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"smsgw"}, tops
    below = {name.removeprefix("smsgw/gateway/") for name in files if name.startswith("smsgw/gateway/")}
    assert below == sources("app", "migrations") | {"alembic.ini"}
    assert not [name for name in files if name.endswith(_MADE)]
    about, project = _metadata(wheel), _project(ROOT)
    assert about["Name"] == "smsgw"
    assert about["Version"] == project["version"]
    required = [line for line in about.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert len(required) == len(project["dependencies"])
    assert _entry_points(wheel) == "[console_scripts]\nsmsgw = smsgw.__main__:main"
    inside = _in_sdist(folder, "smsgw")
    assert inside >= sources("app", "migrations", "smsgw") | {"alembic.ini", "LICENSE", "pyproject.toml"}
    assert not [name for name in inside if name.endswith(_MADE)]


def check_testkit(folder: Path) -> None:
    """Check the wheel and the sdist of the test kit: it needs pytest alone, and has types."""
    wheel = wheel_of(folder, "smsgw_testkit")
    with zipfile.ZipFile(wheel) as opened:
        files = {name for name in opened.namelist() if ".dist-info/" not in name}
        licence = next(opened.read(name) for name in opened.namelist() if name.endswith("licenses/LICENSE"))
    expected = {name.removeprefix("testkit/") for name in sources("testkit/smsgw_testkit")}
    assert files == expected
    assert "smsgw_testkit/py.typed" in files
    assert licence == (ROOT / "LICENSE").read_bytes()
    about = _metadata(wheel)
    assert about["Name"] == "smsgw-testkit"
    assert about["Version"] == _project(ROOT / "testkit")["version"] == _project(ROOT)["version"]
    assert about["Requires-Python"] == ">=3.11"
    required = [line for line in about.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert [line.partition(">")[0] for line in required] == ["pytest"]
    assert _entry_points(wheel) == "[pytest11]\nsmsgw_testkit = smsgw_testkit.plugin"
    assert _in_sdist(folder, "smsgw_testkit") >= expected


def _metadata(wheel: Path) -> Message:
    return email.message_from_string(_in_dist_info(wheel, "METADATA"))


def _entry_points(wheel: Path) -> str:
    return _in_dist_info(wheel, "entry_points.txt").strip()


def _in_dist_info(wheel: Path, name: str) -> str:
    with zipfile.ZipFile(wheel) as opened:
        [found] = [one for one in opened.namelist() if one.endswith(f".dist-info/{name}")]
        return opened.read(found).decode("utf-8")


def _in_sdist(folder: Path, name: str) -> set[str]:
    [archive] = folder.glob(f"{name}-[0-9]*.tar.gz")
    with tarfile.open(archive) as opened:
        return {member.name.partition("/")[2] for member in opened if member.isfile()}


def _project(folder: Path) -> dict[str, str]:
    found: dict[str, str] = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    return found
