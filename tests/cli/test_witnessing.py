"""Checkpoints at the command line, carried to a witness and back, and what starts on a database that was set back."""

import secrets
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config import load
from tests.cli.test_commands import PASSWORD, CommandLine
from tests.ingest.running import until
from tests.pages.running import free_port
from tests.serving import serving
from vms.cli.parts import build
from vms.cli.witnessing import CoSigner, application
from vms.clock import SystemClock
from vms.errors import Unavailable
from vms.ledger import cosignatures, notes, outside
from vms.ledger.notes import Verifier
from vms.ledger.search import Filter, search
from vms.ledger.signer import FileSigner
from vms.ledger.witness import Witness

SIGNER = CoSigner(FileSigner("fg.test/witness", Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34)))))


@pytest.fixture
def vms(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Return the command line with a migrated database, and a ledger that is not empty."""
    command_line = CommandLine(tmp_path, capsys, monkeypatch)
    assert command_line("migrate").status == 0
    grow(command_line)
    return command_line


def grow(vms: CommandLine) -> None:
    """Add an entry."""
    name = f"somebody-{secrets.token_hex(4)}"
    assert vms("user", "add", name, "--name", "Somebody", typed=PASSWORD).status == 0


def copy_of_database(to: Path) -> Path:
    """Copy the database as it is now."""
    source = load(None).data_dir / "vms.sqlite"
    with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(to)) as there:
        here.backup(there)
    return to


def put_back(copy: Path) -> None:
    """Put a copy in the database's place, as a restore does."""
    place = load(None).data_dir / "vms.sqlite"
    draft = shutil.copyfile(copy, place.with_suffix(".draft"))
    for suffix in ("-wal", "-shm"):
        place.with_name(place.name + suffix).unlink(missing_ok=True)
    draft.replace(place)


def answers(client: httpx.Client) -> bool:
    """Return whether somebody listens."""
    try:
        client.get("/api/health")
    except httpx.TransportError:
        return False
    return True


def book(vms: CommandLine) -> Witness:
    """A witness that knows the ledger."""
    log = Verifier.parse(vms("checkpoint", "--key").stdout)
    return Witness(vms.folder / "witness", SIGNER, [log], SystemClock())


def test_a_checkpoint_is_printed_as_it_is_signed(vms: CommandLine) -> None:
    """To mail and to print: it is the one that is kept, and its key is what `--key` says."""
    printed = vms("checkpoint").stdout
    assert printed == outside.kept(load(None).keys)
    assert notes.verify(printed, Verifier.parse(vms("checkpoint", "--key").stdout)).size == 1


def test_a_checkpoint_is_written_as_a_page_to_print(vms: CommandLine, tmp_path: Path) -> None:
    """Never over another file: it may be the only copy of an older page."""
    done = vms("checkpoint", "--print", str(tmp_path / "page.pdf"))
    assert (done.status, "1 entries" in done.stdout) == (0, True)
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF-1.4")
    again = vms("checkpoint", "--print", str(tmp_path / "page.pdf"))
    assert (again.status, "choose another file" in again.stderr) == (2, True)


def test_a_checkpoint_goes_to_the_witness_and_back_as_files(
    vms: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """For a witness without a network; the wrong line is refused."""
    assert "witness_key" in vms("checkpoint", "--request", str(tmp_path / "r")).stderr
    monkeypatch.setenv("VMS_WITNESS_KEY", SIGNER.verifier.text)
    witness = book(vms)
    for _ in range(2):
        grow(vms)
        assert vms("checkpoint", "--request", str(tmp_path / "r")).status == 0
        (tmp_path / "line").write_text(witness.answer((tmp_path / "r").read_bytes()).text, encoding="utf-8")
        assert "signed" in vms("checkpoint", "--cosigned", str(tmp_path / "line")).stdout
    grow(vms)
    assert vms("checkpoint").status == 0
    # A line that was under way while the ledger grew is kept all the same; one of nobody's is not.
    assert vms("checkpoint", "--cosigned", str(tmp_path / "line")).status == 0
    (tmp_path / "line").write_text("— fg.test/witness AAAA\n", encoding="utf-8")
    wrong = vms("checkpoint", "--cosigned", str(tmp_path / "line"))
    assert (wrong.status, "no signature" in wrong.stderr) == (2, True)


def test_nothing_starts_on_an_older_copy_of_the_database(vms: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the checkpoint beside the keys was put back too: only the witness still knows."""
    settings = load(None)
    with serving(application(book(vms))) as url:
        monkeypatch.setenv("VMS_WITNESS_URL", url)
        monkeypatch.setenv("VMS_WITNESS_KEY", SIGNER.verifier.text)
        assert vms("checkpoint").status == 0
        old = shutil.copytree(settings.data_dir, vms.folder / "old")
        grow(vms)
        assert vms("checkpoint").status == 0
        parts = build(load(None))
        assert parts.witness is not None
        cosignatures.cosign(parts.db, parts.ledger, parts.witness, parts.clock)
        parts.db.dispose()
        shutil.rmtree(settings.data_dir)
        old.rename(settings.data_dir)
        refused = vms("retention")
    assert refused.status == 2
    assert "older copy of the database was restored" in refused.stderr


def test_the_api_is_read_only_until_the_right_database_is_back(
    vms: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It says what is wrong in both languages, serves nothing else, writes nothing, and ends when all agree, to be started as usual."""
    settings = load(None)
    kept = settings.keys / outside.FILE_NAME
    assert vms("checkpoint").status == 0
    old = copy_of_database(tmp_path / "old.sqlite")
    grow(vms)
    assert vms("checkpoint").status == 0
    newest = copy_of_database(tmp_path / "newest.sqlite")
    put_back(old)
    monkeypatch.setattr("api.readonly.LOOK_EVERY_S", 0.2)
    port = free_port()
    seen: dict[str, httpx.Response] = {}

    def visit() -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            until(lambda: answers(client), 60, "the page is there")
            seen["page"] = client.get("/playback")
            seen["english"] = client.get("/?language=en")
            seen["health"] = client.get("/api/health")
            seen["sign-in"] = client.post("/api/session", json={"username": "x", "password": "y"})
            seen["style"] = client.get("/static/base.css")
        entries.append(len_of_ledger())
        put_back(newest)

    def len_of_ledger() -> int:
        parts = build(settings)
        with parts.db.read() as conn:
            size = parts.ledger.size(conn)
        parts.db.dispose()
        return size

    entries = [len_of_ledger()]
    visitor = threading.Thread(target=visit)
    visitor.start()
    ended = vms("api", "--port", str(port))
    visitor.join()
    assert ended.status == 2
    assert entries[0] == entries[1], "nothing was written"
    assert {name: answer.status_code for name, answer in seen.items()} == {
        "page": 503,
        "english": 503,
        "health": 503,
        "sign-in": 503,
        "style": 200,
    }
    assert "VMS staat op alleen-lezen" in seen["page"].text
    assert "VMS is read-only" in seen["english"].text
    assert kept.read_text(encoding="utf-8").split("\n")[2] in seen["page"].text.replace("&#43;", "+")
    assert seen["sign-in"].json()["error"]["code"] == "ledger.read-only"
    assert outside.contradicted(settings.keys) is None


def test_nothing_starts_on_a_contradicted_ledger_while_the_witness_is_away(
    vms: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its silence takes nothing back."""
    monkeypatch.setenv("VMS_WITNESS_URL", "http://witness.invalid")
    monkeypatch.setenv("VMS_WITNESS_KEY", SIGNER.verifier.text)
    outside.contradict(load(None).keys, "witness ledger.set-back")
    refused = vms("retention")
    assert (refused.status, "contradicted" in refused.stderr) == (2, True)


@pytest.mark.parametrize("process", ["api", "ingest", "selftest"])
def test_what_runs_ends_when_the_ledger_is_found_contradicted(
    vms: CommandLine, monkeypatch: pytest.MonkeyPatch, process: str
) -> None:
    """It adds nothing, not even that it ended; a key volume that can't be read for a moment does not blind it."""
    monkeypatch.setattr("vms.cli.processes.CONTRADICTED_EVERY_S", 0.05)
    settings, port, looks = load(None), free_port(), []
    truth = outside.contradicted

    def look(folder: Path) -> str | None:
        looks.append(folder)
        if len(looks) == 3:
            raise Unavailable("the volume does not answer", code="footage.storage")
        return truth(folder)

    monkeypatch.setattr(outside, "contradicted", look)

    def entries() -> list[str]:
        parts = build(settings)
        with parts.db.read() as conn:
            found = [entry.document["act"] for entry in search(conn, Filter(), limit=10)]
        parts.db.dispose()
        return found

    def contradict() -> None:
        until(lambda: "system.start" in entries() and len(looks) > 4, 60, "it runs")
        outside.contradict(settings.keys, "witness ledger.set-back")

    other = threading.Thread(target=contradict)
    other.start()
    ended = vms(process, *(["--port", str(port)] if process == "api" else []))
    other.join()
    assert (ended.status, "contradicted" in ended.stderr) == (2, True)
    assert "system.stop" not in entries()


def test_a_contradicted_ledger_is_not_signed_and_still_bundled(vms: CommandLine, tmp_path: Path) -> None:
    """Its bundle is taken as it is: without an entry, without a new checkpoint."""
    settings = load(None)
    assert vms("checkpoint").status == 0
    outside.contradict(settings.keys, "witness ledger.set-back")
    refused = vms("checkpoint")
    assert (refused.status, "contradicted" in refused.stderr) == (2, True)
    assert vms("user", "add", "ann", "--name", "Ann", typed=PASSWORD).status == 0
    assert vms("user", "grant", "ann", "auditor", "--until", "2090-01-01").status == 0
    parts = build(settings)
    with parts.db.read() as conn:
        size = parts.ledger.size(conn)
    made = vms(
        "audit-bundle", "--from", "2026-01-01", "--to", "2099-01-01", "-o", str(tmp_path / "b.zip"), "--by", "ann"
    )
    assert made.status == 0, made.stderr
    with parts.db.read() as conn:
        assert parts.ledger.size(conn) == size
    parts.db.dispose()


def test_a_witness_needs_its_key(vms: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose answers nobody can check is none."""
    monkeypatch.setenv("VMS_WITNESS_URL", "http://witness.invalid")
    refused = vms("checkpoint")
    assert (refused.status, "witness_key" in refused.stderr) == (2, True)
    assert vms("witness", "--folder", str(vms.folder / "w"), "--name", "n", "--log", "nonsense").status == 2
