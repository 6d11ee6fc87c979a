"""The register file: cameras at their spots, as JSON (docs/cameras.md). Read and checked as a whole before anything is changed."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from blanking.plan import parse_plan
from ingest.address import check_account
from vms.errors import InvalidInput
from vms.footage.store import EXPORTS
from vms.model import LONGEST_LABEL, CameraKind, checked_label, refuse_odd_texts

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_LONGEST = {"rtsp_url": 500, "onvif_url": 500, "legal_basis": 200, "password": 256}
_PASSWORD_IN_ADDRESS = re.compile(r"(?:^|[/?&;_.-])(?:passw(?:or)?d|passwd|pass|pwd)[=:]", re.IGNORECASE)
_SPACE = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class Registration:
    """A camera at a spot.

    Args:
        placement_id: the spot's; another one than before says that the camera was moved.
        designation, legal_basis, valid_from_at, valid_until_at: of the mayor's decision; nothing is assumed of it.
        withdrawn_at: when the decision was withdrawn; None: it was not.
    """

    camera_id: str
    placement_id: str
    name: str
    area: str
    designation: str
    legal_basis: str
    valid_from_at: datetime
    valid_until_at: datetime
    withdrawn_at: datetime | None
    kind: CameraKind
    rtsp_url: str
    rtsp_transport: str
    onvif_url: str | None
    username: str
    password: str
    plan: dict[str, Any] | None
    has_plan: bool = True
    allows_basic: bool = False


def read_register(file: Path) -> list[Registration]:
    """Read a register file.

    Raises:
        InvalidInput: it can't be read, or a camera in it is wrong: names the camera, the key and what to write.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        entries = document["cameras"]
    except OSError as error:
        raise InvalidInput(f"the register {file} can't be read: {error.strerror}", code="camera.register") from error
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
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
        one = _Entry(entry, where).registration()
        for earlier in found:
            _refuse_contradiction(earlier, one, where)
        found.append(one)
    return found


def _refuse_contradiction(earlier: Registration, one: Registration, where: str) -> None:
    """Refuse two cameras of one file that can't both be right."""
    if one.camera_id == earlier.camera_id:
        raise InvalidInput(f'{where}: the "id" {one.camera_id} is there twice', code="camera.register")
    if one.placement_id == earlier.placement_id:
        raise InvalidInput(f'{where}: the "placement" {one.placement_id} is there twice', code="camera.register")
    if (one.area.casefold(), one.designation) != (earlier.area.casefold(), earlier.designation):
        return
    if _decided(one) != _decided(earlier):
        raise InvalidInput(
            f"{where}: designation {one.designation} of {one.area} has another validity or basis than with camera "
            f"{earlier.camera_id}: a decision has one",
            code="camera.register",
        )


def _decided(one: Registration) -> tuple[object, ...]:
    return one.valid_from_at, one.valid_until_at, one.withdrawn_at, one.legal_basis


class _Entry:
    """One camera of the file, and where it stands, for the messages."""

    def __init__(self, values: dict[str, Any], where: str) -> None:
        self._values = values
        self._where = where

    def registration(self) -> Registration:
        """Return the entry as a value."""
        kind = self._kind()
        onvif_url = self._url("onvif_url", {"http", "https"}) if self._values.get("onvif_url") else None
        if kind is CameraKind.PTZ and onvif_url is None:
            raise self._wrong('a ptz camera needs "onvif_url", for its position')
        valid_from_at, valid_until_at = self._instant("valid_from"), self._instant("valid_until")
        if valid_until_at <= valid_from_at:
            raise self._wrong('"valid_until" must be after "valid_from"')
        withdrawn_at = self._instant("withdrawn") if "withdrawn" in self._values else None
        if withdrawn_at is not None and not valid_from_at <= withdrawn_at < valid_until_at:
            raise self._wrong('"withdrawn" must lie between "valid_from" and "valid_until": it only shortens')
        username, password = self._account()
        return Registration(
            camera_id=self._id("id"),
            placement_id=self._id("placement" if "placement" in self._values else "id"),
            name=self._text("name"),
            area=self._text("area"),
            designation=self._text("designation"),
            legal_basis=self._text("legal_basis"),
            valid_from_at=valid_from_at,
            valid_until_at=valid_until_at,
            withdrawn_at=withdrawn_at,
            kind=kind,
            rtsp_url=self._url("rtsp_url", {"rtsp", "rtsps"}),
            rtsp_transport=self._transport(),
            onvif_url=onvif_url,
            username=username,
            password=password,
            plan=self._plan(),
            has_plan=not self._plan_comes_later(),
            allows_basic=self._allows_basic(),
        )

    def _wrong(self, what: str) -> InvalidInput:
        return InvalidInput(f"{self._where}: {what}", code="camera.register")

    def _text(self, key: str, default: str | None = None) -> str:
        value = self._values.get(key, default)
        if not isinstance(value, str) or not value.strip():
            raise self._wrong(f'"{key}" must be a text')
        try:
            return checked_label(value, f'"{key}"', _LONGEST.get(key, LONGEST_LABEL))
        except InvalidInput as error:
            raise self._wrong(str(error)) from error

    def _instant(self, key: str) -> datetime:
        try:
            parsed = datetime.fromisoformat(self._text(key))
        except ValueError as error:
            raise self._wrong(f'"{key}" must be an instant such as 2026-01-01T00:00:00+00:00') from error
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)

    def _id(self, key: str) -> str:
        if not _ID.fullmatch(self._text(key)):
            raise self._wrong(f'"{key}" has 1 to 32 letters, digits, dots, dashes or underscores')
        if self._text(key) == EXPORTS:
            raise self._wrong(f'"{key}" can\'t be {EXPORTS}: a folder of that name holds the exports')
        return self._text(key)

    def _kind(self) -> CameraKind:
        try:
            return CameraKind(self._text("kind"))
        except ValueError as error:
            raise self._wrong('"kind" must be "fixed" or "ptz"') from error

    def _url(self, key: str, schemes: set[str]) -> str:
        """Return an address of the camera. It is stored and shown in plain text, so that no password may be in it."""
        url, expected = self._text(key), f'"{key}" must be {min(schemes)}://host:port/path'
        try:
            parts = urlsplit(url)
            has_port = parts.port != 0
        except ValueError as error:
            raise self._wrong(f"{expected}: {error}") from error
        if parts.scheme not in schemes or not parts.hostname or not has_port or _SPACE.search(url):
            raise self._wrong(expected)
        if "@" in url or _PASSWORD_IN_ADDRESS.search(unquote(url)) or self._holds_password(url):
            raise self._wrong(
                f'{expected}, without a password in it: it is sealed under "password", and the camera asks for it'
            )
        return url

    def _holds_password(self, url: str) -> bool:
        """Return whether the camera's own password is a part of the address' path or query, however it is spelt there."""
        parts = urlsplit(url)
        pieces = re.split(r"[/?#&=;,_:]", unquote(f"{parts.path}?{parts.query}#{parts.fragment}"))
        return self._text("password") in pieces

    def _transport(self) -> str:
        transport = self._text("rtsp_transport", "tcp")
        if transport not in {"tcp", "udp"}:
            raise self._wrong('"rtsp_transport" must be "tcp" or "udp"')
        if transport == "udp" and self._text("rtsp_url").startswith("rtsps"):
            raise self._wrong('"rtsp_transport" must be "tcp" for an rtsps:// address: only that is encrypted')
        return transport

    def _account(self) -> tuple[str, str]:
        username, password = self._text("username"), self._text("password")
        try:
            check_account(username, password)
        except InvalidInput as error:
            raise InvalidInput(f"{self._where}: {error}", code=error.code) from error
        return username, password

    def _allows_basic(self) -> bool:
        allows = self._values.get("allows_basic", False)
        if not isinstance(allows, bool):
            raise self._wrong('"allows_basic" must be true or false')
        return allows

    def _plan_comes_later(self) -> bool:
        """Return whether the first plan is drawn on the pages: everything is grey until it is approved."""
        asked = {key for key in ("to_be_calibrated", "to_be_drawn") if self._values.get(key) is True}
        if not asked:
            return False
        word, kind = ("to_be_calibrated", "ptz") if self._kind() is CameraKind.PTZ else ("to_be_drawn", "fixed")
        if asked != {word} or "plan" in self._values or "no_dwelling_in_sight" in self._values:
            raise self._wrong(
                f'"{min(asked)}": a {kind} camera that has no plan yet says "{word}": true, and leaves out "plan"'
            )
        return True

    def _plan(self) -> dict[str, Any] | None:
        """Return the plan, or None where two people say that no dwelling is in sight."""
        plan = self._values.get("plan")
        if self._plan_comes_later():
            return None
        if (self._values.get("no_dwelling_in_sight") is True) == (plan is not None):
            raise self._wrong(
                'give either "plan" or "no_dwelling_in_sight": true, or "to_be_drawn": true for one that is drawn later'
            )
        if plan is None:
            return None
        try:
            parse_plan(plan)
            refuse_odd_texts(plan, "the plan")
        except InvalidInput as error:
            raise InvalidInput(f"{self._where}: {error}", code=error.code) from error
        return dict(plan)
