"""RTSP authentication, Basic and Digest, as a camera checks it.

Source: RFC 7617 (Basic), RFC 2069 and RFC 7616 (Digest with MD5; cameras of the field offer it without qop).
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum

REALM = "sample city"
_FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|([^,\s]+))')


class AuthMode(StrEnum):
    """How a camera asks for a password; ``REFUSE`` turns every password away."""

    NONE = "none"
    BASIC = "basic"
    DIGEST = "digest"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Account:
    """The one account of a camera."""

    username: str
    password: str


class Authenticator:
    """Check the Authorization headers of one connection."""

    def __init__(self, account: Account, mode: AuthMode) -> None:
        self._account = account
        self._mode = mode
        self._nonce = secrets.token_hex(16)

    def challenge(self) -> str:
        """Return the WWW-Authenticate value for a 401 answer."""
        if self._mode is AuthMode.BASIC:
            return f'Basic realm="{REALM}"'
        return f'Digest realm="{REALM}", nonce="{self._nonce}"'

    def accepts(self, header: str | None, method: str) -> bool:
        """Whether the request may pass."""
        if self._mode is AuthMode.NONE:
            return True
        if self._mode is AuthMode.REFUSE or header is None:
            return False
        scheme, _, rest = header.partition(" ")
        if self._mode is AuthMode.BASIC:
            return scheme.lower() == "basic" and self._accepts_basic(rest)
        return scheme.lower() == "digest" and self._accepts_digest(rest, method)

    def _accepts_basic(self, text: str) -> bool:
        try:
            given = base64.b64decode(text, validate=True)
        except binascii.Error:
            return False
        expected = f"{self._account.username}:{self._account.password}".encode()
        return hmac.compare_digest(given, expected)

    def _accepts_digest(self, text: str, method: str) -> bool:
        fields = {name: quoted or plain for name, quoted, plain in _FIELD.findall(text)}
        if fields.get("nonce") != self._nonce or fields.get("username") != self._account.username:
            return False
        secret = _md5(f"{self._account.username}:{REALM}:{self._account.password}")
        request = _md5(f"{method}:{fields.get('uri', '')}")
        if "qop" in fields:
            extra = f"{fields.get('nc', '')}:{fields.get('cnonce', '')}:{fields['qop']}"
            expected = _md5(f"{secret}:{self._nonce}:{extra}:{request}")
        else:
            expected = _md5(f"{secret}:{self._nonce}:{request}")
        return hmac.compare_digest(expected, fields.get("response", ""))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
