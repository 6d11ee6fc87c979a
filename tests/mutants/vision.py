"""Faults in what pictures are used for (anchors, dead reckoning, contradictions, pose sets), and in noticing that pictures were lost."""

from tests.mutants.mutant import Mutant

ANCHORS = "tests/blanking/test_anchors.py"
SETS = "tests/blanking/test_pose_sets.py"
VIEW = "tests/blanking/test_told_view.py"
WITNESSES = "tests/blanking/test_witnesses.py"
LOSS = "tests/ingest/test_loss.py"

_ANCHORS = "blanking/anchors.py"
_EYE = "blanking/eyewitness.py"
_SETS = "blanking/pose_sets.py"
_DECIDE = "blanking/decide.py"


def eye(*names: str) -> tuple[str, ...]:
    """Return tests of the eyewitness."""
    return tuple(f"tests/blanking/test_eyewitness.py::test_{name}" for name in names)


VISION = (
    Mutant(
        "a sample taken in motion taken for an anchor",
        _ANCHORS,
        "if offset.still or not anchored]",
        "if True]",
        (ANCHORS,),
    ),
    Mutant(
        "drift of dead reckoning ignored",
        _ANCHORS,
        "return (base[0] + (scale + lean) * way_deg, base[1] + scale * way_deg, base[2] + 0.03 * moved[2])",
        "return (0.0, 0.0, 0.0)",
        (ANCHORS,),
    ),
    Mutant(
        "errors of the registration ignored",
        _ANCHORS,
        "[offset.spread[a] + glance.own_error[a] + drift[a] + blur[a] for a in range(3)]",
        "[drift[a] + blur[a] for a in range(3)]",
        (ANCHORS,),
    ),
    Mutant(
        "turn during the exposure ignored",
        _ANCHORS,
        "return _triple(sweep), _triple(blur)",
        "return (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)",
        (ANCHORS,),
    ),
    Mutant(
        "a frozen picture proves that the camera stands",
        _ANCHORS,
        "if at_s - glance.fresh_s > LONGEST_UNCHANGED_S or self",
        "if self",
        (ANCHORS,),
    ),
    Mutant(
        "pictures between an anchor and now taken for standing",
        _ANCHORS,
        "for glance in self._glances[first:last]\n        )",
        "for glance in self._glances[first:first]\n        )",
        (ANCHORS,),
    ),
    Mutant("anchors used for ever", _ANCHORS, "LONGEST_ANCHOR_S = 12.0", "LONGEST_ANCHOR_S = 1e9", (ANCHORS,)),
    Mutant(
        "an anchor of another chain used",
        _ANCHORS,
        "            self._offsets.clear()\n            self._glances.clear()",
        "            self._glances.clear()",
        (ANCHORS,),
    ),
    Mutant(
        "samples that disagree with the picture unnoticed",
        _ANCHORS,
        "return any(self._apart(offset, other) for other in self._offsets if other is not offset)",
        "return False",
        (ANCHORS,),
    ),
    Mutant(
        "a contradiction unnoticed",
        _EYE,
        "        self.contradicts = True\n",
        "        self.contradicts = False\n",
        eye("a_register_frozen_in_mid_turn_is_found_out"),
    ),
    Mutant(
        "a contradiction noticed and not obeyed",
        _DECIDE,
        "if self._eyewitness.contradicts:",
        "if False:",
        eye("a_register_frozen_in_mid_turn_is_found_out"),
    ),
    Mutant(
        "what lies apart from telemetry still used",
        _EYE,
        "        if how is Lies.APART:\n            self._contradict(captured_s)\n            return None\n",
        "",
        eye("a_bearing_apart_from_all_that_telemetry_allows_is_a_contradiction_and_no_testimony"),
    ),
    Mutant(
        "a contradiction resolved while both stand still",
        _EYE,
        "and self._anchors.agrees_in_motion():",
        "and True:",
        eye("standing_still_together_resolves_nothing"),
    ),
    Mutant(
        "a clock believed for agreeing at one speed",
        _ANCHORS,
        " or not self._speed_has_changed()",
        "",
        (ANCHORS, *eye("a_clock_that_is_off_is_not_believed_for_turning_at_one_speed")),
    ),
    Mutant(
        "the grey of two sources counted from when it was noticed",
        "blanking/witnesses.py",
        "span_s[1] + RESOLVED_AFTER_S",
        "now_s + 2.0",
        (WITNESSES,),
    ),
    Mutant(
        "a contradiction resolved at the first agreement",
        _EYE,
        "if at_s - self._agreeing_since_s >= AGREED_AFTER_S * self._faults and",
        "if",
        eye("a_register_that_has_worked_for_less_than_a_second_is_not_believed_yet"),
    ),
    Mutant(
        "a look back that does not fit counts too",
        _EYE,
        "self._looks = self._looks + 1 if fits else 0",
        "self._looks = self._looks + 1",
        eye("a_look_back_that_does_not_fit_resolves_nothing"),
    ),
    Mutant(
        "what was known before a contradiction kept through it",
        _EYE,
        "        self._anchors.forget()\n        self._odometer.end_chain()\n",
        "",
        eye("a_contradiction_is_resolved_when_both_move_alike_for_a_while"),
    ),
    Mutant(
        "what happens inside masks steers them",
        _EYE,
        "return ~self._sphere.near(ahead, margin)",
        "return np.ones(len(ahead), dtype=bool)",
        eye("what_happens_inside_a_mask_is_not_looked_at"),
    ),
    Mutant(
        "a set that reaches over the edge taken to be inside",
        _SETS,
        "tuple(-spread for spread in one.spread), endless=endless",
        "(0.0, 0.0, 0.0), endless=endless",
        (SETS,),
    ),
    Mutant(
        "one end inside taken for both",
        _SETS,
        "for end in ends)\n        for other in sets",
        "for end in ends[:1])\n        for other in sets",
        (SETS,),
    ),
    Mutant("a middle outside taken for one inside", _SETS, "return Lies.DOUBTFUL", "return Lies.ACROSS", (SETS,)),
    Mutant("apart taken for doubtful", _SETS, "return Lies.APART", "return Lies.DOUBTFUL", (SETS,)),
    Mutant("the seam of pan forgotten", _SETS, "if axis == 0 and endless:", "if False:", (SETS,)),
    Mutant(
        "each axis held by another part of the path",
        _SETS,
        "lo, hi = max(lo, first), min(hi, last)",
        "lo, hi = min(lo, first), max(hi, last)",
        (SETS,),
    ),
    Mutant(
        "the picture's word instead of both",
        _DECIDE,
        "return Cover(by_picture.mask & by_telemetry.mask,",
        "return Cover(by_picture.mask & by_picture.mask,",
        (SETS,),
    ),
    Mutant(
        "less than both in doubt",
        _DECIDE,
        "by_picture.mask | by_telemetry.mask",
        "by_picture.mask & by_telemetry.mask",
        (SETS,),
    ),
    Mutant(
        "a smaller set drawn for a larger one",
        _DECIDE,
        "_hardly_larger(last, poses) and holds(last, poses)",
        "_hardly_larger(last, poses)",
        (SETS,),
    ),
    Mutant(
        "a told field of view of another profile ignored",
        _DECIDE,
        "if self._told_view.misfits:",
        "if False:",
        (VIEW,),
    ),
    Mutant(
        "two sources that contradict each other unnoticed",
        _DECIDE,
        "for doubt in self._witnesses.see(sample):",
        "for doubt in ():",
        (WITNESSES,),
    ),
    Mutant(
        "a burst as long as the counter unnoticed",
        "ingest/pace.py",
        "return max(0, pts - latest) / spacing",
        "return 0.0",
        (LOSS,),
    ),
    Mutant(
        "a changed parameter set unnoticed",
        "ingest/loss.py",
        "return Finding.LOST if changed and found is not Finding.CLEAN_START else found",
        "return found",
        (LOSS,),
    ),
    Mutant(
        "any slice taken for a whole picture",
        "ingest/loss.py",
        "if changed or first_mb or expected is None:",
        "if changed or expected is None:",
        (LOSS,),
    ),
)
