"""The ONVIF PTZ service: status, moves, presets. Source: ONVIF PTZ Service Specification, ptz.wsdl ver20."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from sample_streams.device.clock import monotonic_s
from sample_streams.device.mechanics import Mechanics, Pose
from sample_streams.device.telemetry import Reading, Telemetry
from sample_streams.onvif import ptz_spaces
from sample_streams.onvif.habits import OnvifHabit, OnvifHabits
from sample_streams.onvif.ptz_spaces import PtzSpace
from sample_streams.onvif.soap import SoapFaultError, find, text_of

DEFAULT_TIMEOUT_S = 10.0
_DURATION = re.compile(r"^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?$")


@dataclass(frozen=True, slots=True)
class Preset:
    """A stored pose."""

    name: str
    pose: Pose


class PtzService:
    """Answer the calls that move the camera or ask where it is."""

    def __init__(self, mechanics: Mechanics, telemetry: Telemetry, space: PtzSpace, home: Pose) -> None:
        self.mechanics = mechanics
        self.telemetry = telemetry
        self.space = space
        self.home = home
        self.presets: dict[str, Preset] = {}
        self.habits = OnvifHabits()
        self._calls: dict[str, Callable[[Element], str]] = {
            "GetNodes": lambda _: self._wrap("GetNodes", ptz_spaces.node("tptz:PTZNode", space, self.habits)),
            "GetNode": lambda _: self._wrap("GetNode", ptz_spaces.node("tptz:PTZNode", space, self.habits)),
            "GetConfigurations": lambda _: self._wrap(
                "GetConfigurations", ptz_spaces.configuration("tptz:PTZConfiguration", space)
            ),
            "GetConfiguration": lambda _: self._wrap(
                "GetConfiguration", ptz_spaces.configuration("tptz:PTZConfiguration", space)
            ),
            "GetConfigurationOptions": lambda _: ptz_spaces.configuration_options(space),
            "GetServiceCapabilities": lambda _: self._wrap(
                "GetServiceCapabilities",
                '<tptz:Capabilities EFlip="false" Reverse="false" MoveStatus="true" StatusPosition="true"/>',
            ),
            "ContinuousMove": self._continuous_move,
            "AbsoluteMove": self._absolute_move,
            "RelativeMove": self._relative_move,
            "Stop": self._stop,
            "GetPresets": self._get_presets,
            "SetPreset": self._set_preset,
            "GotoPreset": self._goto_preset,
            "RemovePreset": self._remove_preset,
            "GotoHomePosition": self._goto_home,
            "SetHomePosition": self._set_home,
        }

    def handles(self, operation: str) -> bool:
        """Whether this is a call of this service, status excepted."""
        return operation in self._calls

    def handle(self, operation: str, body: Element) -> str:
        """Answer a call.

        Raises:
            SoapFaultError: The call asks for something that is not there.
        """
        return self._calls[operation](body)

    def status(self, reading: Reading) -> str:
        """Answer GetStatus with a reading."""
        return self._wrap("GetStatus", f"<tptz:PTZStatus>{self.status_fields(reading)}</tptz:PTZStatus>")

    def status_fields(self, reading: Reading) -> str:
        """Return what is inside a PTZStatus, in an answer and in the metadata stream alike."""
        position = ""
        if reading.pan is not None and reading.tilt is not None:
            x, y = self._numbers(reading.pan, reading.tilt)
            position += f'<tt:PanTilt x="{x}" y="{y}" space="{self.space.uri}"/>'
        if reading.zoom is not None:
            zoom = reading.zoom if not self.space.fixed_lens else "1"
            position += f'<tt:Zoom x="{zoom}" space="{ptz_spaces.ZOOM_URI}"/>'
        fields = f"<tt:Position>{position}</tt:Position>" if position else ""
        fields += (
            f"<tt:MoveStatus><tt:PanTilt>{reading.pan_tilt_status}</tt:PanTilt>"
            f"<tt:Zoom>{reading.zoom_status}</tt:Zoom></tt:MoveStatus>"
        )
        if reading.utc is not None:
            fields += f"<tt:UtcTime>{reading.utc}</tt:UtcTime>"
        if reading.field_of_view is not None:
            horizontal, vertical = reading.field_of_view
            fields += f'<tt:FieldOfView hfov="{horizontal:.4f}" vfov="{vertical:.4f}"/>'
        return fields

    def _numbers(self, pan: str, tilt: str) -> tuple[str, str]:
        try:
            x, y = self.space.to_numbers(float(pan), float(tilt))
        except ValueError:
            return pan, tilt  # nonsense stays the nonsense that was asked for
        return f"{x:.6g}", f"{y:.6g}"

    def _wrap(self, operation: str, inner: str = "") -> str:
        return f"<tptz:{operation}Response>{inner}</tptz:{operation}Response>"

    def _refuse_while_homing(self) -> None:
        if self.telemetry.is_homing:
            raise SoapFaultError("ter:MovingPTZ", "the camera is homing", is_sender=False)

    def _continuous_move(self, body: Element) -> str:
        self._refuse_while_homing()
        x, y, zoom = _vector(body, "Velocity")
        limits, sign = self.mechanics.limits, self.space.sign
        timeout = text_of(body, "Timeout")
        self.mechanics.run(
            monotonic_s(),
            None if x is None else sign * x * limits.pan.top_speed,
            None if y is None else sign * y * limits.tilt.top_speed,
            None if zoom is None else zoom * limits.zoom.top_speed,
            timeout_s=DEFAULT_TIMEOUT_S if timeout is None else duration_s(timeout),
        )
        return self._wrap("ContinuousMove")

    def _absolute_move(self, body: Element) -> str:
        self._refuse_while_homing()
        x, y, zoom = _vector(body, "Position")
        speed = _vector(body, "Speed")[0]
        pan = tilt = None
        if x is not None and y is not None:
            pan, tilt = self.space.to_degrees(x, y, _space(body, "Position"))
            self._refuse_outside(pan, tilt)
        low, high = self.space.zoom_range
        if zoom is not None and not low <= zoom <= high:
            raise SoapFaultError("ter:InvalidPosition", f"zoom must be between {low:g} and {high:g}")
        zoom = None if self.space.fixed_lens else zoom
        self.mechanics.move_to(monotonic_s(), pan, tilt, zoom, 1.0 if speed is None else abs(speed))
        return self._wrap("AbsoluteMove")

    def _relative_move(self, body: Element) -> str:
        self._refuse_while_homing()
        x, y, zoom = _vector(body, "Translation")
        now = monotonic_s()
        pose = self.mechanics.pose_at(now)
        pan = tilt = None
        if x is not None and y is not None:
            by_pan, by_tilt = self.space.translation_to_degrees(x, y, _space(body, "Translation"))
            pan, tilt = pose.pan_deg + by_pan, pose.tilt_deg + by_tilt
        self.mechanics.move_to(now, pan, tilt, None if zoom is None else pose.zoom + zoom)
        return self._wrap("RelativeMove")

    def _refuse_outside(self, pan: float, tilt: float) -> None:
        limits = self.mechanics.limits
        if not (limits.pan.low <= pan <= limits.pan.high and limits.tilt.low <= tilt <= limits.tilt.high):
            raise SoapFaultError("ter:InvalidPosition", f"({pan:g}, {tilt:g}) is outside the range of this camera")

    def _stop(self, body: Element) -> str:
        pan_tilt, zoom = (text_of(body, name) in {None, "true", "1"} for name in ("PanTilt", "Zoom"))
        self.mechanics.stop(monotonic_s(), pan_tilt=pan_tilt, zoom=zoom)
        return self._wrap("Stop")

    def stock(self) -> None:
        """Store presets where the device's habits are about presets."""
        kinds = (OnvifHabit.PRESET_WITHOUT_TOKEN, OnvifHabit.PRESET_EMPTY_TOKEN, OnvifHabit.PRESET_WITHOUT_NAME)
        if self.habits.has(OnvifHabit.PRESETS_500):
            self.presets |= {f"P{number}": Preset(f"stand {number}", self.home) for number in range(1, 501)}
        if self.habits.has(*kinds):
            self.presets["good"] = Preset(f"plein{self.habits.word}", self.home)
        if self.habits.has(OnvifHabit.PRESET_WITHOUT_NAME):
            self.presets["nameless"] = Preset("", self.home)

    def _get_presets(self, body: Element) -> str:
        del body
        inner = ""
        if self.habits.has(OnvifHabit.PRESET_WITHOUT_TOKEN):
            inner += "<tptz:Preset><tt:Name>zonder token</tt:Name></tptz:Preset>"
        if self.habits.has(OnvifHabit.PRESET_EMPTY_TOKEN):
            inner += '<tptz:Preset token=""><tt:Name>leeg token</tt:Name></tptz:Preset>'
        for token, preset in self.presets.items():
            x, y = self.space.to_numbers(preset.pose.pan_deg, preset.pose.tilt_deg)
            name = f"<tt:Name>{escape(preset.name)}</tt:Name>" if preset.name else ""
            inner += (
                f'<tptz:Preset token="{token}">{name}<tt:PTZPosition>'
                f'<tt:PanTilt x="{x:.6g}" y="{y:.6g}" space="{self.space.uri}"/>'
                f'<tt:Zoom x="{preset.pose.zoom:.6g}" space="{ptz_spaces.ZOOM_URI}"/></tt:PTZPosition></tptz:Preset>'
            )
        return self._wrap("GetPresets", inner)

    def _set_preset(self, body: Element) -> str:
        token = text_of(body, "PresetToken") or str(
            1 + max((int(one) for one in self.presets if one.isdigit()), default=0)
        )
        name = text_of(body, "PresetName") or f"preset {token}"
        self.presets[token] = Preset(name, self.mechanics.pose_at(monotonic_s()))
        return self._wrap("SetPreset", f"<tptz:PresetToken>{escape(token)}</tptz:PresetToken>")

    def _preset(self, body: Element) -> str:
        token = text_of(body, "PresetToken") or ""
        if token not in self.presets:
            raise SoapFaultError("ter:NoToken", f"there is no preset {token!r}")
        return token

    def _goto_preset(self, body: Element) -> str:
        self._refuse_while_homing()
        self._go(self.presets[self._preset(body)].pose)
        return self._wrap("GotoPreset")

    def _remove_preset(self, body: Element) -> str:
        del self.presets[self._preset(body)]
        return self._wrap("RemovePreset")

    def _goto_home(self, body: Element) -> str:
        del body
        self._refuse_while_homing()
        self._go(self.home)
        return self._wrap("GotoHomePosition")

    def _set_home(self, body: Element) -> str:
        del body
        self.home = self.mechanics.pose_at(monotonic_s())
        return self._wrap("SetHomePosition")

    def _go(self, pose: Pose) -> None:
        self.mechanics.move_to(monotonic_s(), pose.pan_deg, pose.tilt_deg, pose.zoom)


def duration_s(text: str) -> float:
    """Read an XML duration of hours, minutes and seconds.

    Raises:
        SoapFaultError: It is none.
    """
    found = _DURATION.match(text)
    if found is None:
        raise SoapFaultError("ter:InvalidArgVal", f"{text!r} is no duration")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def _vector(body: Element, name: str) -> tuple[float | None, float | None, float | None]:
    pan_tilt, zoom = find(body, name, "PanTilt"), find(body, name, "Zoom")
    return (
        None if pan_tilt is None else _number(pan_tilt.get("x")),
        None if pan_tilt is None else _number(pan_tilt.get("y")),
        None if zoom is None else _number(zoom.get("x")),
    )


def _space(body: Element, name: str) -> str | None:
    pan_tilt = find(body, name, "PanTilt")
    return None if pan_tilt is None else pan_tilt.get("space")


def _number(text: str | None) -> float:
    try:
        value = float(text or "")
    except ValueError as error:
        raise SoapFaultError("ter:InvalidArgVal", f"{text!r} is no number") from error
    if not math.isfinite(value):
        raise SoapFaultError("ter:InvalidArgVal", f"{text!r} is no finite number")
    return value
