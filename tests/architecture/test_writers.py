"""No code writes footage outside the footage store: every way of writing a file, in every module, is on a closed list with its reason."""

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.architecture.writing import imports_of, writes_in

ROOT = Path(__file__).parents[2]
PACKAGES = ("vms", "ingest", "blanking", "retention", "api", "config", "auditor")
"""All that runs where footage is; the demo city never imports any of them (import contract) and has made-up pictures only."""


class Writer(NamedTuple):
    """What a module may write with, and why."""

    forms: frozenset[str]
    why: str


def _may(forms: str, why: str) -> Writer:
    return Writer(frozenset(forms.split(", ")), why)


SEALED = {
    "vms/footage/store.py": _may("open, durable", "the footage store: `PartWriter` encrypts all that it is given; notes have no picture"),
    "vms/footage/segment_file.py": _may("cipher", "a segment, through the store's `PartWriter`"),
    "vms/footage/commits.py": _may("cipher, durable", "the segment that was written, and its note, through the store"),
    "vms/footage/recorder.py": _may("durable", "the note, through the store"),
    "vms/evidence/export.py": _may("cipher", "the package, through `PartWriter`"),
    "vms/evidence/package.py": _may("archive, open", "a ZIP into the sink that it is given: export.py's `PartWriter`"),
}  # fmt: skip
"""Writes what comes from footage: cipher text only."""
PERSONS = {
    "ingest/blank_file.py": _may("temporary, path", "`vms blank`: a file of a person's own becomes another one beside it"),
    "ingest/mp4_output.py": _may("open", "the same one's output; nothing else uses it"),
}  # fmt: skip
"""Writes plain pictures: never of this system's footage."""
OTHERS = {
    "vms/footage/durable.py": _may("open", "bytes of keys and notes; who calls it is listed here too"),
    "vms/footage/keys.py": _may("open, durable", "keyring, root keys and their lock"),
    "vms/footage/roots/files.py": _may("durable", "root keys"),
    "vms/footage/roots/tpm.py": _may("durable, program, memory file", "the block of root keys in a TPM; secrets in memory alone"),
    "vms/footage/keyservice/server.py": _may("open", "an empty file to lock"),
    "vms/footage/credentials.py": _may("open, link", "the key of cameras' passwords"),
    "vms/ledger/signer.py": _may("open, link", "the key that signs checkpoints"),
    "vms/ledger/outside.py": _may("open", "the newest checkpoint, kept outside of the database"),
    "vms/ledger/witness.py": _may("durable, open", "the checkpoint that a witness signed last, and a lock"),
    "vms/ledger/stamps.py": _may("temporary, path, program", "a time stamp, for openssl"),
    "vms/cli/anchors.py": _may("open", "a checkpoint as a page to print"),
    "vms/cli/audit.py": _may("open", "a bundle of ledger entries"),
    "vms/cli/demo.py": _may("temporary, path", "settings and the password of a demo"),
    "vms/cli/masks.py": _may("path", "outlines out of the register of buildings"),
    "vms/cli/supervise.py": _may("program", "starts this system's own programs"),
    "vms/cli/witnessing.py": _may("path", "a checkpoint to carry to a witness"),
    "ingest/node.py": _may("program", "starts this system's own workers"),
    "ingest/session_lock.py": _may("open", "a lock, with the number of the process that holds it"),
    "vms/heartbeat.py": _may("path", "beats: the number of a process and how often it has beaten"),
    "api/exporting.py": _may("open", "an empty file to lock"),
    "api/pages/catalogue.py": _may("open", "translations, by a developer"),
    "auditor/__main__.py": _may("path", "the report"),
    "auditor/proofs.py": _may("path", "a proof and its entry"),
    "auditor/stamps.py": _may("temporary, path, program", "a time stamp and a checkpoint, for openssl"),
}  # fmt: skip
"""Writes nothing that was made of pictures, and imports nothing that has any."""
LISTED = SEALED | PERSONS | OTHERS
PICTURES = (
    "av", "cv2", "ingest.decoder", "ingest.encoder", "ingest.output", "ingest.live", "ingest.source", "blanking.frames",
    "blanking.commissioning", "vms.footage.playback", "vms.footage.chunked", "vms.footage.fmp4", "vms.footage.sealed",
    "vms.footage.panorama", "vms.footage.store.FileSource", "vms.evidence.remux", "vms.bus.messages", "vms.bus.commissioning",
)  # fmt: skip
"""What gives a module pictures: decoders, encoders, readers of footage, messages with frames in them."""


@cache
def modules() -> tuple[tuple[str, ast.Module], ...]:
    """Return each module's name and tree."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return tuple((path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))) for path in paths)


def has_pictures(tree: ast.AST) -> bool:
    """Return whether a module imports what gives pictures."""
    return any(name == one or name.startswith(f"{one}.") for name in imports_of(tree) for one in PICTURES)


def test_every_way_of_writing_a_file_is_on_the_list_and_the_list_has_nothing_else() -> None:
    """Somebody who adds a writer must say here what it writes; a line that nothing needs any more would hide the next one."""
    found = {name: forms for name, tree in modules() if (forms := frozenset(one.form for one in writes_in(tree)))}
    assert found == {name: one.forms for name, one in LISTED.items()}


def test_a_module_that_has_pictures_writes_cipher_text_or_nothing() -> None:
    """Footage in a file of its own would outlive its key."""
    both = {name for name, tree in modules() if has_pictures(tree) and writes_in(tree)}
    assert both <= set(SEALED) | set(PERSONS)


def test_plain_pictures_are_written_by_the_command_that_blanks_a_persons_file_alone() -> None:
    """The one writer of plain video must not become a convenience for others."""
    users = {name for name, tree in modules() if any(i.startswith("ingest.mp4_output") for i in imports_of(tree))}
    assert users == {"ingest/blank_file.py"}
    callers = {name for name, tree in modules() if any(i.startswith("ingest.blank_file") for i in imports_of(tree))}
    assert {name.split("/")[0] + "/" + name.split("/")[1] for name in callers} == {"vms/cli"}


@pytest.mark.parametrize(
    ("code", "form"),
    [
        ("open(p, 'wb')", "open"),
        ("open(p, mode='a')", "open"),
        ("open(p, 'r+b')", "open"),
        ("open(p, how)", "open"),
        ("open(p, **how)", "open"),
        ("f = open", "open"),
        ("import io\nio.open(p, 'x')", "open"),
        ("import os\nos.fdopen(3, 'wb')", "open"),
        ("import os as o\no.open(p, o.O_WRONLY | o.O_CREAT)", "open"),
        ("from os import open as peek, O_RDWR\npeek(p, O_RDWR)", "open"),
        ("import os\nos.open(p, flags)", "open"),
        ("path.open('w')", "open"),
        ("path.open(mode='xb')", "open"),
        ("path.write_bytes(b)", "path"),
        ("keep = path.write_text", "path"),
        ("getattr(path, 'write_bytes')(b)", "path"),
        ("import cv2\ncv2.imwrite(p, a)", "picture"),
        ("from cv2 import imwrite as put\nput(p, a)", "picture"),
        ("import cv2\ncv2.VideoWriter(p, 0, 25, s)", "picture"),
        ("import av\nav.open(p, mode='w')", "open"),
        ("import av\nav.open(p, 'w', format='mp4')", "open"),
        ("import shutil\nshutil.copyfile(a, b)", "copy"),
        ("from shutil import copytree\ncopytree(a, b)", "copy"),
        ("import shutil\nshutil.move(a, b)", "copy"),
        ("import tempfile\ntempfile.NamedTemporaryFile()", "temporary"),
        ("from tempfile import TemporaryDirectory as T\nT()", "temporary"),
        ("import tempfile\ntempfile.SpooledTemporaryFile()", "temporary"),
        ("import zipfile\nzipfile.ZipFile(p, 'w')", "archive"),
        ("import zipfile\narchive.extractall(p)", "copy"),
        ("import tarfile\ntarfile.open(p, 'w:gz')", "archive"),
        ("import gzip\ngzip.open(p, 'wb')", "open"),
        ("import numpy as np\nnp.save(p, a)", "array"),
        ("import numpy as np\nnp.savez_compressed(p, a=a)", "array"),
        ("import numpy as np\nnp.memmap(p, mode='w+')", "array"),
        ("array.tofile(p)", "array"),
        ("picture.save(p)", "array"),
        ("import os\nos.memfd_create('x')", "memory file"),
        ("from multiprocessing import shared_memory\nshared_memory.SharedMemory('x', True)", "memory file"),
        ("import subprocess\nsubprocess.run(['ffmpeg', p])", "program"),
        ("import asyncio\nasyncio.create_subprocess_exec('ffmpeg')", "program"),
        ("import os\nos.link(a, b)", "link"),
        ("import sqlite3\nsqlite3.connect(p)", "database"),
        ("import logging.handlers\nlogging.handlers.RotatingFileHandler(p)", "log"),
        ("from vms.footage.durable import replace_file\nreplace_file(p, picture)", "durable"),
        ("store.write_note(ref, picture)", "durable"),
    ],
)
def test_each_way_of_writing_is_found_where_it_is_planted(code: str, form: str) -> None:
    """A search that misses a way would let it pass for ever."""
    planted = f"def act(p, a, b, how, flags, path, array, picture, archive, store, ref):\n    {code.replace(chr(10), chr(10) + '    ')}\n"
    assert form in {one.form for one in writes_in(ast.parse(planted))}


@pytest.mark.parametrize(
    "code",
    [
        "open(p)", "open(p, 'rb')", "path.open('rb')", "import os\nos.open(p, os.O_RDONLY | os.O_CLOEXEC)",
        "import zipfile\nzipfile.ZipFile(p)",
        "import av\nav.open(p)", "reader.open(placement_id, 7)", "text.replace('a', 'w')", "import tempfile\ntempfile.gettempdir()",
        "from api import planning\nplanning.save(parts)", "path.read_bytes()",
    ],
)  # fmt: skip
def test_reading_is_not_taken_for_writing(code: str) -> None:
    """A list full of false alarms is one that nobody reads."""
    assert writes_in(ast.parse(code)) == []


def test_a_writer_planted_among_pictures_is_refused() -> None:
    """The rule, on a module as a hurried colleague would write it."""
    tree = ast.parse("from vms.footage.playback import FootageReader\ndef thumb(p, b):\n    p.write_bytes(b)\n")
    assert has_pictures(tree)
    assert writes_in(tree)
