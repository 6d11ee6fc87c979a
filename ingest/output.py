"""Where finished packets go: to the recorder and to the viewers, the same ones."""

from datetime import datetime

from ingest.gauge import Gauge
from ingest.live import LiveFeed
from ingest.plan_watch import ActivePlan
from ingest.record_permit import RecordPermit
from ingest.recording import ClockStep, GapNote, Note, Recording, Under
from vms.footage.recorder import Packet
from vms.model import GapCause, SegmentMode


class Output:
    """Hand packets of blanked (or, by an approved plan, copied) pictures on. Made for one thread.

    Args:
        recording: what is kept.
        live: what is watched.
        gauge: what is counted.
        permitted: which pictures may be recorded or shown at all, by when they were taken.
    """

    def __init__(self, recording: Recording, live: LiveFeed, gauge: Gauge, permitted: RecordPermit) -> None:
        self._recording = recording
        self._live = live
        self._gauge = gauge
        self._permitted = permitted
        self._is_outside = False

    def under(self, plan: ActivePlan, mode: SegmentMode) -> None:
        """What follows is made under this plan."""
        self._recording.put(Under(plan, mode))

    def note(
        self, captured_at: datetime, grey_reason: str | None, margin_px: float, pose_source: str, telemetry: str
    ) -> None:
        """Tell how the frame of the next packet was blanked."""
        self._recording.put(Note(captured_at, grey_reason, margin_px, pose_source, telemetry))
        self._gauge.frame(grey_reason)
        self._live.state(self._gauge.state())

    def packet(self, packet: Packet) -> None:
        """Record and show a packet; one that no decision covers goes nowhere."""
        was_outside, self._is_outside = self._is_outside, not self._permitted.at(packet.captured_at).may_record
        if self._is_outside:
            if not was_outside:
                self.gap(packet.captured_at, GapCause.NO_DECISION, GapCause.NO_DECISION.value)
            return
        self._recording.put(packet)
        self._live.packet(packet)
        self._gauge.packet(len(packet.data))

    def gap(self, start_at: datetime | None, cause: GapCause, reason: str) -> None:
        """Nothing comes from here on."""
        self._recording.put(GapNote(start_at, cause))
        self._live.interrupt()
        self._gauge.offline(reason)
        self._live.state(self._gauge.state())

    def clock_step(self, at: datetime, step_s: float) -> None:
        """Our clock was set: what follows begins at `at`, although what came before may bear later instants."""
        self._recording.put(ClockStep(at, step_s))

    def still_offline(self, reason: str) -> None:
        """The camera still gives nothing, maybe for another reason by now."""
        self._gauge.offline(reason)
        self._live.state(self._gauge.state())
