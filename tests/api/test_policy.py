"""The policy matrix, as written and as every route obeys it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.websockets import WebSocketDisconnect

from api.access import Context, Subject, authorize
from api.accounts import COMMAND_LINE
from api.app import ROUTERS, api_routes
from api.gate import ACTS, PUBLIC, Allow, SignedIn
from config.policy import MATRIX_FILE, Action, load_policy
from tests.api.site import FIXED, Site
from tests.builders import FAR
from vms.clock import ManualClock
from vms.db import users
from vms.db.users import RoleGrant
from vms.errors import Conflict, InvalidInput
from vms.ledger.acts import BY_WORD
from vms.model import Role, UserId

NO_IMAGES = (Role.TECHNICIAN, Role.POLICY_OFFICER, Role.AUDITOR, Role.IDENTITY_ADMIN)
IMAGES = {
    Action.LIVE_VIEW,
    Action.PTZ_CONTROL,
    Action.PTZ_TAKE_OVER,
    Action.PLAYBACK_VIEW,
    Action.PANORAMA_VIEW,
    Action.COMMISSIONING_REQUEST,
    Action.COMMISSIONING_APPROVE,
    Action.COMMISSIONING_VIEW,
    Action.EXPORT_DOWNLOAD,
    Action.EXPORT_REQUEST,
    Action.EXPORT_DECIDE,
    Action.HOLD_PLACE,
    Action.HOLD_LIST,
    Action.HOLD_RELEASE,
    Action.TIMELINE_VIEW,
}
"""Everything that shows footage or works on it."""


def gates(route: APIRoute) -> list[Allow | SignedIn]:
    """Return the gates of a route."""
    found: list[Allow | SignedIn] = []
    waiting = list(route.dependant.dependencies)
    while waiting:
        dependency = waiting.pop()
        if isinstance(dependency.call, Allow | SignedIn):
            found.append(dependency.call)
        waiting += dependency.dependencies
    return found


def test_the_matrix_is_what_people_agreed_on() -> None:
    """A change of who may do what must be seen by a reviewer here too, not only in the file."""
    policy = load_policy()
    assert {role: len(actions) for role, actions in policy.actions_of.items()} == {
        Role.OBSERVER: 4,
        Role.DIRECTOR: 24,
        Role.INVESTIGATOR: 9,
        Role.BLANKING_OFFICER: 13,
        Role.TECHNICIAN: 6,
        Role.POLICY_OFFICER: 2,
        Role.AUDITOR: 6,
        Role.IDENTITY_ADMIN: 2,
    }
    for role in NO_IMAGES:
        assert not policy.actions_of[role] & IMAGES


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (('actions = ["placement.list", "camera.health"', 'actions = ["live.view", "camera.health"'), "no images"),
        (("[roles.observer]", "[roles.watcher]"), "watcher"),
        (('"plan.draft", ', '"plan.paint", '), "plan.paint"),
        (('other = ["director"]', 'other = ["investigator"]'), "itself"),
        (('"user.manage"    = {', '"user.manage"    = { extra = 1, '), "extra"),
    ],
)
def test_a_broken_matrix_is_refused_and_says_where(tmp_path: Path, wrong: tuple[str, str], says: str) -> None:
    """The system must not start on a matrix that gives images to those who have none, or that nobody can read."""
    text = MATRIX_FILE.read_text(encoding="utf-8")
    assert wrong[0] in text
    path = tmp_path / "policy.toml"
    path.write_text(text.replace(*wrong), encoding="utf-8")
    with pytest.raises(InvalidInput, match=says):
        load_policy(path)


def test_every_route_has_one_gate_and_the_acts_it_writes(site: Site) -> None:
    """A route without an action would be open to everybody; one that changes something without an act would be silent."""
    assert len(api_routes()) > 25
    for route in api_routes():
        declared: dict[str, Any] = route.openapi_extra or {}
        acts = declared.get(ACTS, [])
        assert set(acts) <= set(BY_WORD), route.path
        if declared.get(PUBLIC):
            assert gates(route) == []
            continue
        assert len(gates(route)) == 1, route.path
        assert "policy.denied" in acts, route.path
        if set(route.methods) - {"GET", "HEAD"}:
            assert len(acts) > 1, f"{route.methods} {route.path} changes something and writes nothing"


def test_nothing_else_answers_under_api(site: Site) -> None:
    """A route that does not stand in a router of ours would escape the tests above."""
    routers = {id(module.router) for module in ROUTERS}
    for route in site.app.routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            assert id(included) in routers
        else:
            assert not getattr(route, "path", "").startswith("/api")
    assert [route.path for module in ROUTERS for route in module.router.routes if not isinstance(route, APIRoute)] == [
        "/api/placements/{placement_id}/live",
        "/api/commissioning/{commissioning_id}/view",
    ]


def test_every_action_opens_some_route_or_is_kept_for_the_command_line(site: Site) -> None:
    """An action in the matrix that nothing asks for is a promise that nobody keeps."""
    asked = {
        action for route in api_routes() for gate in gates(route) if isinstance(gate, Allow) for action in gate.actions
    }
    in_code = {Action.PTZ_TAKE_OVER, Action.LIVE_VIEW}  # asked inside a handler and by the WebSocket
    command_line_only = {Action.USER_MANAGE}
    assert asked | in_code | command_line_only == set(Action)


def example(route: APIRoute) -> str:
    """Return an address of a route with something in place of its parameters."""
    path = route.path
    for name, value in {
        "{placement_id}": FIXED,
        "{playback_id}": "v-0",
        "{number}": "1",
        "{hold_id}": "h-0",
        "{export_id}": "e-0",
        "{commissioning_id}": "c-0",
        "{version}": "1",
        "{month}": "2026-10",
        "{review_id}": "r-0",
        "{seq}": "1",
    }.items():
        path = path.replace(name, value)
    return path


def denials(site: Site) -> int:
    """Return how many refusals are in the ledger."""
    with site.parts.db.read() as conn:
        query = "SELECT count(*) FROM ledger_entry WHERE act = 'policy.denied'"
        return int(conn.exec_driver_sql(query).scalar_one())


def test_every_route_obeys_the_matrix_for_every_role(site: Site) -> None:
    """The whole matrix, with requests: what it refuses is refused before anything else, and written down."""
    policy = site.parts.policy
    for role in [*Role, None]:
        person = site.sign_in(role or "nobody")
        allowed = policy.actions_of[role] if role else frozenset()
        for route in api_routes():
            [gate] = gates(route) or [None]
            if not isinstance(gate, Allow):
                continue
            method = next(iter(route.methods))
            before = denials(site)
            answer = person.ask(method, example(route), {} if method != "GET" else None)
            refused = denials(site) - before
            if allowed & set(gate.actions):
                assert answer.status_code != 403, (role, route.path, answer.text)
                assert refused == 0
            else:
                assert answer.status_code == 403, (role, route.path, answer.status_code, answer.text)
                assert answer.json()["error"]["code"] == "policy.no-role"
                assert refused == 1, (role, route.path)


@pytest.mark.parametrize("role", [role for role in Role if role not in {Role.OBSERVER, Role.DIRECTOR}])
def test_only_those_who_may_watch_get_a_live_socket(site: Site, role: Role) -> None:
    """The WebSocket is a route of its own: a technician must not get one byte of picture through it."""
    person = site.sign_in(role)
    with (
        person.watch(FIXED) as socket,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        socket.receive_bytes()
    assert closed.value.code == 4403
    assert [entry.document["obj"] for entry in site.ledger("policy.denied")] == [{"action": "live.view"}]
    assert site.ledger("live.open") == []


def test_what_shows_anything_to_the_blanking_officer_is_the_commissioning_view_and_the_blanked_panorama() -> None:
    """The role has images since then (docs/decisions/0110-commissioning-view.md); it must not grow from there unseen."""
    shows = {Action.LIVE_VIEW, Action.PTZ_CONTROL, Action.PTZ_TAKE_OVER, Action.PLAYBACK_VIEW, Action.EXPORT_DOWNLOAD}
    policy = load_policy()
    assert not policy.actions_of[Role.BLANKING_OFFICER] & shows
    assert {role for role in Role if Action.PANORAMA_VIEW in policy.actions_of[role]} == {
        Role.BLANKING_OFFICER,
        Role.DIRECTOR,
    }
    for role in Role:
        assert (Action.COMMISSIONING_VIEW in policy.actions_of[role]) is (role is Role.BLANKING_OFFICER)


def test_nobody_gets_anything_without_signing_in(site: Site) -> None:
    """Every route but the public ones says 401."""
    for route in api_routes():
        if (route.openapi_extra or {}).get(PUBLIC):
            continue
        method = next(iter(route.methods))
        answer = site.client.request(method, example(route), headers={"Origin": "http://127.0.0.1:8480"})
        assert answer.status_code == 401, route.path


def test_a_role_counts_only_while_it_is_valid(site: Site) -> None:
    """Expired screening or training ends the role, in the middle of a session."""
    site.admit("kort", "Kort")
    site.people.grant_role(COMMAND_LINE, "kort", Role.TECHNICIAN, site.clock.now() + timedelta(minutes=10))
    person = site.sign_in("kort")
    assert person.get("/api/cameras").status_code == 200
    site.clock.advance(timedelta(minutes=10))
    answer = person.get("/api/cameras")
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "policy.role-expired"
    assert person.get("/api/me").json()["allowed"] == []


def test_roles_that_nobody_may_combine_can_not_be_given(site: Site) -> None:
    """Who asks for exports doesn't decide on them; who audits takes no part."""
    until_at = site.clock.now() + timedelta(days=30)
    for name, role in (("investigator", Role.DIRECTOR), ("auditor", Role.OBSERVER), ("technician", Role.OBSERVER)):
        with pytest.raises(Conflict) as refused:
            site.people.grant_role(COMMAND_LINE, name, role, until_at)
        assert refused.value.code == "role.clash"


def test_roles_that_clash_in_the_database_cancel_each_other_out(clock: ManualClock) -> None:
    """A row put there by another hand must not give the power that the policy splits."""
    policy = load_policy()
    grants = (RoleGrant(Role.INVESTIGATOR, FAR), RoleGrant(Role.DIRECTOR, FAR))
    subject = Subject(UserId("u"), "u", "U", "nl", grants, "s", "127.0.0.1")
    for action in Action:
        decision = authorize(policy, subject, action, Context(at=clock.now()))
        assert not decision.allow
        assert decision.reason == "roles-clash"


def test_a_role_taken_away_ends_what_it_had_open(site: Site) -> None:
    """Rights are looked up at each request, not at sign-in."""
    person = site.sign_in(Role.OBSERVER)
    assert person.get("/api/placements").status_code == 200
    site.people.revoke_role(COMMAND_LINE, "observer", Role.OBSERVER)
    assert person.get("/api/placements").status_code == 403


def test_the_hash_of_the_matrix_is_in_the_ledger_at_every_start(site: Site) -> None:
    """An auditor can tell which matrix was in force when."""
    [entry] = site.ledger("system.start")
    assert entry.document["obj"]["policy_sha256"] == site.parts.policy.sha256


def test_an_account_without_a_role_is_in_but_may_do_nothing(site: Site) -> None:
    """Deny by default."""
    assert site.sign_in("nobody").me["allowed"] == []
    with site.parts.db.read() as conn:
        account = users.by_username(conn, "nobody")
    assert account is not None
    assert account.grants == ()
