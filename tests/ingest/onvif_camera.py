"""A small ONVIF device on loopback for tests of the client: its answers are written here, its habits are arguments."""

import hashlib
import re
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ingest.address import CameraAddress
from ingest.onvif_device import OnvifDevice
from tests.ingest.http_peer import Asked, HttpPeer, Reply, fault, http, soap
from vms.clock import Clock, SystemClock

DEVICE, MEDIA = "http://www.onvif.org/ver10/device/wsdl", "http://www.onvif.org/ver10/media/wsdl"
MEDIA2, PTZ = "http://www.onvif.org/ver20/media/wsdl", "http://www.onvif.org/ver20/ptz/wsdl"
CLOCK_ANSWER = (
    "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:UTCDateTime><tt:Time><tt:Hour>10</tt:Hour><tt:Minute>20"
    "</tt:Minute><tt:Second>30</tt:Second></tt:Time><tt:Date><tt:Year>2021</tt:Year><tt:Month>3</tt:Month><tt:Day>4</tt:Day>"
    "</tt:Date></tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
)
PROFILE1 = (
    '<trt:Profiles token="{token}"><tt:VideoEncoderConfiguration token="v"/><tt:PTZConfiguration token="z"><tt:NodeToken>node'
    "</tt:NodeToken></tt:PTZConfiguration></trt:Profiles>"
)
PROFILE2 = (
    '<tr2:Profiles token="{token}" fixed="true"><tr2:Name>a</tr2:Name><tr2:Configurations><tr2:VideoEncoder token="v">'
    '<tt:Encoding>H265</tt:Encoding></tr2:VideoEncoder><tr2:PTZ token="z"><tt:NodeToken>node</tt:NodeToken></tr2:PTZ>'
    '<tr2:Metadata token="m"><tt:PTZStatus><tt:Status>true</tt:Status><tt:Position>true</tt:Position></tt:PTZStatus></tr2:Metadata>'
    "</tr2:Configurations></tr2:Profiles>"
)


def listed(services: dict[str, str]) -> str:
    """An answer to GetServices: addresses by name space."""
    items = "".join(
        f"<tds:Service><tds:Namespace>{namespace}</tds:Namespace><tds:XAddr>{address}</tds:XAddr></tds:Service>"
        for namespace, address in services.items()
    )
    return f"<tds:GetServicesResponse>{items}</tds:GetServicesResponse>"


@dataclass
class OnvifCamera:
    """Answers by operation.

    Args:
        answers: the inside of a SOAP body, or a whole HTTP answer, or what makes one.
        guard: says no to a request, before it is answered.
        write: turns the inside of a body into an HTTP answer.
    """

    answers: dict[str, str | bytes | Callable[[Asked], Reply]]
    guard: Callable[[Asked], Reply | None] = lambda _: None
    write: Callable[[str], bytes] = soap
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Reply:
        """Answer."""
        refusal = self.guard(asked)
        if refusal is not None:
            return refusal
        found = self.answers.get(asked.operation)
        if found is None:
            return fault("ter:ActionNotSupported", f"{asked.operation} is not supported")
        if isinstance(found, str):
            return self.write(found)
        return found if isinstance(found, bytes) else found(asked)


def plain(**changes: Any) -> dict[str, Any]:
    """The answers of a plain camera; a change of None takes one away."""
    answers = {
        "GetSystemDateAndTime": CLOCK_ANSWER,
        "GetServices": listed({MEDIA: "/media", PTZ: "/ptz"}),
        "GetDeviceInformation": "<tds:GetDeviceInformationResponse><tds:Manufacturer>Mäker</tds:Manufacturer>"
        "<tds:Model>M</tds:Model></tds:GetDeviceInformationResponse>",
        "GetProfiles": f"<trt:GetProfilesResponse>{PROFILE1.format(token='one')}</trt:GetProfilesResponse>",
    } | changes
    return {name: answer for name, answer in answers.items() if answer is not None}


@contextmanager
def connected(peer: HttpPeer, clock: Clock | None = None, target: str = "/onvif/device_service", **account: Any) -> Any:
    """A client of it."""
    address = CameraAddress(
        "rtsp://192.0.2.1/x", account.get("username", "üser"), account.get("password", "p@ss"), "tcp", peer.url(target),
        account.get("allows_basic", False),
    )  # fmt: skip
    device = OnvifDevice(address, clock or SystemClock())
    try:
        yield device
    finally:
        device.close()


class DigestGuard:
    """Lets nobody in without an HTTP Digest of the account.

    Args:
        offers: challenges in order, without nonce.
        uses: for how many requests a nonce is good.
        says_stale: whether a nonce that ran out is called so.
    """

    def __init__(self, *offers: str, uses: int = 1000, says_stale: bool = True) -> None:
        self._offers = offers or ('Digest realm="r", qop="auth", algorithm=MD5',)
        self._uses = uses
        self._says_stale = says_stale
        self._nonce, self._left = 0, 0
        self.accepted: list[dict[str, str]] = []
        self.wrong = 0

    def __call__(self, asked: Asked) -> Reply | None:
        """Return the challenge; None for a request that may pass."""
        given = asked.headers.get("authorization", "")
        if not given.startswith("Digest "):
            return self._challenge(stale=False)
        fields = {name: a or b for name, a, b in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', given)}
        if fields["response"] != self._expected(fields, asked):
            self.wrong += 1
            return self._challenge(stale=False)
        if fields["nonce"] != str(self._nonce) or self._left == 0:
            return self._challenge(stale=self._says_stale)
        self._left -= 1
        self.accepted.append(fields)
        return None

    def _challenge(self, *, stale: bool) -> Reply:
        self._nonce, self._left = self._nonce + 1, self._uses
        end = f', nonce="{self._nonce}", opaque="x"' + (", stale=TRUE" if stale else "")
        lines = "".join(f"WWW-Authenticate: {one}{end if one.startswith('Digest') else ''}\r\n" for one in self._offers)
        page = http("<html>sign in</html>", "401 Unauthorized", "text/html")
        return page.replace(b"\r\n", b"\r\n" + lines.encode(), 1)

    @staticmethod
    def _expected(fields: dict[str, str], asked: Asked) -> str:
        algorithm = fields.get("algorithm", "MD5")

        def hashed(text: str) -> str:
            name = "sha256" if algorithm.startswith("SHA-256") else "md5"
            return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()

        secret = hashed("üser:r:p@ss")
        if algorithm.endswith("-sess"):
            secret = hashed(f"{secret}:{fields['nonce']}:{fields['cnonce']}")
        request = hashed(f"POST:{asked.target}")
        if "qop" not in fields:
            return hashed(f"{secret}:{fields['nonce']}:{request}")
        return hashed(f"{secret}:{fields['nonce']}:{fields['nc']}:{fields['cnonce']}:{fields['qop']}:{request}")
