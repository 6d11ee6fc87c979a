"""The camera's metadata stream: a PTZ status document whenever something about it has changed, and never otherwise.

Source: ONVIF Streaming Specification (PTZStream: "whenever there is a change"), metadatastream.xsd.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from sample_streams.device.telemetry import Reading, Telemetry, TelemetryFault

INTERVAL_S = 0.05
LATE_S = 0.8
WRONG_ZONE_S = 3600.0
_SCHEMA = "http://www.onvif.org/ver10/schema"
_HEAD = f'<?xml version="1.0" encoding="UTF-8"?><tt:MetadataStream xmlns:tt="{_SCHEMA}"><tt:PTZ><tt:PTZStatus>'
_TAIL = "</tt:PTZStatus></tt:PTZ></tt:MetadataStream>"


class MetadataFault(StrEnum):
    """The ways in which the metadata stream alone can fail, while GetStatus goes on well."""

    NONE = "none"
    OFF = "off"  # the track is there, nothing comes
    LATE = "late"
    GARBLED = "garbled"  # cut and mixed up documents
    FROZEN = "frozen"  # the position of the moment at which the fault was set, with a fresh time, again and again
    WRONG_ZONE = "wrong_zone"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A document, the instant that its RTP time stamp tells, and how late it leaves."""

    document: bytes
    at_s: float
    delay_s: float


class MetadataFeed:
    """Write the documents. Asked every INTERVAL_S.

    Args:
        fields: turns a reading into the inside of a PTZStatus.
    """

    def __init__(self, telemetry: Telemetry, fields: Callable[[Reading], str], rng: random.Random) -> None:
        self._telemetry = telemetry
        self._fields = fields
        self._rng = rng
        self._last: tuple[object, ...] | None = None
        self._frozen: Reading | None = None
        self.fault = MetadataFault.NONE
        self.sent = 0

    def set_fault(self, fault: MetadataFault, now_s: float) -> None:
        """Fail in some way from now on."""
        self._frozen = self._telemetry.read(now_s) if fault is MetadataFault.FROZEN else None
        self.fault = fault

    def resend(self) -> None:
        """Tell the status again although nothing has changed: somebody has begun to listen."""
        self._last = None

    def next(self, now_s: float) -> Outgoing | None:
        """Return the document that is due, if one is."""
        if self.fault is MetadataFault.OFF or self._telemetry.fault in {TelemetryFault.CUT, TelemetryFault.SILENT}:
            return None
        wrong = self.fault is MetadataFault.WRONG_ZONE
        reading = self._telemetry.read(now_s, shift_s=WRONG_ZONE_S if wrong else 0.0)
        told = (reading.pan, reading.tilt, reading.zoom, reading.pan_tilt_status, reading.zoom_status)
        if told == self._last:
            return None
        self._last = told
        if self._frozen is not None:
            frozen = self._frozen
            reading = replace(reading, pan=frozen.pan, tilt=frozen.tilt, zoom=frozen.zoom)
        text = _HEAD + self._fields(reading) + _TAIL
        self.sent += 1
        return Outgoing(self._spoilt(text.encode()), now_s, LATE_S if self.fault is MetadataFault.LATE else 0.0)

    def _spoilt(self, document: bytes) -> bytes:
        if self.fault is not MetadataFault.GARBLED:
            return document
        cut = self._rng.randrange(len(document) // 3, len(document) - 20)
        return self._rng.choice([document[:cut], document[:cut] + b"<<" + document[cut:], document[cut:]])
