"""Every decision is found from the index, under its own title."""

from pathlib import Path

FOLDER = Path("docs/decisions")


def test_the_index_lists_every_decision() -> None:
    """A decision that nobody finds is taken a second time."""
    wanted = []
    for path in sorted(FOLDER.glob("0*.md")):
        number, title = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").split(" ", 1)
        wanted.append(f"- [{number}]({path.name}) {title}")
    listed = [line for line in (FOLDER / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("- ")]
    assert listed == wanted
