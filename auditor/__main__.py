"""The command line of `vms-audit`. Status 0: in order; 1: findings; 2: could not verify."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from auditor import notes
from auditor.bundle import Bundle
from auditor.notes import Key
from auditor.report import NOT_VERIFIED, CannotVerifyError, Report
from auditor.verify_log import verify_log
from auditor.words import LANGUAGES

Command = Callable[[argparse.Namespace, Report], None]


def run(arguments: Sequence[str] | None = None) -> None:
    """Run a command of `vms-audit`.

    Raises:
        SystemExit: always, with the status.
    """
    options = _parser().parse_args(arguments)
    report = Report(options.command)
    try:
        options.work(options, report)
    except CannotVerifyError as error:
        report.doubt(error.code, **error.values)
    # An auditor's tool never ends with a traceback that somebody has to interpret: a bundle that breaks it is not verified.
    except Exception as error:  # noqa: BLE001 - the outermost net, and it says what it caught
        report.doubt("unexpected", kind=f"{type(error).__name__}: {error}")
    _print(report.as_json(options.lang) if options.json else report.as_text(options.lang))
    if options.html is not None:
        try:
            options.html.write_text(report.as_html(options.lang), encoding="utf-8")
        except OSError as error:
            sys.stderr.write(f"vms-audit: {options.html}: {error.strerror}\n")
            sys.exit(NOT_VERIFIED)
    sys.exit(report.status)


def _print(text: str) -> None:
    sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vms-audit",
        description="Controleert een auditbundel zonder de maker te vertrouwen. / Checks an audit bundle without trusting its maker.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, work: Command, text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text)
        one.set_defaults(work=work)
        one.add_argument("bundle", type=Path, help="the ZIP of `vms audit-bundle`")
        one.add_argument("--vkey", help="the log's public key: name+id+key, or a file with it")
        one.add_argument("--lang", choices=LANGUAGES, default="nl", help="language of the report (default nl)")
        one.add_argument("--json", action="store_true", help="print the report as JSON")
        one.add_argument("--html", type=Path, metavar="FILE", help="also write the report as a page to print")
        return one

    one = add("verify-log", _verify_log, "entries, roots, checkpoints, signatures, witnesses, time stamps, clock")
    one.add_argument(
        "--witness", action="append", default=[], metavar="KEY", help="a witness' public key, or a file with it"
    )
    one.add_argument("--tsa-ca", type=Path, metavar="PEM", help="certificates of the time-stamping authority")
    one.add_argument("--thorough", action="store_true", help="also parse every entry and encode it again (slower)")
    return parser


def _verify_log(options: argparse.Namespace, report: Report) -> None:
    bundle = _opened(options, report)
    witnesses = [_key(text) for text in options.witness]
    verify_log(
        bundle, report, key=_key_of(options), witnesses=witnesses, tsa_ca=options.tsa_ca, thorough=options.thorough
    )


def _opened(options: argparse.Namespace, report: Report) -> Bundle:
    bundle = Bundle(options.bundle)
    manifest = bundle.manifest
    report.facts |= {
        "bundle": str(options.bundle),
        "bundle_sha256": bundle.sha256(),
        "origin": manifest.origin,
        "period": f"{manifest.start} - {manifest.end}",
        "made_at": manifest.made_at,
    }
    return bundle


def _key_of(options: argparse.Namespace) -> Key | None:
    return None if options.vkey is None else _key(options.vkey)


def _key(text: str) -> Key:
    """Return a public key from its text, or from a file that holds it."""
    if text.count("+") >= 2 and not Path(text).is_file():
        return notes.parse_key(text)
    return notes.parse_key(read_text(Path(text)))


def read_text(path: Path) -> str:
    """Return what a file of the auditor's says.

    Raises:
        CannotVerifyError: it can't be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise CannotVerifyError("input-unreadable", name=str(path), why=str(error)) from error


if __name__ == "__main__":
    run()
