"""`vms witness` and `vms checkpoint`: a co-signing witness, and what is carried to one, printed or mailed (docs/ledger.md)."""

from http import HTTPStatus
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vms.cli import state
from vms.cli.anchors import print_page
from vms.cli.logs import configure
from vms.clock import SystemClock
from vms.connections import ConnectionLimits, Connections, bounded
from vms.errors import InvalidInput
from vms.ledger import cosignatures, notes, outside, standing
from vms.ledger.notes import WITNESS_KEY, Verifier
from vms.ledger.signer import load_or_make
from vms.ledger.witness import LONGEST_REQUEST_BYTES, Answer, Witness

EXIT_REFUSED = 1
_LAST_PORT = 65_535
MOST_PER_LEDGER = 64
"""Connections of one address; a ledger needs one."""


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("witness")(witness)
    app.command("checkpoint")(checkpoint)


def witness(
    folder: Annotated[Path, typer.Option(help="Where it keeps its key and what it has signed; never lose it.")],
    name: Annotated[str, typer.Option(help="Its name in signatures, for ever, e.g. `fg.example.nl/witness`.")],
    log: Annotated[
        list[str] | None, typer.Option(help="Public key of a ledger that it signs for (`vms checkpoint --key`).")
    ] = None,
    listen: Annotated[str, typer.Option(help="Address and port to listen on.")] = "127.0.0.1:8490",
    sign: Annotated[
        Path | None, typer.Option(help="Sign this request and end: for one that came by mail or on a stick.")
    ] = None,
) -> None:
    """Co-sign checkpoints, on another machine and under somebody else than the ledger; without --log only print its key.

    Exit status with --sign: 0 signed (the line is printed), 1 refused, 2 bad input.
    """
    signer = CoSigner(load_or_make(folder, name))
    if not log:
        typer.echo(signer.verifier.text)
        return
    book = Witness(folder, signer, [Verifier.parse(one) for one in log], SystemClock())
    if sign is not None:
        answer = book.answer(_read(sign))
        typer.echo(answer.text, nl=False, err=answer.status is not HTTPStatus.OK)
        if answer.status is not HTTPStatus.OK:
            raise typer.Exit(EXIT_REFUSED)
        return
    host, _, port = listen.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > _LAST_PORT:
        raise InvalidInput(f"--listen {listen}: give an address and a port, e.g. 10.1.2.3:8490", code="witness.listen")
    configure("WARNING", "console", process="witness")
    typer.echo(f"{signer.verifier.text} listens on http://{listen}")
    uvicorn.run(
        application(book),
        host=host,
        port=int(port),
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        **bounded(Connections(ConnectionLimits(most_per_address=MOST_PER_LEDGER))),
    )


class CoSigner:
    """An Ed25519 signer as a witness: the same key, under a witness' key id."""

    def __init__(self, signer: notes.Signer) -> None:
        self._signer = signer
        self.verifier = Verifier(signer.verifier.name, signer.verifier.public_key, WITNESS_KEY)

    def sign(self, message: bytes) -> bytes:
        """Return the signature."""
        return self._signer.sign(message)


def application(book: Witness) -> Starlette:
    """Return the witness as a web application with one route, `POST /add-checkpoint`."""

    async def add_checkpoint(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LONGEST_REQUEST_BYTES:
                return Response("a request is shorter\n", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, media_type="text/plain")
        answer: Answer = await run_in_threadpool(book.answer, body)
        kind = "text/x.tlog.size" if answer.status is HTTPStatus.CONFLICT else "text/plain"
        return Response(answer.text, answer.status, media_type=kind)

    return Starlette(routes=[Route("/add-checkpoint", add_checkpoint, methods=["POST"])])


def checkpoint(
    context: typer.Context,
    *,
    key: Annotated[bool, typer.Option("--key", help="Print this ledger's public key instead.")] = False,
    request: Annotated[
        Path | None, typer.Option(help="Write the request for a witness to this file, to be carried to it.")
    ] = None,
    since: Annotated[
        int | None, typer.Option(min=0, help="With --request: the size that the witness names when it refuses.")
    ] = None,
    cosigned: Annotated[Path | None, typer.Option(help="Keep the line that the witness printed.")] = None,
    page: Annotated[
        Path | None,
        typer.Option("--print", help="Write it as a page to print and sign (PDF); the file must not exist."),
    ] = None,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep", help="Make the missing copy outside the database anew; first compare with one from elsewhere."
        ),
    ] = False,
) -> None:
    """Sign the ledger as it is and print the checkpoint: to mail, to print, to compare. Or carry it to a witness and back."""
    parts = state.parts(context)
    if key:
        typer.echo(parts.signer.verifier.text)
        return
    if (request is not None or cosigned is not None) and parts.settings.witness_key == "":
        raise InvalidInput("set witness_key first (`vms witness` prints it)", code="settings.witness")
    if cosigned is not None:
        witness_key = Verifier.parse(parts.settings.witness_key, WITNESS_KEY)
        line = _read(cosigned).decode(errors="replace")
        with parts.db.write() as conn:
            found = cosignatures.keep_carried(conn, witness_key, line, parts.clock.now())
        typer.echo(f"{found.witness} signed {found.size} entries at {found.witness_at:%Y-%m-%d %H:%M:%S} UTC")
        return
    with parts.db.write() as conn:
        standing.refuse_contradicted(parts.checkpoints)
        is_missing = standing.is_checkpoint_missing(conn, parts.settings.keys)
        note = parts.ledger.checkpoint(conn, parts.signer)
    if keep or not is_missing:
        outside.keep(parts.settings.keys, note)
    if page is not None:
        print_page(parts, note, page)
        return
    if request is None:
        with parts.db.read() as conn:
            typer.echo(cosignatures.with_lines(conn, note), nl=False)
        return
    with parts.db.read() as conn:
        if since is None:
            known = cosignatures.newest(conn, Verifier.parse(parts.settings.witness_key, WITNESS_KEY))
            since = 0 if known is None else known.size
        text = cosignatures.request_for(conn, parts.ledger, note, since)
    request.write_bytes(text)
    typer.echo(f"{request}: {notes.parse(note).size} entries. On the witness: vms witness --sign {request.name} ...")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}", code="witness.file") from error
