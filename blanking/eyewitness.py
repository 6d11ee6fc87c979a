"""The picture as an eyewitness: what it says about where the camera looked, used in the two ways that kept zero leak, and to contradict.

(g) while the picture stands still and (k) by dead reckoning from samples that were taken while it stood still; both only ever narrow what
telemetry allows, never widen or replace it. A picture that clearly tells otherwise than its telemetry makes everything grey until the two
agree again (docs/blanking.md, section 4).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blanking.anchors import Anchors, Bearing, Bounds
from blanking.cover import MaskSphere, rotation
from blanking.decision import PoseSource
from blanking.frames import RawFrame
from blanking.motion_fit import LensAt, to_tangent
from blanking.odometry import Glance, Likely, Odometer, Triple
from blanking.optics import Optics
from blanking.plan_values import DirectionPlan
from blanking.pose_sets import Lies, lies
from blanking.registration import REACH_PX, STRICT, Points, ReducedPicture, Reference, reduced, register
from blanking.track import Fix, PoseSweep, PoseTrack

LEAST_SIZE_PX = (256, 144)
"""Smaller pictures have too few corners in too few places."""
AGREED_AFTER_S = 1.0
"""So long must picture and telemetry agree, at more than one speed, before a first contradiction is resolved."""
AGREED_LOOKS = 3
"""So often must the picture be found to look where telemetry says, beside a picture from before the first contradiction."""
_LOOK_EVERY_S = 0.3
_REMEMBER_EVERY_S = 1.0
_MOST_FAULTS = 5
_FAULTS_FORGOTTEN_S = 120.0


@dataclass(frozen=True, slots=True)
class Testimony:
    """What the picture says about one frame.

    Args:
        poses: where the camera looked.
        source: how that is known.
        lies: how it lies to what telemetry allows.
    """

    poses: PoseSweep
    source: PoseSource
    lies: Lies


@dataclass(frozen=True, slots=True)
class _Remembered:
    """A picture whose pose was known well."""

    reference: Reference
    pose: Triple
    spread: Triple


class Eyewitness:
    """Look at the frames of one plan as they come, and say where the camera looked. Made for one thread.

    Attributes:
        contradicts: picture and telemetry contradict each other, and nothing has resolved it yet.
        contradictions: how often that began.
    """

    def __init__(self, plan: DirectionPlan, sphere: MaskSphere, track: PoseTrack) -> None:
        accuracy = plan.accuracy
        self._size_px = (plan.width_px, plan.height_px)
        self._optics = Optics(plan.camera_model, plan.width_px, plan.height_px)
        self._sphere = sphere
        self._track = track
        self._accuracy = accuracy
        self._endless = abs(plan.camera_model.pan_scale) == 1.0
        steep = self._optics.steepest_log_focal
        self._anchors = Anchors(
            Bounds(
                accelerations=(
                    accuracy.max_acceleration_deg_s2,
                    accuracy.max_acceleration_deg_s2,
                    accuracy.max_zoom_acceleration * steep,
                ),
                exposure_s=accuracy.exposure_s,
                pan_tilt_deg=accuracy.pan_tilt_deg,
                zoom_rel=accuracy.zoom_rel,
                endless=self._endless,
            )
        )
        error = 2.0 * accuracy.pan_tilt_deg
        self._apart = (error, error, 2.0 * accuracy.zoom_rel / max(self._optics.flattest_log_focal, 0.1) + 0.01)
        self._roll = math.radians(plan.camera_model.sensor_roll_deg)
        self._odometer = Odometer()
        self._last_s = -math.inf
        self._remembered: _Remembered | None = None
        self._remembered_s = -math.inf
        self.contradicts = False
        self.contradictions = 0
        self._faults = 0
        self._contradicted_s = -math.inf
        self._looks = 0
        self._looked_s = -math.inf
        self._agreeing_since_s: float | None = None

    def see(self, frame: RawFrame) -> None:
        """Look at the next frame."""
        at_s = frame.captured_s
        if not math.isfinite(at_s) or frame.width_px < LEAST_SIZE_PX[0] or frame.height_px < LEAST_SIZE_PX[1]:
            return
        pose = self._track.likely(at_s)
        if pose is None:
            return
        before = self._track.likely(self._last_s) if math.isfinite(self._last_s) else None
        picture = reduced(frame.planes[0])
        likely = self._likely(at_s, picture, self._tracked(at_s, pose), before or pose, pose)
        glance = self._odometer.see(at_s, picture, likely)
        self._last_s = at_s
        if glance is None:
            return
        for offset in self._anchors.add_glance(glance):
            self._weigh(offset.hi_s, disagrees=self._anchors.disagrees(offset))
        if self.contradicts:
            self._look_again(at_s, picture, likely)
        else:
            self._remember(glance)

    def add_sample(self, fix: Fix) -> None:
        """Take a valid sample that has arrived."""
        pose = (fix.pose[0], fix.pose[1], self._log_focal(fix.pose[2]))
        for offset in self._anchors.add_sample(fix.lo_s, fix.hi_s, pose):
            self._weigh(offset.hi_s, disagrees=self._anchors.disagrees(offset))

    def testify(self, captured_s: float, allowed: list[PoseSweep]) -> Testimony | None:
        """Return where the camera looked in a frame, None when the picture does not tell; may find a contradiction."""
        any_bearing = self._anchors.bearing(captured_s, anchored=False)
        if any_bearing is None:
            return None
        bearing = any_bearing if any_bearing.offset.still else self._anchors.bearing(captured_s, anchored=True)
        if bearing is not any_bearing:
            poses = self._poses(any_bearing, allowed)
            if lies(poses, allowed, endless=self._endless, apart=self._apart) is Lies.APART:
                self._contradict(captured_s)
                return None
        if bearing is None:
            return None
        poses = self._poses(bearing, allowed)
        static = self._anchors.is_static(bearing.offset, captured_s)
        how = lies(poses, allowed, endless=self._endless, apart=self._apart)
        if how is Lies.APART:
            self._contradict(captured_s)
            return None
        return Testimony(poses, PoseSource.STATIC if static else PoseSource.ANCHORED, how)

    def _weigh(self, at_s: float, *, disagrees: bool) -> None:
        if disagrees:
            self._contradict(at_s)
            return
        if not self.contradicts:
            return
        if self._agreeing_since_s is None:
            self._agreeing_since_s = at_s
        if at_s - self._agreeing_since_s >= AGREED_AFTER_S * self._faults and self._anchors.agrees_in_motion():
            self._resolve()

    def _contradict(self, at_s: float) -> None:
        if not self.contradicts:
            self.contradictions += 1
            if at_s - self._contradicted_s > _FAULTS_FORGOTTEN_S:
                self._faults = 0
            self._faults = min(self._faults + 1, _MOST_FAULTS)
        self.contradicts = True
        self._contradicted_s = max(self._contradicted_s, at_s)
        self._agreeing_since_s = None
        self._looks = 0
        self._anchors.forget()
        self._odometer.end_chain()

    def _resolve(self) -> None:
        self.contradicts = False
        self._looks = 0
        self._agreeing_since_s = None

    def _remember(self, glance: Glance) -> None:
        """Keep a picture whose pose is known well, to look back at after a contradiction."""
        found = self._odometer.reference
        if found is None or glance.at_s - self._remembered_s < _REMEMBER_EVERY_S:
            return
        reference, begin = found
        bearing = self._anchors.bearing(begin.at_s, anchored=True)
        if bearing is not None:
            self._remembered = _Remembered(reference, bearing.pose, bearing.spread)
            self._remembered_s = glance.at_s

    def _look_again(self, at_s: float, picture: ReducedPicture, likely: Likely) -> None:
        """Compare the picture with the remembered one: does it look where telemetry says?"""
        known, now = self._remembered, self._track.likely(at_s)
        if known is None or now is None or at_s - self._looked_s < _LOOK_EVERY_S:
            return
        self._looked_s = at_s
        pose = (now[0], now[1], self._log_focal(now[2]))
        guess = self._anchors.differences(pose, known.pose)
        if max(abs(guess[0]), abs(guess[1])) > 60.0:
            return
        motion = register(known.reference, picture, likely.lens, guess, STRICT).motion
        if motion is None or not self._standing(at_s):
            return
        moved = (motion.pan_deg, motion.tilt_deg, motion.log_focal)
        stated = (self._accuracy.pan_tilt_deg * 2, self._accuracy.pan_tilt_deg * 2, 2 * self._accuracy.zoom_rel + 0.02)
        fits = all(
            abs(m - g) <= spread + error + limit + 0.05 * abs(g)
            for m, g, spread, error, limit in zip(moved, guess, known.spread, motion.error, stated, strict=True)
        )
        self._looks = self._looks + 1 if fits else 0
        if self._looks >= AGREED_LOOKS * self._faults:
            self._resolve()

    def _standing(self, at_s: float) -> bool:
        """Tell whether telemetry stands still around an instant, so that its time error plays no part."""
        around = [self._track.likely(at_s + later_s) for later_s in (-0.3, 0.0, 0.1)]
        known = [pose for pose in around if pose is not None]
        return all(
            abs(self._anchors.differences(one, known[0])[axis]) <= self._accuracy.pan_tilt_deg
            for one in known
            for axis in (0, 1)
        )

    def _log_focal(self, zoom: float) -> float:
        return math.log(self._optics.focal_px(zoom) / self._optics.corner_px)

    def _tracked(self, at_s: float, otherwise: Triple) -> Triple:
        """Return where the camera probably looks now by the last picture, or by telemetry where no sample ties it down."""
        bearing = self._anchors.bearing(self._last_s, anchored=False)
        if bearing is None:
            return otherwise
        gap_s = at_s - self._last_s
        speed = self._odometer.speed
        return (bearing.pose[0] + speed[0] * gap_s, bearing.pose[1] + speed[1] * gap_s, otherwise[2])

    def _likely(self, at_s: float, picture: ReducedPicture, pose: Triple, before: Triple, after: Triple) -> Likely:
        del at_s
        scale = picture.scale
        rows, columns = picture.luma.shape
        centre = self._optics.centre_px
        lens = LensAt(
            self._optics.focal_px(pose[2]) / scale,
            self._optics.k1_at(pose[2]),
            (centre[0] / scale, centre[1] / scale),
            (columns, rows),
            self._roll,
        )
        turned = self._anchors.differences(after, before)
        zoomed = self._log_focal(after[2]) - self._log_focal(before[2])
        # A lens that is zooming is some way from where telemetry last saw it.
        slack = min(0.3, 3.0 * abs(zoomed))
        return Likely(pose[1], lens, slack, (turned[0], turned[1], zoomed), self._keeper(lens, pose))

    def _keeper(self, lens: LensAt, pose: Triple) -> Callable[[Points], NDArray[np.bool_]]:
        to_mount = rotation(math.radians(pose[0]), math.radians(pose[1]))
        margin = math.radians(self._accuracy.pan_tilt_deg) + REACH_PX / lens.focal_px

        def keep(points: Points) -> NDArray[np.bool_]:
            flat = to_tangent(points, lens)
            ahead = np.column_stack((flat, np.ones(len(flat)))) @ to_mount
            ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
            return ~self._sphere.near(ahead, margin)

        return keep

    def _poses(self, bearing: Bearing, allowed: list[PoseSweep]) -> PoseSweep:
        zoom_lo, zoom_hi = self._zooms(bearing, allowed)
        zoom = (zoom_lo + zoom_hi) / 2
        return PoseSweep(
            (bearing.pose[0] - bearing.sweep[0], bearing.pose[1] - bearing.sweep[1], zoom),
            (bearing.pose[0] + bearing.sweep[0], bearing.pose[1] + bearing.sweep[1], zoom),
            (bearing.spread[0], bearing.spread[1], (zoom_hi - zoom_lo) / 2),
            self._accuracy.pan_tilt_deg,
        )

    def _zooms(self, bearing: Bearing, allowed: list[PoseSweep]) -> tuple[float, float]:
        """Return the zooms that the focal length may stand for; what telemetry allows where the table does not tell."""
        corner = math.log(self._optics.corner_px)
        reach = abs(bearing.sweep[2]) + bearing.spread[2]
        found = self._optics.zooms_between(
            math.exp(bearing.pose[2] - reach + corner), math.exp(bearing.pose[2] + reach + corner)
        )
        if found is not None:
            return found
        lows = [min(sweep.start[2], sweep.end[2]) - sweep.spread[2] for sweep in allowed]
        highs = [max(sweep.start[2], sweep.end[2]) + sweep.spread[2] for sweep in allowed]
        return min(lows), max(highs)
