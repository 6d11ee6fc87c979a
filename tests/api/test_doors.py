"""What a stranger's program, a reverse proxy or a scanner sends: answered as HTTP says, and as our own schema says."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError

from api.app import api_routes
from api.gate import ACTS, Allow
from api.routers.shapes import LongText, ShortText, attachment
from config import Settings
from tests.api.site import COPIED, FIXED, Person, Site
from tests.api.test_footage_flows import iso, open_playback, place
from tests.api.test_policy import example, gates
from vms.cli.processes import forwarded
from vms.errors import InvalidInput
from vms.ledger.acts import Act
from vms.model import Role, checked_case_number, checked_label

ARABIC_INDIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


@pytest.mark.parametrize("odd", ["0.5", "0", "1793534400", "2026", "2026-11-01", "2026-11-01T12:00:00", "P1D"])
def test_what_is_no_written_instant_is_refused_in_a_query(site: Site, odd: str) -> None:
    """`from=0.5` was taken as half a second after 1970: a mistyped time must not show another night."""
    answer = site.sign_in(Role.DIRECTOR).get(
        f"/api/placements/{FIXED}/timeline", **{"from": odd, "to": "2026-11-01T12:00:00Z"}
    )
    assert answer.status_code == 422
    assert answer.json()["error"]["details"] == {"field": "from"}


def _in_bodies(*kinds: str) -> list[tuple[APIRoute, str]]:
    """Return every field of these kinds that a body of any route brings: the route, and what the body calls it."""
    found = []
    for route in api_routes():
        model = route.body_field.field_info.annotation if route.body_field else None
        if isinstance(model, type) and issubclass(model, BaseModel):
            found += [
                (route, field.alias or name)
                for name, field in model.model_fields.items()
                if any(re.search(rf"\b{kind}\b", repr(field.annotation)) for kind in kinds)
            ]
    return found


class Senders:
    """Sends a body to any route as somebody who may, and says which of its fields are refused."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._people: dict[Role, Person] = {}

    def wrong_fields(self, route: APIRoute, body: dict[str, Any]) -> set[str]:
        """Return the fields that are refused; one that no route knows is always among them."""
        role = Role.OBSERVER
        for gate in gates(route):
            if isinstance(gate, Allow):
                role = next(role for role, may in self._site.parts.policy.actions_of.items() if gate.actions[0] in may)
        if role not in self._people:
            self._people[role] = self._site.sign_in(role)
        answer = self._people[role].ask(min(route.methods), example(route), body | {"no-such-field": 1})
        assert answer.status_code == 422, (route.path, answer.text)
        wrong = {where.split(".")[0] for where in answer.json()["error"]["details"]["field"].split(", ")}
        assert "no-such-field" in wrong
        return wrong


def test_what_is_no_written_instant_is_refused_in_a_body(site: Site) -> None:
    """`"from": 0.5` would be half a second after 1970: a hold or an early erasure of another night, in earnest."""
    found, senders = _in_bodies("AwareDatetime"), Senders(site)
    assert len(found) >= 10
    assert {name for _route, name in found} >= {"from", "to", "review_on", "look_again_at"}
    for route, name in found:
        for odd in (0.5, 1793534400, True, "1793534401", "2026-11-01", "2026-11-01T12:00:00", [], {}):
            assert name in senders.wrong_fields(route, {name: odd}), (route.path, name, odd)
        assert name not in senders.wrong_fields(route, {name: "2026-11-01T12:00:00Z"}), (route.path, name)


PASSWORD_FIELDS = {"password", "old", "new"}
"""Shown nowhere; which characters a new one has is looked at elsewhere."""


def test_no_text_in_a_body_turns_or_hides_what_people_read(site: Site) -> None:
    """A reason with a bidi control showed the second person another text than was stored."""
    found, senders = _in_bodies("str"), Senders(site)
    assert len(found) >= 25
    for route, name in found:
        if name in PASSWORD_FIELDS:
            continue
        for odd in ("mishandeling \u202egnilednahsim", "op de gracht\u2028", "een \x1b[2J streep"):
            for value in (odd, [odd], {odd: {"x": "y"}}, {"masks": [{"id": odd}]}):
                assert name in senders.wrong_fields(route, {name: value}), (route.path, name, value)


@pytest.mark.parametrize("odd", ["a\nb", "a\tb", "a\r\nb", "a\u200fb", "a\u200bb", "a\x00b", "a\n"])
def test_a_short_text_is_one_line(odd: str) -> None:
    """A receiver of two lines forges a line in lists and papers."""
    short: TypeAdapter[str] = TypeAdapter(ShortText)
    with pytest.raises(ValidationError):
        short.validate_python(odd)
    assert short.validate_python("OM Midden-Nederland, mr. Jönsson, 日本") == "OM Midden-Nederland, mr. Jönsson, 日本"


def test_a_long_text_has_line_ends_and_nothing_that_turns_it() -> None:
    """People write reasons in several lines; a browser of another system sends other line ends."""
    long: TypeAdapter[str] = TypeAdapter(LongText)
    assert long.validate_python("een\r\ntwee\n\tdrie 👩\u200d🚒") == "een\ntwee\n\tdrie 👩\u200d🚒"
    for odd in ("a\u202eb", "a\u2066b", "a\u200eb", "a\x1bb", "a\x00b", "a\rb", "a\u2029b"):
        with pytest.raises(ValidationError):
            long.validate_python(odd)


@pytest.mark.parametrize("at", ["2026-11-01T12:00Z", "2026-11-01T13:00:00.5+01:00", "2026-11-01t12:00:00z"])
def test_an_instant_may_be_written_in_every_usual_way(site: Site, at: str) -> None:
    """Programs of others write fractions, offsets and small letters."""
    query = {"from": "2026-11-01T11:00:00Z", "to": at}
    assert site.sign_in(Role.DIRECTOR).get(f"/api/placements/{FIXED}/timeline", **query).status_code == 200


@pytest.mark.parametrize("value", [36_600, "36601", 36_600.5, "10"])
def test_a_number_is_no_time_of_day(value: Any) -> None:
    """The same mistake in the settings file would drive the cameras at another hour."""
    with pytest.raises(ValidationError, match="10:30"):
        Settings(calibration_check_at=value)


def test_head_answers_as_get_without_the_body_and_writes_nothing(site: Site) -> None:
    """Load balancers and monitoring ask with HEAD; 405 reads as broken."""
    person = site.sign_in(Role.DIRECTOR)
    before = len(site.ledger())
    for path in ("/sign-in", "/api/health", "/api/ready", "/api/holds"):
        head, get = site.client.head(path, headers=person.headers), person.get(path)
        assert (head.status_code, head.content) == (get.status_code, b""), path
        assert head.headers.get("content-length") == get.headers.get("content-length")
    assert site.client.head("/api/holds").status_code == 401
    assert site.client.head("/api/nothing", headers=person.headers).status_code == 404
    assert len(site.ledger()) == before


def test_head_is_refused_where_get_hands_something_over(site: Site) -> None:
    """An entry must not say that a package left when no byte of it did, nor may a look at it stay unwritten."""
    person = site.sign_in(Role.AUDITOR)
    before = len(site.ledger())
    handing = [route for route in api_routes() if "GET" in route.methods and _written(route)]
    assert len(handing) >= 8
    for route in handing:
        path = route.path.format(
            seq=1, export_id="e-1", month="2026-10", playback_id="v-1", number=1, placement_id=FIXED, review_id="r-1"
        )
        assert site.client.head(path, headers=person.headers).status_code == 405, path
    assert len(site.ledger()) == before


def _written(route: Any) -> set[str]:
    return set(route.openapi_extra[ACTS]) - {Act.POLICY_DENIED.value}


def test_every_answer_has_a_type_that_the_schema_declares(site: Site) -> None:
    """A client made from the schema would take a package for JSON, and choke on our errors."""
    schema = site.app.openapi()
    start_at = site.record(COPIED, 5)
    auditor, investigator = site.sign_in(Role.AUDITOR), site.sign_in(Role.INVESTIGATOR)
    view = open_playback(investigator, start_at, 5).json()["playback_id"]
    period = {"from": iso(start_at - timedelta(hours=1)), "to": iso(start_at + timedelta(hours=1))}
    asked = [
        (auditor, "/api/audit/bundle", "/api/audit/bundle", period),
        (auditor, "/api/audit/checkpoint.pdf", "/api/audit/checkpoint.pdf", {}),
        (auditor, "/api/ledger/rows", "/api/ledger/rows", {"form": "csv"}),
        (auditor, "/api/ledger/rows", "/api/ledger/rows", {"form": "json"}),
        (auditor, "/api/ledger/{seq}/proof", "/api/ledger/0/proof", {}),
        (auditor, "/api/ledger", "/api/ledger", {}),
        (auditor, "/api/ledger", "/api/ledger", {"from": "0.5"}),
        (auditor, "/api/holds", "/api/holds", {}),
        (investigator, "/api/playback/{playback_id}/segments/{number}", f"/api/playback/{view}/segments/1", {}),
    ]
    for person, route, path, query in asked:
        answer = person.get(path, **query)
        answers = schema["paths"][route]["get"]["responses"]
        declared = answers.get(str(answer.status_code), answers["default"])["content"]
        assert answer.headers["content-type"].split(";")[0] in declared, (path, answer.status_code)
        if not answer.is_success:
            assert set(answer.json()) == {"error"}
    assert "HTTPValidationError" not in schema["components"]["schemas"]


def test_a_case_number_has_digits_that_everybody_can_type(site: Site) -> None:
    """Digits of another script look like a number, are found by no search, and no header can carry them."""
    odd = f"PL{'0900'.translate(ARABIC_INDIC)}-2026-123456"
    with pytest.raises(InvalidInput):
        checked_case_number(odd)
    start_at = site.record(COPIED, 5)
    assert place(site.sign_in(Role.INVESTIGATOR), start_at, 5, case_number=odd).status_code == 422


def test_a_file_of_any_name_can_be_handed_over() -> None:
    """Case numbers that were accepted before must not make their packages unreachable."""
    assert attachment("PL0900-2026-123456_e-1.zip")["Content-Disposition"] == (
        'attachment; filename="PL0900-2026-123456_e-1.zip"'
    )
    odd = attachment('PL\u0660"\r\nX: y.zip')["Content-Disposition"]
    assert odd.encode("latin-1")
    assert odd == "attachment; filename=\"PL____X__y.zip\"; filename*=UTF-8''PL%D9%A0%22%0D%0AX%3A%20y.zip"


@pytest.mark.parametrize("odd", ["", "a\nb", "a\u202eb", "a\u2028b", "a\x1b[2Jb", "x" * 101, "a\u2066b", "\ud800"])
def test_a_label_looks_everywhere_like_what_was_typed(odd: str) -> None:
    """A line end forges a second line in lists and logs; a bidi control shows another name than is stored."""
    with pytest.raises(InvalidInput):
        checked_label(odd, "a name")
    assert checked_label("  Café 't Gat, Ñandú 日本  ", "a name") == "Café 't Gat, Ñandú 日本"


def test_nobody_is_believed_about_who_is_behind_a_request_unless_named(tmp_path: Path) -> None:
    """Every account of the machine can speak from loopback, and would choose the address that throttle and ledger see."""
    assert forwarded(Settings(data_dir=tmp_path)) == {"proxy_headers": False, "forwarded_allow_ips": ""}
    named = Settings(trusted_proxies="10.0.0.5, 10.1.0.0/16")
    assert forwarded(named) == {"proxy_headers": True, "forwarded_allow_ips": "10.0.0.5, 10.1.0.0/16"}
    for odd in ("*", "proxy.example", "10.0.0.5/8"):
        with pytest.raises(ValidationError, match="trusted_proxies"):
            Settings(trusted_proxies=odd)
