"""The bus as its two sides see it. Any implementation must pass tests/bus/test_bus_contract.py."""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Protocol

from vms.bus.commands import Command
from vms.bus.messages import LiveMessage
from vms.model import PlacementId

Admit = Callable[[Sequence[LiveMessage]], None]
"""Take the messages with which a new subscriber starts; from then on it gets what is published."""


class Channel(Protocol):
    """The worker's side: one placement's pictures out, commands in. Safe to use from several threads."""

    @property
    def watched(self) -> bool:
        """Whether anybody is subscribed."""

    @property
    def viewers(self) -> int:
        """How many are subscribed."""

    def publish(self, message: LiveMessage) -> None:
        """Send to all subscribers; never waits. A subscriber that can't keep up skips to the next keyframe."""

    def on_join(self, greet: Callable[[Admit], None]) -> None:
        """Have `greet` called for each new subscriber; it must call `admit` once, with init and what came since the last keyframe."""

    def on_command(self, callback: Callable[[Command], dict[str, Any]]) -> None:
        """Have `callback` called for each command, one at a time; a VmsError it raises becomes the reply."""


class Bus(Protocol):
    """The API's side."""

    def subscribe(self, placement_id: PlacementId) -> AsyncGenerator[LiveMessage, None]:
        """Return an endless iterator: state, init, frames from the last keyframe on.

        While no worker answers it gives `offline` once and goes on by itself when one is there again. Messages of an older
        epoch than the newest seen are dropped.
        """

    async def request(self, placement_id: PlacementId, command: Command) -> dict[str, Any]:
        """Return the worker's reply.

        Raises:
            Unavailable: no worker answers, or not in time; whether the command was obeyed is then unknown.
            VmsError: what the worker raised.
        """
