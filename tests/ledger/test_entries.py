"""What goes into the tree is canonical, complete, and free of personal text."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.errors import InvalidInput
from vms.ledger import canonical, entries
from vms.ledger.acts import BY_WORD, HANDS_OVER, OPENS_FOOTAGE, Act, Category
from vms.ledger.entries import Actor, Commitment, Entry, Origin, Private, Purpose, Result, Value

AT = datetime(2026, 11, 23, 18, 0, 0, 123456, tzinfo=UTC)
OBSERVER = Actor.person("u-0042", role="observer", session_id="s-9f")
DESK = Origin("vms/0.1.0", workstation="WS-07", ip="10.1.2.3")


def entry(**changed: object) -> Entry:
    """Return a playback view, changed in some fields."""
    fields: dict[str, object] = {
        "act": Act.PLAYBACK_OPEN,
        "actor": OBSERVER,
        "origin": DESK,
        "object": {"placement_id": "p-1", "from_at": AT, "numbers": [1, 2]},
        "purpose": Purpose("case", "PL0900-2026-123456"),
    }
    return Entry(**{**fields, **changed})  # type: ignore[arg-type]  # the test changes one field at a time


def test_the_golden_leaf_has_its_golden_bytes() -> None:
    """A verifier written years from now must find the same bytes: order, escapes, digits of the instant."""
    leaf = entries.leaf_of(
        entry(object={"placement_id": 'p-é"\n', "from_at": AT, "numbers": [1, -2], "held": True}), AT
    )
    assert leaf.body.decode() == (
        '{"act":"playback.open","actor":{"id":"u-0042","kind":"person","role":"observer","sess":"s-9f"},'
        '"basis":"wpg-8/gw-151c","cat":"raadplegen",'
        '"obj":{"from_at":"2026-11-23T18:00:00.123456Z","held":true,"numbers":[1,-2],"placement_id":"p-é\\"\\n"},'
        '"origin":{"app":"vms/0.1.0","ip":"10.1.2.3","ws":"WS-07"},'
        '"purpose":{"case":"PL0900-2026-123456","code":"case","text":null},'
        '"recipient":null,"res":"ok","ts":"2026-11-23T18:00:00.123456Z","v":1,"why":null}'
    )
    assert (
        hashlib.sha256(b"\0" + leaf.body).hexdigest()
        == "db4d6683a4ff5ff2c1c9708aeecdf13706cf735f3ec19e52c9394a868a5230aa"
    )


def test_every_leaf_has_every_field_of_bio_and_wpg() -> None:
    """Auditors test for them: action, object, result, origin, actor, time (BIO 8.15.01); reasons, recipients (Wpg 32a)."""
    document = json.loads(entries.leaf_of(entry(), AT).body)
    assert set(document) == {
        "v",
        "ts",
        "act",
        "cat",
        "actor",
        "obj",
        "res",
        "why",
        "purpose",
        "basis",
        "recipient",
        "origin",
    }


def test_free_text_and_recipients_are_not_in_the_tree() -> None:
    """The tree can't forget; whatever must be erasable stays outside."""
    leaf = entries.leaf_of(
        entry(
            act=Act.EXPORT_REQUEST,
            object={"hold_id": "h-1", "note": Private("about J. Jansen")},
            purpose=Purpose("case", "PL0900-2026-123456", text="seen by P. Pietersen"),
            recipient="Officier K. Klaassen",
        ),
        AT,
    )
    for name in (b"Jansen", b"Pietersen", b"Klaassen"):
        assert name not in leaf.body
    document = json.loads(leaf.body)
    found = {document["obj"]["note"], document["purpose"]["text"], document["recipient"]}
    assert found == {f"c:{commitment.digest}" for commitment in leaf.commitments}
    assert {commitment.text for commitment in leaf.commitments} == {
        "about J. Jansen",
        "seen by P. Pietersen",
        "Officier K. Klaassen",
    }


def test_the_same_text_is_committed_to_differently_each_time() -> None:
    """Without a salt, a short text is found by trying."""
    assert Commitment("J. Jansen").digest != Commitment("J. Jansen").digest


def test_a_plain_text_can_not_pass_for_a_commitment() -> None:
    """A forged commitment would show another entry's text."""
    with pytest.raises(InvalidInput):
        entries.leaf_of(entry(object={"placement_id": "c:" + "0" * 64}), AT)


@pytest.mark.parametrize(
    "value", [1.5, float("nan"), 2**53, {"Upper": 1}, {"with space": 1}, b"bytes", "\ud800", {1: 2}]
)
def test_values_that_readers_disagree_about_are_refused(value: object) -> None:
    """Floats, large integers, odd names and broken Unicode make two verifiers compute two hashes."""
    with pytest.raises(InvalidInput):
        entries.leaf_of(entry(object={"placement_id": "p-1", "value": value}), AT)


def test_a_naive_instant_is_refused() -> None:
    """A log without time zones proves nothing about an hour in October."""
    with pytest.raises(InvalidInput):
        entries.leaf_of(entry(object={"at": AT.replace(tzinfo=None)}), AT)


@pytest.mark.parametrize(
    "changed",
    [
        {"object": {}},
        {"act": "playback.open"},
        {"purpose": None},
        {"result": Result.DENIED},
        {"result": Result.FAILED},
        {"act": Act.EXPORT_DOWNLOAD},
    ],
)
def test_an_entry_without_what_the_law_asks_for_can_not_be_made(changed: dict[str, object]) -> None:
    """Object, purpose of a view, why of a refusal, recipient of an export, an act of the catalogue."""
    with pytest.raises(InvalidInput):
        entry(**changed)


def test_a_refused_view_needs_no_purpose_but_a_reason() -> None:
    """Whoever is turned away may not have got as far as saying why."""
    refused = entry(purpose=None, result=Result.DENIED, why="policy.role")
    assert json.loads(entries.leaf_of(refused, AT).body)["why"] == "policy.role"


def test_every_act_has_a_category_of_the_law_and_a_dotted_word() -> None:
    """The catalogue is closed: an act that nobody classified can't be logged."""
    for act in Act:
        assert isinstance(act.category, Category)
        assert act.value.count(".") == 1
        assert BY_WORD[act.value] is act
    assert {act.category for act in Act} == set(Category)


def test_the_acts_that_need_reasons_are_views_and_hand_overs() -> None:
    """Wpg 32a asks for the reasons of raadplegen and verstrekken, and for recipients."""
    assert {act.category for act in OPENS_FOOTAGE | HANDS_OVER} == {Category.RAADPLEGEN, Category.VERSTREKKEN}


def test_placements_are_found_under_both_names() -> None:
    """A hold is about several placements, a view about one; both must be found by placement."""
    assert entry(object={"placement_id": "a", "placement_ids": ["b", "c"]}).placement_ids() == {"a", "b", "c"}


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), inner)
    ),
    max_leaves=20,
)


@given(_values)
def test_canonical_bytes_read_back_as_the_same_value_and_encode_again_the_same(value: canonical.Json) -> None:
    """Nothing may be lost or reordered between what was hashed and what is read."""
    encoded = canonical.encode(value)
    assert json.loads(encoded) == value
    assert canonical.encode(json.loads(encoded)) == encoded


@pytest.mark.parametrize("name", ["placement_id", "hold_id", "export_id", "placement_ids", "pending_hold_ids"])
@pytest.mark.parametrize(
    "wrap", [lambda one: one, lambda one: [one], lambda one: ("x", one)], ids=["it", "a list", "among others"]
)
def test_what_people_search_by_is_never_a_commitment(name: str, wrap: Callable[[Private], Value]) -> None:
    """Its search copy would be missing, and the body would name the commitment: the whole check would call the ledger changed."""
    about = {name: wrap(Private("h-1"))}
    with pytest.raises(InvalidInput) as refused:
        Entry(Act.HOLD_PLACE, Actor.service("api"), Origin("test"), about)
    assert refused.value.code == "ledger.searchable"
