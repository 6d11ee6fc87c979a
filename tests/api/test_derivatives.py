"""What is made of footage stays where the register says, while people record, watch, hold, export and download; no answer may be kept.

All files are looked at: what Python opens for writing anywhere (its audit hook), and what any library makes in the data folder, the
folder for temporary files, the working folder and the home (inotify: short-lived ones too). The camera's worker is not in this
process; what it may write is the business of tests/architecture/test_writers.py and tests/ingest.
"""

import ctypes
import os
import re
import struct
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from api.app import api_routes
from tests.api.site import COPIED, DOME, FIXED, Site
from tests.api.test_footage_flows import open_playback, place, wait_for
from tests.api.test_live import Worker, frames
from tests.api.test_panorama import keep
from tests.footage.scene import packets
from vms.footage.register import REGISTER
from vms.model import ExportState, Role

_IN_CREATE, _IN_MOVED_TO, _IN_ISDIR = 0x100, 0x80, 0x40000000
_EVENT = struct.Struct("iIII")
_SHAPES = re.compile(
    rb"ftyp(iso|mp4|avc)|moof....mfhd|mdat\x00\x00.{2}[\x01-\x65]|\x00\x00\x00\x01[\x67\x27]\x64\x00|\xff\xd8\xff[\xe0\xe1\xdb]..JFIF"
    rb"|\x89PNG\r\n\x1a\n",
    re.DOTALL,
)


@dataclass
class Seen:
    """What was written.

    Args:
        opened: paths that Python opened for writing.
        created: names that appeared in watched folders, however short.
    """

    opened: set[str] = field(default_factory=set)
    created: set[Path] = field(default_factory=set)


_watching: list[Seen] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
        path, mode, flags = arguments
        writes = (
            flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) if isinstance(flags, int) else set(mode or "") & set("wax+")
        )
        if writes:
            _watching[-1].opened.add(os.fsdecode(path))


@cache
def _listen() -> None:
    """Once: an audit hook can't be taken away; without `_watching` it does nothing."""
    sys.addaudithook(_audit)


@contextmanager
def watched(*folders: Path) -> Iterator[Seen]:
    """Watch what is written meanwhile; folders made meanwhile are not watched, but looked through at the end."""
    _listen()
    libc, seen = ctypes.CDLL(None, use_errno=True), Seen()
    handle = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    assert handle >= 0, os.strerror(ctypes.get_errno())
    names = {}
    for top in folders:
        for folder in [top, *(path for path in top.rglob("*") if path.is_dir())]:
            number = libc.inotify_add_watch(handle, os.fsencode(folder), _IN_CREATE | _IN_MOVED_TO)
            assert number >= 0, os.strerror(ctypes.get_errno())
            names[number] = folder
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.remove(seen)
        _drain(handle, names, seen)
        os.close(handle)


def _drain(handle: int, names: dict[int, Path], seen: Seen) -> None:
    while True:
        try:
            data = os.read(handle, 1 << 16)
        except BlockingIOError:
            return
        offset = 0
        while offset < len(data):
            number, mask, _, length = _EVENT.unpack_from(data, offset)
            name = data[offset + _EVENT.size : offset + _EVENT.size + length].rstrip(b"\0")
            offset += _EVENT.size + length
            assert number in names, "the queue of events was too short"
            if not mask & _IN_ISDIR:
                seen.created.add(names[number] / os.fsdecode(name))


def is_plain(data: bytes, known: list[bytes]) -> bool:
    """Return whether bytes look like video or a picture, or have a stretch of what was recorded."""
    return bool(_SHAPES.search(data)) or any(piece in data for piece in known)


def test_the_look_for_pictures_finds_them(site: Site) -> None:
    """A search that finds nothing where there is something would make the next test worthless."""
    start_at = site.record(COPIED, 3)
    person = site.sign_in(Role.INVESTIGATOR)
    view = open_playback(person, start_at, 3).json()["playback_id"]
    plain = person.get(f"/api/playback/{view}/segments/1").content
    assert is_plain(plain, [])
    assert is_plain(b"x" * 1000 + plain[len(plain) // 2 :], pieces_of(start_at, 3))
    assert is_plain(b"..\x00\x00\x00\x01\x67\x64\x00\x0a", [])
    assert is_plain(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", [])


def test_a_file_that_lives_for_a_moment_is_seen(tmp_path: Path) -> None:
    """Otherwise a work file that is removed at once would pass."""
    with watched(tmp_path) as seen:
        short = tmp_path / "short"
        short.write_bytes(b"x")
        short.unlink()
        os.close(os.open(tmp_path / "other", os.O_WRONLY | os.O_CREAT))
    assert seen.created == {tmp_path / "short", tmp_path / "other"}
    assert seen.opened == {str(tmp_path / "short"), str(tmp_path / "other")}


def pieces_of(start_at: Any, seconds: float) -> list[bytes]:
    """Return a stretch of each picture that is long enough not to occur by chance."""
    return sorted({packet.data[-40:-8] for packet in packets(start_at, seconds) if len(packet.data) > 60})


def use(site: Site, worker: Worker) -> list[bytes]:
    """Do what people do with footage; return stretches of what was recorded."""
    start_at = site.record(COPIED, 70)
    known = pieces_of(start_at, 70)
    assert known
    investigator, director = site.sign_in(Role.INVESTIGATOR), site.sign_in(Role.DIRECTOR)
    view = open_playback(investigator, start_at, 70).json()["playback_id"]
    whole = investigator.get(f"/api/playback/{view}/segments/1")
    assert is_plain(whole.content, known)
    hold = place(investigator, start_at, 70).json()["hold"]
    export_id = investigator.post("/api/exports", {"hold_id": hold["id"], "receiver": "OM Utrecht"}).json()["id"]
    assert director.post(f"/api/exports/{export_id}/approve").status_code == 200
    wait_for(site, export_id, ExportState.READY, ExportState.FAILED)
    package = investigator.get(f"/api/exports/{export_id}/download")
    assert is_plain(package.content, known)
    keep(site)
    picture = site.sign_in(Role.BLANKING_OFFICER).get(f"/api/placements/{DOME}/panorama")
    for answer in (whole, package, picture):
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
    worker.show(1, key=True, size=5000)
    with site.sign_in(Role.OBSERVER).watch(FIXED) as socket:
        frames(socket, 1)
    return known


def test_nothing_plain_is_written_anywhere_while_footage_is_used(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A preview, a spooled upload, a cache of a library: whatever it is, it would outlive the key."""
    home = tmp_path / "home"
    elsewhere = [tmp_path / "temporary", tmp_path / "working", home]
    for folder in elsewhere:
        folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(elsewhere[0]))
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere[0]))
    monkeypatch.chdir(elsewhere[1])
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    with watched(tmp_path) as seen:
        worker = Worker(site, FIXED)
        known = use(site, worker)
        worker.channel.close()
    assert [path for folder in elsewhere for path in folder.rglob("*")] == []
    assert {path for path in seen.created if any(path.is_relative_to(folder) for folder in elsewhere)} == set()
    data = Path(site.parts.settings.footage).parent
    outside = {path for path in seen.opened if not Path(path).resolve().is_relative_to(data) and path != os.devnull}
    assert outside == set(), "written outside of the data folder"
    stored = [path for path in site.parts.settings.footage.rglob("*") if path.is_file()]
    endings = {suffix for one in REGISTER for suffix in one.suffixes}
    assert all(path.name.endswith(tuple(endings)) for path in stored)
    assert {path.suffix for path in stored} >= {".vseg", ".vpkg"}
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert not is_plain(path.read_bytes(), known), f"{path.relative_to(tmp_path)} has pictures in the clear"


def test_no_answer_of_any_route_may_be_kept(site: Site) -> None:
    """Every route, whatever it answers; a route of tomorrow is asked as well."""
    person, asked = site.sign_in(Role.DIRECTOR), 0
    for route in api_routes():
        path = re.sub(r"\{number\}|\{version\}", "1", route.path)
        path = re.sub(r"\{[a-z_]+\}", "x", path)
        for method in sorted(route.methods):
            if path == "/api/sign-out":
                continue
            answer = person.ask(method, path, {} if method in {"POST", "PUT"} else None)
            assert answer.headers["cache-control"] == "no-store", (method, path)
            asked += 1
    assert asked >= len(api_routes()) - 1


@pytest.mark.parametrize("wanted", ["bytes=0-99", "bytes=99999999-", None])
def test_a_piece_of_footage_may_not_be_kept_either(site: Site, wanted: str | None) -> None:
    """Players read in ranges, and caches know ranges too."""
    start_at = site.record(COPIED, 3)
    person = site.sign_in(Role.INVESTIGATOR)
    view = open_playback(person, start_at, 3).json()["playback_id"]
    headers = person.headers | ({"Range": wanted} if wanted else {})
    for number in (1, 99):
        answer = site.client.get(f"/api/playback/{view}/segments/{number}", headers=headers)
        assert answer.headers["cache-control"] == "no-store"
