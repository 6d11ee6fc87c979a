"""Accounts and roles as the command line uses them."""

from datetime import timedelta

import pytest

from api.accounts import COMMAND_LINE
from api.passwords import Passwords
from tests.api.site import PASSWORD, Site
from vms.errors import Conflict, InvalidInput, NotFound
from vms.model import Role


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"username": "x"}, "user.name"),
        ({"username": "met spatie"}, "user.name"),
        ({"username": "../etc"}, "user.name"),
        ({"display_name": "  "}, "user.display-name"),
        ({"password": "kort"}, "password.weak"),
        ({"password": "aaaaaaaaaaaaaaaa"}, "password.weak"),
        ({"language": "fr"}, "user.language"),
    ],
)
def test_a_wrong_account_is_refused(site: Site, changed: dict[str, str], code: str) -> None:
    """The command line says what is wrong before anything is stored."""
    wanted = {"username": "nieuw", "display_name": "Nieuw", "password": PASSWORD, "language": "nl"} | changed
    with pytest.raises(InvalidInput) as refused:
        site.people.add_user(COMMAND_LINE, **wanted)  # type: ignore[arg-type]  # keywords of one type
    assert refused.value.code == code


def test_names_are_the_same_whatever_the_capitals(site: Site) -> None:
    """People type their name as it comes."""
    site.admit("J.Smit", "J. Smit")
    with pytest.raises(Conflict):
        site.admit("j.smit", "J. Smit")
    assert site.try_sign_in("J.SMIT ", PASSWORD).status_code == 200


def test_every_change_is_in_the_ledger_without_the_persons_name(site: Site) -> None:
    """Names stand beside the tree, where they can be erased."""
    people = site.people
    before = len(site.ledger())
    people.add_user(COMMAND_LINE, username="smit", display_name="A. Smit", password=PASSWORD)
    people.grant_role(COMMAND_LINE, "smit", Role.OBSERVER, site.clock.now() + timedelta(days=1))
    people.revoke_role(COMMAND_LINE, "smit", Role.OBSERVER)
    people.set_password(COMMAND_LINE, "smit", "een ander lang wachtwoord")
    people.unlock(COMMAND_LINE, "smit")
    people.disable_user(COMMAND_LINE, "smit")
    entries = site.ledger()[before:]
    assert [entry.act.value for entry in entries] == [
        "user.add",
        "role.grant",
        "role.revoke",
        "user.change",
        "user.change",
        "user.disable",
    ]
    assert not any(b"smit" in entry.body or b"wachtwoord" in entry.body for entry in entries)
    assert entries[0].object["username"] == "smit"


def test_the_sessions_that_a_new_password_ends_are_an_entry(site: Site) -> None:
    """The log must say why somebody's view broke off."""
    assert site.try_sign_in("observer", PASSWORD).status_code == 200
    site.people.set_password(COMMAND_LINE, "observer", "een ander lang wachtwoord")
    last = site.ledger()[-1]
    assert (last.act.value, last.object["sessions"]) == ("auth.revoked", 1)


def test_what_is_not_there_can_not_be_changed(site: Site) -> None:
    """And says so."""
    with pytest.raises(NotFound):
        site.people.set_password(COMMAND_LINE, "niemand-hier", PASSWORD)
    with pytest.raises(NotFound):
        site.people.revoke_role(COMMAND_LINE, "observer", Role.AUDITOR)
    with pytest.raises(InvalidInput):
        site.people.grant_role(COMMAND_LINE, "observer", Role.OBSERVER, site.clock.now())


def test_passwords_are_hashed_as_rfc_9106_says() -> None:
    """Argon2id, 64 MiB, 3 passes, 4 lanes: the second recommended profile; and an older, weaker hash is renewed at sign-in."""
    strong, weak = Passwords(), Passwords(cheap=True)
    assert strong.hash(PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    verdict = strong.check(weak.hash(PASSWORD), PASSWORD)
    assert verdict.ok
    assert verdict.fresh_hash is not None
    assert strong.check(verdict.fresh_hash, PASSWORD).fresh_hash is None
    assert not strong.check(verdict.fresh_hash, PASSWORD + "x").ok
    assert not strong.check(None, "nobody has this password").ok
