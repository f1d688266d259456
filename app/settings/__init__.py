"""Settings: environment variables ``SMSGW_…`` (and ``.env``) and one file (http-api.md).

``check`` reads them at the start and explains what is wrong; the rest of the program is handed values.
"""

from app.settings.file import SettingsFile
from app.settings.model import Environment, Settings, SettingsError
from app.settings.provider import ProviderFile, zone_of

__all__ = ["Environment", "ProviderFile", "Settings", "SettingsError", "SettingsFile", "zone_of"]
