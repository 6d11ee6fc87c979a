"""The ONVIF recording and recording-search services of a camera that keeps pictures on a card of its own (Profile G).

Source: ONVIF Recording Control and Recording Search Specifications, recording.wsdl and search.wsdl ver10.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from xml.etree.ElementTree import Element

from sample_streams.onvif.soap import SoapFaultError, text_of

OPERATIONS = frozenset(
    {"GetRecordings", "GetRecordingJobs", "SetRecordingJobMode", "GetRecordingSummary", "GetRecordingInformation"}
)
_RECORDING, _JOB = "rec-1", "job-1"


class EdgeMode(StrEnum):
    """What the camera has: nothing, an empty card, recordings, services that refuse everybody, or services that answer nonsense."""

    NONE = "none"
    EMPTY = "empty"
    RECORDINGS = "recordings"
    REFUSED = "refused"
    NONSENSE = "nonsense"


class Told(StrEnum):
    """Where the camera tells of its services: newer ones in GetServices alone, older ones know no GetServices, some refuse it."""

    BOTH = "both"
    SERVICES = "services"
    CAPABILITIES = "capabilities"
    REFUSED = "refused"


@dataclass(slots=True)
class EdgeRecorder:
    """One recording container with a video track, and the job that fills it.

    Args:
        camera_now: the camera's clock.
        kept: how far back the recordings go when they are switched on.
        retention: as the camera states it, an XML Schema duration; `PT0S` is without limit.
    """

    camera_now: Callable[[], datetime]
    mode: EdgeMode = EdgeMode.NONE
    kept: timedelta = timedelta(days=40)
    retention: str = "P60D"
    is_active: bool = False
    told: Told = Told.BOTH
    _from_at: datetime | None = field(default=None, init=False)
    _until_at: datetime | None = field(default=None, init=False)

    def set_mode(self, mode: EdgeMode) -> None:
        """Become another camera; only one with recordings has a running job."""
        self.mode, self.is_active = mode, mode is EdgeMode.RECORDINGS
        self._from_at = self.camera_now() - self.kept if self.is_active else None
        self._until_at = None

    def in_services(self) -> bool:
        """Tell whether GetServices lists the services.

        Raises:
            SoapFaultError: this camera knows no GetServices, or refuses it.
        """
        if self.told is Told.CAPABILITIES:
            raise SoapFaultError("ter:ActionNotSupported", "GetServices is not supported by this camera")
        if self.told is Told.REFUSED:
            raise SoapFaultError("ter:NotAuthorized", "the list of services is for administrators")
        return self.mode is not EdgeMode.NONE

    def in_capabilities(self) -> bool:
        """Tell whether GetCapabilities has the services."""
        return self.mode is not EdgeMode.NONE and self.told in {Told.BOTH, Told.CAPABILITIES}

    def handles(self, operation: str) -> bool:
        """Tell whether an operation is of these services, and whether they exist."""
        return self.mode is not EdgeMode.NONE and operation in OPERATIONS

    def handle(self, operation: str, body: Element) -> str:
        """Answer.

        Raises:
            SoapFaultError: the services refuse, or there is no such job or recording.
        """
        if self.mode is EdgeMode.REFUSED:
            raise SoapFaultError("ter:NotAuthorized", "the recording service is for administrators")
        if self.mode is EdgeMode.NONSENSE:
            return _nonsense(operation)
        match operation:
            case "GetRecordings":
                return self._recordings()
            case "GetRecordingJobs":
                return self._jobs()
            case "GetRecordingSummary":
                return self._summary()
            case "GetRecordingInformation":
                return self._information(text_of(body, "RecordingToken"))
            case _:
                return self._set_job_mode(text_of(body, "JobToken"), text_of(body, "Mode"))

    def _recordings(self) -> str:
        return (
            "<trc:GetRecordingsResponse><trc:RecordingItem>"
            f"<tt:RecordingToken>{_RECORDING}</tt:RecordingToken><tt:Configuration>{_SOURCE}"
            f"<tt:Content>all</tt:Content><tt:MaximumRetentionTime>{self.retention}</tt:MaximumRetentionTime>"
            "</tt:Configuration><tt:Tracks><tt:Track><tt:TrackToken>video-1</tt:TrackToken><tt:Configuration>"
            "<tt:TrackType>Video</tt:TrackType><tt:Description>main</tt:Description></tt:Configuration></tt:Track>"
            "</tt:Tracks></trc:RecordingItem></trc:GetRecordingsResponse>"
        )

    def _jobs(self) -> str:
        mode = "Active" if self.is_active else "Idle"
        return (
            f"<trc:GetRecordingJobsResponse><trc:JobItem><tt:JobToken>{_JOB}</tt:JobToken><tt:JobConfiguration>"
            f"<tt:RecordingToken>{_RECORDING}</tt:RecordingToken><tt:Mode>{mode}</tt:Mode><tt:Priority>1</tt:Priority>"
            "</tt:JobConfiguration></trc:JobItem></trc:GetRecordingJobsResponse>"
        )

    def _set_job_mode(self, job: str | None, mode: str | None) -> str:
        if job != _JOB:
            raise SoapFaultError("ter:InvalidArgVal", "there is no such job")
        if mode not in {"Active", "Idle"}:
            raise SoapFaultError("ter:InvalidArgVal", "a job is Active or Idle")
        if self.is_active and mode == "Idle":
            self._until_at = self.camera_now()
        self.is_active = mode == "Active"
        if self.is_active:
            self._from_at = self._from_at or self.camera_now()
        return "<trc:SetRecordingJobModeResponse/>"

    def _span(self) -> tuple[datetime, datetime] | None:
        return None if self._from_at is None else (self._from_at, self._until_at or self.camera_now())

    def _summary(self) -> str:
        # An empty card too has to name two instants: the wire knows no "nothing".
        first, last = self._span() or (self.camera_now(), self.camera_now())
        return (
            f"<tse:GetRecordingSummaryResponse><tse:Summary><tt:DataFrom>{_stamp(first)}</tt:DataFrom>"
            f"<tt:DataUntil>{_stamp(last)}</tt:DataUntil><tt:NumberRecordings>1</tt:NumberRecordings>"
            "</tse:Summary></tse:GetRecordingSummaryResponse>"
        )

    def _information(self, token: str | None) -> str:
        if token != _RECORDING:
            raise SoapFaultError("ter:InvalidArgVal", "there is no such recording")
        span = self._span()
        whole = track = ""
        if span is not None:
            first, last = map(_stamp, span)
            whole = (
                f"<tt:EarliestRecording>{first}</tt:EarliestRecording><tt:LatestRecording>{last}</tt:LatestRecording>"
            )
            track = (
                "<tt:Track><tt:TrackToken>video-1</tt:TrackToken><tt:TrackType>Video</tt:TrackType>"
                f"<tt:Description>main</tt:Description><tt:DataFrom>{first}</tt:DataFrom><tt:DataTo>{last}</tt:DataTo></tt:Track>"
            )
        status = "Recording" if self.is_active else "Stopped"
        return (
            "<tse:GetRecordingInformationResponse><tse:RecordingInformation>"
            f"<tt:RecordingToken>{_RECORDING}</tt:RecordingToken>{_SOURCE}{whole}<tt:Content>all</tt:Content>{track}"
            f"<tt:RecordingStatus>{status}</tt:RecordingStatus></tse:RecordingInformation>"
            "</tse:GetRecordingInformationResponse>"
        )


_SOURCE = (
    "<tt:Source><tt:SourceId>urn:sample-city:self</tt:SourceId><tt:Name>self</tt:Name><tt:Location>mast</tt:Location>"
    "<tt:Description>own sensor</tt:Description><tt:Address>urn:sample-city:self</tt:Address></tt:Source>"
)


def _nonsense(operation: str) -> str:
    if operation == "GetRecordings":
        return (
            "<trc:GetRecordingsResponse><trc:RecordingItem><tt:Configuration><tt:MaximumRetentionTime>for ever"
            "</tt:MaximumRetentionTime></tt:Configuration></trc:RecordingItem></trc:GetRecordingsResponse>"
        )
    return f"<trc:{operation}Response><trc:Rubbish>42</trc:Rubbish></trc:{operation}Response>"


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}Z"
