"""What an auditor has: erasing at a glance, the monthly proofs, and reviews of who watched what, by seed and signature."""

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, update

from api.accounts import COMMAND_LINE
from api.pages.proof_texts import DOUBT_TEXTS, FINDING_TEXTS
from config.policy import Action
from retention import acts
from retention.clockguard import Doubt
from retention.parts import RetentionParts
from retention.proof import prove_months
from tests.api.site import COPIED, FIXED, Person, Site
from tests.auditor.bundles import vms_audit
from tests.ledger.owner import change, without_rules
from vms.db import proofs, sweeps
from vms.db.proofs import Proof, ProofResult
from vms.db.sweeps import SweepOutcome
from vms.db.tables import retention_proof
from vms.errors import Conflict
from vms.ledger import sampling
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Purpose, Result
from vms.model import Role

DAY = timedelta(days=1)


def watched(site: Site, count: int) -> None:
    """Let the observer watch, and fail to, and a process do what a person may; a minute between each."""
    person = Actor.person("u-observer", role="observer", session_id="s-1")
    with site.parts.db.write() as conn:
        for number in range(count):
            site.clock.advance(timedelta(minutes=1))
            about = {"placement_id": FIXED if number % 2 else COPIED, "view": f"v-{number}"}
            purpose = Purpose("check", None, f"round {number}")
            origin = Origin("test", "ws-1", "10.1.2.3")
            site.parts.ledger.append(conn, Entry(Act.LIVE_OPEN, person, origin, about, purpose=purpose))
            denied = Entry(Act.PLAYBACK_OPEN, person, origin, about, Result.DENIED, "no-role")
            site.parts.ledger.append(conn, denied)
            site.parts.ledger.append(conn, Entry(Act.LIVE_OPEN, Actor.service("selftest"), origin, about))


def draw(person: Person, begin: Any, end: Any, seed: str = "4711", sample: int = 5) -> Any:
    """Ask for a sample."""
    body = {"from": begin.isoformat(), "to": end.isoformat(), "seed": seed, "sample": sample}
    return person.post("/api/reviews", body)


def test_the_same_seed_draws_the_same_with_the_auditors_own_tool(any_site: Site, tmp_path: Path) -> None:
    """Otherwise the system could choose what an auditor gets to see."""
    site = any_site
    begin = site.clock.now()
    watched(site, 40)
    site.clock.advance(timedelta(minutes=1))
    end = site.clock.now()
    auditor = site.sign_in(Role.AUDITOR)
    made = draw(auditor, begin, end, sample=7).json()
    review = auditor.get(f"/api/reviews/{made['id']}").json()
    assert (review["population"], review["drawn"], review["signed_at"]) == (40, 7, None)
    bundle = tmp_path / "b.zip"
    bundle.write_bytes(auditor.get("/api/audit/bundle", **{"from": begin.isoformat(), "to": end.isoformat()}).content)
    outcome = vms_audit("access", bundle, "--seed", "4711", "--sample", "7")
    assert [row["seq"] for row in outcome.report["rows"]] == [item["seq"] for item in review["items"]]
    [entry] = site.ledger("review.draw")
    assert entry.object["entries"] == [item["seq"] for item in review["items"]]
    assert (entry.object["seed"], entry.category) == ("4711", "beheer")
    other = draw(auditor, begin, end, seed="4712", sample=7).json()
    assert auditor.get(f"/api/reviews/{other['id']}").json()["items"] != review["items"]


def test_a_view_hidden_from_searches_is_drawn_all_the_same(any_site: Site) -> None:
    """Who owns the database can file a view under other words; the reviews would never have shown it."""
    site = any_site
    begin = site.clock.now()
    watched(site, 3)
    site.clock.advance(timedelta(minutes=1))
    with site.parts.db.write() as conn:
        change(conn, "UPDATE ledger_entry SET act = 'system.start', at = at - 86400000000 WHERE act = 'live.open'")
    auditor = site.sign_in(Role.AUDITOR)
    made = draw(auditor, begin, site.clock.now(), sample=7).json()
    assert auditor.get(f"/api/reviews/{made['id']}").json()["population"] == 3


def test_a_draw_holds_nobody_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It walks over years of entries: whoever records or signs in meanwhile must not wait for it."""
    begin = site.clock.now()
    watched(site, 3)
    site.clock.advance(timedelta(minutes=1))
    draws = sampling.draw

    def draw_while_others_write(*arguments: Any) -> Any:
        site.admit("intussen", "I")
        return draws(*arguments)

    monkeypatch.setattr(sampling, "draw", draw_while_others_write)
    assert draw(site.sign_in(Role.AUDITOR), begin, site.clock.now()).status_code == 200


def test_a_review_is_judged_signed_and_never_changed_after(any_site: Site) -> None:
    """Each answer is in the ledger, its words behind a commitment; nothing is signed before all is judged."""
    site = any_site
    begin = site.clock.now()
    watched(site, 8)
    site.clock.advance(timedelta(minutes=1))
    auditor = site.sign_in(Role.AUDITOR)
    review_id = draw(auditor, begin, site.clock.now(), sample=3).json()["id"]
    path = f"/api/reviews/{review_id}"
    items = auditor.get(path).json()["items"]
    assert {tuple(item["cameras"]) for item in items} <= {("markt",), ("gracht",)}
    assert items[0]["purpose"]["text"].startswith("round")
    early = auditor.post(f"{path}/sign", {})
    assert (early.status_code, early.json()["error"]["code"]) == (409, "review.unjudged")
    bare = auditor.post(f"{path}/entries/{items[0]['seq']}", {"verdict": "finding", "remark": "  "})
    assert bare.json()["error"]["code"] == "review.remark"
    assert auditor.post(f"{path}/entries/999999", {"verdict": "in-order"}).status_code == 404
    for item in items:
        assert auditor.post(f"{path}/entries/{item['seq']}", {"verdict": "in-order"}).status_code == 200
    remark = "no incident at that time"
    auditor.post(f"{path}/entries/{items[0]['seq']}", {"verdict": "finding", "remark": remark})
    signed = auditor.post(f"{path}/sign", {"remark": "to be discussed"})
    assert (signed.json()["judged"], signed.json()["findings"]) == (3, 1)
    [entry] = site.ledger("review.sign")
    assert entry.object["answers"][0] == [items[0]["seq"], "finding", remark]
    assert remark.encode() not in entry.body
    assert b"to be discussed" not in entry.body
    assert len(site.ledger("review.mark")) == 4
    again = auditor.post(f"{path}/entries/{items[0]['seq']}", {"verdict": "in-order"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "review.signed")
    assert auditor.post(f"{path}/sign", {}).status_code == 409
    for statement in (
        "UPDATE access_review_item SET verdict = 'in-order'",
        "UPDATE access_review SET remark = 'x'",
        "UPDATE access_review SET seed = '1'",
        "DELETE FROM access_review_item",
        "DELETE FROM access_review",
    ):
        with pytest.raises(Conflict), site.parts.db.write() as conn:
            conn.exec_driver_sql(statement)
    [listed] = auditor.get("/api/reviews").json()
    assert (listed["by"], listed["findings"]) == ("Auditor", 1)
    review = auditor.get("/api/erasing").json()["ledger"]["review"]
    assert (review["by"], review["samples"], review["findings"]) == ("Auditor", 3, 1)


def test_only_who_drew_a_sample_judges_and_signs_it(site: Site) -> None:
    """A signature under somebody else's judgement would be worth nothing."""
    begin = site.clock.now()
    watched(site, 3)
    site.clock.advance(timedelta(minutes=1))
    review_id = draw(site.sign_in(Role.AUDITOR), begin, site.clock.now(), sample=1).json()["id"]
    site.admit("tweede", "T")
    site.people.grant_role(COMMAND_LINE, "tweede", Role.AUDITOR, site.clock.now() + DAY)
    second = site.sign_in("tweede")
    [item] = second.get(f"/api/reviews/{review_id}").json()["items"]
    refused = second.post(f"/api/reviews/{review_id}/entries/{item['seq']}", {"verdict": "in-order"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "review.not-yours")


def test_a_sample_that_can_not_be_drawn_says_why(site: Site) -> None:
    """Of a period that goes on it would change; of nothing it would be a signature under nothing."""
    auditor, now = site.sign_in(Role.AUDITOR), site.clock.now()
    for answer, code in (
        (draw(auditor, now - DAY, now + DAY), "review.period"),
        (draw(auditor, now - 2 * DAY, now - DAY), "review.nothing"),
        (draw(auditor, now - DAY, now, seed="!"), "input.field"),
        (draw(auditor, now - DAY, now, sample=201), "input.field"),
        (draw(auditor, now - 500 * DAY, now), "span.too-long"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)


def test_erasing_is_shown_as_it_is_and_looking_is_written_down_once_in_a_while(any_site: Site) -> None:
    """A page that refreshes itself must not fill the ledger, nor be a way to look unseen."""
    site = any_site
    site.record(COPIED, 2)
    with site.parts.db.write() as conn:
        number = sweeps.begin(conn, site.clock.now())
        sweeps.finish(
            conn, number, finished_at=site.clock.now(), outcome=SweepOutcome.STOPPED, claimed=0, destroyed=0, doubts=["brake"]
        )  # fmt: skip
    auditor = site.sign_in(Role.AUDITOR)
    shown = auditor.get("/api/erasing").json()
    by_id = {one["id"]: one for one in shown["placements"]}
    assert (by_id[COPIED]["state"], by_id[FIXED]["state"]) == ("ok", "none")
    assert by_id[COPIED]["oldest_held_at"] is None
    assert shown["sweeps"][0]["doubts"] == ["brake"]
    assert (shown["keys"]["hours"], shown["keys"]["most"], shown["keys"]["level"]) == (1, 673, "file")
    assert shown["ledger"]["is_whole"] is True
    assert shown["ledger"]["kept_since"] is not None
    for _ in range(3):
        auditor.get("/api/erasing")
    assert [entry.object["scope"] for entry in site.ledger("audit.read")] == ["erasing"]
    site.sign_in(Role.TECHNICIAN).get("/api/erasing")
    for _ in range(2):
        site.clock.advance(timedelta(minutes=8))
        assert auditor.get("/api/erasing").status_code == 200
    assert len(site.ledger("audit.read")) == 3
    site.clock.advance(28 * DAY)
    states = {one["id"]: one["state"] for one in site.sign_in(Role.AUDITOR).get("/api/erasing").json()["placements"]}
    assert states[COPIED] == "breach"


def proved(site: Site, month: str = "2026-11") -> None:
    """Let a month pass and its proof be made."""
    parts = site.parts
    with parts.db.write() as conn:
        parts.ledger.checkpoint(conn, parts.signer)
    site.clock.advance(31 * DAY)
    made = prove_months(RetentionParts(parts.db, parts.keys, parts.store, parts.ledger, parts.clock), parts.clock.now())
    assert made == month


def replace_report(conn: Connection, report: str, sha256: str) -> None:
    """Put another report in the place of the one that there is, as the database's owner can."""
    without_rules(conn, "retention_proof")
    assert conn.execute(update(retention_proof).values(report=report, sha256=sha256)).rowcount == 1


def test_the_director_signs_a_proof_over_the_report_that_was_shown(any_site: Site, tmp_path: Path) -> None:
    """Once, with the act in the ledger; the remark is behind a commitment. The auditor's own tool finds the signature."""
    site, begin = any_site, any_site.clock.now()
    proved(site)
    director = site.sign_in(Role.DIRECTOR)
    [shown] = director.get("/api/erasing").json()["proofs"]
    assert (shown["signatures"], shown["is_overdue"]) == ([], False)
    other = director.post("/api/proofs/2026-11/sign", {"sha256": "0" * 64})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "proof.changed")
    signed = director.post("/api/proofs/2026-11/sign", {"sha256": shown["sha256"], "remark": " seen with the team "})
    assert signed.status_code == 200, signed.text
    [entry] = site.ledger("proof.sign")
    assert (entry.object["month"], entry.object["sha256"]) == ("2026-11", shown["sha256"])
    assert (entry.object["outcome"], entry.object["remark"]) == ("in-order", "seen with the team")
    assert b"seen with the team" not in entry.body
    assert entry.document["actor"]["role"] == "director"
    again = director.post("/api/proofs/2026-11/sign", {"sha256": shown["sha256"]})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "proof.signed")
    site.clock.advance(30 * DAY)
    [row] = site.sign_in(Role.AUDITOR).get("/api/erasing").json()["proofs"]
    [one] = row["signatures"]
    assert (one["by"], one["remark"], one["is_of_this"]) == ("Director", "seen with the team", True)
    assert row["is_overdue"] is False
    auditor, bundle = site.sign_in(Role.AUDITOR), tmp_path / "b.zip"
    assert auditor.get("/api/proofs/2026-11").json()["signatures"] == row["signatures"]
    span = {"from": begin.isoformat(), "to": site.clock.now().isoformat()}
    bundle.write_bytes(auditor.get("/api/audit/bundle", **span).content)
    outcome = vms_audit("completeness", bundle, "--at", (site.clock.now() - DAY).isoformat())
    [note] = [one for one in outcome.report["notes"] if one["code"] == "proof-signed"]
    assert (note["month"], note["by"], note["seq"]) == ("2026-11", entry.actor_id, entry.seq)
    assert not {"proof-unsigned", "proof-signed-other", "proof-signer"} & outcome.codes


def test_a_proof_with_findings_is_signed_with_an_explanation(any_site: Site) -> None:
    """A bare signature under findings would say that all is well."""
    site = any_site
    with site.parts.db.write() as conn:
        site.parts.ledger.append(
            conn, Entry(Act.RETENTION_BREACH, Actor.service("retention"), Origin("test"), {"oldest": "x"})
        )
    proved(site)
    director = site.sign_in(Role.DIRECTOR)
    [shown] = director.get("/api/erasing").json()["proofs"]
    assert shown["result"] == "findings"
    for remark in (None, "", "         ", "too short"):
        refused = director.post("/api/proofs/2026-11/sign", {"sha256": shown["sha256"], "remark": remark})
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "proof.explanation")
    assert site.ledger("proof.sign") == []
    explained = {"sha256": shown["sha256"], "remark": "the volume was full on the 12th"}
    assert director.post("/api/proofs/2026-11/sign", explained).status_code == 200


def test_a_report_that_the_log_does_not_name_can_not_be_signed(any_site: Site) -> None:
    """Whoever owns the database can put another report there, with its digest; a signature would make it look like the proof."""
    site = any_site
    proved(site)
    other = '{"finding_counts":[],"findings":[],"placements":[],"sample":{"segments":[]}}'
    sha256 = hashlib.sha256(other.encode()).hexdigest()
    with site.parts.db.write() as conn:
        replace_report(conn, other, sha256)
    answer = site.sign_in(Role.DIRECTOR).post("/api/proofs/2026-11/sign", {"sha256": sha256})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "proof.not-in-log")
    assert site.ledger("proof.sign") == []
    assert site.sign_in(Role.AUDITOR).get("/api/erasing").json()["proofs"][0]["signatures"] == []


def test_a_proof_made_again_after_signing_is_unsigned_and_says_so(any_site: Site) -> None:
    """The old signature stays, and is not taken for one under the new report."""
    site = any_site
    proved(site)
    director = site.sign_in(Role.DIRECTOR)
    [shown] = director.get("/api/erasing").json()["proofs"]
    assert director.post("/api/proofs/2026-11/sign", {"sha256": shown["sha256"]}).status_code == 200
    parts = site.parts
    with parts.db.write() as conn:
        report = proofs.get(conn, "2026-11").report.replace('"software":"', '"software":"x')
        made = Proof(
            "2026-11", parts.clock.now(), ProofResult.IN_ORDER, hashlib.sha256(report.encode()).hexdigest(), report
        )
        replace_report(conn, report, made.sha256)
        parts.ledger.append(conn, acts.retention_proved(made, {"findings": 0}))
    [again] = director.get("/api/erasing").json()["proofs"]
    assert [one["is_of_this"] for one in again["signatures"]] == [False]
    site.clock.advance(30 * DAY)
    director = site.sign_in(Role.DIRECTOR)
    assert director.get("/api/erasing").json()["proofs"][0]["is_overdue"] is True
    assert director.post("/api/proofs/2026-11/sign", {"sha256": made.sha256}).status_code == 200
    [signed] = director.get("/api/erasing").json()["proofs"]
    assert [one["is_of_this"] for one in signed["signatures"]] == [True, False]


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.DIRECTOR])
def test_nobody_but_the_police_director_signs_a_proof(site: Site, role: Role) -> None:
    """Neither the city, whose daemon made it, nor who audits it."""
    assert [one for one in Role if Action.PROOF_SIGN in site.parts.policy.actions_of[one]] == [Role.DIRECTOR]
    refused = site.sign_in(role).post("/api/proofs/2026-10/sign", {"sha256": "0" * 64})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "policy.no-role")
    assert [entry.object["action"] for entry in site.ledger("policy.denied")] == ["proof.sign"]


def test_a_proof_is_shown_in_both_languages_and_handed_over_as_it_is(site: Site) -> None:
    """The bytes are those whose digest is in the ledger; reading them is an act."""
    parts = site.parts
    auditor = site.sign_in(Role.AUDITOR)
    assert auditor.get("/api/proofs/2026-11").json()["error"]["code"] == "proof.unknown"
    proved(site)
    auditor = site.sign_in(Role.AUDITOR)
    [proof] = auditor.get("/api/erasing").json()["proofs"]
    kept = auditor.get("/api/proofs/2026-11/report", form="json")
    assert (
        hashlib.sha256(kept.content).hexdigest()
        == proof["sha256"]
        == site.ledger("retention.proved")[0].object["sha256"]
    )
    text = auditor.get("/api/proofs/2026-11/report", form="text").text
    assert proof["sha256"] in text
    shown = auditor.get("/api/proofs/2026-11").json()
    assert all(section["lines"] for section in shown["sections"])
    assert [entry.object["scope"] for entry in site.ledger("audit.read")][-4:] == ["erasing", "proof", "proof", "proof"]
    with parts.db.read() as conn:
        assert proofs.months(conn) == {"2026-11"}


def test_every_finding_of_a_proof_has_words() -> None:
    """A code that has none would break the page on the one month that matters."""
    root = Path(__file__).parents[2]
    source = "".join((root / "retention" / name).read_text(encoding="utf-8") for name in ("books.py", "proof.py"))
    assert all(f'"{code}"' in source for code in FINDING_TEXTS)


def test_every_doubt_of_a_sweep_has_words_in_proofs_and_on_the_page() -> None:
    """What stopped a sweep is read by people who do not know the codes."""
    root = Path(__file__).parents[2]
    confirmed = "confirmed-by-two-persons"
    assert f'"{confirmed}"' in (root / "retention" / "override.py").read_text(encoding="utf-8")
    assert set(DOUBT_TEXTS) == {doubt.value for doubt in Doubt} | {confirmed}
    module = (root / "api" / "pages" / "static" / "service-health.js").read_text(encoding="utf-8")
    assert all(f't("{words}")' in module for words in DOUBT_TEXTS.values())


def test_the_key_is_shown_to_who_may_take_a_bundle(site: Site) -> None:
    """To compare with the one on paper."""
    key = site.sign_in(Role.AUDITOR).get("/api/audit/key").json()["vkey"]
    assert key == site.parts.signer.verifier.text
    assert site.sign_in(Role.TECHNICIAN).get("/api/audit/key").status_code == 403
