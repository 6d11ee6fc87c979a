"""The command line of `vms-audit`. Status 0: in order; 1: findings; 2: could not verify."""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from auditor import notes
from auditor.absence import verify_absence
from auditor.access import access, roster_in
from auditor.bundle import Bundle
from auditor.completeness import completeness
from auditor.holds import holds
from auditor.notes import Key
from auditor.proofs import check_old_checkpoint, prove, verify_export, verify_proof
from auditor.report import NOT_VERIFIED, CannotVerifyError, Report
from auditor.sample import Sample
from auditor.sign_ins import sign_ins
from auditor.story import story
from auditor.terms import Terms
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
    except Exception as error:  # noqa: BLE001 - see above; what it was is said, and the status is 2
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
    _add_witness(one)
    one.add_argument("--tsa-ca", type=Path, metavar="PEM", help="certificates of the time-stamping authority")
    one.add_argument("--thorough", action="store_true", help="also parse every entry and encode it again (slower)")
    one = add(
        "completeness",
        _completeness,
        "every segment is erased, held, lost or young; nothing late, early or without a cause",
    )
    _add_terms(one)
    one = add("access", _access, "who watched what and why, from where; with a random sample by your seed")
    _add_access(one)
    one = add("holds", _holds, "every hold: case, requester, age, review, exports")
    _add_at(one, required=False)
    one = add("story", _story, "the life of one moment of one camera")
    one.add_argument("--placement", required=True, help="id of the placement")
    _add_at(one, required=True)
    one = add("verify-absence", _verify_absence, "on the server: what is erased is gone, what is there the log has")
    _add_terms(one)
    _add_sample(one, 200)
    one.add_argument("--root", type=Path, required=True, help="the footage folder")
    one.add_argument("--keys-dir", type=Path, help="the key folder; its names are read, never a key")
    one = add("prove", _prove, "write the proof that an entry is in the log")
    one.add_argument("seq", type=int, help="number of the entry")
    one.add_argument(
        "--output", "-o", type=Path, required=True, help="the .tlog-proof to write; the entry is written beside it"
    )
    one = add("verify-proof", _verify_proof, "a .tlog-proof in place of a bundle: is its entry in the signed log?")
    _add_witness(one)
    one = add("check-old-checkpoint", _check_old, "is a printed or mailed checkpoint a prefix of this log?")
    one.add_argument("paper", type=Path, help="a text with the checkpoint in it")
    one = add("verify-export", _verify_export, "an evidence package (folder or ZIP) in place of a bundle")
    one.add_argument(
        "--log", type=Path, metavar="BUNDLE", help="a bundle made after the package: its log has the package's digest"
    )
    return parser


def _add_access(parser: argparse.ArgumentParser) -> None:
    _add_sample(parser, 25, is_needed=False)
    parser.add_argument(
        "--sign-ins", action="store_true", help="instead: the monthly reviews of sign-ins, and what nobody reviewed"
    )
    _add_zone(parser)
    parser.add_argument("--roster", type=Path, metavar="CSV", help="duties: person,from,to; views outside are findings")
    parser.add_argument(
        "--origins", type=Path, metavar="FILE", help="addresses and workstations of the viewing room, one a line"
    )


def _add_witness(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--witness", action="append", default=[], metavar="KEY", help="a witness' public key, or a file with it"
    )


def _add_sample(parser: argparse.ArgumentParser, count: int, *, is_needed: bool = True) -> None:
    parser.add_argument("--sample", type=int, default=count, help=f"how many to draw (default {count})")
    parser.add_argument(
        "--seed", required=is_needed, help="your seed: roll dice, so that nobody could foresee the sample"
    )


def _add_zone(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--zone", default="Europe/Amsterdam", help="the city's time zone (default Europe/Amsterdam)")


def _add_terms(parser: argparse.ArgumentParser) -> None:
    _add_at(parser, required=False)
    _add_zone(parser)
    parser.add_argument(
        "--days", type=float, default=28.0, help="how old footage may become without a hold (default 28)"
    )
    parser.add_argument(
        "--kept-days",
        type=float,
        help="configured retention, if shorter: nothing is erased before that less the margin",
    )
    parser.add_argument("--margin-hours", type=float, default=2.0, help="how much sooner erasing begins (default 2)")
    parser.add_argument(
        "--release-grace-hours", type=float, default=2.0, help="until released footage is gone (default 2)"
    )
    parser.add_argument(
        "--hole-seconds", type=float, default=2.0, help="what may be missing between segments (default 2)"
    )


def _add_at(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument("--at", required=required, help="instant, e.g. 2026-11-01T00:00+01:00; UTC without a zone")


def _completeness(options: argparse.Namespace, report: Report) -> None:
    bundle = _opened(options, report)
    _check_log(options, bundle, report)
    completeness(bundle, report, _terms(options, bundle))


def _terms(options: argparse.Namespace, bundle: Bundle) -> Terms:
    longest = timedelta(days=options.days)
    kept = longest if options.kept_days is None else timedelta(days=options.kept_days)
    return Terms(
        at=_at(options, bundle),
        longest=longest,
        kept=kept - timedelta(hours=options.margin_hours),
        release_grace=timedelta(hours=options.release_grace_hours),
        hole=timedelta(seconds=options.hole_seconds),
        zone=_zone(options),
    )


def _zone(options: argparse.Namespace) -> ZoneInfo:
    try:
        return ZoneInfo(options.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise CannotVerifyError("zone-unknown", name=options.zone) from error


def _at(options: argparse.Namespace, bundle: Bundle) -> datetime:
    """Return the instant that is judged: the bundle's end, unless another was given."""
    return _instant(bundle.manifest.until if options.at is None else options.at)


def _access(options: argparse.Namespace, report: Report) -> None:
    bundle = _opened(options, report)
    _check_log(options, bundle, report)
    if options.sign_ins:
        sign_ins(bundle, report, _zone(options))
        return
    if options.seed is None:
        raise CannotVerifyError("seed-missing")
    roster = None if options.roster is None else roster_in(read_text(options.roster))
    origins = None if options.origins is None else frozenset(read_text(options.origins).split())
    access(bundle, report, sample=Sample(options.sample, options.seed), roster=roster, origins=origins)


def _holds(options: argparse.Namespace, report: Report) -> None:
    bundle = _opened(options, report)
    _check_log(options, bundle, report)
    holds(bundle, report, _at(options, bundle))


def _story(options: argparse.Namespace, report: Report) -> None:
    bundle = _opened(options, report)
    _check_log(options, bundle, report)
    story(bundle, report, options.placement, _at(options, bundle))


def _verify_absence(options: argparse.Namespace, report: Report) -> None:
    bundle = _opened(options, report)
    _check_log(options, bundle, report)
    terms = _terms(options, bundle)
    verify_absence(
        bundle, report, terms, options.root, keys_dir=options.keys_dir, sample=Sample(options.sample, options.seed)
    )


def _prove(options: argparse.Namespace, report: Report) -> None:
    bundle = _opened(options, report)
    _check_log(options, bundle, report)
    prove(bundle, report, options.seq, options.output)


def _verify_proof(options: argparse.Namespace, report: Report) -> None:
    verify_proof(read_text(options.bundle), report, _key_of(options), [_key(text) for text in options.witness])


def _check_old(options: argparse.Namespace, report: Report) -> None:
    check_old_checkpoint(_opened(options, report), report, read_text(options.paper), _key_of(options))


def _verify_export(options: argparse.Namespace, report: Report) -> None:
    log = None if options.log is None else Bundle(options.log)
    if log is not None:
        report.facts |= {"bundle": str(options.log), "bundle_sha256": log.sha256()}
        _check_log(options, log, report)
    verify_export(options.bundle, report, _key_of(options), log)


def _check_log(options: argparse.Namespace, bundle: Bundle, report: Report) -> None:
    """Check the log first if the key was brought; else say that it was not."""
    key = _key_of(options)
    if key is None:
        report.note("log-not-checked")
    else:
        verify_log(bundle, report, key=key)


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise CannotVerifyError("instant-unreadable", text=text) from error
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


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
    if Path(text).is_file():
        text = read_text(Path(text))
    return notes.parse_key(text)


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
