"""The papers of a package: manifest.json, SHA256SUMS and LEESMIJ.txt."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from vms.db.segments import Segment
from vms.evidence.dossier import Dossier, Held
from vms.evidence.package import PackedFile
from vms.evidence.proofs import Proofs
from vms.law.permit import Decision, counting
from vms.model import UserId

FORMAT: Final = "vms-export/1"


@dataclass(frozen=True, slots=True)
class OriginalFile:
    """A recorded segment in the package."""

    segment: Segment
    file: PackedFile


@dataclass(frozen=True, slots=True)
class ViewFile:
    """A playable file in the package.

    Args:
        start_at: instant of its first picture.
        end_at: instant of its end.
        numbers: segments it was joined from.
    """

    file: PackedFile
    start_at: datetime
    end_at: datetime
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PackedPlacement:
    """What the package has of one placement.

    Args:
        damaged: number -> what is wrong with the stored file.
    """

    held: Held
    originals: tuple[OriginalFile, ...]
    views: tuple[ViewFile, ...]
    damaged: dict[int, str]


def instant(at: datetime | None) -> str | None:
    """Return an instant: ISO 8601, UTC, microseconds."""
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def manifest_of(
    dossier: Dossier,
    packed: Sequence[PackedPlacement],
    files: Sequence[PackedFile],
    *,
    made_at: datetime,
    software: str,
    checkpoint: str,
    proofs: Proofs,
) -> dict[str, Any]:
    """Return the manifest.

    Args:
        dossier: whose export it is.
        packed: what was written per placement.
        files: everything in the package so far, in order.
        made_at: when the package was made.
        software: name and version.
        checkpoint: the ledger's signed note at this moment.
        proofs: of the segments, up to that checkpoint.
    """
    return {
        "format": FORMAT,
        "export": _export(dossier, made_at, software),
        "hold": _hold(dossier, made_at),
        "cameras": [_placement(item, proofs) for item in packed],
        "files": [{"name": file.name, "size_bytes": file.size_bytes, "sha256": file.sha256} for file in files],
        "ledger": {
            "checkpoint": checkpoint,
            "entries": [{"seq": trace.seq, "act": trace.act, "at": trace.at} for trace in dossier.trace],
            "batches": list(proofs.batches),
        },
        "notes": {
            "original": "whole recorded segments, bit for bit; the first and last may reach beyond the span of the hold",
            "view": "the same coded pictures joined without re-encoding, cut at keyframes around the span of the hold",
            "recorded_sha256": "of the sealed (encrypted) segment, as in the ledger's list of recorded segments",
            "blanking": "how the segment's dwellings were greyed: plan, model, pose sources, largest margin, grey spans;"
            " its SHA-256 (canonical JSON) is the last part of the proof's leaf",
            "proof": "leaf and path lead to the root in the body of the entry; body and its path lead to the root of the checkpoint"
            " (RFC 6962)",
            "designations": "the mayor's decisions that were in force when the segments were recorded; `designation` is the first of them",
            "undesignated": "segments for whose time no decision is on record here. Older versions kept only the decision that the camera"
            " was under when they were upgraded, which counts from its first day on; the log has earlier ones (placement.add,"
            " placement.change), and the municipality has the decisions themselves",
            "times": "UTC",
        },
    }


def _who(dossier: Dossier, user_id: UserId | None) -> dict[str, str] | None:
    return None if user_id is None else {"id": user_id, "name": dossier.names.get(user_id, user_id)}


def _export(dossier: Dossier, made_at: datetime, software: str) -> dict[str, Any]:
    export = dossier.export
    return {
        "id": export.id,
        "receiver": export.receiver,
        "requested_by": _who(dossier, export.requested_by),
        "requested_at": instant(export.requested_at),
        "approved_by": _who(dossier, export.decided_by),
        "approved_at": instant(export.decided_at),
        "made_at": instant(made_at),
        "software": software,
    }


def _hold(dossier: Dossier, made_at: datetime) -> dict[str, Any]:
    hold = dossier.hold
    return {
        "id": hold.id,
        "case_number": hold.case_number,
        "ground": hold.ground,
        "reason": hold.reason,
        "placed_by": _who(dossier, hold.requested_by),
        "placed_at": instant(hold.requested_at),
        "start_at": instant(hold.span.start_at),
        "end_at": instant(hold.span.end_at),
        "review_on": instant(hold.review_on),
        "outcome": hold.outcome,
        # More may be recorded and kept after this package was made.
        "goes_on": hold.span.end_at > made_at,
    }


def _placement(item: PackedPlacement, proofs: Proofs) -> dict[str, Any]:
    held, placement = item.held, item.held.placement
    return {
        "placement": {"id": placement.id, "name": placement.name, "area": placement.area.name},
        "camera": {"id": placement.camera.id, "name": placement.camera.name, "kind": placement.camera.kind},
        **_designations(item),
        "segments": [_segment(original, proofs) for original in item.originals],
        "views": [
            {
                "name": view.file.name,
                "start_at": instant(view.start_at),
                "end_at": instant(view.end_at),
                "segments": list(view.numbers),
            }
            for view in item.views
        ],
        "missing": [
            *({"number": row.number, "why": row.outcome, "state": row.segment_state} for row in held.missing),
            *({"number": number, "why": "damaged", "state": why} for number, why in sorted(item.damaged.items())),
        ],
        "gaps": [
            {"start_at": instant(gap.start_at), "end_at": instant(gap.end_at), "cause": gap.cause} for gap in held.gaps
        ],
        "grey": [
            {"start_at": instant(grey.start_at), "end_at": instant(grey.end_at), "reason": grey.reason}
            for grey in held.grey
        ],
    }


def _designations(item: PackedPlacement) -> dict[str, Any]:
    """Return the decisions that were in force when the footage was recorded, each with its segments; the first one also by itself."""
    found: dict[Decision | None, list[int]] = {}
    for original in item.originals:
        decision = counting(item.held.placement.decisions, original.segment.start_at)
        found.setdefault(decision, []).append(original.segment.number)
    undesignated = found.pop(None, [])
    named = [
        {
            "number": one.number,
            "legal_basis": one.legal_basis,
            "valid_from_at": instant(one.valid_from_at),
            "valid_until_at": instant(one.valid_until_at),
            "withdrawn_at": instant(one.withdrawn_at),
            "segments": numbers,
        }
        for one, numbers in found.items()
        if one is not None
    ]
    first = {name: named[0][name] if named else None for name in ("number", "legal_basis")}
    return {"designation": first, "designations": named, "undesignated": undesignated}


def _segment(original: OriginalFile, proofs: Proofs) -> dict[str, Any]:
    row = original.segment
    return {
        "number": row.number,
        "start_at": instant(row.start_at),
        "end_at": instant(row.end_at),
        "file": original.file.name,
        "sha256": original.file.sha256,
        "size_bytes": original.file.size_bytes,
        "recorded_sha256": row.sha256,
        "recorded_size_bytes": row.size_bytes,
        "mode": row.mode,
        "plan_version": row.plan_version,
        "blanking": row.blanking,
        "proof": proofs.segments[row.placement_id, row.number],
    }


def to_bytes(manifest: dict[str, Any]) -> bytes:
    """Return the manifest as it stands in the package: sorted keys, so that the same content is the same bytes."""
    return (json.dumps(manifest, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()


def sums_of(files: Sequence[PackedFile]) -> bytes:
    """Return SHA256SUMS, as `sha256sum -c` reads it."""
    return "".join(f"{file.sha256}  {file.name}\n" for file in files).encode()


def readme_of(dossier: Dossier, made_at: datetime) -> bytes:
    """Return LEESMIJ.txt."""
    export, hold = dossier.export, dossier.hold
    names = dossier.names
    values = {
        "export": export.id,
        "case": hold.case_number,
        "receiver": export.receiver,
        "requester": names.get(export.requested_by, export.requested_by),
        "approver": "-" if export.decided_by is None else names.get(export.decided_by, export.decided_by),
        "from_at": f"{hold.span.start_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        "to_at": f"{hold.span.end_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        "made_at": f"{made_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        "cameras": ", ".join(part.placement.name for part in dossier.parts),
        "decisions_nl": "",
        "decisions_en": "",
    }
    if any(counting(part.placement.decisions, row.start_at) is None for part in dossier.parts for row in part.segments):
        values |= {"decisions_nl": _NO_DECISION_NL, "decisions_en": _NO_DECISION_EN}
    return _README.format_map(values).encode()


_NO_DECISION_NL: Final = """
  Van een deel van de beelden staat hier niet geregistreerd onder welk aanwijzingsbesluit ze zijn opgenomen: zie
  "undesignated" in manifest.json. De gemeente heeft de besluiten."""
_NO_DECISION_EN: Final = """
  For some of the footage no designation is on record here under which it was recorded: see "undesignated" in
  manifest.json. The municipality has the decisions."""

_README: Final = """\
UITGIFTE {export} - ZAAK {case}
======================================================================

Wat is dit
  Camerabeelden openbare orde, veiliggesteld en uitgegeven voor zaak {case}.
  Ontvanger:      {receiver}
  Aangevraagd:    {requester}      Goedgekeurd: {approver}
  Periode (UTC):  {from_at} tot {to_at}
  Camera's:       {cameras}
  Gemaakt (UTC):  {made_at}

Wat zit erin
  view/           afspeelbare MP4-bestanden; beelden ongewijzigd samengevoegd, niet opnieuw gecodeerd
  original/       de opgenomen segmenten, bit voor bit; het eerste en laatste kunnen iets langer zijn dan de periode
  manifest.json   zaak, camera's, tijden, hiaten met oorzaak, grijze stukken met reden, en de SHA-256 van elk bestand
  SHA256SUMS      de SHA-256 van elk bestand in deze map
  Grijze vlakken zijn bij de opname aangebracht over woningen; het beeld eronder bestaat niet.
  Alle tijden zijn UTC. In de winter is het in Nederland een uur later, in de zomer twee uur.{decisions_nl}

Hoe te controleren
  Linux/macOS:    sha256sum -c SHA256SUMS        (macOS: shasum -a 256 -c SHA256SUMS)
  Windows:        certutil -hashfile BESTAND SHA256   en vergelijk met SHA256SUMS
  Afspelen:       VLC of een browser (Chrome, Edge, Firefox)

Vragen
  Bel {requester} of de dienstleiding cameratoezicht van de politie, en noem uitgifte {export}.
  Dit zijn politiegegevens (Wet politiegegevens): bewaar ze bij de zaak en geef ze niet verder zonder grondslag.


EXPORT {export} - CASE {case}
======================================================================

What this is
  Public-order camera footage, secured and handed over for case {case}.
  Receiver:       {receiver}
  Requested by:   {requester}      Approved by: {approver}
  Span (UTC):     {from_at} to {to_at}
  Cameras:        {cameras}
  Made (UTC):     {made_at}

What is in it
  view/           playable MP4 files; pictures joined unchanged, not encoded again
  original/       the recorded segments, bit for bit; the first and last may reach a little beyond the span
  manifest.json   case, cameras, times, gaps with their cause, grey spans with their reason, and the SHA-256 of each file
  SHA256SUMS      the SHA-256 of each file in this folder
  Grey planes were laid over dwellings when the footage was recorded; the picture under them does not exist.
  All times are UTC.{decisions_en}

How to check
  Linux/macOS:    sha256sum -c SHA256SUMS        (macOS: shasum -a 256 -c SHA256SUMS)
  Windows:        certutil -hashfile FILE SHA256      and compare with SHA256SUMS
  Playing:        VLC or a browser (Chrome, Edge, Firefox)

Questions
  Call {requester} or the police's camera shift lead, and name export {export}.
  This is police data (Wet politiegegevens): keep it with the case and don't pass it on without a legal ground.
"""
