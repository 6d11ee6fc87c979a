"""The tests of blanking and erasing can find a fault: each of the catalogue's is planted in a copy, and must be found."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mutants.catalogue import MUTANTS, SELECTION
from tests.mutants.mutant import Mutant
from tests.mutants.planting import AnchorGoneError, copied_tree, hunt, planted, source_of


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.name)
def test_every_anchor_still_stands_once(mutant: Mutant) -> None:
    """A mutant that plants nothing would pass for ever."""
    assert planted(mutant, source_of(mutant)) != source_of(mutant)


def test_an_anchor_that_is_gone_says_what_to_do() -> None:
    """Whoever changes the code meets this message."""
    gone = Mutant("gone", "blanking/burn.py", "no such text", "", ())
    with pytest.raises(AnchorGoneError, match="catalogue"):
        planted(gone, source_of(gone))


def test_names_are_unique_and_the_selection_exists() -> None:
    """A name is how a mutant is chosen."""
    names = [one.name for one in MUTANTS]
    assert len(names) == len(set(names)) >= 14
    assert set(SELECTION) <= set(names)


@pytest.fixture(scope="module")
def tree() -> Iterator[Path]:
    """Return a copy of the source."""
    with copied_tree() as folder:
        yield folder


@pytest.mark.slow
@pytest.mark.parametrize("name", SELECTION)
def test_a_planted_fault_is_found(name: str, tree: Path) -> None:
    """The rest by `make mutants`."""
    mutant = next(one for one in MUTANTS if one.name == name)
    assert hunt(mutant, tree).found_by


@pytest.mark.slow
def test_sound_code_is_not_accused(tree: Path) -> None:
    """Tests that fail anyway would find every mutant."""
    sound = Mutant("none", "blanking/burn.py", "GREY = 128", "GREY = 128", ("tests/blanking/test_stage.py",))
    assert hunt(sound, tree).found_by == ()
