"""Where a camera's services are: the configured address as it is, the others as the camera reports them.

Source: RFC 3986 section 3.2.2 (IPv6 in brackets), RFC 6874 (a zone is no part of the Host header).
"""

import ipaddress
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from vms.errors import InvalidInput, Unavailable

_PORTS = {"http": 80, "https": 443}
_MOST_URL_CHARS = 2000
_SAFE = "".join(chr(one) for one in range(0x21, 0x7F))


@dataclass(frozen=True, slots=True)
class ServiceUrl:
    """A service's address.

    Args:
        host: without brackets.
        target: path and query, exactly as given.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """Who is talked to."""
        return self.scheme, self.host, self.port

    @property
    def netloc(self) -> str:
        """Host and port as they stand in an address and in the Host header."""
        host = self.host.partition("%")[0]
        host = f"[{host}]" if ":" in host else host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.target}"


def configured_url(text: str | None) -> ServiceUrl:
    """Return the device service's address as somebody entered it.

    Raises:
        InvalidInput: it is no http address, or holds an account.
    """
    found = _parsed(text or "")
    if found is None:
        raise InvalidInput(
            "a camera's ONVIF address must look like http://10.0.0.5/onvif/device_service", code="camera.onvif-url"
        )
    return found


def reported_url(text: str, configured: ServiceUrl) -> ServiceUrl:
    """Return where a service is that the camera reports: path and query always as reported (docs/decisions/0430).

    At the configured host the reported port counts. Another host is what the camera calls itself, behind NAT or in a network of its own:
    the configured host and port lead to it. The scheme is always the configured one, with its port where another is reported: an account is
    neither sent elsewhere nor unencrypted because an answer says so.

    Raises:
        Unavailable: it is no address.
    """
    if text.startswith("/") and not text.startswith("//"):
        text = f"{configured.scheme}://{configured.netloc}{text}"
    found = _parsed(text.strip())
    if found is None:
        raise Unavailable(
            "the camera answers ONVIF with nonsense (a service's address that is none)", code="camera.onvif-nonsense"
        )
    is_same = found.scheme == configured.scheme and _same_host(found.host, configured.host)
    return ServiceUrl(configured.scheme, configured.host, found.port if is_same else configured.port, found.target)


def _parsed(text: str) -> ServiceUrl | None:
    if len(text) > _MOST_URL_CHARS or not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not host or port == 0:
        return None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return ServiceUrl(parts.scheme, host, port or _PORTS[parts.scheme], quote(target, safe=_SAFE))


def _same_host(one: str, other: str) -> bool:
    try:
        return ipaddress.ip_address(one) == ipaddress.ip_address(other)
    except ValueError:
        return one.rstrip(".") == other.rstrip(".")
