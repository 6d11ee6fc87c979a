"""Requests and answers of the Time-Stamp Protocol: the bytes only; who signed is for `openssl ts -verify` to say (vms/ledger/stamps.py).

Reads definite lengths, as every signed token has them: DER is what a hash is taken over.

Source: RFC 3161 sections 2.4.1 (TimeStampReq), 2.4.2 (TimeStampResp, TSTInfo); RFC 5652 section 5.1 (SignedData); X.690.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

_INTEGER, _OCTETS, _NULL, _OID, _TEXT, _SEQUENCE, _TIME, _ANY = 0x02, 0x04, 0x05, 0x06, 0x0C, 0x30, 0x18, -1
_EXPLICIT_0: Final = 0xA0
_TRUE: Final = bytes([0x01, 0x01, 0xFF])
_SHA256: Final = bytes.fromhex("608648016503040201")
_SIGNED_DATA: Final = bytes.fromhex("2a864886f70d010702")
_TST_INFO: Final = bytes.fromhex("2a864886f70d0109100104")
_GRANTED: Final = frozenset({0, 1})
_LONGEST_LENGTH: Final = 4


class UnreadableError(Exception):
    """The bytes are no answer of a time-stamping authority."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The authority gives no stamp; `words` are its own, perhaps none."""

    status: int
    words: str


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an authority says that it stamped, whoever signed it.

    Args:
        algorithm: of the imprint, as the bytes of its object identifier.
        policy: dotted.
        nonce: of the request; None when it gives none.
        at: by the authority's clock, whole seconds or finer.
    """

    algorithm: bytes
    imprint: bytes
    policy: str
    nonce: int | None
    at: datetime

    def is_of(self, sha256: bytes) -> bool:
        """Return whether the stamp is over this SHA-256."""
        return self.algorithm == _SHA256 and self.imprint == sha256


def request(sha256: bytes, nonce: int, policy: str = "") -> bytes:
    """Return the DER of a request that asks for the authority's certificate too.

    Args:
        sha256: 32 bytes.
        nonce: from 0; the answer must repeat it.
        policy: dotted object identifier of the policy to stamp under; empty: the authority's own.
    """
    imprint = _der(_SEQUENCE, _der(_SEQUENCE, _der(_OID, _SHA256), _der(_NULL)), _der(_OCTETS, sha256))
    asked = [_der(_INTEGER, b"\x01"), imprint]
    if policy:
        asked.append(_der(_OID, _oid_bytes(policy)))
    asked.append(_der(_INTEGER, nonce.to_bytes(nonce.bit_length() // 8 + 1, "big")))
    return _der(_SEQUENCE, *asked, _TRUE)


def read(answer: bytes) -> Stamp | Refusal:
    """Return what an answer says.

    Raises:
        UnreadableError: it is none, or cut off.
    """
    whole = _Reader(answer).only(_SEQUENCE)
    info = whole.inner(_SEQUENCE)
    status = int.from_bytes(info.take(_INTEGER), "big")
    if status not in _GRANTED:
        return Refusal(status, info.texts())
    content = whole.inner(_SEQUENCE)
    if content.take(_OID) != _SIGNED_DATA:
        raise UnreadableError("the token is no signed data")
    signed = content.inner(_EXPLICIT_0).inner(_SEQUENCE)
    signed.take(_INTEGER)
    signed.take(_ANY)
    stamped = signed.inner(_SEQUENCE)
    if stamped.take(_OID) != _TST_INFO:
        raise UnreadableError("what is signed is no time stamp")
    return _stamp(_Reader(stamped.inner(_EXPLICIT_0).take(_OCTETS)).only(_SEQUENCE))


def _stamp(info: "_Reader") -> Stamp:
    info.take(_INTEGER)
    policy = _dotted(info.take(_OID))
    imprint = info.inner(_SEQUENCE)
    algorithm = imprint.inner(_SEQUENCE).take(_OID)
    digest = imprint.take(_OCTETS)
    info.take(_INTEGER)
    at = _instant(info.take(_TIME))
    # Accuracy and ordering may stand before it, the authority's name and extensions after it; nothing else there is an INTEGER.
    nonce = next((int.from_bytes(value, "big") for tag, value in info.rest() if tag == _INTEGER), None)
    return Stamp(algorithm, digest, policy, nonce, at)


class _Reader:
    """The values in a stretch of DER, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, tag: int) -> bytes:
        """Return the content of the next value, which has this tag (or any)."""
        found, value = self._next()
        if tag not in {_ANY, found}:
            raise UnreadableError(f"tag {found:#x} where {tag:#x} should be")
        return value

    def inner(self, tag: int) -> "_Reader":
        """Return a reader of the next value's content."""
        return _Reader(self.take(tag))

    def only(self, tag: int) -> "_Reader":
        """Return a reader of the one value that there is."""
        inner = self.inner(tag)
        if self._at != len(self._data):
            raise UnreadableError("bytes follow the end")
        return inner

    def rest(self) -> Iterator[tuple[int, bytes]]:
        """Yield tag and content of every further value."""
        while self._at < len(self._data):
            yield self._next()

    def texts(self) -> str:
        """Return the texts among the further values (PKIFreeText), joined."""
        found = [_Reader(value).rest() for tag, value in self.rest() if tag == _SEQUENCE]
        return "; ".join(text.decode("utf-8", "replace") for one in found for tag, text in one if tag == _TEXT)

    def _next(self) -> tuple[int, bytes]:
        head = self._data[self._at : self._at + 2]
        if len(head) < 2 or head[0] & 0x1F == 0x1F:
            raise UnreadableError("cut off, or a tag that does not belong here")
        begin, length = self._at + 2, head[1]
        if length >= 0x80:
            count = length & 0x7F
            if not 0 < count <= _LONGEST_LENGTH:
                raise UnreadableError("a length that is not given")
            length = int.from_bytes(self._data[begin : begin + count], "big")
            begin += count
        end = begin + length
        if end > len(self._data):
            raise UnreadableError("cut off")
        self._at = end
        return head[0], self._data[begin:end]


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _oid_bytes(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    out = b""
    for number in (first * 40 + second, *rest):
        septets = [number & 0x7F]
        while number := number >> 7:
            septets.append(number & 0x7F | 0x80)
        out += bytes(reversed(septets))
    return out


_LONGEST_OID = 64
"""Bytes; a longer one is no policy, and its decimal digits would be too many to print."""


def _dotted(oid: bytes) -> str:
    numbers, number = [], 0
    for byte in oid:
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            numbers.append(number)
            number = 0
    if len(oid) > _LONGEST_OID:
        raise UnreadableError("an object identifier is shorter")
    if not numbers:
        raise UnreadableError("an empty object identifier")
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - first * 40, *numbers[1:])))


def _instant(text: bytes) -> datetime:
    """Return a GeneralizedTime as RFC 3161 has it: UTC, with a fraction or none."""
    whole, _, fraction = text.decode("ascii", "replace").removesuffix("Z").partition(".")
    try:
        at = datetime.strptime(whole, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        return at.replace(microsecond=int(fraction.ljust(6, "0")[:6]))
    except ValueError as error:
        raise UnreadableError("a time that is none") from error
