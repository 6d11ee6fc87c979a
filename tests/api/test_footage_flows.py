"""Playback, holds and exports, on real segments of a real recorder: each act in the ledger before it has an effect."""

import hashlib
import io
import json
import re
import time
import zipfile
from datetime import datetime, timedelta
from typing import Any

import av
import pytest

from tests.api.site import COPIED, FIXED, Person, Site
from vms.db import exports
from vms.model import ExportId, ExportState, Role

CASE = "PL0900-2026-123456"
MOVIE_FRAGMENT = re.compile(rb"moof.{4}mfhd", re.DOTALL)
"""Plain footage has one each second; four letters alone stand in cipher text once in a few thousand files."""


def iso(at: datetime) -> str:
    """Return an instant as the pages send it."""
    return at.isoformat().replace("+00:00", "Z")


def open_playback(person: Person, start_at: datetime, seconds: float, **purpose: Any) -> Any:
    """Open a view of the copied camera."""
    return person.post(
        "/api/playback",
        {
            "placement_id": COPIED,
            "from": iso(start_at),
            "to": iso(start_at + timedelta(seconds=seconds)),
            "purpose": purpose or {"code": "incident"},
        },
    )


def place(person: Person, start_at: datetime, seconds: float, **changed: Any) -> Any:
    """Place a hold on the copied camera."""
    body: dict[str, Any] = {
        "request_id": "r-1",
        "case_number": "pl0900-2026-123456",
        "ground": "investigation",
        "reason": "mishandeling op de gracht, dader in beeld",
        "placement_ids": [COPIED],
        "from": iso(start_at),
        "to": iso(start_at + timedelta(seconds=seconds)),
        "review_on": iso(person.site.clock.now() + timedelta(days=14)),
    }
    return person.post("/api/holds", body | changed)


def wait_for(site: Site, export_id: str, *states: ExportState) -> None:
    """Wait until an export is in one of the states; the test's own timeout is the deadline."""
    while True:
        with site.parts.db.read() as conn:
            if exports.get(conn, ExportId(export_id)).state in states:
                return
        time.sleep(0.02)


def test_somebody_looks_back_with_a_purpose_and_gets_what_was_recorded(any_site: Site) -> None:
    """Open with a purpose, read by ranges, close; one pair of entries."""
    site = any_site
    start_at = site.record(COPIED, 130)
    person = site.sign_in(Role.INVESTIGATOR)
    opened = open_playback(person, start_at, 130, code="case", case_number="pl0900-2026-123456", text="wie liep weg")
    assert opened.status_code == 200, opened.text
    view, found = opened.json()["playback_id"], opened.json()["segments"]
    assert [item["number"] for item in found] == [1, 2, 3]
    assert all(item["codec"].startswith("avc3.") for item in found)
    first = found[0]
    whole = person.get(f"/api/playback/{view}/segments/1")
    assert whole.headers["content-type"] == "video/mp4"
    assert whole.headers["cache-control"] == "no-store"
    assert len(whole.content) == first["size_bytes"]
    offset, length, at_ms = first["fragments"][3]
    piece = site.client.get(
        f"/api/playback/{view}/segments/1",
        headers=person.headers | {"Range": f"bytes={offset}-{offset + length - 1}"},
    )
    assert piece.status_code == 206
    assert piece.content == whole.content[offset : offset + length]
    assert piece.headers["content-range"] == f"bytes {offset}-{offset + length - 1}/{first['size_bytes']}"
    assert at_ms == 3000
    assert person.post(f"/api/playback/{view}/close").status_code == 200
    assert person.get(f"/api/playback/{view}/segments/1").status_code == 409
    entries = site.ledger("playback.open", "playback.close")
    assert [entry.act.value for entry in entries] == ["playback.open", "playback.close"]
    assert entries[0].revealed("purpose") == {"code": "case", "case": CASE, "text": "wie liep weg"}
    assert b"wie liep weg" not in entries[0].body


def test_head_and_one_fragment_play_by_themselves(site: Site) -> None:
    """Seeking is one range read: the head and the fragment with the instant in it decode to pictures."""
    start_at = site.record(COPIED, 20)
    person = site.sign_in(Role.INVESTIGATOR)
    opened = open_playback(person, start_at, 20).json()
    item = opened["segments"][0]
    data = person.get(f"/api/playback/{opened['playback_id']}/segments/1").content
    offset, length, _ = item["fragments"][7]
    with av.open(io.BytesIO(data[: item["init_bytes"]] + data[offset : offset + length])) as container:
        assert sum(1 for _ in container.decode(video=0)) == 25


@pytest.mark.parametrize(
    ("header", "status", "expected"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=-5", 206, slice(-5, None)),
        ("bytes=100-", 206, slice(100, None)),
        ("bytes=10-5", 416, None),
        ("bytes=99999999-", 416, None),
        ("bytes=0-1,5-6", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
    ],
)
def test_ranges_are_answered_as_the_standard_says(site: Site, header: str, status: int, expected: slice | None) -> None:
    """Browsers ask in every way the standard knows."""
    start_at = site.record(COPIED, 3)
    person = site.sign_in(Role.INVESTIGATOR)
    view = open_playback(person, start_at, 3).json()["playback_id"]
    whole = person.get(f"/api/playback/{view}/segments/1").content
    answer = site.client.get(f"/api/playback/{view}/segments/1", headers=person.headers | {"Range": header})
    assert answer.status_code == status
    if expected is not None:
        assert answer.content == whole[expected]


@pytest.mark.parametrize(
    ("purpose", "code"),
    [
        ({"code": "case"}, "purpose.case-number"),
        ({"code": "order", "case_number": "  "}, "purpose.case-number"),
        ({"code": "case", "case_number": "12345"}, "hold.case-number"),
        ({"code": "check", "text": " "}, "purpose.text"),
        ({"code": "curiosity"}, "input.field"),
    ],
)
def test_looking_back_without_a_proper_purpose_is_refused(site: Site, purpose: dict[str, str], code: str) -> None:
    """Wpg art. 32a: the reason of each consultation."""
    start_at = site.record(COPIED, 3)
    answer = open_playback(site.sign_in(Role.INVESTIGATOR), start_at, 3, **purpose)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == code
    assert site.ledger("playback.open") == []


def test_a_view_gives_only_what_was_opened_and_only_to_who_opened_it(site: Site) -> None:
    """The entry says what was looked at: nothing else may come out of it."""
    start_at = site.record(COPIED, 130)
    one, other = site.sign_in(Role.INVESTIGATOR), site.sign_in(Role.DIRECTOR)
    view = open_playback(one, start_at, 30).json()["playback_id"]
    assert one.get(f"/api/playback/{view}/segments/1").status_code == 200
    assert one.get(f"/api/playback/{view}/segments/3").status_code == 404
    assert other.get(f"/api/playback/{view}/segments/1").status_code == 404
    assert other.post(f"/api/playback/{view}/close").status_code == 404


@pytest.mark.parametrize("spoil", ["change", "cut", "remove"])
def test_footage_that_is_not_what_was_sealed_is_an_incident_in_the_ledger(site: Site, spoil: str) -> None:
    """The sentence says that it is reported; and once is enough, however often a player asks."""
    start_at = site.record(COPIED, 20)
    person = site.sign_in(Role.INVESTIGATOR)
    view = open_playback(person, start_at, 20).json()["playback_id"]
    (path,) = site.parts.settings.footage.rglob("*.vseg")
    whole = path.read_bytes()
    if spoil == "remove":
        path.unlink()
    else:
        path.write_bytes(whole[:-1] if spoil == "cut" else whole[:-30] + bytes(30))
    for _ in range(2):
        assert person.get(f"/api/playback/{view}/segments/1").status_code in {404, 500}
    (entry,) = site.ledger("integrity.lost")
    assert (entry.object["placement_id"], entry.object["number"]) == (COPIED, 1)


def test_a_playback_left_alone_is_closed_by_the_server(site: Site) -> None:
    """A forgotten tab must not stay open for ever."""
    start_at = site.record(COPIED, 3)
    person = site.sign_in(Role.INVESTIGATOR)
    open_playback(person, start_at, 3)
    site.clock.advance(timedelta(minutes=11))
    site.app.state.running.views.close_stale()
    [entry] = site.ledger("playback.close")
    assert entry.document["why"] == "idle"


def test_a_playback_ends_with_its_session(site: Site) -> None:
    """The log must not say that somebody went on looking for ten minutes after signing out."""
    start_at = site.record(COPIED, 10)
    person = site.sign_in(Role.INVESTIGATOR)
    open_playback(person, start_at, 10)
    assert person.post("/api/sign-out").status_code == 200
    site.app.state.running.views.close_stale()
    [closed] = site.ledger("playback.close")
    assert closed.document["why"] == "session-over"


def test_the_timeline_shows_coverage_gaps_and_holds(any_site: Site) -> None:
    """What was recorded, what is missing and why, what is kept: without a picture."""
    site = any_site
    start_at = site.record(COPIED, 90)
    site.clock.advance(timedelta(seconds=60))
    site.record(COPIED, 30)
    person = site.sign_in(Role.INVESTIGATOR)
    assert place(person, start_at, 30).status_code == 201
    span = {"from": iso(start_at), "to": iso(start_at + timedelta(minutes=10))}
    shown = person.get(f"/api/placements/{COPIED}/timeline", **span).json()
    assert [item["number"] for item in shown["segments"]] == [1, 2, 3]
    assert [item["held"] for item in shown["segments"]] == [True, False, False]
    assert [gap["cause"] for gap in shown["gaps"]] == ["worker-stopped", "worker-stopped"]
    assert shown["gaps"][1]["end_at"] is None  # nobody records now
    assert shown["holds"][0]["case_number"] == CASE
    assert shown["oldest_at"] == "2026-11-01T12:00:00.000000Z"
    assert shown["due_at"] == "2026-11-29T10:00:00.000000Z"
    long = person.get(f"/api/placements/{COPIED}/timeline", **(span | {"to": iso(start_at + timedelta(days=1))})).json()
    assert [(item["number"], item["last_number"]) for item in long["segments"]] == [(1, 1), (2, 2), (3, 3)]


def test_a_hold_is_placed_once_however_often_it_is_asked_for(any_site: Site) -> None:
    """A lost reply is repeated by the page: one hold, one entry."""
    site = any_site
    start_at = site.record(COPIED, 70)
    person = site.sign_in(Role.INVESTIGATOR)
    first, again = place(person, start_at, 70), place(person, start_at, 70)
    assert first.status_code == again.status_code == 201, first.text
    assert first.json()["hold"]["id"] == again.json()["hold"]["id"]
    assert first.json()["segments"] == {"accepted": 2, "too_late": 0}
    assert first.json()["outcome"] == "accepted"
    assert len(site.ledger("hold.place")) == 1
    listed = person.get("/api/holds").json()
    assert [(item["case_number"], item["state"]) for item in listed] == [(CASE, "active")]
    detail = person.get(f"/api/holds/{listed[0]['id']}").json()
    assert detail["placements"][0]["kept"] == 2


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"case_number": "2026-12"}, "hold.case-number"),
        ({"reason": "kort"}, "hold.reason"),
        ({"placement_ids": []}, "input.field"),
        ({"placement_ids": ["elders"]}, "placement.unknown"),
        ({"ground": "because"}, "input.field"),
        ({"to": "2026-10-01T00:00:00Z"}, "span.order"),
        ({"to": "2027-10-01T00:00:00Z"}, "span.too-long"),
        ({"review_on": "2026-10-01T00:00:00Z"}, "hold.review"),
        ({"from": "2026-11-01T12:00:00"}, "input.field"),
        ({"surprise": 1}, "input.field"),
    ],
)
def test_a_wrong_hold_is_refused_with_a_sentence_that_helps(site: Site, changed: dict[str, Any], code: str) -> None:
    """In Dutch and English, and nothing is changed."""
    start_at = site.record(COPIED, 3)
    person = site.sign_in(Role.INVESTIGATOR)
    dutch = place(person, start_at, 3, **changed)
    assert dutch.json()["error"]["code"] == code
    assert dutch.status_code == (404 if code == "placement.unknown" else 422)
    person.ask("PUT", "/api/me/language", {"language": "en"})
    english = place(person, start_at, 3, **changed)
    assert english.json()["error"]["message"] != dutch.json()["error"]["message"]
    assert len(english.json()["error"]["message"]) > 20
    assert person.get("/api/holds").json() == []


def test_who_approves_an_export_sees_what_of_which_hold_and_why(site: Site) -> None:
    """Because whoever signs without having seen cameras, period, ground and reason signs blindly; and one case can have two holds."""
    start_at = site.record(COPIED, 130)
    investigator, director = site.sign_in(Role.INVESTIGATOR), site.sign_in(Role.DIRECTOR)
    first = place(investigator, start_at + timedelta(seconds=10), 30).json()["hold"]
    site.clock.advance(timedelta(seconds=1))
    second = place(investigator, start_at + timedelta(seconds=50), 40, request_id="r-2").json()["hold"]
    assert (first["number_in_case"], second["number_in_case"]) == (1, 2)
    investigator.post("/api/exports", {"hold_id": second["id"], "receiver": "OM Midden-Nederland"})
    [shown] = director.get("/api/exports").json()
    for name in ("case_number", "number_in_case", "ground", "reason", "placement_ids", "start_at", "end_at"):
        assert shown[name] == second[name], name
    assert (shown["held_by"], shown["held_at"]) == (second["requested_by"], second["requested_at"])


def test_an_export_goes_from_request_to_download_with_two_people(any_site: Site) -> None:
    """Ask, approve, build, fetch: four entries, a package that checks out, and the asker can't approve."""
    site = any_site
    start_at = site.record(COPIED, 130)
    site.record(FIXED, 5)
    investigator, director = site.sign_in(Role.INVESTIGATOR), site.sign_in(Role.DIRECTOR)
    hold = place(investigator, start_at + timedelta(seconds=10), 90, placement_ids=[COPIED, FIXED]).json()["hold"]
    asked = investigator.post("/api/exports", {"hold_id": hold["id"], "receiver": "OM Midden-Nederland, mr. Jansen"})
    assert asked.status_code == 201, asked.text
    export_id = asked.json()["id"]
    assert investigator.post(f"/api/exports/{export_id}/approve").status_code == 403
    assert investigator.get(f"/api/exports/{export_id}/download").status_code == 409
    assert director.post(f"/api/exports/{export_id}/approve").status_code == 200
    wait_for(site, export_id, ExportState.READY, ExportState.FAILED)
    shown = investigator.get(f"/api/exports/{export_id}").json()
    assert shown["state"] == "ready", shown
    assert shown["progress"]["done"] == shown["progress"]["total"] > 0
    answer = investigator.get(f"/api/exports/{export_id}/download")
    assert answer.headers["content-disposition"] == f'attachment; filename="{CASE}_{export_id}.zip"'
    assert hashlib.sha256(answer.content).hexdigest() == shown["sha256"]
    acts = [entry.act.value for entry in site.ledger() if entry.act.value.startswith("export.")]
    assert acts == ["export.request", "export.approve", "export.build", "export.ready", "export.download"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as package:
        folder = f"{CASE}_{export_id}"
        manifest = json.loads(package.read(f"{folder}/manifest.json"))
        assert [camera["placement"]["id"] for camera in manifest["cameras"]] == [COPIED, FIXED]
        assert [trace["act"] for trace in manifest["ledger"]["entries"]] == [
            "hold.place",
            "export.request",
            "export.approve",
            "export.build",
        ]


def test_a_package_is_never_plain_on_disk_and_dies_with_its_hold(site: Site) -> None:
    """Neither the finished package nor a piece of it; and a released hold takes it along."""
    start_at = site.record(COPIED, 70)
    investigator, director = site.sign_in(Role.INVESTIGATOR), site.sign_in(Role.DIRECTOR)
    hold = place(investigator, start_at, 70).json()["hold"]
    export_id = investigator.post("/api/exports", {"hold_id": hold["id"], "receiver": "OM"}).json()["error"]["code"]
    assert export_id == "export.receiver"
    export_id = investigator.post("/api/exports", {"hold_id": hold["id"], "receiver": "OM Utrecht"}).json()["id"]
    director.post(f"/api/exports/{export_id}/approve")
    wait_for(site, export_id, ExportState.READY)
    assert MOVIE_FRAGMENT.search(site.parts.reader.segment_bytes(COPIED, 1))
    for path in site.parts.settings.data_dir.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not MOVIE_FRAGMENT.search(data), path
            assert b"LEESMIJ" not in data, path
    released = investigator.post(f"/api/holds/{hold['id']}/release", {"reason": "zaak geseponeerd door OM"})
    assert released.status_code == 200
    assert investigator.get(f"/api/exports/{export_id}").json()["state"] == "ready", (
        "the release can still be taken back"
    )
    assert site.end_grace() == 1
    assert list((site.parts.settings.footage / "exports").glob("*")) == []
    assert investigator.get(f"/api/exports/{export_id}/download").status_code == 409
    assert investigator.get(f"/api/exports/{export_id}").json()["state"] == "erased"


def test_a_refused_export_is_not_built(site: Site) -> None:
    """With a reason, which stands beside the tree."""
    start_at = site.record(COPIED, 5)
    investigator, director = site.sign_in(Role.INVESTIGATOR), site.sign_in(Role.DIRECTOR)
    hold = place(investigator, start_at, 5).json()["hold"]
    export_id = investigator.post("/api/exports", {"hold_id": hold["id"], "receiver": "OM Utrecht"}).json()["id"]
    assert director.post(f"/api/exports/{export_id}/refuse", {"reason": "nee"}).status_code == 422
    assert director.post(f"/api/exports/{export_id}/refuse", {"reason": "ontvanger is niet bekend"}).status_code == 200
    assert director.post(f"/api/exports/{export_id}/approve").status_code == 409
    [entry] = site.ledger("export.refuse")
    assert entry.object["reason"] == "ontvanger is niet bekend"
    assert b"niet bekend" not in entry.body
    assert director.post(f"/api/holds/{hold['id']}/release", {"reason": "zaak geseponeerd"}).status_code == 200
    assert investigator.post(f"/api/holds/{hold['id']}/release/approve").status_code == 200
    assert site.end_grace() == 1
    assert investigator.get(f"/api/exports/{export_id}").json()["state"] == "refused"
    assert site.ledger("export.erased") == []


def test_a_hold_that_is_released_can_not_be_exported(site: Site) -> None:
    """What nobody may keep, nobody may hand out."""
    start_at = site.record(COPIED, 5)
    investigator, director = site.sign_in(Role.INVESTIGATOR), site.sign_in(Role.DIRECTOR)
    hold = place(investigator, start_at, 5).json()["hold"]
    export_id = investigator.post("/api/exports", {"hold_id": hold["id"], "receiver": "OM Utrecht"}).json()["id"]
    investigator.post(f"/api/holds/{hold['id']}/release", {"reason": "zaak geseponeerd door OM"})
    assert site.end_grace() == 1
    answer = director.post(f"/api/exports/{export_id}/approve")
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "export.hold-not-active"


def test_an_export_that_failed_says_why_in_words(site: Site) -> None:
    """A code helps the technician; the investigator must know whom to call."""
    start_at = site.record(COPIED, 5)
    investigator, director = site.sign_in(Role.INVESTIGATOR), site.sign_in(Role.DIRECTOR)
    hold = place(investigator, start_at, 5).json()["hold"]
    export_id = investigator.post("/api/exports", {"hold_id": hold["id"], "receiver": "OM Utrecht"}).json()["id"]
    for path in site.parts.settings.footage.rglob("*.vseg"):
        path.unlink()
    director.post(f"/api/exports/{export_id}/approve")
    wait_for(site, export_id, ExportState.FAILED)
    shown = investigator.get(f"/api/exports/{export_id}").json()
    assert shown["failure"] == "export.nothing"
    assert shown["failure_text"].startswith("Geen beelden")


def test_an_export_whose_builder_died_is_built_anew(site: Site) -> None:
    """Kill -9 in the middle of building: the next start finds BUILDING with nobody's lock, and begins again."""
    start_at = site.record(COPIED, 5)
    investigator, director = site.sign_in(Role.INVESTIGATOR), site.sign_in(Role.DIRECTOR)
    hold = place(investigator, start_at, 5).json()["hold"]
    export_id = investigator.post("/api/exports", {"hold_id": hold["id"], "receiver": "OM Utrecht"}).json()["id"]
    site.app.state.running.exports.stop()
    director.post(f"/api/exports/{export_id}/approve")
    with site.parts.db.write() as conn:
        exports.begin_building(conn, ExportId(export_id), total=4, wrapped_key=b"of the dead builder")
    left = site.parts.settings.footage / "exports" / f"{export_id}.part"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"half a package")
    worker = type(site.app.state.running.exports)(site.parts)
    assert worker.give_back_orphans() == [export_id]
    assert not left.exists()
    assert worker.build_next() == export_id
    assert investigator.get(f"/api/exports/{export_id}").json()["state"] == "ready"


def test_a_stop_in_the_middle_of_building_gives_the_export_back(site: Site) -> None:
    """SIGTERM must not turn an approved export into a failed one."""
    start_at = site.record(COPIED, 5)
    investigator, director = site.sign_in(Role.INVESTIGATOR), site.sign_in(Role.DIRECTOR)
    hold = place(investigator, start_at, 5).json()["hold"]
    export_id = investigator.post("/api/exports", {"hold_id": hold["id"], "receiver": "OM Utrecht"}).json()["id"]
    running = site.app.state.running.exports
    running.stop()
    director.post(f"/api/exports/{export_id}/approve")
    worker = type(running)(site.parts)
    worker.stop()
    worker.build_next()
    assert investigator.get(f"/api/exports/{export_id}").json()["state"] == "approved"
    assert list((site.parts.settings.footage / "exports").glob(f"{export_id}.*")) == []


def test_the_blanking_of_a_minute_is_told_with_its_proof(any_site: Site) -> None:
    """Which plan, which margin, grey when and why, and whether the log has it so; no picture is needed to see it."""
    site = any_site
    start_at = site.record(COPIED, 70)
    investigator, technician = site.sign_in(Role.INVESTIGATOR), site.sign_in(Role.TECHNICIAN)
    path = f"/api/placements/{COPIED}/blanking"
    told = investigator.get(path, at=iso(start_at + timedelta(seconds=65))).json()["segment"]
    assert (told["number"], told["plan_version"], told["mode"]) == (2, 1, "copied")
    assert (told["grey"], told["grey_frames"], told["largest_margin_px"]) == ([], 0, 0.0)
    assert told["proof"] == {"state": "pending", "entry": None}
    assert len(told["record_sha256"]) == 64
    assert investigator.get(path, at=iso(start_at - timedelta(days=1))).json() == {"segment": None}
    timeline = f"/api/placements/{COPIED}/timeline"
    allowed = technician.get(timeline, **{"from": iso(start_at), "to": iso(site.clock.now())}).status_code
    assert technician.get(path, at=iso(start_at)).status_code == allowed
