"""The documentation can't fall behind the routes."""

from pathlib import Path

from api.app import api_routes
from api.gate import ACTS, PUBLIC, Allow

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def test_every_route_stands_in_the_documentation_with_its_actions_and_acts() -> None:
    """Whoever reads docs/api.md must be able to rely on it, an auditor first."""
    for route in api_routes():
        declared = route.openapi_extra or {}
        allowed = [dep.call.actions for dep in route.dependant.dependencies if isinstance(dep.call, Allow)]
        actions = ", ".join(allowed[0]) if allowed else "public" if PUBLIC in declared else "signed in"
        acts = ", ".join(act for act in declared[ACTS] if act != "policy.denied") or "-"
        assert f"| `{min(route.methods)} {route.path}` | {actions} | {acts} |" in TEXT, route.path


def test_the_documentation_has_no_route_that_is_gone() -> None:
    """A route that people try in vain costs them an hour."""
    rows = [line for line in TEXT.splitlines() if line.startswith("| `") and "/api" in line]
    assert len(rows) == len(api_routes()) + 2  # the WebSockets
