"""Settings from environment variables ``SMSGW_…``, the file ``.env`` and one settings file (http-api.md).

``check`` reads them at the start and explains what is wrong. The rest of the program gets values and reads no
environment.
"""

from app.settings.file import SettingsFile
from app.settings.model import Environment, Settings, SettingsError
from app.settings.provider import ProviderFile, zone_of

__all__ = ["Environment", "ProviderFile", "Settings", "SettingsError", "SettingsFile", "zone_of"]
