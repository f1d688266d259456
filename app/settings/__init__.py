"""Settings from environment variables ``SMSGW_…``, the file ``.env`` and one settings file (http-api.md, settings).

``check`` reads them at the start and explains what is wrong. The rest of the program gets values and reads no
environment.
"""

from app.settings.file import SettingsFile
from app.settings.model import Environment, Settings, SettingsError

__all__ = ["Environment", "Settings", "SettingsError", "SettingsFile"]
