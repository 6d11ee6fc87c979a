"""Signing in to a camera: Digest with SHA-256 or MD5, per session or not, and Basic where it may be used.

Source: RFC 7616 (Digest), RFC 2069 (without qop, as many cameras offer it), RFC 7617 (Basic), RFC 7235 section 4.1 (several challenges).
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ingest import failure

_PARAMETER = re.compile(r'\s*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,|$)')
_SCHEME = re.compile(r"\s*([A-Za-z]+)(?:\s+|$)")
_MOST_CHALLENGE_CHARS = 2000
_STRENGTH = ("SHA-256", "SHA-256-SESS", "MD5", "MD5-SESS")
_PER_SESSION = "-SESS"


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to sign in that the camera offers."""

    scheme: str
    parameters: dict[str, str]


@dataclass(slots=True)
class SignIn:
    """An account, and what the camera wants to see of it.

    Args:
        allows_basic: the password may be sent as it is: the connection is encrypted, or somebody allowed it for this camera.
    """

    username: str
    password: str = field(repr=False)
    allows_basic: bool
    _challenge: Challenge | None = None
    _count: int = 0

    def take(self, headers: Sequence[str]) -> bool:
        """Choose the strongest challenge; return whether it is worth asking again.

        Raises:
            CameraFailure: the camera offers nothing that may be used.
        """
        offered = [one for header in headers for one in parse_challenges(header)]
        best = next(
            (
                one
                for algorithm in _STRENGTH
                for one in offered
                if one.scheme == "digest"
                and _is_usable(one)
                and one.parameters.get("algorithm", "MD5").upper() == algorithm
            ),
            None,
        )
        basic = next((one for one in offered if one.scheme == "basic"), None)
        if best is None and basic is not None and not self.allows_basic:
            raise failure.password_in_the_clear()
        chosen = best or basic
        if chosen is None:
            raise failure.unknown_sign_in()
        asked_before, self._challenge, self._count = self._challenge, chosen, 0
        stale = chosen.parameters.get("stale", "").lower() == "true"
        return asked_before is None or (stale and chosen.parameters != asked_before.parameters)

    def header(self, method: str, url: str) -> str | None:
        """Return the Authorization header; None before the camera has asked."""
        if self._challenge is None:
            return None
        if self._challenge.scheme == "basic":
            return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return self._digest(self._challenge.parameters, method, url)

    def _digest(self, told: dict[str, str], method: str, url: str) -> str:
        algorithm = told.get("algorithm", "MD5").upper()
        hashed: Callable[[str], str] = _sha256 if algorithm.startswith("SHA-256") else _md5
        realm, nonce, client = told.get("realm", ""), told.get("nonce", ""), secrets.token_hex(8)
        secret, request = hashed(f"{self.username}:{realm}:{self.password}"), hashed(f"{method}:{url}")
        fields = {"username": self.username, "realm": realm, "nonce": nonce, "uri": url}
        plain = {}
        if algorithm.endswith(_PER_SESSION):
            secret = hashed(f"{secret}:{nonce}:{client}")
            fields["cnonce"] = client
        if "auth" in [one.strip().lower() for one in told.get("qop", "").split(",")]:
            self._count += 1
            count = f"{self._count:08x}"
            fields |= {"response": hashed(f"{secret}:{nonce}:{count}:{client}:auth:{request}"), "cnonce": client}
            plain = {"nc": count, "qop": "auth"}
        else:
            fields["response"] = hashed(f"{secret}:{nonce}:{request}")
        if "opaque" in told:
            fields["opaque"] = told["opaque"]
        if "algorithm" in told:
            plain["algorithm"] = told["algorithm"]
        quoted = [f'{name}="{_escaped(value)}"' for name, value in fields.items()]
        return "Digest " + ", ".join([*quoted, *(f"{name}={value}" for name, value in plain.items())])


def parse_challenges(header: str) -> list[Challenge]:
    """Return the challenges of a WWW-Authenticate header; what can't be read is left out."""
    found: list[Challenge] = []
    header, position = header[:_MOST_CHALLENGE_CHARS], 0
    while position < len(header):
        parameter = _PARAMETER.match(header, position)
        if parameter is not None and found:
            name, quoted, plain = parameter.groups()
            found[-1].parameters[name.lower()] = re.sub(r"\\(.)", r"\1", quoted) if plain is None else plain
            position = parameter.end()
            continue
        scheme = _SCHEME.match(header, position)
        if scheme is None:
            position += 1
            continue
        found.append(Challenge(scheme.group(1).lower(), {}))
        position = scheme.end()
    return found


def _is_usable(digest: Challenge) -> bool:
    """Say whether a challenge can be answered: `auth-int`, which protects the request's body too, can't be answered alone."""
    offered = [one for word in digest.parameters.get("qop", "").split(",") if (one := word.strip().lower())]
    return not offered or "auth" in offered


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
