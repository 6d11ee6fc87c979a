"""Samples that nobody could foresee and anybody can draw again: those whose SHA-256 with the auditor's seed is lowest."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sample:
    """How many are drawn, and by which seed."""

    count: int
    seed: str

    def drawn(self, found: Iterable[T], name: Callable[[T], str]) -> list[T]:
        """Return the sample: those with the lowest SHA-256 of `seed|name`."""
        return sorted(found, key=lambda one: hashlib.sha256(f"{self.seed}|{name(one)}".encode()).digest())[: self.count]
