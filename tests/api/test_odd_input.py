"""Input that no page of ours sends: every answer is a refusal in words, on both databases alike, and never a bug's."""

from typing import Any

import pytest

from tests.api.site import COPIED, DOME, ORIGIN, Site
from tests.api.test_footage_flows import CASE, iso, open_playback, place
from vms.model import Role

NUL = "name\x00"
BEGIN, END = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"


@pytest.mark.parametrize("username", [NUL, "\x00", "x" * 200])
def test_an_odd_user_name_is_a_wrong_user_name(any_site: Site, username: str) -> None:
    """PostgreSQL stores no NUL, SQLite does; a stranger must not tell them apart, nor fill the log with tracebacks."""
    answer = any_site.try_sign_in(username, "een lang wachtwoord")
    assert answer.status_code in {401, 422}
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/ledger", {"actor": NUL}),
        ("/api/ledger", {"before_seq": "9" * 30}),
        ("/api/ledger", {"from": BEGIN}),
        ("/api/ledger", {"to": END}),
        (f"/api/placements/{COPIED}/timeline", {"from": BEGIN, "to": "0001-01-01T00:30:00+14:00"}),
        (f"/api/placements/{COPIED}/timeline", {"from": "9999-12-31T23:00:00Z", "to": END}),
        ("/api/placements/%00/timeline", {"from": "2026-11-01T12:00:00Z", "to": "2026-11-01T13:00:00Z"}),
    ],
)
def test_an_odd_question_is_refused_in_words(any_site: Site, path: str, query: dict[str, str]) -> None:
    """Instants that no calendar can turn into UTC, numbers that no column holds."""
    answer = any_site.sign_in(Role.DIRECTOR).get(path, **query)
    assert answer.status_code in {200, 404, 422}
    if answer.status_code != 200:
        assert answer.json()["error"]["message"]


@pytest.mark.parametrize("number", ["0", "-1", "2147483648", "9" * 30])
def test_a_segment_number_that_can_not_be_is_refused(any_site: Site, number: str) -> None:
    """The column is 32 bits wide on PostgreSQL, 64 on SQLite."""
    start_at = any_site.record(COPIED, 10)
    person = any_site.sign_in(Role.INVESTIGATOR)
    view = open_playback(person, start_at, 10).json()["playback_id"]
    answer = person.get(f"/api/playback/{view}/segments/{number}")
    assert answer.status_code in {404, 422}


def test_a_range_of_thousands_of_digits_is_answered_with_all(site: Site) -> None:
    """Python refuses to read such a number; RFC 9110 lets a server pass over a range that it does not understand."""
    start_at = site.record(COPIED, 10)
    person = site.sign_in(Role.INVESTIGATOR)
    view = open_playback(person, start_at, 10).json()["playback_id"]
    answer = site.client.get(
        f"/api/playback/{view}/segments/1", headers=person.headers | {"Range": "bytes=0-" + "9" * 5000}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"reason": "mishandeling op de gracht\x00"},
        {"ground": NUL},
        {"case_number": f"{CASE}\x00"},
        {"from": BEGIN},
        {"review_on": END},
    ],
)
def test_an_odd_hold_is_refused_and_nothing_is_held(any_site: Site, changed: dict[str, Any]) -> None:
    """What one database can't store must not be half a hold on either."""
    start_at = any_site.record(COPIED, 10)
    person = any_site.sign_in(Role.INVESTIGATOR)
    answer = place(person, start_at, 10, **changed)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"]
    assert person.get("/api/holds").json() == []


def test_an_odd_receiver_is_refused(any_site: Site) -> None:
    """A receiver ends in the ledger and in the package's papers."""
    start_at = any_site.record(COPIED, 10)
    person = any_site.sign_in(Role.INVESTIGATOR)
    hold = place(person, start_at, 10).json()["hold"]["id"]
    assert person.post("/api/exports", {"hold_id": hold, "receiver": f"OM {NUL}"}).status_code == 422


@pytest.mark.parametrize("pan", [10**400, True, "1", None])
def test_an_odd_movement_is_refused(site: Site, pan: object) -> None:
    """JSON knows whole numbers that no float holds."""
    person = site.sign_in(Role.OBSERVER)
    body = {"kind": "ptz.continuous", "pan": pan, "tilt": 0, "zoom": 0}
    assert person.post(f"/api/placements/{DOME}/ptz", body).status_code == 422


@pytest.mark.parametrize("headers", [{"Host": "[::1"}, {"Origin": "http://["}])
def test_a_host_or_origin_that_is_no_address_is_another_one(site: Site, headers: dict[str, str]) -> None:
    """A malformed address is refused like a foreign one, not with a traceback."""
    answer = site.client.post(
        "/api/sign-in", json={"username": "x", "password": "y"}, headers={"Origin": ORIGIN} | headers
    )
    assert answer.status_code in {403, 421}


def test_the_far_ends_of_what_is_allowed_are_allowed(site: Site) -> None:
    """The bounds must not shut out what people need."""
    person = site.sign_in(Role.DIRECTOR)
    now = site.clock.now()
    answer = person.get("/api/ledger", **{"from": "1970-01-01T00:00:00Z", "to": iso(now)})
    assert answer.status_code == 200
