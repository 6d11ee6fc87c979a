"""The watch over a camera that does not turn: is it where it was when its plan was approved? Pure: instants are arguments.

Each look holds one picture against landmarks of several lights and seasons. Three things come of it: the camera is found, where its
landmarks are or elsewhere; a scene that stands still is seen and none of its landmarks in it; or too little is seen to say anything.
"""

import math
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from blanking.decision import GreyReason
from blanking.fixed_view.measure import (
    Anywhere,
    Floats,
    Follower,
    Measured,
    displacement_rel,
    evenings,
    measure_near,
    shows_in_place,
    standing,
)
from blanking.fixed_view.reduced_view import (
    HiddenPart,
    Landmarks,
    Luma,
    ReducedView,
    landmarks_of,
    median_of_three,
    reduced_luma,
    reduced_view,
)

LOOK_EVERY_S: Final = 0.6
LOOK_AGAIN_S: Final = 0.15
"""What was not found where it should be is looked at again so soon: two looks that agree decide, well within 2 s."""
_LOOK_THROUGH_S: Final = 0.2
"""Seen only through the median of several pictures: they must follow each other closely, or a knock is found too late."""
MOST_REFERENCES: Final = 8
LEAST_LANDMARKS: Final = 30
LEAST_LANDMARK_CELLS: Final = 8
_LOOKS_THAT_DECIDE: Final = 2
_CLEARED_LOOKS_THAT_DECIDE: Final = 4
"""The medians of the first and the last of them have no picture in common."""
_WORN_SHARE: Final = 0.4
"""Fewer landmarks than this found again: the light is another one, and a reference of it is taken."""
_TAKE_EVERY_S: Final = 60.0
_STEADY_LOOKS: Final = 5
_CONTINUES_S: Final = 10.0
_WORST_OF_S: Final = 120.0
_STEADY_REL: Final = 0.0018
_WIDEN_STEP_REL: Final = 0.0025
_WIDEN_FACTOR: Final = 1.15
_GENERATION_ERROR_REL: Final = 0.0004
_SCENE_SHARE: Final = 0.25
_LEAST_STANDING: Final = 8
_LEAST_AT_FIRST: Final = 15
_MIXED: Final = 0.2
_ROLL_EVERY: Final = 10
_LOOK_AT_MOVED_S: Final = 6.0
_CLEARED_BY: Final = 3
"""The median of so many pictures running shows what stands behind falling snow, rain and leaves."""
_SEARCH_AT_ONCE: Final = 7
_SEARCH_EVERY_S: Final = 10.0


class ViewState(StrEnum):
    """How a camera that does not turn stands."""

    STARTING = "starting"
    """No landmarks yet: none could be taken since the plan was approved."""
    IN_PLACE = "in-place"
    WIDER = "wider"
    """A little off, within the plan's margin: masks are wider by more than that."""
    NOT_RECOGNISED = "not-recognised"
    """A scene that is not the plan's, or nothing for so long that it must be told."""
    MOVED = "moved"
    """Beyond the plan's margin: the plan counts no more."""


@dataclass(frozen=True, slots=True)
class WatchLimits:
    """What a watch goes by.

    Args:
        margin_rel: by how much of its width the picture may shift.
        unrecognised_after_s: told when the view has not been recognised for so long.
        grey_unrecognised: and everything is grey from then on.
    """

    margin_rel: float
    unrecognised_after_s: float
    grey_unrecognised: bool


@dataclass(slots=True, eq=False)
class Reference:
    """Landmarks of one light.

    Args:
        marks: the view and its points.
        moved: 3 x 3, from the approved view to this one.
        generation: how many references lie between the approved view and this one; each adds an error.
        token: names it to whoever keeps it; None for one that is only in memory.
        seen_s: when it was last recognised.
    """

    marks: Landmarks
    moved: Floats
    generation: int
    token: str | None
    seen_s: float = -math.inf


@dataclass(frozen=True, slots=True)
class ViewReport:
    """How things stand, for whoever tells people.

    Args:
        shift_rel: of the last look that found the view, None when none has.
        widen_rel: by how much masks are wider.
        unseen_s: for how long the view has not been recognised.
    """

    state: ViewState
    shift_rel: float | None
    widen_rel: float
    unseen_s: float


class FixedViewWatch:
    """Watch one camera under one approved plan. For one thread at a time.

    Args:
        hidden: where no landmark may come from.
        references: what was kept from before.
        is_new: no landmarks were ever taken under this plan: the first good picture gives them.
    """

    def __init__(
        self, hidden: HiddenPart, limits: WatchLimits, references: list[Reference], *, is_new: bool, at_s: float
    ) -> None:
        self._hidden = hidden
        self._limits = limits
        self._references = references
        self._is_new = is_new
        self._rolling: Reference | None = None
        self._before: ReducedView | None = None
        self._follower = Follower()
        self._late: ReducedView | None = None
        self._again: tuple[Floats, int] = (np.eye(3), 0)
        self._worn = False
        self._looked_s = -math.inf
        self._searched_s = -math.inf
        self._failed = 0
        self._unfound: deque[Luma] = deque(maxlen=2 * _CLEARED_BY)
        self._seen_s = at_s
        self._steady = 0
        self._taken_s = -math.inf
        self._taken: Reference | None = None
        self._recent: deque[float] = deque(maxlen=3)
        self._worst: deque[tuple[float, float]] = deque()
        self._beyond = self._strange = 0
        self._generation = 0
        known = [one.marks for one in references]
        self._recognised = (
            float(np.mean([len(one) for one in known])) if known else 0.0,
            float(np.mean([len(np.unique(one.cells)) for one in known])) if known else float(LEAST_LANDMARK_CELLS),
        )
        self._moved = False
        self._is_strange = not is_new and not references
        self._unseen_s = 0.0

    @property
    def references(self) -> list[Reference]:
        """What the view is recognised by."""
        return self._references

    @property
    def moved(self) -> bool:
        """Whether the camera was found beyond the plan's margin, once and for all: persons must look."""
        return self._moved

    @property
    def grey(self) -> GreyReason | None:
        """Why everything must be grey now."""
        if self._moved:
            return GreyReason.CAMERA_MOVED
        late = self._limits.grey_unrecognised and self._unseen_s >= self._limits.unrecognised_after_s
        return GreyReason.CAMERA_NOT_RECOGNISED if self._is_strange or late else None

    @property
    def widen_rel(self) -> float:
        """By how much of the picture's width masks must be wider."""
        worst = max((shift for _, shift in self._worst), default=0.0)
        if worst < _STEADY_REL:
            return 0.0
        return math.ceil(_WIDEN_FACTOR * worst / _WIDEN_STEP_REL) * _WIDEN_STEP_REL

    def report(self) -> ViewReport:
        """Return how things stand."""
        shift_rel = float(np.median(self._recent)) if self._recent else None
        return ViewReport(self._state(), shift_rel, self.widen_rel, self._unseen_s)

    def is_due(self, at_s: float) -> bool:
        """Tell whether the next picture is to be looked at."""
        if self._moved:
            return not 0 <= at_s - self._looked_s < _LOOK_AT_MOVED_S
        in_doubt = 0 < self._failed <= _SEARCH_AT_ONCE or self._steady == 0
        through_s = _LOOK_THROUGH_S if self._failed == 0 and len(self._unfound) > 0 else LOOK_EVERY_S
        wait_s = LOOK_AGAIN_S if in_doubt else through_s
        return not 0 <= at_s - self._looked_s < wait_s

    def see(self, luma: Luma, at_s: float) -> None:
        """Look at a picture, whole and undamaged."""
        self._looked_s = at_s
        self._follower, self._late = Follower(), None
        view = reduced_view(reduced_luma(luma, self._hidden.grey.shape[0]), self._hidden)
        if self._is_new and not self._references:
            self._begin(view, at_s)
        else:
            self._hold_against(view, at_s)
        self._unseen_s = at_s - self._seen_s
        self._before = view

    def take(self) -> Reference | None:
        """Return a reference that was taken since the last call, to be kept."""
        taken, self._taken = self._taken, None
        return taken

    @property
    def recognised_by(self) -> str | None:
        """The token of the kept reference that the view was recognised by last."""
        newest = max(self._references, key=lambda one: one.seen_s, default=None)
        return None if newest is None else newest.token

    def keep_only(self, tokens: set[str]) -> None:
        """Drop what is kept no more."""
        self._references = [one for one in self._references if one.token in tokens]

    def forget_references(self, at_s: float) -> None:
        """What was kept is erased: begin with a new one if the camera was seen in its place just now."""
        last, self._references, self._rolling, self._taken = self._rolling, [], None, None
        if last is not None and at_s - self._seen_s <= _CONTINUES_S and self._beyond == 0 and self._before is not None:
            self._again = (last.moved, last.generation)
            self._is_new = True
        else:
            self._is_strange = not self._is_new

    def refresh(self) -> None:
        """The reference that serves now is old: take another one with the next look that finds the camera."""
        self._worn = True

    def _state(self) -> ViewState:
        if self._moved:
            return ViewState.MOVED
        if self._is_strange or self._unseen_s >= self._limits.unrecognised_after_s:
            return ViewState.NOT_RECOGNISED
        if not self._references:
            return ViewState.STARTING
        return ViewState.WIDER if self.widen_rel else ViewState.IN_PLACE

    def _begin(self, view: ReducedView, at_s: float) -> None:
        """Take the first landmarks, from a scene that stands still."""
        if self._stands(self._before, view, _LEAST_AT_FIRST, LEAST_LANDMARK_CELLS):
            self._keep(landmarks_of(view, self._hidden), *self._again, at_s)
            self._seen_s, self._steady = at_s, 1
            self._is_new = not self._references

    def _stands(self, before: ReducedView | None, view: ReducedView, least_points: float, least_cells: float) -> bool:
        """Tell whether two pictures running show a scene."""
        if before is None:
            return False
        points, cells = standing(landmarks_of(before, self._hidden), view, self._follower)
        return points >= least_points and cells >= least_cells

    def _shows_a_scene(self, view: ReducedView) -> bool:
        """Tell whether much stands still, compared with what of the place was recognised before: less of it shows at night."""
        points, cells = self._recognised
        known = [one for one in (self._rolling, *self._references) if one is not None]
        early = self._cleared(0) if len(self._unfound) == self._unfound.maxlen else None
        late = None if early is None else self._late
        # A lorry that stands before the camera leaves a few landmarks to be seen.
        pictures = [seen for seen in (view, late) if seen is not None]
        if any(shows_in_place(one.marks, seen, self._follower) for one in known[:2] for seen in pictures):
            return False
        least = max(_LEAST_STANDING, _SCENE_SHARE * points), _SCENE_SHARE * cells
        if self._stands(self._before, view, *least):
            return True
        # The two medians have no picture in common: what falls does not stand in both.
        return early is not None and late is not None and self._stands(early, late, *least)

    def _cleared(self, first: int) -> ReducedView | None:
        """Return what the pictures in which the view was not found have in common, from one of them on; None for too few."""
        pictures = list(self._unfound)[first:][:_CLEARED_BY]
        return reduced_view(median_of_three(*pictures), self._hidden) if len(pictures) == _CLEARED_BY else None

    def _hold_against(self, view: ReducedView, at_s: float) -> None:
        few = len(self._unfound) < _CLEARED_BY - 1
        found, seen = self._found(view, at_s, anywhere=few), view
        if found is not None:
            self._unfound.clear()
        else:
            self._unfound.append(view.luma)
            cleared = self._late = self._cleared(-_CLEARED_BY)
            if cleared is not None:
                found, seen = self._found(cleared, at_s, anywhere=True), cleared
        if found is None:
            self._failed += 1
            self._steady = self._beyond = 0
            self._strange = self._strange + 1 if self._shows_a_scene(view) else 0
            self._is_strange = self._is_strange or self._strange >= _LOOKS_THAT_DECIDE
            return
        measured, reference = found
        self._failed = self._strange = 0
        reference.seen_s = self._seen_s = at_s
        moved = measured.moved @ reference.moved
        before = self._recognised
        self._recognised = (_mixed(before[0], measured.points), _mixed(before[1], measured.cells))
        decide = _LOOKS_THAT_DECIDE if seen is view else _CLEARED_LOOKS_THAT_DECIDE
        self._weigh(displacement_rel(moved, view.luma.shape), reference.generation, at_s, decide)
        if self._beyond == 0 and not self._moved:
            self._is_strange = False
            self._follow(seen, moved, measured, reference, at_s)

    def _weigh(self, shift_rel: float, generation: int, at_s: float, looks_that_decide: int) -> None:
        error_rel = _GENERATION_ERROR_REL * math.sqrt(generation)
        self._recent.append(shift_rel)
        if shift_rel + error_rel > self._limits.margin_rel:
            self._beyond += 1
            self._steady = 0
            self._moved = self._moved or self._beyond >= looks_that_decide
            return
        self._beyond = 0
        self._steady += 1
        if len(self._recent) == self._recent.maxlen:
            self._worst.append((at_s, float(np.median(self._recent)) + error_rel))
        while self._worst and at_s - self._worst[0][0] > _WORST_OF_S:
            self._worst.popleft()

    def _follow(self, view: ReducedView, moved: Floats, measured: Measured, by: Reference, at_s: float) -> None:
        """Keep what the next pictures can be recognised by while the light changes."""
        if self._rolling is None or measured.share < _WORN_SHARE or self._steady % _ROLL_EVERY == 0:
            generation = by.generation if by.token is not None else by.generation + 1
            self._rolling = Reference(landmarks_of(view, self._hidden), moved, generation, None, at_s)
        worn = self._worn or measured.share < _WORN_SHARE or by.token is None
        if worn and self._steady >= _STEADY_LOOKS and at_s - self._taken_s >= _TAKE_EVERY_S:
            self._keep(landmarks_of(view, self._hidden), moved, by.generation + 1, at_s)

    def _keep(self, marks: Landmarks, moved: Floats, generation: int, at_s: float) -> None:
        if len(marks) < LEAST_LANDMARKS or len(np.unique(marks.cells)) < LEAST_LANDMARK_CELLS:
            return
        self._taken_s, self._worn = at_s, False
        self._taken = Reference(marks, moved, generation, f"{generation}.{at_s:.3f}", at_s)
        # First of those seen just now: the next look goes by the successor, or it would be taken again and again.
        self._references = sorted([self._taken, *self._references], key=lambda one: -one.seen_s)[:MOST_REFERENCES]

    def _found(self, view: ReducedView, at_s: float, *, anywhere: bool) -> tuple[Measured, Reference] | None:
        """Return how the view lies to a reference; None where it is not found, or not searched for elsewhere."""
        kept = sorted(self._references, key=lambda one: -one.seen_s)
        rolling = [] if self._rolling is None else [self._rolling]
        for faint in evenings(view):
            for reference in [*kept[:1], *rolling]:
                if (measured := measure_near(reference.marks, view, self._follower, faint=faint)) is not None:
                    return measured, reference
        if not anywhere or (self._failed >= _SEARCH_AT_ONCE and at_s - self._searched_s < _SEARCH_EVERY_S):
            return None
        self._searched_s = at_s
        for reference in kept[1:]:
            if (measured := measure_near(reference.marks, view, self._follower)) is not None:
                return measured, reference
        search = Anywhere(view, self._hidden)
        for reference in [*rolling, *kept]:
            if (measured := search.measure(reference.marks)) is not None:
                return measured, reference
        return None


def _mixed(before: float, now: float) -> float:
    return before + _MIXED * (now - before)
