"""SOAP 1.2 envelopes: reading requests, writing answers and faults.

Source: W3C SOAP 1.2 part 1; ONVIF Core Specification section 5.
"""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from xml.sax.saxutils import escape

from sample_streams.onvif.habits import OnvifHabit, OnvifHabits
from sample_streams.wire.http import Response

ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
ENVELOPE_11 = "http://schemas.xmlsoap.org/soap/envelope/"
CONTENT_TYPE = "application/soap+xml; charset=utf-8"
NAMESPACES = {
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tr2": "http://www.onvif.org/ver20/media/wsdl",
    "tptz": "http://www.onvif.org/ver20/ptz/wsdl",
    "trc": "http://www.onvif.org/ver10/recording/wsdl",
    "tse": "http://www.onvif.org/ver10/search/wsdl",
    "tt": "http://www.onvif.org/ver10/schema",
    "ter": "http://www.onvif.org/ver10/error",
    "xs": "http://www.w3.org/2001/XMLSchema",
}
_DECLARATIONS = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())


class SoapFaultError(Exception):
    """A request that is answered with a fault.

    Args:
        subcode: empty for none.
        code: of SOAP 1.2; by default the sender's or the receiver's.
    """

    def __init__(self, subcode: str, reason: str, *, is_sender: bool = True, code: str | None = None) -> None:
        super().__init__(reason)
        self.subcode = subcode
        self.is_sender = is_sender
        self.code = code or ("env:Sender" if is_sender else "env:Receiver")


@dataclass(frozen=True, slots=True)
class Call:
    """One request: the operation's local name, its element, and the header if there is one."""

    operation: str
    body: ET.Element
    header: ET.Element | None

    @property
    def namespace(self) -> str:
        """The name space of the operation: which service is meant."""
        return self.body.tag.rpartition("}")[0].removeprefix("{")


def parse_call(data: bytes) -> Call:
    """Read an envelope.

    Raises:
        SoapFaultError: It is no SOAP 1.2 envelope with one operation.
    """
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise SoapFaultError("ter:WellFormed", "document type declarations are refused")
    try:
        root = ET.fromstring(data)  # noqa: S314  entities are refused above; this is a simulator on loopback
    except ET.ParseError as error:
        raise SoapFaultError("ter:WellFormed", f"not well-formed XML: {error}") from error
    body = root.find(f"{{{ENVELOPE}}}Body")
    if root.tag != f"{{{ENVELOPE}}}Envelope" or body is None or len(body) != 1:
        raise SoapFaultError("ter:WellFormed", "expected a SOAP 1.2 envelope with one operation")
    return Call(local_name(body[0].tag), body[0], root.find(f"{{{ENVELOPE}}}Header"))


def local_name(tag: str) -> str:
    """Return a tag without its namespace."""
    return tag.rpartition("}")[2]


def find(element: ET.Element, *path: str) -> ET.Element | None:
    """Descend by local names, whatever the namespaces."""
    current: ET.Element | None = element
    for name in path:
        current = next((child for child in current or () if local_name(child.tag) == name), None)
        if current is None:
            return None
    return current


def text_of(element: ET.Element, *path: str) -> str | None:
    """Return the stripped text at a path of local names, or None."""
    found = find(element, *path)
    return found.text.strip() if found is not None and found.text else None


def texts_of(element: ET.Element, name: str) -> list[str]:
    """Return the stripped texts of all children with a local name."""
    return [(child.text or "").strip() for child in element if local_name(child.tag) == name]


def answer(inner: str) -> Response:
    """Wrap the inside of a body into a good answer."""
    return Response(200, _envelope(inner), CONTENT_TYPE)


def fault(error: SoapFaultError, habits: OnvifHabits) -> Response:
    """Answer with a fault; sender faults carry HTTP 400 as ONVIF wants, authentication faults too."""
    status = 400 if error.is_sender else 500
    if told := habits.one_of({OnvifHabit.FAULTS_200, OnvifHabit.FAULTS_400, OnvifHabit.FAULTS_500}):
        status = int(told.value.removeprefix("faults-"))
    if habits.has(OnvifHabit.SOAP_11_FAULTS):
        code = "env:Client" if error.is_sender else "env:Server"
        inner = f"<env:Fault><faultcode>{code}</faultcode><faultstring>{escape(str(error))}</faultstring></env:Fault>"
        return Response(status, _envelope(inner, ENVELOPE_11), "text/xml; charset=utf-8")
    sub = f"<env:Subcode><env:Value>{error.subcode}</env:Value></env:Subcode>" if error.subcode else ""
    inner = (
        f"<env:Fault><env:Code><env:Value>{error.code}</env:Value>{sub}</env:Code>"
        f'<env:Reason><env:Text xml:lang="en">{escape(str(error))}</env:Text></env:Reason></env:Fault>'
    )
    return Response(status, _envelope(inner), CONTENT_TYPE)


def _envelope(inner: str, namespace: str = ENVELOPE) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><env:Envelope xmlns:env="{namespace}" {_DECLARATIONS}>'
        f"<env:Body>{inner}</env:Body></env:Envelope>"
    ).encode()
