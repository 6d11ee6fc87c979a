"""The sample of a month's sign-ins that the police supervisor reviews; `vms-audit access --sign-ins` draws the same, worked out apart.

Nobody chooses the seed: it is the root over the ledger up to the month's last sign-in. Each reason to look has its turn in the sample,
and within a reason each account and address, so that two hundred wrong passwords push nothing else out.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import zip_longest
from typing import Any, Final

from vms.civil_time import OddHours
from vms.db.engine import Database
from vms.ledger import canonical, sampling
from vms.ledger.acts import Act
from vms.model import Span

ACTS: Final = frozenset({Act.AUTH_SIGN_IN, Act.AUTH_REFUSED, Act.AUTH_LOCKED})
ADDRESS_KNOWN_FOR: Final = timedelta(days=90)
"""An account's address from which it has not signed in for longer is new again."""


class Reason(StrEnum):
    """Why a sign-in is drawn; each has its turn in this order."""

    FAILURE = "failure"
    NEW_ADDRESS = "new-address"
    ODD_HOUR = "odd-hour"
    RANDOM = "random"


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in, a refusal or a lock of the month.

    Args:
        about: the account, or `nobody`.
        reasons: one or more.
    """

    seq: int
    about: str
    address: str
    act: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class SignInDraw:
    """A sample.

    Args:
        upto: the seed is the root over so many entries.
        population: from how many it was drawn.
        counts: how many of the population have each reason as their first.
        drawn: the sample, in the ledger's order.
    """

    upto: int
    seed: str
    population: int
    counts: dict[Reason, int]
    drawn: tuple[SignIn, ...]


def draw(
    db: Database, root: Callable[[int], bytes], period: Span, odd_hours: OddHours, count: int
) -> SignInDraw | None:
    """Draw of a month's sign-ins; None when there were none.

    Args:
        root: the root over the first so many entries.
        odd_hours: in which a sign-in is drawn as unusual.
    """
    found = _sign_ins(db, period, odd_hours)
    if not found:
        return None
    upto = found[-1].seq + 1
    seed = root(upto).hex()
    counts = Counter(one.reasons[0] for one in found)
    chosen = choose(found, seed, count)
    return SignInDraw(upto, seed, len(found), dict(counts), tuple(sorted(chosen, key=lambda one: one.seq)))


def choose(found: Iterable[SignIn], seed: str, count: int) -> list[SignIn]:
    """Return the sample: the reasons take turns, and within each the accounts and addresses, by the SHA-256 of `seed|number`."""
    by_hash = sorted(found, key=lambda one: sampling.place_of(seed, one.seq))
    taken: Counter[tuple[Reason, str, str, str]] = Counter()
    ranked: dict[Reason, list[tuple[int, SignIn]]] = {reason: [] for reason in Reason}
    for one in by_hash:
        of = (one.reasons[0], one.act, one.about, one.address)
        ranked[one.reasons[0]].append((taken[of], one))
        taken[of] += 1
    columns = [[one for _, one in sorted(ranked[reason], key=lambda pair: pair[0])] for reason in Reason]
    in_turn = [one for turn in zip_longest(*columns) for one in turn if one is not None]
    return in_turn[:count]


def _sign_ins(db: Database, period: Span, odd_hours: OddHours) -> list[SignIn]:
    start, end = canonical.instant(period.start_at), canonical.instant(period.end_at)
    last_at: dict[tuple[str, str], datetime] = {}
    found = []
    for seq, document in sampling.entries_of(db, ACTS):
        if not sampling.is_of_person(document):
            continue
        at = datetime.fromisoformat(document["ts"])
        place = document["actor"]["id"], str(document["origin"].get("ip"))
        if start <= document["ts"] < end:
            reasons = _reasons(document, at, last_at.get(place), odd_hours)
            found.append(SignIn(seq, *place, document["act"], reasons))
        if document["act"] == Act.AUTH_SIGN_IN.value:
            last_at[place] = at
    return found


def _reasons(
    document: dict[str, Any], at: datetime, last_at: datetime | None, odd_hours: OddHours
) -> tuple[Reason, ...]:
    reasons = []
    if document["act"] != Act.AUTH_SIGN_IN.value:
        reasons.append(Reason.FAILURE)
    elif last_at is None or at - last_at > ADDRESS_KNOWN_FOR:
        reasons.append(Reason.NEW_ADDRESS)
    if odd_hours.contain(at):
        reasons.append(Reason.ODD_HOUR)
    return tuple(reasons) or (Reason.RANDOM,)
