"""Errands that a command gives to a camera's running worker and then watches."""

import asyncio
from collections.abc import Callable
from typing import Any

from vms.bus.commands import Command
from vms.bus.local import LocalBus
from vms.cli.acts import by_command_line
from vms.cli.parts import Parts
from vms.ledger.acts import Act
from vms.model import PlacementId

LOOK_EVERY_S = 0.5


def ask(parts: Parts, placement_id: PlacementId, command: Command) -> dict[str, Any]:
    """Return the worker's reply.

    Raises:
        Unavailable: no worker answers.
    """
    return asyncio.run(LocalBus(parts.settings.run, request_within_s=15.0).request(placement_id, command))


def watched(
    parts: Parts,
    placement_id: PlacementId,
    status: Command,
    cancel: tuple[Act, Command],
    say: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """Return how an errand ended.

    Args:
        status: asks how it stands; the reply has a `state`.
        cancel: what Ctrl-C writes in the ledger, and then sends.
        say: is given each reply while the errand runs.
    """
    try:
        while (now := ask(parts, placement_id, status))["state"] == "running":
            say(now)
            parts.clock.sleep(LOOK_EVERY_S)
    except KeyboardInterrupt:
        act, command = cancel
        with parts.db.write() as conn:
            parts.ledger.append(conn, by_command_line(act, {"placement_id": placement_id}))
        return {**ask(parts, placement_id, command), "state": "cancelled"}
    return now
