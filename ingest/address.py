"""Where a camera is and how to get in. The password is in no representation of it."""

from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit, urlunsplit

from vms.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """A camera's stream and device service, with its account.

    Args:
        rtsp_url: without credentials.
        transport: `tcp` or `udp`.
        onvif_url: of the device service; None for a camera without ONVIF.

    Raises:
        InvalidInput: the address is no rtsp address, or holds credentials itself.
    """

    rtsp_url: str
    username: str
    password: str = field(repr=False)
    transport: str = "tcp"
    onvif_url: str | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.rtsp_url)
        if parts.scheme not in {"rtsp", "rtsps"} or not parts.hostname:
            raise InvalidInput("a camera's address must look like rtsp://10.0.0.5:554/stream", code="camera.address")
        if "@" in parts.netloc:
            raise InvalidInput(
                "a camera's address must not hold its password: give username and password on their own",
                code="camera.address",
            )
        if self.transport not in {"tcp", "udp"}:
            raise InvalidInput("a camera's transport must be tcp or udp", code="camera.transport")

    def url_with_credentials(self) -> str:
        """Return the address as the RTSP client wants it; never log it."""
        if not self.username:
            return self.rtsp_url
        parts = urlsplit(self.rtsp_url)
        account = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}"
        return urlunsplit(parts._replace(netloc=f"{account}@{parts.netloc}"))
