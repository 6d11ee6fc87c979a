"""The register file: cameras at their spots, as JSON (docs/cameras.md). Read and checked as a whole before anything is changed."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from blanking.plan import parse_plan
from vms.errors import InvalidInput
from vms.footage.store import EXPORTS
from vms.model import CameraKind

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")


@dataclass(frozen=True, slots=True)
class Registration:
    """A camera at a spot."""

    camera_id: str
    name: str
    area: str
    designation: str
    legal_basis: str
    valid_from_at: datetime
    valid_until_at: datetime
    kind: CameraKind
    rtsp_url: str
    rtsp_transport: str
    onvif_url: str | None
    username: str
    password: str
    plan: dict[str, Any] | None
    has_plan: bool = True


def read_register(file: Path) -> list[Registration]:
    """Read a register file.

    Raises:
        InvalidInput: it can't be read, or a camera in it is wrong: names the camera, the key and what to write.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        entries = document["cameras"]
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise InvalidInput(
            f'{file} is no register of cameras ({{"cameras": [...]}}): {error}', code="camera.register"
        ) from error
    if not isinstance(entries, list):
        raise InvalidInput(f'{file}: "cameras" must be a list of cameras', code="camera.register")
    found: list[Registration] = []
    for number, entry in enumerate(entries, 1):
        where = f"{file.name}, camera {number}"
        if not isinstance(entry, dict):
            raise InvalidInput(f"{where}: a camera must be a JSON object", code="camera.register")
        found.append(_Entry(entry, where).registration())
        if found[-1].camera_id in {earlier.camera_id for earlier in found[:-1]}:
            raise InvalidInput(f'{where}: the "id" {found[-1].camera_id} is there twice', code="camera.register")
    return found


class _Entry:
    """One camera of the file, and where it stands, for the messages."""

    def __init__(self, values: dict[str, Any], where: str) -> None:
        self._values = values
        self._where = where

    def registration(self) -> Registration:
        """Return the entry as a value."""
        kind = self._kind()
        onvif_url = self._text("onvif_url") if self._values.get("onvif_url") else None
        if kind is CameraKind.PTZ and onvif_url is None:
            raise self._wrong('a ptz camera needs "onvif_url", for its position')
        valid_from_at = self._instant("valid_from", "2026-01-01T00:00:00+00:00")
        valid_until_at = self._instant("valid_until", "2030-01-01T00:00:00+00:00")
        if valid_until_at <= valid_from_at:
            raise self._wrong('"valid_until" must be after "valid_from"')
        return Registration(
            camera_id=self._id(),
            name=self._text("name"),
            area=self._text("area"),
            designation=self._text("designation", "onbekend"),
            legal_basis=self._text("legal_basis", "Gemeentewet art. 151c"),
            valid_from_at=valid_from_at,
            valid_until_at=valid_until_at,
            kind=kind,
            rtsp_url=self._rtsp_url(),
            rtsp_transport=self._transport(),
            onvif_url=onvif_url,
            username=self._text("username"),
            password=self._text("password"),
            plan=self._plan(),
            has_plan=not self._to_be_calibrated(),
        )

    def _wrong(self, what: str) -> InvalidInput:
        return InvalidInput(f"{self._where}: {what}", code="camera.register")

    def _text(self, key: str, default: str | None = None) -> str:
        value = self._values.get(key, default)
        if not isinstance(value, str) or not value.strip():
            raise self._wrong(f'"{key}" must be a text')
        return value.strip()

    def _instant(self, key: str, default: str) -> datetime:
        try:
            parsed = datetime.fromisoformat(self._text(key, default))
        except ValueError as error:
            raise self._wrong(f'"{key}" must be an instant such as {default}') from error
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)

    def _id(self) -> str:
        if not _ID.fullmatch(self._text("id")):
            raise self._wrong('"id" has 1 to 32 letters, digits, dots, dashes or underscores')
        if self._text("id") == EXPORTS:
            raise self._wrong(f'"id" can\'t be {EXPORTS}: a folder of that name holds the exports')
        return self._text("id")

    def _kind(self) -> CameraKind:
        try:
            return CameraKind(self._text("kind"))
        except ValueError as error:
            raise self._wrong('"kind" must be "fixed" or "ptz"') from error

    def _rtsp_url(self) -> str:
        url = self._text("rtsp_url")
        if urlsplit(url).scheme != "rtsp" or "@" in url:
            raise self._wrong('"rtsp_url" must be rtsp://host:port/path, without a password in it')
        return url

    def _transport(self) -> str:
        transport = self._text("rtsp_transport", "tcp")
        if transport not in {"tcp", "udp"}:
            raise self._wrong('"rtsp_transport" must be "tcp" or "udp"')
        return transport

    def _to_be_calibrated(self) -> bool:
        """Return whether there can be no plan yet: everything is grey and nothing recorded until one is drawn and approved."""
        if self._values.get("to_be_calibrated") is not True:
            return False
        if self._kind() is not CameraKind.PTZ or "plan" in self._values or "no_dwelling_in_sight" in self._values:
            raise self._wrong('"to_be_calibrated" is for a ptz camera that has no plan yet: leave out "plan"')
        return True

    def _plan(self) -> dict[str, Any] | None:
        """Return the plan, or None where two people say that no dwelling is in sight."""
        plan = self._values.get("plan")
        if self._to_be_calibrated():
            return None
        if (self._values.get("no_dwelling_in_sight") is True) == (plan is not None):
            raise self._wrong('give either "plan" or "no_dwelling_in_sight": true')
        if plan is None:
            return None
        try:
            parse_plan(plan)
        except InvalidInput as error:
            raise InvalidInput(f"{self._where}: {error}", code=error.code) from error
        return dict(plan)
