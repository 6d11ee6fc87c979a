"""How a socket ends: the reason that is written down is the true one, whatever the other side does meanwhile."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.utils import ClientDisconnected

from api.sockets import CLOSE_GOING_AWAY, CLOSE_SIGNED_OUT, shown, until_over
from vms.errors import Unavailable


class Browser:
    """The other side of a socket.

    Args:
        leaves: whether it has gone by the time that the server closes.
        never_came: whether it has gone before the server lets it in.
    """

    def __init__(self, *, leaves: bool = False, never_came: bool = False) -> None:
        self.sent: list[Message] = []
        self._fails = {kind for kind, is_so in (("close", leaves), ("accept", never_came)) if is_so}
        self.says: asyncio.Queue[Message] = asyncio.Queue()
        self.says.put_nowait({"type": "websocket.connect"})

    def socket(self) -> WebSocket:
        """Return the server's end."""
        scope = {"type": "websocket", "path": "/x", "headers": [], "query_string": b"", "server": ("x", 80)}
        return WebSocket(scope, self.says.get, self._take)

    async def _take(self, message: Message) -> None:
        if message["type"].removeprefix("websocket.") in self._fails:
            raise ClientDisconnected
        self.sent.append(message)


def ended(browser: Browser, *watches: Callable[[], Any], is_stopping: bool = False) -> list[str]:
    """Show something until it is over; return what is written down."""
    written: list[str] = []

    async def run() -> None:
        socket = browser.socket()

        async def show() -> str:
            return await until_over(socket, *(watch() for watch in watches), is_stopping=lambda: is_stopping)

        await shown(socket, show, written.append, CLOSE_GOING_AWAY)

    asyncio.run(run())
    return written


async def for_ever() -> str:
    """Never end."""
    await asyncio.Event().wait()
    return "never"


async def session_over() -> str:
    """Find that the session is over."""
    return "session-over"


async def can_not_send() -> str:
    """Find that the other side is gone."""
    return "left"


async def fails() -> str:
    """Can't look."""
    raise Unavailable("away", code="database.away")


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1012, 4000])
def test_who_goes_has_left_whatever_code_is_sent(code: int) -> None:
    """A program may send the code of a server that restarts: nobody may leave without being named."""
    browser = Browser()
    browser.says.put_nowait({"type": "websocket.disconnect", "code": code})
    assert ended(browser, for_ever) == ["left"]


@pytest.mark.parametrize("watch", [for_ever, can_not_send])
def test_whoever_watches_does_not_leave_when_the_server_stops(watch: Callable[[], Any]) -> None:
    """Whether the end is heard or a send fails first."""
    browser = Browser()
    browser.says.put_nowait({"type": "websocket.disconnect", "code": 1012})
    assert ended(browser, watch, is_stopping=True) == ["server-stopped"]


@pytest.mark.parametrize("leaves", [True, False])
def test_the_reason_stands_although_the_browser_goes_as_well(*, leaves: bool) -> None:
    """Somebody signs out and closes the window."""
    browser = Browser(leaves=leaves)
    assert ended(browser, session_over, can_not_send) == ["session-over"]
    assert [one["code"] for one in browser.sent if one["type"] == "websocket.close"] == [CLOSE_SIGNED_OUT][leaves:]


def test_a_reason_stands_although_something_else_fails_at_the_same_time() -> None:
    """Whichever is looked at first."""
    for watches in ((session_over, fails), (fails, session_over)):
        assert ended(Browser(), *watches) == ["session-over"]


def test_what_can_not_be_checked_ends_as_unavailable() -> None:
    """And so does what nobody foresaw: it is not told as somebody's leaving."""
    assert ended(Browser(), for_ever, fails) == ["unavailable"]

    async def bug() -> str:
        raise ZeroDivisionError

    written: list[str] = []
    browser = Browser()
    with pytest.raises(ZeroDivisionError):
        asyncio.run(shown(browser.socket(), bug, written.append, CLOSE_GOING_AWAY))
    assert written == ["unavailable"]


def test_a_browser_that_went_before_it_was_let_in_has_left() -> None:
    """The view was opened for it, so its end is written down."""
    browser, written = Browser(), list[str]()

    async def gone() -> str:
        raise WebSocketDisconnect(1006)

    asyncio.run(shown(browser.socket(), gone, written.append, CLOSE_GOING_AWAY))
    assert written == ["left"]
    # So it is with the real server: accepting fails. Else the log blames a part of the system that did not answer.
    assert ended(Browser(never_came=True), for_ever) == ["left"]
