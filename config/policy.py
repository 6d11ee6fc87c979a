"""The policy matrix: which role may do what, and which roles nobody may combine.

The matrix itself is policy.toml beside this module, made to be read by a lawyer. It is read once, checked, and never changes while
a process runs. Everything that is not listed is refused.
"""

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vms.errors import InvalidInput
from vms.model import Role

MATRIX_FILE: Final = Path(__file__).with_name("policy.toml")


class Action(StrEnum):
    """What a person can ask of the system; the closed list that routes and matrix share."""

    PLACEMENT_LIST = "placement.list"
    LIVE_VIEW = "live.view"
    PTZ_CONTROL = "ptz.control"
    PTZ_TAKE_OVER = "ptz.take_over"
    TIMELINE_VIEW = "timeline.view"
    PLAYBACK_VIEW = "playback.view"
    HOLD_PLACE = "hold.place"
    HOLD_LIST = "hold.list"
    HOLD_RELEASE = "hold.release"
    EXPORT_REQUEST = "export.request"
    EXPORT_DECIDE = "export.decide"
    EXPORT_DOWNLOAD = "export.download"
    LEDGER_READ = "ledger.read"
    LEDGER_READ_OWN = "ledger.read_own"
    ERASING_VIEW = "erasing.view"
    PROOF_SIGN = "proof.sign"
    REVIEW_CONDUCT = "review.conduct"
    SIGNIN_REVIEW = "signin.review"
    CAMERA_HEALTH = "camera.health"
    PLAN_VIEW = "plan.view"
    PLAN_DRAFT = "plan.draft"
    PLAN_APPROVE = "plan.approve"
    PANORAMA_VIEW = "panorama.view"
    PANORAMA_SCAN = "panorama.scan"
    COMMISSIONING_REQUEST = "commissioning.request"
    COMMISSIONING_APPROVE = "commissioning.approve"
    COMMISSIONING_VIEW = "commissioning.view"
    CALIBRATION_RUN = "calibration.run"
    VIEW_CONFIRM = "view.confirm"
    ERASURE_REQUEST = "erasure.request"
    ERASURE_DECIDE = "erasure.decide"
    CLOCK_REQUEST = "clock.request"
    CLOCK_DECIDE = "clock.decide"
    USER_MANAGE = "user.manage"


@dataclass(frozen=True, slots=True)
class ForbiddenPair:
    """Two roles that nobody may have at once.

    Args:
        roles: exactly two.
        reason: language (`nl`, `en`) -> sentence.
    """

    roles: frozenset[Role]
    reason: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole matrix.

    Args:
        actions_of: what each role may do.
        titles: role -> language -> what people call it.
        forbidden: pairs of roles that nobody may combine.
        sha256: of the file that it was read from, hexadecimal.
    """

    actions_of: Mapping[Role, frozenset[Action]]
    titles: Mapping[Role, Mapping[str, str]]
    forbidden: tuple[ForbiddenPair, ...]
    sha256: str

    def allowed(self, roles: Iterable[Role]) -> frozenset[Action]:
        """Return every action that any of the roles gives."""
        return frozenset().union(*(self.actions_of.get(role, frozenset()) for role in roles))

    def role_for(self, action: Action, roles: Iterable[Role]) -> Role | None:
        """Return the role under which the action is allowed, or None; the first in the order of `Role`."""
        held = set(roles)
        return next((role for role in Role if role in held and action in self.actions_of.get(role, frozenset())), None)

    def clash(self, roles: Iterable[Role]) -> ForbiddenPair | None:
        """Return the first forbidden pair that is among the roles."""
        held = set(roles)
        return next((pair for pair in self.forbidden if pair.roles <= held), None)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _ActionRow(_Strict):
    images: bool
    nl: Annotated[str, Field(min_length=1)]
    en: Annotated[str, Field(min_length=1)]


class _RoleRow(_Strict):
    nl: Annotated[str, Field(min_length=1)]
    en: Annotated[str, Field(min_length=1)]
    images: bool
    actions: tuple[Action, ...]


class _ForbiddenRow(_Strict):
    one: tuple[Role, ...]
    other: tuple[Role, ...]
    nl: str
    en: str


class _Document(_Strict):
    version: Annotated[int, Field(ge=1, le=1)]
    actions: dict[Action, _ActionRow]
    roles: dict[Role, _RoleRow]
    forbidden: tuple[_ForbiddenRow, ...]


def load_policy(path: Path = MATRIX_FILE) -> Policy:
    """Read and check the matrix.

    Raises:
        InvalidInput: the file can't be read, names an unknown role or action, misses one, gives images to a role that has none, or
            forbids a role with itself.
    """
    try:
        raw = path.read_bytes()
        document = _Document.model_validate(tomllib.loads(raw.decode("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(f"policy file {path} can't be read: {error}", code="policy.file") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in item['loc'])} ({item['input']!r}): {item['msg']}"
            for item in error.errors()
        )
        raise InvalidInput(f"policy file {path}: {problems}", code="policy.file") from error
    problems = "; ".join(_problems(document))
    if problems:
        raise InvalidInput(f"policy file {path}: {problems}", code="policy.file")
    return _policy(document, hashlib.sha256(raw).hexdigest())


def _problems(document: _Document) -> Iterable[str]:
    """Yield what the shape alone does not show."""
    for action in Action:
        if action not in document.actions:
            yield f"action {action} is missing"
    for role in Role:
        if role not in document.roles:
            yield f"role {role} is missing"
    for role, row in document.roles.items():
        for action in row.actions:
            described = document.actions.get(action)
            if described is not None and described.images and not row.images:
                yield f"role {role} has no images, but is given {action}"
    for pair in document.forbidden:
        for role in sorted(set(pair.one) & set(pair.other)):
            yield f"role {role} is forbidden with itself"


def _policy(document: _Document, sha256: str) -> Policy:
    pairs = {
        frozenset({one, other}): MappingProxyType({"nl": row.nl, "en": row.en})
        for row in document.forbidden
        for one in row.one
        for other in row.other
    }
    return Policy(
        actions_of=MappingProxyType({role: frozenset(row.actions) for role, row in document.roles.items()}),
        titles=MappingProxyType(
            {role: MappingProxyType({"nl": row.nl, "en": row.en}) for role, row in document.roles.items()}
        ),
        forbidden=tuple(ForbiddenPair(roles, reason) for roles, reason in pairs.items()),
        sha256=sha256,
    )
