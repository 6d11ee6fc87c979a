"""How a device writes a good answer: encodings, prefixes, framing. What it says is the services' matter.

Source: XML 1.0 section 4.3.3 and appendix F (encodings), RFC 7303 (charset), RFC 2387 and XOP (multipart), RFC 9112 (framing).
"""

import gzip
import re
from dataclasses import replace

from sample_streams.onvif.habits import ENCODINGS, OnvifHabit, OnvifHabits
from sample_streams.onvif.soap import CONTENT_TYPE, NAMESPACES
from sample_streams.wire.http import Framing, Request, Response

_LABELS = {
    OnvifHabit.UTF_16: ("utf-16", "utf-16"),
    OnvifHabit.LATIN_1: ("iso-8859-1", "iso-8859-1"),
    OnvifHabit.GB2312: ("gb2312", "gb2312"),
    OnvifHabit.GBK: ("gbk", "gbk"),
    OnvifHabit.UTF8_LABEL: ("utf8", "utf-8"),
    OnvifHabit.UTF8_CAPITALS: ("UTF8", "utf-8"),
    OnvifHabit.UNKNOWN_LABEL: ("x-camera", "utf-8"),
    OnvifHabit.GBK_AS_UTF8: ("utf-8", "gbk"),
}
"""What each habit declares, and what it writes."""
_OTHER = {prefix: f"ns{number}" for number, prefix in enumerate(NAMESPACES, 1)} | {"env": "SOAP-ENV"}
_PREFIX = re.compile(rf"\b({'|'.join(_OTHER)})(?=:[A-Za-z]|=\")")
_MAKER = '<maker:Extra xmlns:maker="http://www.example.com/firmware" maker:build="7"><maker:Deep><maker:Er/></maker:Deep></maker:Extra>'
_ROOM_FOR_ANY = ("trt:MediaUri", "tptz:PTZStatus", "tds:Service")
_ROOM_FOR_EXTENSION = ("trt:Profiles", "tds:Capabilities", "tds:SystemDateAndTime", "tptz:PTZNode")
_BOUNDARY = "MIME_boundary"


def written(answer: Response, request: Request, habits: OnvifHabits) -> Response:
    """Return an answer as a device with these habits writes it."""
    text = answer.body.decode()
    if habits.has(OnvifHabit.EXTENSIONS):
        text = _extended(text)
    if habits.has(OnvifHabit.OTHER_PREFIXES):
        text = _PREFIX.sub(lambda found: _OTHER[found[1]], text)
    if habits.has(OnvifHabit.UNDECLARED_PREFIXES):
        text = re.sub(r' xmlns:\w+="[^"]*"', "", text)
    if habits.has(OnvifHabit.COMMENTS):
        text = text.replace("><", "><!-- firmware 7 --><?maker build?><")
    if habits.has(OnvifHabit.LEADING_SPACE):
        text = "\r\n" + text
    body, content_type = _encoded(text, habits, answer.content_type)
    answer = replace(answer, body=body, content_type=content_type)
    if habits.has(OnvifHabit.MULTIPART):
        answer = _multipart(answer)
    if habits.has(OnvifHabit.COMPRESSED) and "gzip" in request.headers.get("accept-encoding", ""):
        answer = replace(answer, body=gzip.compress(answer.body), headers=answer.headers | {"Content-Encoding": "gzip"})
    if habits.has(OnvifHabit.CHUNKED):
        answer = replace(answer, framing=Framing.CHUNKED)
    if habits.has(OnvifHabit.NO_LENGTH):
        answer = replace(answer, framing=Framing.CLOSE)
    return answer


def _encoded(text: str, habits: OnvifHabits, content_type: str) -> tuple[bytes, str]:
    label, codec = _LABELS[kind] if (kind := habits.one_of(ENCODINGS)) else ("UTF-8", "utf-8")
    text = text.replace('encoding="UTF-8"', f'encoding="{label}"')
    charset = "iso-8859-1" if habits.has(OnvifHabit.CONTRADICTING_CHARSET) else label
    kind_of_text = "text/xml" if habits.has(OnvifHabit.TEXT_XML) else content_type.partition(";")[0]
    return text.encode(codec, "xmlcharrefreplace"), f"{kind_of_text}; charset={charset}"


def _extended(text: str) -> str:
    for tag in _ROOM_FOR_ANY:
        text = text.replace(f"</{tag}>", f"{_MAKER}</{tag}>")
    for tag in _ROOM_FOR_EXTENSION:
        # A second Extension would be against the schema.
        text = re.sub(rf"(?<!</tt:Extension>)</{tag}>", f"<tt:Extension>{_MAKER}</tt:Extension></{tag}>", text)
    return text


def _multipart(answer: Response) -> Response:
    head = (
        f'--{_BOUNDARY}\r\nContent-Type: application/xop+xml; charset=utf-8; type="application/soap+xml"\r\n'
        "Content-Transfer-Encoding: binary\r\nContent-ID: <root>\r\n\r\n"
    )
    kind = (
        f'multipart/related; boundary="{_BOUNDARY}"; type="application/xop+xml"; start="<root>"; '
        f'start-info="{CONTENT_TYPE.partition(";")[0]}"'
    )
    return replace(answer, body=head.encode() + answer.body + f"\r\n--{_BOUNDARY}--\r\n".encode(), content_type=kind)
