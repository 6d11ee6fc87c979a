"""Signing in by HTTP: Digest with its algorithms, and Basic.

Source: RFC 7616 (Digest), RFC 2069 (Digest without qop), RFC 7617 (Basic); ONVIF Core Specification, section on authentication.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets

from sample_streams.onvif.habits import DIGESTS, OnvifHabit, OnvifHabits
from sample_streams.wire.auth import Account
from sample_streams.wire.http import Request, Response

REALM = "camera 64"
WRONG_BEFORE_LOCKOUT = 5
_FIELD = re.compile(r'([\w-]+)=(?:"([^"]*)"|([^,\s]+))')
_ALGORITHMS = {
    OnvifHabit.DIGEST: ("MD5",),
    OnvifHabit.DIGEST_OLD: ("MD5",),
    OnvifHabit.DIGEST_SHA256: ("SHA-256",),
    OnvifHabit.DIGEST_MD5_SESS: ("MD5-sess",),
    OnvifHabit.DIGEST_BOTH: ("SHA-256", "MD5"),
}


class HttpSignIn:
    """Check the Authorization headers of requests.

    Attributes:
        schemes: how often each scheme came; so a test sees whether a password went over the wire as it is.
        wrong: how many wrong passwords came.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._counts: dict[str, int] = {}
        self.schemes: dict[str, int] = {}
        self.wrong = 0

    def refusal(self, request: Request, habits: OnvifHabits, *, refuses_all: bool = False) -> Response | None:
        """Return the answer to a request that may not pass, None for one that may."""
        kind = habits.one_of(DIGESTS | {OnvifHabit.BASIC})
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        if scheme:
            self.schemes[scheme.lower()] = self.schemes.get(scheme.lower(), 0) + 1
        if kind is None:
            return None
        is_locked = habits.has(OnvifHabit.LOCKS_OUT) and self.wrong >= WRONG_BEFORE_LOCKOUT
        is_right, is_stale = False, False
        if kind is OnvifHabit.BASIC and scheme.lower() == "basic":
            is_right = self._is_right_basic(rest)
        elif kind in DIGESTS and scheme.lower() == "digest":
            is_right, is_stale = self._judge_digest(rest, request, kind, habits)
        if is_right and not is_stale and not refuses_all and not is_locked:
            return None
        if scheme and not is_stale:
            self.wrong += 1
        return self._challenge(kind, is_stale=is_stale)

    def _challenge(self, kind: OnvifHabit, *, is_stale: bool) -> Response:
        page = b"<html><body><h1>401 Unauthorized</h1></body></html>"
        if kind is OnvifHabit.BASIC:
            return Response(401, page, "text/html", challenges=(f'Basic realm="{REALM}"',))
        nonce = secrets.token_hex(16)
        self._counts[nonce] = 0
        stale = ", stale=true" if is_stale else ""
        if kind is OnvifHabit.DIGEST_OLD:
            return Response(401, page, "text/html", challenges=(f'Digest realm="{REALM}", nonce="{nonce}"{stale}',))
        return Response(
            401,
            page,
            "text/html",
            challenges=tuple(
                f'Digest realm="{REALM}", qop="auth", algorithm={algorithm}, nonce="{nonce}", opaque="64"{stale}'
                for algorithm in _ALGORITHMS[kind]
            ),
        )

    def _is_right_basic(self, text: str) -> bool:
        try:
            given = base64.b64decode(text, validate=True)
        except binascii.Error:
            return False
        return hmac.compare_digest(given, f"{self._account.username}:{self._account.password}".encode())

    def _judge_digest(self, text: str, request: Request, kind: OnvifHabit, habits: OnvifHabits) -> tuple[bool, bool]:
        """Return whether the password is right, and whether the nonce is not (any more)."""
        fields = {name: quoted or plain for name, quoted, plain in _FIELD.findall(text)}
        algorithm, nonce = fields.get("algorithm", "MD5"), fields.get("nonce", "")
        if algorithm not in _ALGORITHMS[kind] or fields.get("realm") != REALM or fields.get("uri") != request.path:
            return False, False
        has_qop = kind is not OnvifHabit.DIGEST_OLD
        if has_qop and (fields.get("qop") != "auth" or not fields.get("cnonce")):
            return False, False
        is_right = fields.get("username") == self._account.username and hmac.compare_digest(
            self._response(fields, algorithm, request.method, has_qop=has_qop), fields.get("response", "")
        )
        try:
            count = int(fields.get("nc", ""), 16) if has_qop else self._counts.get(nonce, 0) + 1
        except ValueError:
            return False, False
        is_fresh = nonce in self._counts and count > self._counts[nonce]
        if habits.has(OnvifHabit.ONE_USE_NONCES):
            is_fresh = is_fresh and self._counts[nonce] == 0
        if is_right and is_fresh:
            self._counts[nonce] = count
        return is_right, is_right and (not is_fresh or habits.has(OnvifHabit.ALWAYS_STALE))

    def _response(self, fields: dict[str, str], algorithm: str, method: str, *, has_qop: bool) -> str:
        def digest(text: str) -> str:
            name = "sha256" if algorithm == "SHA-256" else "md5"
            return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()

        nonce, cnonce = fields.get("nonce", ""), fields.get("cnonce", "")
        secret = digest(f"{self._account.username}:{REALM}:{self._account.password}")
        if algorithm == "MD5-sess":
            secret = digest(f"{secret}:{nonce}:{cnonce}")
        request = digest(f"{method}:{fields.get('uri', '')}")
        if not has_qop:
            return digest(f"{secret}:{nonce}:{request}")
        return digest(f"{secret}:{nonce}:{fields.get('nc', '')}:{cnonce}:auth:{request}")
