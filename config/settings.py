"""Typed, frozen settings: read once, from a TOML file and the environment, and never changed.

Validators compute; they never touch network, disk or clock. Cameras are no settings: they are data (`vms camera`).
"""

import os
import re
import tomllib
from collections.abc import Mapping
from datetime import time, timedelta
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from vms.errors import InvalidInput
from vms.model import RETENTION_CEILING

ENVIRONMENT_PREFIX = "VMS_"
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")


def _time_of_day(value: object) -> object:
    # A number would be taken as seconds since midnight.
    if not isinstance(value, time) and not (isinstance(value, str) and ":" in value):
        raise ValueError("a time of day is written like 10:30")
    return value


class Settings(BaseModel):
    """Everything that an administrator may choose. Each field's description stands in docs/settings.md (a test compares)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Annotated[
        Path, Field(description="Folder under which everything lives that has no folder of its own.")
    ] = Path("var")
    database_url: Annotated[
        str,
        Field(description="SQLAlchemy address; empty: SQLite in `data_dir`. PostgreSQL: `postgresql+psycopg://...`."),
    ] = ""
    database_password_file: Annotated[
        Path | None,
        Field(description="File with the password of the role in `database_url`, readable by this account only."),
    ] = None
    footage_dir: Annotated[
        Path | None, Field(description="Encrypted segments and exports; empty: `footage` in `data_dir`.")
    ] = None
    keys_dir: Annotated[
        Path | None,
        Field(description="Keyring, root key and signing key; keep it off the database's volume and out of backups."),
    ] = None
    keyring_dir: Annotated[
        Path | None,
        Field(description="Keyring and root key, where the key service has an account of its own; empty: `keys_dir`."),
    ] = None
    shared_group: Annotated[
        str,
        Field(
            description="Group of the accounts that the processes run as (`docs/deployment.md`); empty: all run as one account."
        ),
    ] = ""
    run_dir: Annotated[
        Path | None, Field(description="Unix sockets and locks of running processes; a short path (at most 80 bytes).")
    ] = None

    keys_socket: Annotated[
        Path | None,
        Field(
            description="Socket of the key service (`vms keys serve`), in a folder of this account alone; empty: each opens the keyring."
        ),
    ] = None
    root_store: Annotated[
        Literal["file", "credential", "pkcs11", "tpm"],
        Field(description="Where the keyring's root key lives (`docs/erasing.md`); `vms keys move` moves it."),
    ] = "file"
    root_hardware: Annotated[
        str,
        Field(
            description="The device as `vms keys status` names it: an administrator vouches that it is hardware and keeps its keys within."
        ),
    ] = ""
    root_credential: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9._-]+$",
            description="Name of the systemd credential that wraps the root key, for `credential`.",
        ),
    ] = "vms-root"
    pkcs11_module: Annotated[Path | None, Field(description="The token's PKCS#11 library, for `pkcs11`.")] = None
    pkcs11_token: Annotated[str, Field(description="The token's label.")] = ""
    pkcs11_pin_file: Annotated[
        Path | None, Field(description="File with the token's user PIN, readable by this account only.")
    ] = None
    tpm_tcti: Annotated[str, Field(description="How tpm2-tools reach the TPM, for `tpm`.")] = "device:/dev/tpmrm0"

    retention_days: Annotated[
        float,
        Field(
            gt=0,
            le=RETENTION_CEILING.days,
            description="Days after which footage without a hold is erased; at most 28, a fraction is allowed.",
        ),
    ] = float(RETENTION_CEILING.days)
    retention_margin_s: Annotated[
        int, Field(ge=30, le=86_400, description="Seconds before the end of the retention at which erasing begins.")
    ] = 7200
    release_grace_s: Annotated[
        int,
        Field(
            ge=0,
            le=2_592_000,
            description="Seconds from the agreed release of a hold until it lets go; it can be taken back until then.",
        ),
    ] = 259_200
    sweep_every_s: Annotated[
        float, Field(gt=0, le=3600, description="Seconds between two sweeps; at most a third of `retention_margin_s`.")
    ] = 60.0
    clock_tolerance_s: Annotated[
        float,
        Field(gt=0, le=3600, description="How far wall, boot-time and database clock may differ before erasing stops."),
    ] = 120.0

    selftest_every_s: Annotated[
        float, Field(ge=1, le=3600, description="Seconds between two rounds of the self-test of finished pictures.")
    ] = 60.0

    calibration_check_at: Annotated[
        time,
        BeforeValidator(_time_of_day),
        Field(
            description="From when, UTC, a moving camera is held against its plan once a day; by daylight, when little happens."
        ),
    ] = time(10, 30)
    view_unrecognised_after_s: Annotated[
        float,
        Field(
            ge=30,
            le=86_400,
            description="A fixed camera whose view has not been recognised for so long (fog, dark, covered) is reported.",
        ),
    ] = 600.0
    view_unrecognised_grey: Annotated[
        bool, Field(description="And its picture is grey from then on, until its view is recognised again.")
    ] = False

    api_host: Annotated[str, Field(description="Address that the API listens on.")] = "127.0.0.1"
    api_port: Annotated[int, Field(ge=0, le=65_535, description="Port that the API listens on.")] = 8480
    public_origin: Annotated[
        str,
        Field(description="How browsers reach it, e.g. `https://vms.example.nl`; empty: `http://api_host:api_port`."),
    ] = ""
    trusted_proxies: Annotated[
        str,
        Field(
            description="Proxies (addresses, networks) whose `X-Forwarded-For` and `-Proto` are believed, separated by commas; empty: none."
        ),
    ] = ""
    odd_hours_from: Annotated[
        int,
        Field(
            ge=0,
            le=23,
            description="From this hour, Amsterdam time, sign-ins are reviewed as unusual (`docs/audit.md`).",
        ),
    ] = 0
    odd_hours_until: Annotated[
        int, Field(ge=0, le=23, description="Until this hour; the same as `odd_hours_from`: no hour is unusual.")
    ] = 6
    api_connections: Annotated[
        int,
        Field(
            ge=16,
            le=60_000,
            description="Connections that the API has at once; a full API ends the one that has waited longest for a request.",
        ),
    ] = 1024
    api_connections_per_address: Annotated[
        int,
        Field(
            ge=8,
            le=60_000,
            description="Of these, for one address (IPv6: one /64 network); `trusted_proxies` are exempt, they have a limit of their own.",
        ),
    ] = 256
    session_idle_s: Annotated[
        int, Field(ge=60, le=86_400, description="Seconds without a request after which a session ends.")
    ] = 900
    session_longest_s: Annotated[
        int, Field(ge=60, le=86_400, description="Seconds after which a session ends in any case.")
    ] = 36_000
    first_password_days: Annotated[
        int,
        Field(
            ge=1, le=90, description="Days in which a password set by `vms user` signs in, once, to choose one's own."
        ),
    ] = 7
    default_language: Annotated[
        Literal["nl", "en"], Field(description="Language of the pages before somebody chooses.")
    ] = "nl"

    max_hold_s: Annotated[
        float, Field(gt=0, le=1.2, description="Seconds that a frame may wait for the camera's position.")
    ] = 0.3
    encoder_qp: Annotated[
        int, Field(ge=15, le=40, description="Quantiser of the masked video; lower is better and larger.")
    ] = 24
    encoder_gop_s: Annotated[
        float, Field(gt=0, le=1.0, description="Seconds between keyframes of the masked video.")
    ] = 1.0
    free_bytes_floor: Annotated[
        int, Field(ge=0, description="Recording stops, with an alarm, when the footage volume has fewer free bytes.")
    ] = 256 * 1024 * 1024

    ledger_name: Annotated[
        str,
        Field(
            pattern=r"^[^\s+]+$",
            description="Name of the ledger in its checkpoints, for ever; e.g. `vms.example.nl/ledger`.",
        ),
    ] = "vms.example.nl/ledger"

    witness_url: Annotated[
        str, Field(description="Where a witness co-signs checkpoints (`vms witness`): scheme, host and port.")
    ] = ""
    witness_key: Annotated[str, Field(description="That witness' public key, as it prints it.")] = ""

    tsa_url: Annotated[
        str, Field(description="Where a time-stamping authority (RFC 3161) takes requests; empty: no time stamps.")
    ] = ""
    tsa_ca_file: Annotated[
        Path | None, Field(description="PEM file of the certificates under which that authority signs.")
    ] = None
    tsa_policy: Annotated[
        str,
        Field(
            pattern=r"^([0-2](\.(0|[1-9][0-9]*))+)?$",
            description="Object identifier of the policy that its stamps must be under, e.g. `1.2.3.4`; empty: any.",
        ),
    ] = ""

    checkpoint_mail_to: Annotated[
        str,
        Field(description="Who gets a checkpoint by mail once a day: addresses, separated by commas; empty: nobody."),
    ] = ""
    smtp_host: Annotated[str, Field(description="Mail server that takes these mails.")] = ""
    smtp_port: Annotated[int, Field(ge=1, le=65_535, description="Its port.")] = 587
    smtp_starttls: Annotated[
        bool, Field(description="Speak TLS with it (STARTTLS) or not at all; false: in the clear, without a password.")
    ] = True
    smtp_ca_file: Annotated[
        Path | None, Field(description="PEM file of the certificates that its own must lead to; empty: the system's.")
    ] = None
    smtp_from: Annotated[str, Field(description="Address of the sender.")] = ""
    smtp_user: Annotated[str, Field(description="User name at the mail server; empty: without signing in.")] = ""
    smtp_password_file: Annotated[Path | None, Field(description="File with that user's password.")] = None

    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], Field(description="Least severity that is logged.")
    ] = "INFO"
    log_format: Annotated[
        Literal["json", "console"], Field(description="`json` for machines, `console` for people.")
    ] = "json"

    @model_validator(mode="after")
    def _margin_leaves_something(self) -> Self:
        if timedelta(seconds=self.retention_margin_s) >= timedelta(days=self.retention_days):
            raise ValueError("retention_margin_s leaves nothing of retention_days")
        # A segment may wait for half the margin (retention/due.py), then for the next sweep; what is left is for the erasing itself.
        if self.sweep_every_s * 3 > self.retention_margin_s:
            raise ValueError(
                "sweep_every_s is more than a third of retention_margin_s, so that footage would outlive its term: "
                "sweep more often, or raise the margin"
            )
        if self.tsa_url and (
            urlsplit(self.tsa_url).scheme not in {"http", "https"} or not urlsplit(self.tsa_url).netloc
        ):
            raise ValueError("tsa_url must be an http(s) address")
        if self.tsa_url and self.tsa_ca_file is None:
            raise ValueError("tsa_url needs tsa_ca_file: without it nobody can tell whose stamps they are")
        if self.database_password_file is not None and not self.database_url.startswith("postgresql"):
            raise ValueError("database_password_file is for PostgreSQL: set database_url")
        if self.keyring_dir is not None and self.keys_socket is None:
            raise ValueError("keyring_dir is the key service's: set keys_socket, where it listens")
        self._mail_is_whole()
        self._proxies_are_addresses()
        origin = self.public_origin
        if origin and (urlsplit(origin).scheme not in {"http", "https"} or urlsplit(origin).path not in {"", "/"}):
            raise ValueError("public_origin must be a scheme and a host only, e.g. https://vms.example.nl")
        return self

    def _proxies_are_addresses(self) -> None:
        for one in filter(None, (part.strip() for part in self.trusted_proxies.split(","))):
            try:
                ip_network(one)
            except ValueError as error:
                raise ValueError(f"trusted_proxies: {one!r} is no address or network: {error}") from error

    def _mail_is_whole(self) -> None:
        if not self.mail_recipients:
            return
        if not self.smtp_host:
            raise ValueError("checkpoint_mail_to needs smtp_host")
        for name, address in [
            ("smtp_from", self.smtp_from),
            *(("checkpoint_mail_to", one) for one in self.mail_recipients),
        ]:
            if not _ADDRESS.fullmatch(address):
                raise ValueError(f"{name}: {address!r} is no mail address")
        if self.smtp_user and self.smtp_password_file is None:
            raise ValueError("smtp_user needs smtp_password_file")
        if self.smtp_user and not self.smtp_starttls:
            raise ValueError("smtp_user needs smtp_starttls: the password would go in the clear")

    @property
    def mail_recipients(self) -> tuple[str, ...]:
        """Addresses that get a checkpoint once a day."""
        return tuple(filter(None, (one.strip() for one in self.checkpoint_mail_to.split(","))))

    @property
    def database(self) -> str:
        """SQLAlchemy address of the database; a password that lies in a file is read by who connects (`vms.db.engine`)."""
        url = self.database_url or f"sqlite:///{self.data_dir / 'vms.sqlite'}"
        if self.database_password_file is None:
            return url
        return f"{url}{'&' if '?' in url else '?'}password_file={quote(str(self.database_password_file))}"

    @property
    def footage(self) -> Path:
        """Folder of encrypted segments and exports."""
        return self.footage_dir or self.data_dir / "footage"

    @property
    def keys(self) -> Path:
        """Folder of the keyring, the root key and the signing key."""
        return self.keys_dir or self.data_dir / "keys"

    @property
    def keyring(self) -> Path:
        """Folder of the keyring and its root key."""
        return self.keyring_dir or self.keys

    @property
    def run(self) -> Path:
        """Folder of Unix sockets and locks."""
        return self.run_dir or self.data_dir / "run"

    @property
    def origin(self) -> str:
        """Scheme and host under which browsers reach the API."""
        return (self.public_origin or f"http://{self.api_host}:{self.api_port}").rstrip("/")

    @property
    def keep_for(self) -> timedelta:
        """How long after its first frame a segment without a hold is due: retention less the margin."""
        return timedelta(days=self.retention_days) - timedelta(seconds=self.retention_margin_s)


def _problem(item: Mapping[str, Any]) -> str:
    name = ".".join(str(part) for part in item["loc"]) or "settings"
    if item["type"] != "extra_forbidden":
        return f"{name}: {item['msg']}"
    meant = get_close_matches(name, Settings.model_fields, 1)
    return f"there is no setting {name}" + (f" ({meant[0]}?)" if meant else "")


def load(path: Path | None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Args:
        path: a TOML file, or None for the defaults.
        environment: `VMS_<FIELD>` overrides the file; os.environ by default.

    Raises:
        InvalidInput: the file can't be read, or a value is wrong: names the setting, the value's place and the rule.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, object] = {}
    if path is not None:
        try:
            values |= tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise InvalidInput(f"settings file {path} can't be read: {why}", code="settings.file") from error
    for name in Settings.model_fields:
        text = environment.get(ENVIRONMENT_PREFIX + name.upper())
        if text is not None:
            values[name] = text
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(_problem(item) for item in error.errors())
        raise InvalidInput(
            f"settings: {problems} (from {path or 'the defaults'} and {ENVIRONMENT_PREFIX}* variables)",
            code="settings.value",
        ) from error
