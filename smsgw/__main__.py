"""``python -m smsgw``, and the command ``smsgw``: put the gateway on the path of this process, and run it."""

import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent


def gateway_folder() -> Path:
    """Return the folder with ``app`` and ``migrations``: within an installed package, beside it in the sources."""
    installed = _HERE / "gateway"
    return installed if installed.is_dir() else _HERE.parent


def main() -> None:
    """Run the command line of the gateway."""
    # `python -m` puts the current folder first, which may have modules of any name, an `app` among them.
    if sys.path and not sys.flags.safe_path and Path(sys.path[0] or ".").resolve() == Path.cwd():
        del sys.path[0]
    sys.path.insert(0, str(gateway_folder()))
    from app.cli import main as run  # noqa: PLC0415  importable only now

    run()


if __name__ == "__main__":
    main()
