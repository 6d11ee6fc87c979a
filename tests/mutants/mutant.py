"""A planted fault."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """A planted fault.

    Args:
        name: says what is left out.
        file: where it is planted.
        anchor: text that stands there exactly once.
        plant: what takes its place.
        tests: what is run against it, as pytest's arguments; at least one of them must fail.
    """

    name: str
    file: str
    anchor: str
    plant: str
    tests: tuple[str, ...]
