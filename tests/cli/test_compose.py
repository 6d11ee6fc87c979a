"""docker-compose.yml is parsed and each command checked, because no Docker engine runs here."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from config import Settings
from vms.cli.main import app

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
OURS = {name: service for name, service in COMPOSE["services"].items() if service.get("image", "").startswith("vms:")}


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_service_calls_a_command_that_exists_with_options_that_exist(name: str) -> None:
    """A renamed option would otherwise be found on the day of the installation."""
    command, *options = OURS[name]["command"]
    group = typer.main.get_command(app)
    subcommand = group.commands[command]  # type: ignore[attr-defined] - typer returns a click Group
    subcommand.make_context(command, list(options), resilient_parsing=False, obj=None)


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_variable_is_a_setting(name: str) -> None:
    """A misspelt variable would silently leave a default in force."""
    fields = {f"VMS_{field.upper()}" for field in Settings.model_fields}
    assert set(OURS[name]["environment"]) <= fields


def test_all_parts_are_there_and_wait_for_the_schema() -> None:
    """PostgreSQL, API, ingest, retention and the self-test; none of ours starts on an unmigrated database."""
    assert {"database", "api", "ingest", "retention", "selftest"} <= set(COMPOSE["services"])
    for name in ("api", "ingest", "retention", "selftest"):
        assert OURS[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


@pytest.mark.parametrize("name", ["ingest", "retention"])
def test_who_has_no_page_has_a_health_check_by_a_command_that_exists(name: str) -> None:
    """A daemon that hangs would otherwise look alive to the engine for ever."""
    kind, program, command, *options = OURS[name]["healthcheck"]["test"]
    assert (kind, program, options) == ("CMD", "vms", [name])
    group = typer.main.get_command(app)
    group.commands[command].make_context(command, options, resilient_parsing=False, obj=None)  # type: ignore[attr-defined] - as above


def test_workers_leave_no_core_dumps_and_keys_have_their_own_volume() -> None:
    """A core dump of a worker holds raw pictures; a key on a backed-up volume defeats the erasing."""
    for service in OURS.values():
        assert service["ulimits"]["core"] == 0
    mounts = dict(mount.split(":") for mount in OURS["api"]["volumes"])
    assert mounts["keys"] != mounts["footage"]


def test_the_image_copies_every_package_of_the_wheel() -> None:
    """An image without a package starts and fails at the first import."""
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for package in ("vms", "config", "blanking", "ingest", "retention", "api"):
        assert re.search(rf"^COPY {package} {package}$", dockerfile, re.MULTILINE), package
