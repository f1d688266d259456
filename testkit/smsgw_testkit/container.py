"""A gateway in a container, by testcontainers (``pip install 'smsgw-testkit[container]'``)."""

import time
import urllib.request

from testcontainers.core.container import DockerContainer

PORT = 8086
_READY_SECONDS = 60
_POLL_SECONDS = 0.2


class SmsgwContainer(DockerContainer):  # type: ignore[misc]  # the library has no types everywhere
    """A gateway of the image, in environment ``test``, that answers on a port of this machine."""

    def __init__(self, image: str, **given: object) -> None:
        super().__init__(image, **given)
        self.with_exposed_ports(PORT)
        self.with_env("SMSGW_ENV", "test")
        # A container's own loopback cannot be reached from outside of it.
        self.with_env("SMSGW_DEMO_EXPOSE", "1")

    def start(self) -> "SmsgwContainer":
        """Start it, and return when it is ready. Raise TimeoutError if it is not within a minute."""
        super().start()
        until = time.monotonic() + _READY_SECONDS
        while not self._is_ready():
            if time.monotonic() > until:
                self.stop()
                raise TimeoutError(f"the gateway in the container is not ready within {_READY_SECONDS} s")
            time.sleep(_POLL_SECONDS)
        return self

    def get_url(self) -> str:
        """Return where it answers."""
        return f"http://{self.get_container_host_ip()}:{self.get_exposed_port(PORT)}"

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.get_url()}/readyz", timeout=5):  # noqa: S310  of this machine
                return True
        except OSError:
            return False
