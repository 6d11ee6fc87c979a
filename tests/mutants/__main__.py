"""`make mutants`: plant every fault of the catalogue, one after another, and report which tests found it."""

import sys

from tests.mutants.catalogue import MUTANTS
from tests.mutants.planting import GIVE_UP_AFTER_S, Verdict, copied_tree, hunt, run_tests


def main(words: list[str]) -> int:
    """Hunt the mutants whose name has one of the words in it, or all; return 1 when one survives."""
    chosen = [one for one in MUTANTS if not words or any(word in one.name for word in words)]
    verdicts: list[Verdict] = []
    with copied_tree() as tree:
        everything = tuple(sorted({test for one in chosen for test in one.tests}))
        sound = run_tests(tree, everything, GIVE_UP_AFTER_S * len(everything))
        if sound:
            sys.stdout.write(f"the tests fail without any mutant: {', '.join(sound)}\n")
            return 2
        for mutant in chosen:
            verdicts.append(hunt(mutant, tree))
            sys.stdout.write(row(verdicts[-1]) + "\n")
            sys.stdout.flush()
    survivors = [one for one in verdicts if not one.found_by]
    sys.stdout.write(f"{len(verdicts) - len(survivors)} of {len(verdicts)} planted faults found\n")
    return 1 if survivors else 0


def row(verdict: Verdict) -> str:
    """Return a line of the table."""
    found = verdict.found_by[0].removeprefix("tests/") if verdict.found_by else "SURVIVED: a test is missing"
    return f"{verdict.mutant.name:58s} {verdict.mutant.file:24s} {verdict.seconds:5.1f} s  {found}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
