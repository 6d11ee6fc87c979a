"""Whoever makes the bundle may want to break the tool: whatever is in it, it never ends in order, and never with a traceback.

Longer: `VMS_FUZZ=5000 pytest tests/auditor/test_broken_bundles.py`.
"""

import io
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.__main__ import run
from retention.batches import write_batches
from tests.auditor.bundles import make_bundle, rewrite, signer_of
from tests.retention.town import Town
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Purpose

_QUIET = settings(
    max_examples=int(os.environ.get("VMS_FUZZ", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


class Honest:
    """A bundle that is in order, its files, and its key."""

    def __init__(self, path: Path, vkey: str) -> None:
        self.path, self.vkey = path, vkey
        with zipfile.ZipFile(path) as bundle:
            self.files = {name.removeprefix("audit/"): bundle.read(name) for name in bundle.namelist()}

    def run(self, path: Path, command: str, *arguments: str) -> int:
        """Run a command in this process; return its status."""
        said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        with redirect_stdout(said), redirect_stderr(said), pytest.raises(SystemExit) as ended:
            run([command, str(path), *arguments, "--vkey", self.vkey])
        said.seek(0)
        words = said.read()
        assert "Traceback" not in words
        assert "brengt de controle zelf tot stilstand" not in words, words
        assert isinstance(ended.value.code, int)
        return ended.value.code


COMMANDS = (
    ("verify-log", "--thorough"),
    ("completeness",),
    ("holds",),
    ("access", "--seed", "1"),
    ("story", "--placement", "p0", "--at", "2026-11-01T12:00:30"),
)


@pytest.fixture
def honest(town: Town, tmp_path: Path) -> Honest:
    """A small one, with something of everything."""
    person = Actor.person("u-1", role="investigator", session_id="s-1")
    with town.db.write() as conn:
        town.parts.ledger.append(conn, Entry(Act.AUTH_SIGN_IN, person, Origin("test"), {"session": "s-1"}))
    recorded = [town.record(placement_id) for placement_id in town.epochs]
    with town.db.write() as conn:
        about = {"placement_id": "p0", "view": "v", "from": recorded[0].span.start_at, "to": recorded[0].span.end_at}
        view = Entry(Act.PLAYBACK_OPEN, person, Origin("test"), about, purpose=Purpose("incident", None, "a fight"))
        town.parts.ledger.append(conn, view)
    town.place(town.request(recorded[0].span, recorded[0].ref.placement_id))
    town.clock.advance(timedelta(hours=2))
    write_batches(town.parts)
    honest = Honest(make_bundle(town, tmp_path / "bundle.zip"), signer_of(town).verifier.text)
    assert honest.run(honest.path, "verify-log") == 0
    return honest


@given(data=st.data())
@_QUIET
def test_a_bundle_with_flipped_bytes_is_never_in_order(honest: Honest, tmp_path: Path, data: st.DataObject) -> None:
    """Damage on the way: any bytes of the ZIP, unless all that is read is still the same."""
    raw = bytearray(honest.path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=4)):
        raw[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "broken.zip"
    path.write_bytes(raw)
    status = honest.run(path, "verify-log", "--thorough")
    if status == 0:
        with zipfile.ZipFile(path) as bundle:
            names = [name.removeprefix("audit/") for name in bundle.namelist()]
            assert {name: bundle.read(f"audit/{name}") for name in names} == honest.files


@given(data=st.data())
@_QUIET
def test_a_bundle_with_a_changed_file_is_never_in_order(honest: Honest, tmp_path: Path, data: st.DataObject) -> None:
    """A careful forger's: digests in the manifest follow, so that only the log itself can tell."""
    chosen = data.draw(st.sampled_from(sorted(name for name in honest.files if name.startswith(("entries/", "check")))))
    old = honest.files[chosen]
    begin = data.draw(st.integers(0, len(old)))
    end = data.draw(st.integers(begin, min(begin + 40, len(old))))
    new = old[:begin] + data.draw(st.binary(max_size=20)) + old[end:]
    path = rewrite(honest.path, tmp_path / "broken.zip", lambda name, was: new if name == chosen else was)
    status = honest.run(path, "verify-log")
    # Outside of the notes the file of checkpoints says nothing that counts.
    assert status != 0 or new == old or (chosen == "checkpoints.jsonl" and _notes(new) == _notes(old))


@given(data=st.data())
@_QUIET
def test_no_command_breaks_on_other_json(honest: Honest, tmp_path: Path, data: st.DataObject) -> None:
    """Values of other kinds than expected, anywhere: every command says so, or does without."""
    chosen = data.draw(st.sampled_from(sorted(name for name in honest.files if name.endswith(("jsonl", "json")))))
    lines = honest.files[chosen].splitlines()
    place = data.draw(st.integers(0, len(lines) - 1))
    lines[place] = json.dumps(_changed(json.loads(lines[place]), data)).encode()
    new = b"".join(line + b"\n" for line in lines)
    path = rewrite(
        honest.path,
        tmp_path / "broken.zip",
        lambda name, was: new if name == chosen else was,
        relist=chosen != "manifest.json",
    )
    command = data.draw(st.sampled_from(COMMANDS))
    assert honest.run(path, *command) in {0, 1, 2}


def _changed(value: object, data: st.DataObject) -> object:
    """Replace something within a value."""
    if isinstance(value, dict) and value and data.draw(st.booleans()):
        name = data.draw(st.sampled_from(sorted(value)))
        return {**value, name: _changed(value[name], data)}
    if isinstance(value, list) and value and data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(value) - 1))
        return [*value[:place], _changed(value[place], data), *value[place + 1 :]]
    return data.draw(_JSON)


def _notes(lines: bytes) -> list[str]:
    return list(_read_notes(lines))


def _read_notes(lines: bytes) -> Iterator[str]:
    for line in lines.splitlines():
        try:
            yield json.loads(line)["note"]
        except (ValueError, KeyError, TypeError):
            yield "unreadable"
