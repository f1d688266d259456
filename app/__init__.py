"""An SMS command gateway: what "send 0000 to 10086" does, as open software."""

__version__ = "0.1.0"
