"""Who may do what: one pure decision, made for every request of every route.

Deny by default. A role counts only while the person's screening and training for it are valid, and roles that nobody may combine cancel
each other out, even if they got into the database by another way than ours.
"""

from dataclasses import dataclass
from datetime import datetime

from config.policy import Action, Policy
from vms.db.users import RoleGrant
from vms.model import Role, UserId


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody who is signed in.

    Args:
        grants: every role granted, valid or expired.
        session_id: what the ledger calls the session.
        origin: network address of the browser.
        must_choose_password: somebody else set the password: until its owner has chosen another, nothing is allowed.
    """

    user_id: UserId
    username: str
    display_name: str
    language: str
    grants: tuple[RoleGrant, ...]
    session_id: str
    origin: str
    must_choose_password: bool = False

    def roles_at(self, instant: datetime) -> frozenset[Role]:
        """Return the roles whose validity has not run out."""
        return frozenset(grant.role for grant in self.grants if grant.valid_until_at > instant)


@dataclass(frozen=True, slots=True)
class Context:
    """What else a decision depends on."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether something is allowed.

    Args:
        allow: it is.
        reason: a word for the ledger: `allowed`, `first-password`, `no-role`, `role-expired` or `roles-clash`.
        role: under which it is allowed.
    """

    allow: bool
    reason: str
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody who may do what the route does.

    Args:
        subject: who.
        decision: under which role; goes into the ledger.
        action: the one of the route's actions that is allowed.
    """

    subject: Subject
    decision: Decision
    action: Action


def authorize(policy: Policy, subject: Subject, action: Action, context: Context) -> Decision:
    """Decide whether somebody may do something now."""
    if subject.must_choose_password:
        return Decision(allow=False, reason="first-password")
    roles = subject.roles_at(context.at)
    if policy.clash(roles) is not None:
        return Decision(allow=False, reason="roles-clash")
    role = policy.role_for(action, roles)
    if role is not None:
        return Decision(allow=True, reason="allowed", role=role)
    expired = policy.role_for(action, [grant.role for grant in subject.grants]) is not None
    return Decision(allow=False, reason="role-expired" if expired else "no-role")


def allowed_actions(policy: Policy, subject: Subject, context: Context) -> frozenset[Action]:
    """Return everything that somebody may do now, for the pages to show."""
    return frozenset(action for action in Action if authorize(policy, subject, action, context).allow)
