"""Shared small plans and frames."""

import numpy as np
import pytest

from blanking.frames import RawFrame


@pytest.fixture
def plan_document() -> dict[str, object]:
    """Return a valid plan of directions."""
    return {
        "frame": {"width": 640, "height": 360},
        "kind": "directions",
        "camera_model": {
            "zoom": [[0.0, 62.8], [0.5, 12.1], [1.0, 2.3]],
            "k1": [[0.0, -0.13], [1.0, 0.0]],
            "principal_point": [0.5, 0.5],
            "mount_deg": {"pan": 0.0, "tilt": 0.4, "roll": -0.8},
            "pan_scale": 1.0,
            "tilt_scale": 1.0,
        },
        "accuracy": {"pan_tilt_deg": 0.1, "zoom_rel": 0.01, "time_s": 0.005, "exposure_s": 0.01},
        "masks": [{"id": "m1", "polygon_deg": [[-3.0, -2.0], [3.0, -2.0], [3.0, 2.0], [-3.0, 2.0]]}],
    }


def raw_frame(
    captured_s: float = 0.0, *, width: int = 640, height: int = 360, pixel_format: str = "yuv420p"
) -> RawFrame:
    """Return a bright raw frame."""
    half = ((height + 1) // 2, (width + 1) // 2)
    return RawFrame(
        planes=(np.full((height, width), 235, np.uint8), np.full(half, 90, np.uint8), np.full(half, 200, np.uint8)),
        width_px=width,
        height_px=height,
        pixel_format=pixel_format,
        captured_s=captured_s,
    )
