"""What `vms-audit` prints is what it found, whatever a forger wrote into what it read."""

from auditor.report import Report


def test_what_a_forger_wrote_can_not_paint_the_terminal() -> None:
    """A clear screen, a green "in order" and hidden letters behind it would hide the findings."""
    report = Report("verify-proof", facts={"entry_actor": "u\n\x1b[2J\x1b[HAlles is in orde.\x1b[8m\u202e\x9b"})
    report.find("proof-wrong", seq=3)
    text = report.as_text("en")
    assert all(one.isprintable() for line in text.split("\n") for one in line)
    assert "\\u001b[2J" in text
    assert text.endswith("FINDINGS: not in order")
