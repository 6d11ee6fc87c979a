"""Reviews of sign-ins: the police supervisor draws a month, judges what is not the own, and signs by the 15th."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from api.accounts import COMMAND_LINE
from api.reviewing import may_judge
from api.routers.shapes import instant
from tests.api.site import Person, Site
from tests.auditor.bundles import Outcome, vms_audit
from tests.ledger.owner import without_rules
from vms.db import reports, review_duty, reviews
from vms.db.reports import Service
from vms.db.reviews import Item, Judgement, Review, ReviewKind, Verdict
from vms.db.tables import access_review, access_review_item
from vms.db.tables import review_duty as duty_table
from vms.errors import Conflict
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin
from vms.model import Role, UserId

DAY = timedelta(days=1)
MONTH = "2026-11"
NEXT_MONTH = datetime(2026, 12, 3, 12, tzinfo=UTC)


def go_to(site: Site, at: datetime) -> None:
    """Let time pass."""
    site.clock.advance(at - site.clock.now())


def lived(site: Site) -> None:
    """Let people sign in and fail to in November, and let it be December."""
    assert f"{site.clock.now():%Y-%m}" == MONTH
    for role in (Role.OBSERVER, Role.DIRECTOR, Role.AUDITOR, Role.OBSERVER):
        site.sign_in(role)
        site.clock.advance(timedelta(minutes=10))
    site.try_sign_in("observer", "mistyped")
    site.try_sign_in("wachtwoord-te-vroeg", "x")
    go_to(site, NEXT_MONTH)


def draw(person: Person, month: str = MONTH, sample: int = 20) -> Any:
    """Ask for a sample."""
    return person.post("/api/sign-in-reviews", {"month": month, "sample": sample})


def second_director(site: Site) -> Person:
    """Return another supervisor, signed in."""
    site.admit("tweede", "Tweede")
    site.people.grant_role(COMMAND_LINE, "tweede", Role.DIRECTOR, site.clock.now() + 30 * DAY)
    return site.sign_in("tweede")


def test_a_month_goes_from_the_draw_to_the_signature(any_site: Site) -> None:
    """Refusals, unknown names and all others are in it; who judges never judges the own."""
    site = any_site
    lived(site)
    director = site.sign_in(Role.DIRECTOR)
    review_id = draw(director).json()["id"]
    path = f"/api/sign-in-reviews/{review_id}"
    shown = director.get(path).json()
    assert (shown["kind"], shown["population"], shown["drawn"]) == ("sign-ins", 6, 6)
    assert (shown["from"], shown["to"]) == ("2026-10-31T23:00:00.000000Z", "2026-11-30T23:00:00.000000Z")
    said = [(one["actor"]["name"], one["act"], one["why"], one["reasons"][0]) for one in shown["items"]]
    assert said == [
        ("Observer", "auth.sign-in", None, "new-address"),
        ("Director", "auth.sign-in", None, "new-address"),
        ("Auditor", "auth.sign-in", None, "new-address"),
        ("Observer", "auth.sign-in", None, "random"),
        ("Observer", "auth.refused", "wrong-password", "failure"),
        (None, "auth.refused", "unknown-name", "failure"),
    ]
    [own] = [one for one in shown["items"] if one["is_own"]]
    assert [one["may_judge"] for one in shown["items"]] == [True, False, True, True, True, True]
    [entry] = site.ledger("review.draw")
    assert entry.object["entries"] == [one["seq"] for one in shown["items"]]
    assert (entry.object["kind"], entry.object["month"], entry.object["seed"]) == ("sign-ins", MONTH, shown["seed"])
    refused = director.post(f"{path}/entries/{own['seq']}", {"verdict": "in-order"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "review.own-sign-in")
    for one in shown["items"]:
        if one["may_judge"]:
            assert director.post(f"{path}/entries/{one['seq']}", {"verdict": "in-order"}).status_code == 200
    unjudged = director.post(f"{path}/sign", {}).json()["error"]
    assert (unjudged["code"], "1" in unjudged["message"]) == ("review.unjudged-sign-ins", True)
    other = second_director(site)
    may = {one["seq"]: one["may_judge"] for one in other.get(path).json()["items"]}
    assert [seq for seq, is_allowed in may.items() if is_allowed] == [own["seq"]]
    foreign = next(seq for seq in may if seq != own["seq"])
    not_yours = other.post(f"{path}/entries/{foreign}", {"verdict": "in-order"})
    assert (not_yours.status_code, not_yours.json()["error"]["code"]) == (403, "review.not-yours")
    assert other.post(f"{path}/entries/{own['seq']}", {"verdict": "in-order"}).status_code == 200
    assert other.post(f"{path}/sign", {}).json()["error"]["code"] == "review.not-yours"
    assert director.post(f"{path}/sign", {"remark": "niets bijzonders"}).json()["signed_at"] is not None
    assert site.ledger("review.sign")[0].object["kind"] == "sign-ins"
    assert director.get(path).json()["items"][1]["judged_by"] == "Tweede"
    assert director.get("/api/sign-in-reviews").json()["owed"] == []


def reviewed(site: Site) -> str:
    """Review November as it should be; return the review's id."""
    director, other = site.sign_in(Role.DIRECTOR), second_director(site)
    review_id = str(draw(director).json()["id"])
    path = f"/api/sign-in-reviews/{review_id}"
    for one in director.get(path).json()["items"]:
        judge = director if one["may_judge"] else other
        assert judge.post(f"{path}/entries/{one['seq']}", {"verdict": "in-order"}).status_code == 200
    assert director.post(f"{path}/sign", {}).status_code == 200
    return review_id


def audited(site: Site, begin: datetime, folder: Path, *options: str) -> Outcome:
    """Take a bundle from then to now, and check the reviews of sign-ins in it."""
    bundle = folder / "b.zip"
    period = {"from": begin.isoformat(), "to": site.clock.now().isoformat()}
    bundle.write_bytes(site.sign_in(Role.AUDITOR).get("/api/audit/bundle", **period).content)
    return vms_audit("access", bundle, *options)


def test_the_auditors_own_tool_draws_the_same_and_finds_it_in_order(any_site: Site, tmp_path: Path) -> None:
    """It shares nothing with the product, and says nothing against an honest month."""
    site, begin = any_site, any_site.clock.now()
    site.sign_in(Role.OBSERVER)
    site.clock.advance(timedelta(hours=14))
    lived(site)
    for number in range(30):
        site.try_sign_in("observer", f"mistyped-{number}")
    reviewed(site)
    outcome = audited(site, begin, tmp_path, "--sign-ins")
    assert (outcome.status, outcome.codes) == (0, set())
    [row] = outcome.report["rows"]
    shown = [row[name] for name in ("month", "sign_ins", "failures", "drawn", "not_drawn")]
    assert shown == [MONTH, 7, 2, 7, 0], "what failed in December is another month's"
    assert row["review_findings"] == "0"


def test_a_sample_that_leaves_some_out_is_drawn_again_too(site: Site, tmp_path: Path) -> None:
    """With more sign-ins than places the order of the draw is what counts; what no sample had is told."""
    begin = site.clock.now()
    for role in (Role.OBSERVER, Role.DIRECTOR, Role.AUDITOR, Role.TECHNICIAN):
        for hours in (1, 10):
            site.clock.advance(timedelta(hours=hours))
            site.sign_in(role)
            site.try_sign_in(role.value, "mistyped")
            site.try_sign_in(role.value, "mistyped again")
    go_to(site, NEXT_MONTH)
    reviewed(site)
    outcome = audited(site, begin, tmp_path, "--sign-ins")
    assert (outcome.status, outcome.codes) == (0, set())
    [row] = outcome.report["rows"]
    assert (row["sign_ins"], row["drawn"], row["not_drawn"]) == (24, 20, 4)
    [left] = [one["count"] for one in outcome.report["notes"] if one["code"] == "sign-ins-not-drawn"]
    assert left == 4


def test_the_auditor_finds_a_month_that_nobody_reviewed(site: Site, tmp_path: Path) -> None:
    """Until the end of the 15th there is time; then it is a finding."""
    begin = site.clock.now()
    lived(site)
    waits = audited(site, begin, tmp_path, "--sign-ins")
    assert (waits.status, waits.codes) == (0, set())
    assert {one["code"] for one in waits.report["notes"]} >= {"sign-ins-not-yet"}
    go_to(site, datetime(2026, 12, 15, 23, tzinfo=UTC))
    late = audited(site, begin, tmp_path, "--sign-ins")
    assert (late.status, late.codes) == (1, {"sign-ins-unreviewed"})
    assert [row["not_drawn"] for row in late.report["rows"]] == [6]
    for options, code in ((("--sign-ins", "--zone", "Europe/Utrecht"), "zone-unknown"), ((), "seed-missing")):
        outcome = audited(site, begin, tmp_path, *options)
        assert (outcome.status, [one["code"] for one in outcome.report["unchecked"]]) == (2, [code])


def test_the_auditor_finds_what_a_changed_program_would_write(site: Site, tmp_path: Path) -> None:
    """A sample of somebody's choice, a population made smaller, the own sign-in judged, a signature under nothing."""
    begin = site.clock.now()
    lived(site)
    review_id = reviewed(site)
    [drawn] = site.ledger("review.draw")
    who = drawn.document["actor"]["id"]
    own = next(entry for entry in site.ledger("auth.sign-in") if entry.document["actor"]["id"] == who)
    go_to(site, datetime(2026, 12, 17, tzinfo=UTC))
    actor = Actor.person(who, role="director", session_id="s-1")
    words: dict[str, Any] = {**drawn.object, "review_id": "r-forged"}
    forged: dict[str, Any] = words | {
        "from": "2026-11-02T23:00:00.000000Z", "seed": "4711", "population": 5, "entries": words["entries"][1:],
    }  # fmt: skip
    with site.parts.db.write() as conn:
        for act, obj in (
            (Act.REVIEW_DRAW, forged),
            (Act.REVIEW_MARK, {"review_id": "r-forged", "entry": own.seq, "verdict": "in-order"}),
            (Act.REVIEW_SIGN, {"review_id": "r-forged", "findings": 0}),
        ):
            site.parts.ledger.append(conn, Entry(act, actor, Origin("test"), obj))
    outcome = audited(site, begin, tmp_path, "--sign-ins")
    assert outcome.codes == {
        "sign-ins-period", "sign-ins-seed", "sign-ins-population", "sign-ins-other", "sign-ins-own", "sign-ins-unjudged",
    }  # fmt: skip
    with site.parts.db.read() as conn:
        honest_at = reviews.get(conn, review_id).signed_at
    assert outcome.report["rows"][0]["signed"] == instant(honest_at), "the honest one came first, and in time"


def forge(site: Site, act: Act, who: Actor, **obj: Any) -> None:
    """Write what a changed program would write."""
    with site.parts.db.write() as conn:
        site.parts.ledger.append(conn, Entry(act, who, Origin("test"), obj))


def accounts_of(site: Site) -> dict[int, str]:
    """Return whose sign-in or refusal each entry is."""
    return {one.seq: one.document["actor"]["id"] for one in site.ledger("auth.sign-in", "auth.refused", "auth.locked")}


def test_the_auditor_finds_who_signs_for_another_and_what_comes_after(site: Site, tmp_path: Path) -> None:
    """A forged signature of an observer, a judgement of who had not drawn, one after the signature, and a second signature."""
    begin = site.clock.now()
    lived(site)
    director = site.sign_in(Role.DIRECTOR)
    review_id = draw(director).json()["id"]
    [drawn] = site.ledger("review.draw")
    own_id = drawn.document["actor"]["id"]
    answers = []
    for seq in drawn.object["entries"]:
        about = accounts_of(site)[seq]
        by = Actor.person("u-other" if about == own_id else own_id, role="director", session_id="s-1")
        forge(site, Act.REVIEW_MARK, by, review_id=review_id, entry=seq, verdict="in-order")
        answers.append([seq, "in-order", None])
    other = next(seq for seq, _, _ in answers if accounts_of(site)[seq] != own_id)
    stranger = Actor.person("u-stranger", role="observer", session_id="s-2")
    forge(site, Act.REVIEW_MARK, stranger, review_id=review_id, entry=other, verdict="in-order")
    forge(site, Act.REVIEW_SIGN, stranger, review_id=review_id, findings=0, answers=answers)
    forge(site, Act.REVIEW_MARK, by, review_id=review_id, entry=other, verdict="finding")
    forge(site, Act.REVIEW_SIGN, by, review_id=review_id, findings=1, answers=answers)
    outcome = audited(site, begin, tmp_path, "--sign-ins")
    assert outcome.codes == {"sign-ins-judge", "sign-ins-signer", "sign-ins-after"}
    after = [one for one in outcome.report["findings"] if one["code"] == "sign-ins-after"]
    assert len(after) == 2
    assert outcome.report["rows"][0]["by"] == "u-stranger", "the first signature is the one that counts"


@pytest.mark.parametrize(
    ("verdict", "findings", "said"), [("finding", 0, "in-order"), ("finding", 0, "finding"), ("in-order", 0, "finding")]
)
def test_the_auditor_finds_a_signature_over_something_else_than_was_judged(
    site: Site, tmp_path: Path, verdict: str, findings: int, said: str
) -> None:
    """A finding that was judged and is not in what was signed was hidden."""
    begin = site.clock.now()
    lived(site)
    review_id = draw(site.sign_in(Role.DIRECTOR)).json()["id"]
    [drawn] = site.ledger("review.draw")
    own_id = drawn.document["actor"]["id"]
    by = Actor.person(own_id, role="director", session_id="s-1")
    seqs = drawn.object["entries"]
    about = accounts_of(site)
    for seq in seqs:
        judge = Actor.person("u-other", role="director", session_id="s-2") if about[seq] == own_id else by
        forge(
            site,
            Act.REVIEW_MARK,
            judge,
            review_id=review_id,
            entry=seq,
            verdict=verdict if seq == seqs[0] else "in-order",
        )
    answers = [[seq, said if seq == seqs[0] else "in-order", None] for seq in seqs]
    forge(site, Act.REVIEW_SIGN, by, review_id=review_id, findings=findings, answers=answers)
    assert audited(site, begin, tmp_path, "--sign-ins").codes == {"sign-ins-answers"}


def test_the_auditor_finds_a_signature_that_came_too_late(site: Site, tmp_path: Path) -> None:
    """A review after the 15th is a review, and a finding."""
    begin = site.clock.now()
    lived(site)
    go_to(site, datetime(2026, 12, 16, tzinfo=UTC))
    reviewed(site)
    outcome = audited(site, begin, tmp_path, "--sign-ins")
    assert (outcome.status, outcome.codes) == (1, {"sign-ins-late"})


def test_the_same_month_is_drawn_the_same_by_whoever_draws_it(site: Site) -> None:
    """Who may choose the seed may choose what is not seen."""
    lived(site)
    first = draw(site.sign_in(Role.DIRECTOR)).json()["id"]
    second = draw(second_director(site)).json()["id"]
    with site.parts.db.read() as conn:
        drawn = [[one.seq for one in reviews.items(conn, review_id)] for review_id in (first, second)]
        assert reviews.get(conn, first).seed == reviews.get(conn, second).seed
    assert drawn[0] == drawn[1]


def test_what_counts_is_the_stored_kind_of_a_review(site: Site) -> None:
    """An auditor must not sign the supervisor's review, nor the supervisor the auditor's, by asking at the other address."""
    lived(site)
    director, auditor = site.sign_in(Role.DIRECTOR), site.sign_in(Role.AUDITOR)
    of_sign_ins = draw(director).json()["id"]
    seq = director.get(f"/api/sign-in-reviews/{of_sign_ins}").json()["items"][0]["seq"]
    path = f"/api/reviews/{of_sign_ins}"
    for person, code in ((auditor, 404), (director, 403)):
        assert person.get(path).status_code == code
        assert person.post(f"{path}/entries/{seq}", {"verdict": "in-order"}).status_code == code
        assert person.post(f"{path}/sign", {}).status_code == code
    path = f"/api/sign-in-reviews/{of_sign_ins}"
    assert auditor.post(f"{path}/sign", {}).status_code == 403
    assert auditor.get(path).json()["items"][0]["may_judge"] is False
    assert auditor.get("/api/reviews").json() == []
    assert [one["id"] for one in auditor.get("/api/sign-in-reviews").json()["reviews"]] == [of_sign_ins]


def test_what_can_not_be_drawn_says_why(site: Site) -> None:
    """Of a month that goes on it would change; of an empty one it would be a signature under nothing."""
    lived(site)
    director = site.sign_in(Role.DIRECTOR)
    for answer, code in (
        (draw(director, "2026-12"), "review.period"),
        (draw(director, "2026-10"), "review.no-sign-ins"),
        (draw(director, "2026-13"), "input.field"),
        (draw(director, sample=19), "input.field"),
        (draw(director, sample=201), "input.field"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)


def test_a_review_is_due_when_the_fifteenth_is_over_until_it_is_signed(any_site: Site) -> None:
    """Nobody else would tell that a month was forgotten; a month without sign-ins is nothing to sign."""
    site = any_site
    lived(site)

    def late(at: datetime) -> list[str]:
        with site.parts.db.read() as conn:
            [found] = [one for one in reports.conditions(conn, at) if one.service is Service.RETENTION]
        assert ("sign-in-review-due" in found.problems) is bool(found.words.get("sign_in_reviews"))
        assert found.works is ("never-reported" not in found.problems)
        return list(found.words.get("sign_in_reviews", ()))

    due_at = datetime(2026, 12, 15, 23, tzinfo=UTC)
    assert late(due_at - timedelta(seconds=1)) == []
    assert late(due_at) == [MONTH]
    with site.parts.db.read() as conn:
        [owed] = review_duty.owed_months(conn, due_at)
        assert (owed.month, owed.due_at) == (MONTH, due_at)
        assert [one.month for one in review_duty.owed_months(conn, due_at - 15 * DAY - timedelta(seconds=1))] == []
    director = site.sign_in(Role.DIRECTOR)
    assert director.get("/api/sign-in-reviews").json()["owed"][0]["is_due"] is False
    go_to(site, due_at + 33 * DAY)
    director, other = site.sign_in(Role.DIRECTOR), second_director(site)
    assert late(site.clock.now()) == [MONTH, "2026-12"], "somebody signed in in December too"
    path = f"/api/sign-in-reviews/{draw(director).json()['id']}"
    for one in director.get(path).json()["items"]:
        judge = director if one["may_judge"] else other
        assert judge.post(f"{path}/entries/{one['seq']}", {"verdict": "in-order"}).status_code == 200
    assert late(site.clock.now()) == [MONTH, "2026-12"], "judged is not signed"
    assert director.post(f"{path}/sign", {}).status_code == 200
    assert late(site.clock.now()) == ["2026-12"]
    assert late(datetime(2028, 1, 20, tzinfo=UTC)) == ["2026-12", "2027-01"], "months without sign-ins are not due"


@pytest.mark.parametrize("stamped", [datetime(1970, 1, 2, tzinfo=UTC), datetime(2250, 1, 1, tzinfo=UTC)])
def test_a_clock_that_was_never_set_breaks_no_month(site: Site, stamped: datetime) -> None:
    """One refusal before the time came over the network, and health, `vms check` and the pages failed for ever."""
    now = site.clock.now()
    go_to(site, stamped)
    site.try_sign_in("nobody", "wrong")
    go_to(site, now)
    with site.parts.db.read() as conn:
        assert review_duty.owed_months(conn, now) == []
        reports.conditions(conn, now)
        assert review_duty.owed_months(conn, stamped + 40 * DAY) == []


@pytest.mark.parametrize("year", [1970, 2150, 2250])
def test_a_clock_that_was_wrong_at_the_upgrade_lifts_no_duty(site: Site, year: int) -> None:
    """Nothing can change the instant afterwards: one that has not come yet would mean that nobody reviews until then."""
    lived(site)
    with site.parts.db.write() as conn:
        without_rules(conn, "review_duty")
        conn.execute(delete(duty_table))
        conn.execute(insert(duty_table).values(kind="sign-ins", since_at=datetime(year, 1, 1, tzinfo=UTC)))
    with site.parts.db.read() as conn:
        assert [one.month for one in review_duty.owed_months(conn, site.clock.now())] == [MONTH]
        [erasing] = [one for one in reports.conditions(conn, site.clock.now()) if one.service is Service.RETENTION]
    assert erasing.words.get("sign_in_duty_ahead") == (f"{year}-01-01T00:00:00+00:00" if year > 2000 else None)


def test_no_program_lets_somebody_judge_the_own_or_change_what_was_drawn(any_site: Site) -> None:
    """The rule is the database's: a changed page or route can't get round it."""
    site = any_site
    lived(site)
    path = f"/api/sign-in-reviews/{draw(site.sign_in(Role.DIRECTOR)).json()['id']}"
    review_id = path.rsplit("/", 1)[1]
    with site.parts.db.read() as conn:
        drawn = reviews.items(conn, review_id)
        drawn_by = reviews.get(conn, review_id).drawn_by
    own = next(one for one in drawn if one.about == drawn_by)
    said = Judgement(Verdict.IN_ORDER, None, drawn_by, site.clock.now())
    with pytest.raises(Conflict), site.parts.db.write() as conn:
        reviews.judge(conn, review_id, own.seq, said)
    row = access_review_item.c
    judged: dict[str, Any] = {"verdict": "in-order", "judged_at": site.clock.now()}
    for statement in (
        update(access_review).values(kind="views"),
        update(access_review_item).where(row.seq == own.seq).values(about="u-x", judged_by=drawn_by, **judged),
        update(access_review_item).where(row.seq == own.seq).values(**judged),
        update(access_review_item).values(reasons="random"),
        access_review_item.insert().values(review_id=review_id, seq=0),
        access_review_item.insert().values(review_id=review_id, seq=0, about="u-x"),
    ):
        with pytest.raises(Conflict), site.parts.db.write() as conn:
            conn.execute(statement)


def test_who_drew_judges_and_another_for_the_own() -> None:
    """The one rule in the cases that the pages show."""
    drawer, other, viewer = UserId("u-1"), UserId("u-2"), UserId("u-3")

    def found(kind: ReviewKind) -> Review:
        at = datetime(2026, 12, 1, tzinfo=UTC)
        span = review_duty.span_of_month(MONTH)
        return Review("r", kind, drawer, at, span, "s", 20, 9, None, None, 1, 0, 0)

    def item(about: str | None) -> Item:
        return Item(1, None, None, None, about, (), None)

    of_sign_ins = found(ReviewKind.SIGN_INS)
    assert may_judge(of_sign_ins, item(other), drawer)
    assert may_judge(of_sign_ins, item("nobody"), drawer)
    assert not may_judge(of_sign_ins, item(drawer), drawer)
    assert may_judge(of_sign_ins, item(drawer), other)
    assert not may_judge(of_sign_ins, item(other), other)
    assert not may_judge(of_sign_ins, item(viewer), other)
    assert may_judge(found(ReviewKind.VIEWS), item(None), drawer)
    assert not may_judge(found(ReviewKind.VIEWS), item(None), other)
