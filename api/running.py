"""What lives as long as the application runs: made in the lifespan, found through the request."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from api.commissioning.book import CommissioningBook
from api.doorman import Doorman
from api.exporting import ExportWorker
from api.live.hub import LiveHub
from api.live.views import ViewBook
from api.parts import ApiParts
from api.ptz import PtzDesk
from api.remembered import Looks, Remembered
from api.sign_in_queue import SignInQueue
from vms.bus.commissioning import CommissioningBus

READINESS_LASTS_S = 5.0
"""Anybody may ask whether we are ready, and the answer costs a thousand hashes."""

LOOK_LASTS_S = 900.0
"""A page that refreshes itself is one look, for so long."""
LEDGER_TEST_S = 60.0
"""Between two tests of the ledger for the page about erasing."""


class SessionBell:
    """Tells what goes on after a request that its session is over, without waiting for the next look."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bells: dict[str, set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = {}

    def listen(self, session_id: str) -> asyncio.Event:
        """Return an event that is set when the session ends; call from the event loop."""
        event = asyncio.Event()
        with self._lock:
            self._bells.setdefault(session_id, set()).add((asyncio.get_running_loop(), event))
        return event

    def forget(self, session_id: str, event: asyncio.Event) -> None:
        """Stop listening."""
        with self._lock:
            bells = self._bells.get(session_id, set())
            bells -= {pair for pair in bells if pair[1] is event}
            if not bells:
                self._bells.pop(session_id, None)

    def ring(self, session_id: str) -> None:
        """Say that a session has ended; from any thread."""
        with self._lock:
            bells = list(self._bells.get(session_id, ()))
        for loop, event in bells:
            loop.call_soon_threadsafe(event.set)


@dataclass(frozen=True, slots=True)
class Running:
    """The parts, and what was built on them."""

    parts: ApiParts
    doorman: Doorman
    hub: LiveHub
    views: ViewBook
    ptz: PtzDesk
    exports: ExportWorker
    commissioning: CommissioningBook
    commissioning_bus: CommissioningBus
    is_stopping: Callable[[], bool]
    bell: SessionBell = field(default_factory=SessionBell)
    sign_ins: SignInQueue = field(default_factory=SignInQueue)
    readiness: Remembered[dict[str, bool]] = field(default_factory=lambda: Remembered(READINESS_LASTS_S))
    problems: Remembered[list[str]] = field(default_factory=lambda: Remembered(READINESS_LASTS_S))
    looks: Looks = field(default_factory=lambda: Looks(LOOK_LASTS_S))
    ledger_whole: Remembered[bool] = field(default_factory=lambda: Remembered(LEDGER_TEST_S))

    @property
    def https(self) -> bool:
        """Whether browsers reach us encrypted."""
        return self.parts.settings.origin.startswith("https:")

    @property
    def cookie_name(self) -> str:
        """Name of the session cookie; the prefix binds it to this host, but browsers demand https for it."""
        return "__Host-vms_session" if self.https else "vms_session"


def running_of(connection: HTTPConnection) -> Running:
    """Return what the application that serves this connection runs on."""
    running = connection.app.state.running
    assert isinstance(running, Running)
    return running
