"""Faults that somebody could write into the blanking one day, and the tests that must find each of them.

A mutant is one small replacement in one file. Anchors are short, so that they survive changes around them; one that is gone is a clear
error: take the new text of the same decision, or another place where the same fault could be made. Never drop a mutant.
"""

from tests.mutants.alarms import ALARMS
from tests.mutants.anchors import ANCHORS
from tests.mutants.codec import CODEC
from tests.mutants.deciding import DECIDING, DECIDING_SELECTION
from tests.mutants.edge import EDGE
from tests.mutants.erasing import ERASING, ERASING_SELECTION
from tests.mutants.keys import KEYS
from tests.mutants.mutant import Mutant
from tests.mutants.oversight import OVERSIGHT
from tests.mutants.stalling import STALLING
from tests.mutants.vision import VISION
from tests.mutants.whole_check import WHOLE_CHECK
from tests.mutants.wire import WIRE

HAZARDS = "tests/blanking/test_hazards.py::test_the_dwelling_stays_hidden_when_a_bound_is_used_up"
VIOLATIONS = "tests/ingest/test_violations.py"


def hazard(*names: str) -> tuple[str, ...]:
    """Return the tests of these scenes."""
    return tuple(f"{HAZARDS}[{name}]" for name in names)


STAGE = "tests/blanking/test_stage.py"
TRACK = "tests/blanking/test_track.py"
BLOCKS = "tests/blanking/test_blocks.py"
PIPELINE = "tests/ingest/test_pipeline.py"
DECODER = "tests/ingest/test_decoder.py"

MUTANTS = (
    Mutant(
        "no guard around a mask",
        "blanking/growth.py",
        "shift * steepest[:, None] +",
        "0.0 * shift +",
        hazard("shifted_axes"),
    ),
    Mutant(
        "brightness only",
        "blanking/burn.py",
        "    for plane in planes[1:]:",
        "    for plane in planes[3:]:",
        hazard("bent_picture"),
    ),
    Mutant(
        "divided by depth before clipping",
        "blanking/clipping.py",
        "elif inside[index]:",
        "elif True:",
        hazard("around_the_camera"),
    ),
    Mutant(
        "newest sample instead of the poses between two",
        "blanking/track.py",
        "PoseSweep(_triple(start), _triple(end), _triple(spread), self._accuracy.pan_tilt_deg)",
        "PoseSweep(before.pose, before.pose, (0.0, 0.0, 0.0), self._accuracy.pan_tilt_deg)",
        hazard("exposure"),
    ),
    Mutant(
        "straight line between samples believed",
        "blanking/track.py",
        "PoseSweep(_triple(start), _triple(end), _triple(spread), self._accuracy.pan_tilt_deg)",
        "PoseSweep(_triple(start), _triple(end), (0.0, 0.0, 0.0), self._accuracy.pan_tilt_deg)",
        hazard("swing_in_pan"),
    ),
    Mutant("no exposure term", "blanking/decide.py", "plan.accuracy.exposure_s / 2", "0.0", hazard("exposure")),
    Mutant(
        "stamps believed, early ones",
        "blanking/track.py",
        "at_hi_s + self._accuracy.time_s",
        "at_hi_s",
        hazard("early_stamps"),
    ),
    Mutant(
        "stamps believed, late ones",
        "blanking/track.py",
        "at_lo_s - self._accuracy.time_s - self",
        "at_lo_s - self",
        hazard("late_stamps"),
    ),
    Mutant(
        "no staleness term",
        "blanking/track.py",
        " - self._accuracy.staleness_s",
        "",
        hazard("stale_register"),
    ),
    Mutant(
        "pan interpolated the long way over +-180",
        "blanking/track.py",
        "return math.remainder(difference_deg, 360.0) if",
        "return math.copysign(difference_deg, difference_deg) if",
        (*hazard("over_the_seam"), TRACK),
    ),
    Mutant(
        "one block too few", "blanking/blocks.py", "(row, right + 1), -1", "(row, right), -1", hazard("bent_picture")
    ),
    Mutant(
        "extents rounded inward",
        "blanking/blocks.py",
        "left = np.floor(x_lo",
        "left = np.ceil(x_lo",
        hazard("bent_picture"),
    ),
    Mutant(
        "rows rounded inward",
        "blanking/blocks.py",
        "- grow_y) / BLOCK_PX - 1.0)",
        "- grow_y) / BLOCK_PX)",
        (BLOCKS,),
    ),
    Mutant(
        "the old plan goes on after a replan",
        "ingest/masked.py",
        "        self._active = active\n        self._stage = self._new_stage(self._size_px)",
        "        self._active = active",
        (PIPELINE,),
    ),
    Mutant(
        "spread of zoom ignored",
        "blanking/cover.py",
        "zoom_lo - spread, zoom_hi + spread",
        "zoom_lo, zoom_hi",
        hazard("swing_in_zoom"),
    ),
    Mutant(
        "error of the focal length ignored",
        "blanking/cover.py",
        "+ spread, self._zoom_rel)",
        "+ spread, 0.0)",
        hazard("stretched_picture"),
    ),
    Mutant(
        "distortion ignored", "blanking/optics.py", "scale = 1.0 + k1 *", "scale = 1.0 + 0.0 *", hazard("bent_picture")
    ),
    Mutant(
        "mount ignored",
        "blanking/cover.py",
        "mount = mount_rotation(plan.camera_model)",
        "mount = np.eye(3)",
        hazard("crooked_mount"),
    ),
    Mutant(
        "scale of the axes ignored",
        "blanking/track.py",
        "pan_deg * axes.pan_scale, tilt_deg * axes.tilt_scale + axes",
        "pan_deg, tilt_deg + axes",
        hazard("scaled_axes"),
    ),
    Mutant(
        "turn of the sensor ignored",
        "blanking/cover.py",
        "self._roll = math.radians(plan.camera_model.sensor_roll_deg)",
        "self._roll = 0.0",
        hazard("turned_sensor"),
    ),
    Mutant(
        "zero of the tilt axis ignored",
        "blanking/track.py",
        "+ axes.tilt_offset_deg, zoom)",
        "+ 0.0, zoom)",
        hazard("turned_sensor"),
    ),
    Mutant(
        "optical axis taken for the picture's middle",
        "blanking/optics.py",
        "model.principal_point_rel[0] * width_px, model.principal_point_rel[1] * height_px",
        "0.5 * width_px, 0.5 * height_px",
        hazard("shifted_centre"),
    ),
    Mutant(
        "only the beginning of the path drawn",
        "blanking/cover.py",
        "shares = np.linspace(0.0, 1.0, count + 1)",
        "shares = np.linspace(0.0, 0.0, count + 1)",
        hazard("exposure"),
    ),
    Mutant(
        "clipped to the view instead of to what may enter it",
        "blanking/cover.py",
        "reach_radius=radius,",
        "reach_radius=0.8 * math.tan(view),",
        hazard("fast_and_close", "exposure"),
    ),
    Mutant(
        "error of directions ignored",
        "blanking/cover.py",
        "direction_error=math.radians(self._error_deg(sweep))",
        "direction_error=0.0",
        hazard("shifted_axes"),
    ),
    Mutant(
        "error of drawing ignored",
        "blanking/plan_values.py",
        "return self.drawing_deg + self.parallax_deg",
        "return self.parallax_deg",
        hazard("outlines_beside"),
    ),
    Mutant(
        "parallax ignored",
        "blanking/plan_values.py",
        "return self.drawing_deg + self.parallax_deg",
        "return self.drawing_deg",
        hazard("outlines_beside"),
    ),
    Mutant(
        "outlines' error forgotten where the picture is looked at",
        "blanking/cover.py",
        "margin + math.radians(self._outline_deg)",
        "margin",
        ("tests/blanking/test_cover.py",),
    ),
    Mutant(
        "outlines' error forgotten in panoramas",
        "blanking/panorama.py",
        " + plan.accuracy.outline_deg + STEP_DEG",
        " + STEP_DEG",
        ("tests/blanking/test_panorama.py",),
    ),
    Mutant("bad samples ignored", "blanking/track.py", "if lo_s < after_s and hi_s > before_s:", "if False:", (TRACK,)),
    Mutant(
        "over-speed unnoticed",
        "blanking/track.py",
        "if abs(difference) - 2.0 * error > speed * longest_s + 1e-9:",
        "if False:",
        (TRACK,),
    ),
    Mutant(
        "stale poses used",
        "blanking/track.py",
        "LONGEST_EXTRAPOLATION_S = 1.5",
        "LONGEST_EXTRAPOLATION_S = 15.0",
        (TRACK,),
    ),
    Mutant(
        "loss not latched until the next clean keyframe",
        "ingest/decoder.py",
        "elif finding is Finding.LOST:\n            self._intact = False",
        "elif finding is Finding.LOST:\n            return True",
        (DECODER,),
    ),
    Mutant(
        "reported loss forgotten",
        "ingest/masked.py",
        "grey = GreyReason.LOST_PICTURE if picture.suspect else inside.grey",
        "grey = inside.grey",
        (PIPELINE,),
    ),
    Mutant("reason from outside ignored", "blanking/stage.py", "return BlankAll(waiting.force_grey)", "pass", (STAGE,)),
    Mutant(
        "another size let through",
        "blanking/stage.py",
        "return GreyReason.SIZE_MISMATCH",
        "return None",
        (STAGE, PIPELINE),
    ),
    Mutant(
        "a sample counts before it has arrived",
        "blanking/stage.py",
        "while self._coming and self._coming[0][0] <= now_s:",
        "while self._coming:",
        (STAGE,),
    ),
    Mutant(
        "a PTZ camera blanked by masks fixed in the picture",
        "ingest/masked.py",
        "return active.plan if isinstance(active.plan, DirectionPlan) else None",
        "return active.plan",
        (PIPELINE,),
    ),
    Mutant(
        "no samples around the frame taken for no mask in view",
        "blanking/track.py",
        "return [PoseSweep(fix.pose, fix.pose, still, self._accuracy.pan_tilt_deg) for fix in here]",
        "return []",
        (TRACK,),
    ),
    *VISION,
    *WIRE,
    *CODEC,
    *ERASING,
    *EDGE,
    *ANCHORS,
    *DECIDING,
    *OVERSIGHT,
    *WHOLE_CHECK,
    *KEYS,
    *STALLING,
    *ALARMS,
)

SELECTION = (
    "no guard around a mask",
    "brightness only",
    "no exposure term",
    "one block too few",
    "the old plan goes on after a replan",
    *ERASING_SELECTION,
    *DECIDING_SELECTION,
)
"""What CI plants each time; `make mutants` plants all."""
