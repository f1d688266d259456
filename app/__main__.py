"""``python -m app`` is ``smsgw``."""

from app.cli import main

main()
