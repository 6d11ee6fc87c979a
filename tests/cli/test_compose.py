"""docker-compose.yml is held against the Compose specification and against our own commands, because no Docker engine runs here."""

import json
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import compose_spec
import pytest
import typer.main
import yaml

from config import Settings
from vms.cli.main import app
from vms.db.roles import OWNER, Role

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
ALL = COMPOSE["services"]
OURS = {name: service for name, service in ALL.items() if service.get("image", "").startswith("vms:")}
PROCESSES = ("api", "ingest", "retention", "selftest")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
MAKE_SECRETS = ROOT / "config" / "compose" / "make-secrets"


def command_of(words: list[str]) -> None:
    """See that a command line is one that `vms` takes."""
    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    command.make_context("vms", list(words), resilient_parsing=False, obj=None)


def sources(service: dict[str, Any]) -> dict[str, str]:
    """Return the named volumes of a service by where they are mounted."""
    pairs = (mount.split(":")[:2] for mount in service["volumes"])
    return {target: source for source, target in pairs}


def accounts() -> dict[str, int]:
    """Return the accounts that the image has."""
    return {name: int(uid) for name, uid in re.findall(r"(vms-[a-z]+):(\d+)", DOCKERFILE)}


def test_the_file_is_what_the_compose_specification_says() -> None:
    """An unknown or misspelt key would be ignored by nobody but the reader. Variables have their defaults, as Compose fills them in."""
    filled = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", json.dumps(COMPOSE)).replace("$$", "$")
    assert compose_spec.PyCompose.from_json(filled).service_names() == list(ALL)
    with pytest.raises(ValueError, match="capdrop"):
        compose_spec.PyCompose.from_json(filled.replace('"cap_drop"', '"capdrop"'))


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_service_calls_a_command_that_exists_with_options_that_exist(name: str) -> None:
    """A renamed option would otherwise be found on the day of the installation."""
    command_of(OURS[name]["command"])


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_variable_is_a_setting(name: str) -> None:
    """A misspelt variable would silently leave a default in force; together they must be settings that go together."""
    values = {key.removeprefix("VMS_").lower(): value for key, value in OURS[name]["environment"].items()}
    assert set(values) <= set(Settings.model_fields)
    Settings.model_validate({key: value for key, value in values.items() if "${" not in value})


def test_all_parts_are_there_and_wait_for_schema_and_keys() -> None:
    """None of ours starts on an unmigrated database, or before the key service answers."""
    assert set(ALL) == {"database", "migrate", "keys", *PROCESSES}
    for name in PROCESSES:
        waits = OURS[name]["depends_on"]
        assert waits["migrate"]["condition"] == "service_completed_successfully"
        assert waits["keys"]["condition"] == "service_healthy"


@pytest.mark.parametrize("name", sorted(ALL))
def test_each_service_has_only_what_it_needs(name: str) -> None:
    """No capability, no way to get one, nothing written but volumes, no endless appetite."""
    service = ALL[name]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert any(one.startswith("/tmp:") for one in service["tmpfs"])  # noqa: S108 - inside a container
    assert {"mem_limit", "cpus", "pids_limit"} <= set(service)
    if name in OURS:
        assert service["ulimits"]["core"] == 0, "a core dump of a worker holds raw pictures"


def test_each_service_is_an_account_of_its_own_that_the_image_has() -> None:
    """Migrating is a moment of the administrator's account, which the API is."""
    known = {f"{uid}:10000" for uid in accounts().values()}
    users = {name: service["user"] for name, service in OURS.items()}
    assert set(users.values()) == known
    assert users.pop("migrate") == users["api"]
    assert len(set(users.values())) == len(users)
    assert accounts()["vms-keys"] == int(users["keys"].split(":")[0])


def test_networks_are_apart() -> None:
    """Cameras reach neither the API nor the outside; the database is reached by nobody outside; the key service by no network at all."""
    networks = {name: set(service.get("networks", ())) for name, service in ALL.items()}
    assert COMPOSE["networks"]["database"] == {"internal": True}
    assert networks.pop("keys") == set()
    assert ALL["keys"]["network_mode"] == "none"
    assert networks == {
        "database": {"database"},
        "migrate": {"database"},
        "selftest": {"database"},
        "api": {"front", "database"},
        "ingest": {"cameras", "database"},
        "retention": {"outside", "database"},
    }
    published = {name: service["ports"] for name, service in ALL.items() if "ports" in service}
    assert published == {"api": ["127.0.0.1:8480:8480"]}, "people come in by the proxy, with TLS"
    # A proxy on the machine is seen as this network's gateway: told otherwise, the API takes everybody for one person.
    [front] = COMPOSE["networks"]["front"]["ipam"]["config"]
    for text in ("docker-compose.yml", "docs/deployment.md"):
        assert f"VMS_TRUSTED_PROXIES={front['gateway']} " in Path(text).read_text(encoding="utf-8")


def test_the_database_asks_everybody_for_a_password_by_scram() -> None:
    """A network that only ours are on is no password, and an md5 hash in a stolen copy is as good as one."""
    database = ALL["database"]
    assert database["environment"]["POSTGRES_INITDB_ARGS"] == "--auth-host=scram-sha-256"
    assert "POSTGRES_HOST_AUTH_METHOD" not in database["environment"]
    assert database["command"] == ["postgres", "-c", "password_encryption=scram-sha-256"]


def test_each_process_has_its_role_and_the_password_of_no_other() -> None:
    """A password in an environment variable can be read by whoever may ask the engine."""
    assert "PASSWORD:" not in re.sub(
        r"(SMTP|DATABASE|POSTGRES)_PASSWORD_FILE:", "", (ROOT / "docker-compose.yml").read_text()
    )
    roles = {
        name: re.search(r"//(\w+)@", one["environment"].get("VMS_DATABASE_URL", "//-@")) for name, one in OURS.items()
    }
    found = {name: match.group(1) for name, match in roles.items() if match}
    assert found == {"migrate": OWNER} | {name: f"vms_{name}" for name in PROCESSES}
    given = {name: [one["source"] for one in service.get("secrets", ())] for name, service in OURS.items()}
    assert given == {"keys": [], "migrate": ["owner_password"]} | {name: [f"{name}_password"] for name in PROCESSES}
    assert set(ALL["database"]["secrets"]) == {"postgres", OWNER, *Role}
    mounted = {
        one if isinstance(one, str) else one["source"] for service in ALL.values() for one in service.get("secrets", ())
    }
    assert mounted == set(COMPOSE["secrets"])


def test_the_keyring_is_the_key_services_alone_and_keys_are_not_where_nobody_uses_them() -> None:
    """A key on a backed-up volume defeats the erasing, and one that a process never uses only gets lost there."""
    holders = {name for name, service in ALL.items() if "keyring" in sources(service).values()}
    assert holders == {"keys"}
    assert {name for name, service in ALL.items() if "keys" in sources(service).values()} == set(PROCESSES)
    for name in PROCESSES:
        assert {"footage", "keys", "run", "keys-socket"} == set(sources(OURS[name]).values())
        assert OURS[name]["environment"]["VMS_KEYS_SOCKET"].startswith("/run/vms-keys/")
    assert sources(ALL["keys"])["/run/vms-keys"] == "keys-socket"
    used = {source for service in ALL.values() for source in sources(service).values() if not source.startswith("./")}
    assert used == set(COMPOSE["volumes"])


@pytest.mark.parametrize("name", ["api", "ingest", "keys", "retention", "selftest"])
def test_each_health_check_asks_what_is_there(name: str) -> None:
    """A daemon that hangs would otherwise look alive to the engine for ever."""
    kind, *words = OURS[name]["healthcheck"]["test"]
    if words[0] == "vms":
        command_of(words[1:])
    elif name == "api":
        (path,) = re.findall(r"http://127\.0\.0\.1:8480/api/([a-z]+)", words[-1])
        assert f'@router.get("/{path}"' in (ROOT / "api" / "routers" / "health.py").read_text(encoding="utf-8")
    else:
        assert (kind, "/run/vms/beats/selftest" in words[0]) == ("CMD-SHELL", True)


def test_images_are_named_by_digest() -> None:
    """A tag may be another image tomorrow."""
    assert re.search(r"^FROM [\w./:-]+@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)
    assert re.fullmatch(r"postgres@sha256:[0-9a-f]{64}", ALL["database"]["image"])


def test_the_image_copies_every_package_of_the_wheel() -> None:
    """An image without a package starts and fails at the first import."""
    for package in ("vms", "config", "blanking", "ingest", "retention", "api", "auditor"):
        assert re.search(rf"^COPY {package} {package}$", DOCKERFILE, re.MULTILINE), package
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["65534:65534"], "nobody, unless a service says who"
    assert DOCKERFILE.index("\nUSER ") < DOCKERFILE.index("\nENTRYPOINT ")


def test_every_password_is_made_once_closed_and_where_compose_looks_for_it(tmp_path: Path) -> None:
    """Compose hands a file over with the owner and mode that it has on the machine; a process refuses one that others can read."""
    runs = []
    for _ in range(2):
        subprocess.run(["sh", str(MAKE_SECRETS), str(tmp_path / "secrets")], check=True, capture_output=True)
        made = {path: path.read_text() for path in (tmp_path / "secrets").rglob("*") if path.is_file()}
        runs.append(made)
        files = {tmp_path / one["file"].removeprefix("./") for one in COMPOSE["secrets"].values()}
        assert set(made) == files
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o400}
        assert all(re.fullmatch(r"[0-9a-f]{48}", text) for text in made.values())
        assert len(set(made.values())) == len({OWNER, *Role}) + 1, "each role's twice, once for PostgreSQL"
    assert runs[0] == runs[1]
    script = MAKE_SECRETS.read_text(encoding="utf-8")
    for name, uid in accounts().items():
        if name in {"vms-api", "vms-ingest", "vms-retention", "vms-selftest"}:
            assert f"{name.replace('-', '_')}:{uid}" in script
