"""The latency benchmark drives the real system; here it only has to come to an end with readable numbers."""

import pytest

from bench import glass_to_glass


@pytest.mark.processes
@pytest.mark.browser
@pytest.mark.slow
def test_frame_numbers_are_read_from_the_live_page() -> None:
    """It would otherwise break with the first change of the page."""
    report = glass_to_glass.run(rounds=1, quick=True)
    assert len(report.figures) == 1
