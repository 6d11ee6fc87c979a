"""Patrols that a camera runs by itself, without any command: speeds as a function of time."""

import math
import random
from collections.abc import Callable
from enum import StrEnum

Speeds = Callable[[float], tuple[float, float, float]]


class Pattern(StrEnum):
    """The patrols there are."""

    OFF = "off"
    SWEEP = "sweep"  # pan to and fro, tilt and zoom breathing slowly
    PATROL = "patrol"  # one way round, stopping now and then
    NERVOUS = "nervous"  # a joystick in a nervous hand


def autopilot(pattern: Pattern, start_s: float, speed_deg_s: float, seed: int) -> Speeds | None:
    """Return the speeds (pan, tilt in degrees a second, zoom in units a second) of a patrol."""
    if pattern is Pattern.OFF:
        return None
    rng = random.Random(seed)
    phase = [rng.random() * 2 * math.pi for _ in range(3)]

    def sweep(now_s: float) -> tuple[float, float, float]:
        t = now_s - start_s
        return (
            speed_deg_s * math.sin(t * 0.9),
            0.12 * speed_deg_s * math.sin(t * 0.7 + phase[1]),
            0.04 * math.sin(t * 0.5 + phase[2]),
        )

    def patrol(now_s: float) -> tuple[float, float, float]:
        t = now_s - start_s
        return (speed_deg_s if t % 8.0 < 5.0 else 0.0), 0.0, 0.0

    def nervous(now_s: float) -> tuple[float, float, float]:
        t = now_s - start_s
        slot = random.Random(seed * 1_000_003 + int(t / 0.4))
        return slot.uniform(-1, 1) * speed_deg_s, slot.uniform(-0.4, 0.4) * speed_deg_s, slot.uniform(-0.2, 0.2)

    return {Pattern.SWEEP: sweep, Pattern.PATROL: patrol, Pattern.NERVOUS: nervous}[pattern]
