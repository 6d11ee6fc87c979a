"""Questions to a camera's services: the envelope, the sign-in that the camera wants, and an answer that is checked before it is parsed.

A camera is asked with a WS-Security digest first. Where it wants HTTP Digest instead, that alone is sent from then on, and both where
that is not enough for it.

Source: SOAP 1.2 part 1; ONVIF Core Specification 5.9 (faults, authentication); OASIS WS-Security UsernameToken Profile 1.0.
"""

import base64
import hashlib
import re
import secrets
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from xml.sax.saxutils import escape

from ingest import failure
from ingest.onvif.address import ServiceUrl
from ingest.onvif.http_post import HttpPost, HttpReply
from ingest.onvif.multipart import root_part
from ingest.onvif.wording import first_words, printable
from ingest.rtsp.sign_in import SignIn
from ingest.tolerant_xml import bare_root
from ingest.xml_text import decoded_text, refuse_document_types
from vms.clock import Clock
from vms.errors import Unavailable

MOST_BYTES: Final = 4 * 1024 * 1024
"""Of an answer: the profiles of a large camera take some hundred KiB."""
_MOST_ROUNDS = 6
"""WS-Security not understood, not enough, a nonce that ran out: each once, and nobody asks for ever."""
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
_SECURITY = (
    '<s:Header><Security s:mustUnderstand="1" xmlns="{wsse}-wssecurity-secext-1.0.xsd"><UsernameToken>'
    '<Username>{username}</Username><Password Type="{wsse}-username-token-profile-1.0#PasswordDigest">{digest}</Password>'
    '<Nonce EncodingType="{wsse}-soap-message-security-1.0#Base64Binary">{nonce}</Nonce>'
    '<Created xmlns="{wsse}-wssecurity-utility-1.0.xsd">{created}</Created></UsernameToken></Security></s:Header>'
)
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">{header}'
    "<s:Body>{body}</s:Body></s:Envelope>"
)
_IS_ENVELOPE = re.compile(
    # Possessive: what has been read as a comment is never tried as two, or some forty of them would take for ever.
    r"\s*+(?:<!--(?:(?!-->).)*+-->\s*+|<\?(?:(?!\?>).)*+\?>\s*+)*+<(?:[\w.-]+:)?Envelope[\s/>]",
    re.DOTALL,
)
_IS_PAGE = re.compile(r"\s*<!doctype\s+html\b", re.IGNORECASE)
_REFUSAL_CODES = ("NotAuthorized", "FailedAuthentication", "FailedCheck")
"""Subcodes of a refused sender (ONVIF Core 5.9.1 `ter:NotAuthorized`; the others are WS-Security's)."""
_REFUSAL_WORDS = re.compile(r"not\s?authori[sz]ed|unauthori[sz]ed|authentication", re.IGNORECASE)
"""For cameras that send no subcode."""
_OPERATION = re.compile(r"""\s*<(?:[\w.-]+:)?(\w+)\s[^>]*?xmlns(?::[\w.-]+)?="([^"]+)\"""")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([^\s;"',]+)""", re.IGNORECASE)


class SoapFault(Unavailable):
    """The camera answered, and refuses what it was asked for another reason than the account."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the camera refuses: {reason}", code="camera.onvif-fault", reason=reason)


@dataclass(frozen=True, slots=True)
class SoapAnswer:
    """An answer that is no fault.

    Args:
        text: the envelope, without XML declaration.
        root: the same, with prefixes taken off.
    """

    text: str = field(repr=False)
    root: ET.Element = field(repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """How to get in.

    Args:
        allows_basic: the password may go over the wire as it is, without TLS.
    """

    username: str
    password: str = field(repr=False)
    allows_basic: bool = False


class SoapClient:
    """Asks one camera. Made for one thread.

    Args:
        timeout_s: for an answer, name look-up and sign-in included.
        most_bytes: of an answer.

    Attributes:
        ahead: how far the camera's clock is ahead of ours: a WS-Security digest must be fresh by the camera's clock.
        camera_date: the Date of the last answer's HTTP header, None without one.
    """

    def __init__(self, account: Account, clock: Clock, *, timeout_s: float, most_bytes: int = MOST_BYTES) -> None:
        self.ahead = timedelta()
        self.camera_date: datetime | None = None
        self._account = account
        self._clock = clock
        self._timeout_s = timeout_s
        self._http = HttpPost(clock, most_bytes)
        self._sign_in: SignIn | None = None
        self._was_accepted = False
        self._sends_token = True

    @property
    def signs_by_http(self) -> bool:
        """Whether the camera wants a sign-in of HTTP."""
        return self._sign_in is not None

    def ask(self, url: ServiceUrl, body: str, *, anonymously: bool = False) -> SoapAnswer:
        """Ask, and return the answer.

        Args:
            body: the operation's element, with its name spaces.
            anonymously: without WS-Security; a camera that wants HTTP Digest gets it all the same.

        Raises:
            CameraFailure: not reachable, no whole answer in time, or the account is refused.
            SoapFault: another refusal.
            Unavailable: the answer is no SOAP that can be read.
        """
        deadline_s = self._clock.monotonic_s() + self._timeout_s
        with_token, tries_both = self._sends_token and not anonymously, False
        for _ in range(_MOST_ROUNDS):
            reply = self._http.post(
                url, self._envelope(body, with_token=with_token), self._headers(url, body), deadline_s
            )
            self.camera_date = _date(reply)
            if reply.status == 401 and reply.challenges():
                if not self._take(url, reply):
                    break
                with_token = self._sends_token and not anonymously
                continue
            self._was_accepted = self._sign_in is not None
            try:
                answer = _checked(reply)
            except _NotUnderstoodError:
                if not with_token:
                    raise
                # It knows no WS-Security: without it, it says what it wants.
                self._sends_token = with_token = False
                continue
            except _RefusedError:
                if self._sign_in is None or with_token:
                    self._sends_token = self._sends_token and not tries_both
                    raise failure.wrong_password() from None
                if anonymously:
                    # Not the account: this camera tells nothing, not even its time, without both.
                    self._sends_token = True
                    raise SoapFault("it wants WS-Security behind its HTTP sign-in") from None
                # Signed in by HTTP, and refused behind it: perhaps this camera wants both.
                self._sends_token = with_token = tries_both = True
                continue
            return answer
        raise failure.wrong_password()

    def close(self) -> None:
        """Close the connection; harmless when repeated."""
        self._http.close()

    def _take(self, url: ServiceUrl, reply: HttpReply) -> bool:
        """Choose among the camera's challenges; return whether it is worth asking again."""
        if self._sign_in is not None and not self._was_accepted:
            return self._sign_in.take(reply.challenges())
        # The first challenge; or a nonce that was good has run out, whether the camera says so ("stale") or not.
        account = self._account
        fresh = SignIn(account.username, account.password, account.allows_basic or url.scheme == "https")
        is_worth_it = fresh.take(reply.challenges())
        self._sends_token = self._sends_token and self._sign_in is not None
        self._sign_in, self._was_accepted = fresh, False
        return is_worth_it

    def _headers(self, url: ServiceUrl, body: str) -> dict[str, str]:
        # Some answer nothing to a request whose header names no action.
        named = _OPERATION.match(body)
        action = f'; action="{named.group(2)}/{named.group(1)}"' if named else ""
        headers = {"Content-Type": f"application/soap+xml; charset=utf-8{action}"}
        signed = None if self._sign_in is None else self._sign_in.header("POST", url.target)
        return headers if signed is None else headers | {"Authorization": signed}

    def _envelope(self, body: str, *, with_token: bool) -> bytes:
        header = self._token() if with_token and self._account.username else ""
        return _ENVELOPE.format(header=header, body=body).encode()

    def _token(self) -> str:
        nonce = secrets.token_bytes(16)
        created = (self._clock.now() + self.ahead).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        # SHA-1 is what the profile prescribes: digest = SHA-1(nonce + created + password).
        secret = self._account.password.encode()
        digest = hashlib.sha1(nonce + created.encode() + secret, usedforsecurity=False).digest()
        return _SECURITY.format(
            wsse=_WSSE,
            username=escape(self._account.username),
            digest=base64.b64encode(digest).decode(),
            nonce=base64.b64encode(nonce).decode(),
            created=created,
        )


class _NotUnderstoodError(SoapFault):
    """The camera does not know the header that it must understand."""


class _RefusedError(Exception):
    """The camera refuses the account."""


def _checked(reply: HttpReply) -> SoapAnswer:
    """Return the envelope that came.

    Raises:
        _RefusedError: the account.
        SoapFault: anything else.
        Unavailable: it is something else; the message says what.
    """
    content_type, body = root_part(reply.headers.get("Content-Type") or "", reply.body)
    charset = _CHARSET.search(content_type)
    text = decoded_text(body, charset.group(1) if charset else None) if body else ""
    if not _IS_PAGE.match(text):
        refuse_document_types(text)
    if not _IS_ENVELOPE.match(text):
        if reply.status in {401, 403}:
            raise _RefusedError
        raise _no_soap(reply, text)
    root = bare_root(text)
    if root is None:
        raise Unavailable(
            f"the camera answers ONVIF with XML that is not well-formed, or too deep ({_seen(reply, text)})",
            code="camera.onvif-nonsense",
        )
    fault = next(root.iter("Fault"), None)
    if fault is not None or reply.status >= 400:
        raise _fault(fault, reply.status)
    return SoapAnswer(text, root)


def _no_soap(reply: HttpReply, text: str) -> Unavailable:
    return Unavailable(
        f"what answers at the camera's ONVIF address is no ONVIF service ({_seen(reply, text)}); correct the address",
        code="camera.onvif",
        came=_seen(reply, text),
    )


def _seen(reply: HttpReply, text: str) -> str:
    words = first_words(text)
    return f"HTTP {reply.status}, {printable(reply.kind) or 'no content type'}, " + (f'"{words}"' if words else "empty")


def _fault(fault: ET.Element | None, status: int) -> Exception:
    found = [] if fault is None else [*fault.iter("Value"), *fault.iter("faultcode")]
    codes = [(one.text or "").strip().rpartition(":")[2] for one in found]
    texts = [] if fault is None else [*fault.iter("Text"), *fault.iter("faultstring")]
    reason = printable(" ".join(one.text or "" for one in texts), 200)
    is_refusal = any(code in _REFUSAL_CODES for code in codes) or _REFUSAL_WORDS.search(reason)
    if is_refusal or (status in {401, 403} and not codes):
        return _RefusedError()
    if "MustUnderstand" in codes:
        return _NotUnderstoodError(reason or "MustUnderstand")
    return SoapFault(reason or printable(" ".join(codes)) or f"HTTP {status}")


def is_conceivable(camera_at: datetime) -> bool:
    """Say whether a camera's clock can be counted with: one that was never set shows 1970, and sums must not leave the calendar."""
    return 1970 <= camera_at.year < 2200


def _date(reply: HttpReply) -> datetime | None:
    try:
        found = parsedate_to_datetime(reply.headers.get("Date") or "")
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
    if not is_conceivable(found):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
