"""Where a camera is and how to get in. The password is in no representation of it."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from vms.errors import InvalidInput

MOST_ACCOUNT_BYTES = 255
"""Of a username or a password, in UTF-8: more than any camera takes, and what our requests have room for."""
_MOST_URL_CHARS = 2000


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """A camera's stream and device service, with its account.

    Args:
        rtsp_url: without credentials.
        transport: `tcp` or `udp`.
        onvif_url: of the device service; None for a camera without ONVIF.
        allows_basic: the password may go over the wire as it is.

    Raises:
        InvalidInput: the address is no rtsp address, or holds credentials itself, or no camera can have such an account.
    """

    rtsp_url: str
    username: str
    password: str = field(repr=False)
    transport: str = "tcp"
    onvif_url: str | None = None
    allows_basic: bool = False

    def __post_init__(self) -> None:
        check_rtsp_url(self.rtsp_url)
        check_account(self.username, self.password)
        if self.transport not in {"tcp", "udp"}:
            raise InvalidInput("a camera's transport must be tcp or udp", code="camera.transport")
        if self.transport == "udp" and self.rtsp_url.startswith("rtsps"):
            raise InvalidInput(
                "the pictures of an rtsps:// address are encrypted over tcp only: set the transport to tcp",
                code="camera.transport",
            )


def check_rtsp_url(url: str) -> None:
    """Refuse what is no address of a stream.

    Raises:
        InvalidInput: with what it should look like.
    """
    wrong = InvalidInput("a camera's address must look like rtsp://10.0.0.5:554/stream", code="camera.address")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"rtsp", "rtsps"} and parts.hostname and parts.port != 0
    except ValueError:
        raise wrong from None
    if not usable or len(url) > _MOST_URL_CHARS or not url.isprintable() or " " in url:
        raise wrong
    if "@" in parts.netloc:
        raise InvalidInput(
            "a camera's address must not hold its password: give username and password on their own",
            code="camera.address",
        )


def check_account(username: str, password: str) -> None:
    """Refuse an account that no camera can be signed in to with.

    Raises:
        InvalidInput: names what is wrong, never the password.
    """
    for what, text in (("username", username), ("password", password)):
        size_bytes = len(text.encode(errors="surrogateescape"))
        if size_bytes > MOST_ACCOUNT_BYTES:
            raise InvalidInput(
                f"the camera's {what} has {size_bytes} bytes, at most {MOST_ACCOUNT_BYTES} can be used",
                code="camera.account",
            )
        if any(one < " " or "\x7f" <= one <= "\x9f" or "\ud800" <= one <= "\udfff" for one in text):
            raise InvalidInput(f"the camera's {what} holds a control character", code="camera.account")
    if ":" in username:
        raise InvalidInput("a camera's username can't hold a colon", code="camera.account")
