"""Calls by WSDL: zeep builds requests and reads answers, our own client carries them. The only module that knows zeep.

Of the package onvif-zeep only the WSDL files are used (docs/decisions/0430).
"""

import importlib.util
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import zeep
import zeep.exceptions
from zeep.transports import Transport
from zeep.wsdl.utils import etree_to_string

from ingest.onvif.address import ServiceUrl
from ingest.onvif.soap import SoapClient
from vms.errors import Unavailable, VmsError

_FILES: Final = {
    "http://www.onvif.org/ver10/media/wsdl": ("media.wsdl", "MediaBinding"),
    "http://www.onvif.org/ver20/ptz/wsdl": ("ptz.wsdl", "PTZBinding"),
    "http://www.onvif.org/ver10/recording/wsdl": ("recording.wsdl", "RecordingBinding"),
    "http://www.onvif.org/ver10/search/wsdl": ("search.wsdl", "SearchBinding"),
}

_transport: Any = Transport  # the library has no types
_zeep: Any = zeep  # likewise
_as_bytes: Any = etree_to_string  # likewise


def _wsdl_folder() -> Path:
    """Return where the wheel puts its WSDL files. The package is not imported: that would set up logging."""
    found = importlib.util.find_spec("onvif")
    if found is None or found.origin is None:
        raise Unavailable("the package onvif-zeep is not installed", code="camera.onvif")
    return Path(found.origin).parent.parent / "wsdl"


class Service:
    """One service of a camera; operations take and return what the WSDL says, without its outermost element."""

    def __init__(self, soap: SoapClient, namespace: str, url: ServiceUrl) -> None:
        file, binding = _FILES[namespace]
        settings = _zeep.Settings(
            strict=False, xml_huge_tree=False, forbid_dtd=True, forbid_entities=True, forbid_external=True
        )
        client = _zeep.Client(str(_wsdl_folder() / file), transport=_Carrier(soap, url), settings=settings)
        self._proxy: Any = client.create_service(f"{{{namespace}}}{binding}", str(url))
        self.url = url

    def call(self, operation: str, fields: Mapping[str, Any] | None = None) -> Any:
        """Call an operation.

        Raises:
            CameraFailure: refused, or not reachable.
            SoapFault: the camera refuses for another reason.
            Unavailable: the answer is not what the WSDL says.
        """
        return translated(lambda: getattr(self._proxy, operation)(**(fields or {})))


def translated(read: Callable[[], Any]) -> Any:
    """Return what reading an answer returns.

    Raises:
        Unavailable: for what the library, or a use of what it returns, raises at an answer that leaves out what the standard requires.
    """
    try:
        return read()
    except VmsError:
        raise
    except (
        zeep.exceptions.Error, AttributeError, TypeError, KeyError, IndexError, ValueError, OverflowError,
    ) as error:  # fmt: skip
        raise Unavailable(f"the camera answers ONVIF with nonsense ({error})", code="camera.onvif-nonsense") from error


@dataclass(frozen=True, slots=True)
class _Answered:
    """What zeep needs of an HTTP answer: it sees what has been checked and is UTF-8."""

    content: bytes
    status_code: int = 200
    encoding: str = "utf-8"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/soap+xml; charset=utf-8"})


class _Carrier(_transport):  # type: ignore[misc]  # the library has no types
    """Carries zeep's requests. Its constructor is not run: it would open a session of a library that follows redirects."""

    def __init__(self, soap: SoapClient, url: ServiceUrl) -> None:
        self.cache = None
        self.logger = logging.getLogger(__name__)
        self._close_session = False
        self._soap = soap
        self._url = url

    def load(self, url: str) -> bytes:
        """Read a WSDL file of the wheel; nothing is fetched."""
        path = Path(url)
        if not path.is_relative_to(_wsdl_folder()):
            raise Unavailable(f"a WSDL file that is not ours ({url})", code="camera.onvif")
        return path.read_bytes()

    def post_xml(self, _address: str, envelope: Any, _headers: object) -> _Answered:
        """Send the operation in an envelope of our own."""
        text: str = _as_bytes(envelope.find("{*}Body")[0]).decode()
        answer = self._soap.ask(self._url, text.partition("?>")[2])
        return _Answered(answer.text.encode())
