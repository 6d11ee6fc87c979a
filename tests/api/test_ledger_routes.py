"""Reading the ledger through the API: own acts for most, all for those who supervise; reading is an act too."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.site import FIXED, Person, Site
from vms.ledger.acts import Act
from vms.model import Role


def read(person: Person, **query: Any) -> Any:
    """Read a page of the ledger."""
    answer = person.get("/api/ledger", **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_who_may_not_read_the_ledger_finds_the_own_acts_only(any_site: Site) -> None:
    """Everybody can see what is written down about them; nobody what others did."""
    site = any_site
    site.sign_in(Role.DIRECTOR)
    observer = site.sign_in(Role.OBSERVER)
    own = observer.me["user"]["id"]
    for query in ({}, {"actor": site.sign_in(Role.DIRECTOR).me["user"]["id"]}):
        page = read(observer, **query)
        assert page["own_only"]
        assert {entry["actor"]["id"] for entry in page["entries"]} == {own}
    everything = read(site.sign_in(Role.AUDITOR))
    assert len({entry["actor"]["id"] for entry in everything["entries"]}) > 2


def test_reading_the_ledger_is_written_down_with_what_was_asked(site: Site) -> None:
    """Auditors are audited."""
    auditor = site.sign_in(Role.AUDITOR)
    read(auditor, act="auth.sign-in", placement_id=FIXED, limit=5)
    [entry] = site.ledger("audit.read")
    asked = entry.document["obj"]
    assert asked["acts"] == ["auth.sign-in"]
    assert asked["placement_id"] == FIXED
    assert asked["scope"] == "all"


def test_filters_and_pages_find_what_they_should(site: Site) -> None:
    """By act, person and time, newest first, without holes between pages."""
    auditor = site.sign_in(Role.AUDITOR)
    for _ in range(3):
        site.try_sign_in("observer", "not the password")
    for _ in range(4):
        site.sign_in(Role.DIRECTOR)
    director = site.sign_in(Role.DIRECTOR).me["user"]["id"]
    page = read(auditor, act="auth.sign-in", actor=director, limit=2)
    seen = [entry["seq"] for entry in page["entries"]]
    while page["next_before_seq"] is not None:
        page = read(auditor, act="auth.sign-in", actor=director, limit=2, before_seq=page["next_before_seq"])
        seen += [entry["seq"] for entry in page["entries"]]
    assert len(seen) == 5
    assert seen == sorted(seen, reverse=True)
    site.clock.advance(timedelta(minutes=10))
    begin = site.clock.now().isoformat()
    assert read(auditor, **{"from": begin})["entries"] == []
    assert (
        read(auditor, act=["auth.refused", "auth.sign-in"], to=begin, limit=500)["entries"][0]["act"] == "auth.sign-in"
    )


def test_an_entry_says_who_in_names_and_what_in_words(site: Site) -> None:
    """People read the log; the codes are for programs."""
    auditor = site.sign_in(Role.AUDITOR)
    [entry] = read(auditor, act="auth.sign-in")["entries"]
    assert entry["actor"]["name"] == "Auditor"
    assert entry["act_text"] not in {"", "auth.sign-in"}
    assert entry["at"].endswith("Z")
    assert entry["origin"]["app"].startswith("vms-api/")
    assert "session" in entry["object_text"]


def test_the_page_names_size_and_root_of_the_ledger(site: Site) -> None:
    """The two values that an auditor compares with the checkpoint on paper."""
    auditor = site.sign_in(Role.AUDITOR)
    page = read(auditor)
    with site.parts.db.read() as conn:
        assert page["root"] == site.parts.ledger.root(conn, page["size"]).hex()


def test_the_catalogue_is_complete_and_translated(site: Site) -> None:
    """The filter offers every act."""
    acts = site.sign_in(Role.AUDITOR).get("/api/ledger/acts").json()
    assert {item["act"] for item in acts} == {act.value for act in Act}
    assert all(item["text"] and item["text"] != item["act"] for item in acts)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"act": "live.peek"}, "ledger.act"),
        ({"from": "yesterday"}, "input.field"),
        ({"from": "2026-11-01T00:00:00"}, "input.field"),
        ({"limit": 100_000}, "input.field"),
        ({"before_seq": -1}, "input.field"),
        ({"placement_id": "../../etc"}, "input.field"),
    ],
)
def test_a_wrong_filter_is_refused_in_words(site: Site, query: dict[str, Any], code: str) -> None:
    """Not an empty page that looks like 'nothing happened'."""
    answer = site.sign_in(Role.AUDITOR).get("/api/ledger", **query)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == code
