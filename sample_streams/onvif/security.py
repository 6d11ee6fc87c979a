"""WS-Security user name tokens: digest, freshness, and no nonce twice.

Source: OASIS Web Services Security UsernameToken Profile 1.0; ONVIF Core Specification section 5.9.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element

from sample_streams.onvif.soap import ENVELOPE, SoapFaultError, find, text_of
from sample_streams.wire.auth import Account

WINDOW = timedelta(seconds=300)
DIGEST_TYPE = "PasswordDigest"


@dataclass(slots=True)
class TokenChecker:
    """Check the tokens of requests against the camera's account and the camera's own clock."""

    account: Account
    camera_now: Callable[[], datetime]
    refuses_all: bool = False
    _seen: dict[str, datetime] = field(default_factory=dict)

    def check(self, header: Element | None) -> None:
        """Let a request pass or refuse it.

        Raises:
            SoapFaultError: No token, wrong password, stale or future creation time, or a nonce seen before.
        """
        token = find(header, "Security", "UsernameToken") if header is not None else None
        if token is None:
            raise _refusal("this operation needs a WS-Security user name token")
        username, password = text_of(token, "Username"), text_of(token, "Password")
        nonce, created = text_of(token, "Nonce"), text_of(token, "Created")
        kind = find(token, "Password")
        if kind is None or not kind.get("Type", "").endswith(DIGEST_TYPE):
            raise _refusal("only password digests are accepted")
        if self.refuses_all or username != self.account.username or not (nonce and created and password):
            raise _refusal("sender not authorised")
        self._check_digest(nonce, created, password)
        self._check_freshness(nonce, created)

    def _check_digest(self, nonce: str, created: str, password: str) -> None:
        try:
            raw = base64.b64decode(nonce, validate=True)
        except binascii.Error as error:
            raise _refusal("the nonce is not base64") from error
        digest = hashlib.sha1(raw + created.encode() + self.account.password.encode(), usedforsecurity=False).digest()
        if not hmac.compare_digest(base64.b64encode(digest).decode(), password):
            raise _refusal("sender not authorised")

    def _check_freshness(self, nonce: str, created: str) -> None:
        try:
            created_at = datetime.fromisoformat(created)
        except ValueError as error:
            raise _refusal("the creation time is not ISO 8601") from error
        if created_at.tzinfo is None:
            created_at = created_at.replace(tzinfo=UTC)
        now = self.camera_now()
        if abs(now - created_at) > WINDOW:
            raise _refusal("the token is too old or from the future: set your clock to the camera's")
        self._seen = {one: at for one, at in self._seen.items() if now - at < 2 * WINDOW}
        if nonce in self._seen:
            raise _refusal("this nonce was used before")
        self._seen[nonce] = now


def _refusal(reason: str) -> SoapFaultError:
    return SoapFaultError("ter:NotAuthorized", reason)


def is_demanded(header: Element | None) -> bool:
    """Whether a request says that its Security header must be understood (SOAP 1.2, section 5.2.3)."""
    security = find(header, "Security") if header is not None else None
    return security is not None and security.get(f"{{{ENVELOPE}}}mustUnderstand") in {"1", "true"}
