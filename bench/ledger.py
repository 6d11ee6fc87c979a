"""The ledger: what an entry costs against a plain audit table, and what a proof costs out of a cold database.

The peer is what most systems do: INSERT the same bytes into a table of its own, no tree, same database, same durability.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, text

from bench.report import Ratio, Report, table
from tests.postgres import running_server
from vms.clock import SystemClock
from vms.db import migrate
from vms.db.engine import Database
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, leaf_of
from vms.ledger.log import Ledger

_NAME = "bench.local/ledger"
_ORIGIN = Origin("vms/bench", workstation="WS-07", ip="10.1.2.3")


def run(*, rounds: int, quick: bool) -> Report:
    """Measure both databases."""
    single, filled = (20, 300) if quick else (300, 20_000)
    rows, ratios, figures = [], [], []
    with _databases() as databases:
        for name, database in databases:
            ours, peer = _appends(database, single, rounds)
            ratios.append(
                Ratio.of(f"ledger entry, {name}, against a plain audit table", ours=ours, peer=peer, unit="ms")
            )
            batch_s, size = _fill(database, filled)
            cold = {what: _cold_ms(database, ask) for what, ask in _questions(size).items()}
            rows.append(
                (
                    name,
                    f"{1000 / ratios[-1].ours:.0f}",
                    f"{1000 / ratios[-1].peer:.0f}",
                    f"{filled / batch_s:.0f}",
                    *(f"{value:.2f}" for value in cold.values()),
                )
            )
            figures.append((f"cold inclusion proof among {size} entries, {name}", f"{cold['inclusion']:.2f} ms"))
    header = (
        "database",
        "entries/s",
        "plain table/s",
        "entries/s, one transaction",
        "root ms",
        "inclusion ms",
        "consistency ms",
    )
    note = "One durable commit an entry; proofs from a database just opened, its statements compiled anew."
    return Report("Ledger", (*table(header, rows), note), tuple(ratios), tuple(figures))


@contextmanager
def _databases() -> Iterator[list[tuple[str, Database]]]:
    folder = Path(tempfile.mkdtemp(prefix="vms-bench-"))
    try:
        with running_server(durable=True) as server:
            urls = {"SQLite": f"sqlite:///{folder / 'ledger.sqlite'}", "PostgreSQL": server.url(server.create())}
            databases = []
            for name, url in urls.items():
                migrate.upgrade(url)
                database = Database(url)
                with database.write() as conn:
                    kind = "BYTEA" if database.is_postgresql else "BLOB"
                    conn.execute(text(f"CREATE TABLE plain_audit (seq BIGINT PRIMARY KEY, at BIGINT, body {kind})"))
                databases.append((name, database))
            yield databases
            for _, database in databases:
                database.dispose()
    finally:
        shutil.rmtree(folder)


def _entry(number: int) -> Entry:
    return Entry(Act.REC_START, Actor.service("ingest"), _ORIGIN, {"placement_id": "neude-1", "number": number})


def _appends(database: Database, count: int, rounds: int) -> tuple[list[float], list[float]]:
    """Return milliseconds per committed entry, ours and the peer's, per round."""
    ledger = Ledger(_NAME, SystemClock())
    ours, peer = [], []
    for done in range(rounds):
        ours.append(_each_ms(database, count, lambda conn, number: ledger.append(conn, _entry(number))))

        def plain(conn: Connection, number: int, begun: int = done * count) -> None:
            at = SystemClock().now()
            row = {"seq": begun + number, "at": int(at.timestamp()), "body": leaf_of(_entry(number), at).body}
            conn.execute(text("INSERT INTO plain_audit (seq, at, body) VALUES (:seq, :at, :body)"), row)

        peer.append(_each_ms(database, count, plain))
    return ours, peer


def _each_ms(database: Database, count: int, act: Callable[[Connection, int], object]) -> float:
    begun_s = time.perf_counter()
    for number in range(count):
        with database.write() as conn:
            act(conn, number)
    return (time.perf_counter() - begun_s) * 1000 / count


def _fill(database: Database, count: int) -> tuple[float, int]:
    ledger = Ledger(_NAME, SystemClock())
    begun_s = time.perf_counter()
    with database.write() as conn:
        for number in range(count):
            ledger.append(conn, _entry(number))
        size = ledger.size(conn)
    return time.perf_counter() - begun_s, size


def _questions(size: int) -> dict[str, Callable[[Connection], object]]:
    ledger = Ledger(_NAME, SystemClock())
    return {
        "root": lambda conn: ledger.root(conn, size),
        "inclusion": lambda conn: ledger.inclusion_proof(conn, size // 3, size),
        "consistency": lambda conn: ledger.consistency_proof(conn, size // 3, size),
    }


def _cold_ms(database: Database, ask: Callable[[Connection], object]) -> float:
    opened = Database(database.url)
    with opened.read() as conn:
        # Connecting is no part of the proof.
        opened.now(conn)
        begun_s = time.perf_counter()
        ask(conn)
        taken_ms = (time.perf_counter() - begun_s) * 1000
    opened.dispose()
    return taken_ms
