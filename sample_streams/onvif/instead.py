"""What comes instead of an answer: pages for people, redirects, and attacks on whoever reads on.

Source: RFC 9110 (redirects, 100 Continue), RFC 1952 (gzip); CWE-409, CWE-776, CWE-611, CWE-400 for the attacks.
"""

import asyncio
import functools
import struct
import zlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

from sample_streams.onvif.habits import INSTEAD, REDIRECTS, OnvifHabit, OnvifHabits
from sample_streams.onvif.soap import CONTENT_TYPE, ENVELOPE
from sample_streams.wire.http import Request, Response, encode_response

SILENCE_S = 3600.0
HUGE_BYTES = 300_000_000
DEPTH = 100_000
_PIECE = 1 << 16
_HEAD = f"HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE}\r\n"
_START = f'<?xml version="1.0" encoding="UTF-8"?><env:Envelope xmlns:env="{ENVELOPE}"><env:Body>'
_END = "</env:Body></env:Envelope>"
_PAGES = {
    OnvifHabit.LOGIN_PAGE: (
        200,
        "<title>Login</title><form action=/login><input name=user><input type=password></form>",
    ),
    OnvifHabit.PAGE_404: (404, "<title>404 Not Found</title><h1>Not Found</h1>"),
    OnvifHabit.PAGE_500: (500, "<title>500</title><h1>Internal Server Error</h1>"),
    OnvifHabit.PAGE_503: (503, "<title>503</title><h1>Service Unavailable</h1>"),
}
Stream = Callable[[asyncio.StreamWriter], Awaitable[None]]


def instead(request: Request, habits: OnvifHabits) -> Response | None:
    """Return what comes instead of an answer, None where the answer comes."""
    habit = habits.one_of(INSTEAD)
    if habit is None:
        return None
    if habit in _PAGES:
        status, inner = _PAGES[habit]
        return Response(status, f"<!DOCTYPE html><html><body>{inner}</body></html>".encode(), "text/html")
    if habit in REDIRECTS:
        status = int(habit.value.removeprefix("redirect-"))
        return Response(status, headers={"Location": habits.elsewhere or request.path})
    match habit:
        case OnvifHabit.EMPTY_ANSWER:
            return Response(200, b"", CONTENT_TYPE)
        case OnvifHabit.GZIP_BOMB:
            return Response(200, _bomb(), CONTENT_TYPE, {"Content-Encoding": "gzip"})
        case OnvifHabit.ENTITY_BOMB:
            return Response(200, _entity_bomb(), CONTENT_TYPE)
        case OnvifHabit.EXTERNAL_ENTITY:
            where = habits.elsewhere or request.path
            head = f'<?xml version="1.0"?><!DOCTYPE env:Envelope [<!ENTITY away SYSTEM "{where}">]>'
            return Response(200, (head + _START.partition("?>")[2] + "&away;" + _END).encode(), CONTENT_TYPE)
        case OnvifHabit.DEEP:
            return Response(200, (_START + "<a>" * DEPTH + "</a>" * DEPTH + _END).encode(), CONTENT_TYPE)
        case _:
            return Response(200, stream=_STREAMS[habit])


def spoiled(answer: Response, habits: OnvifHabits) -> Response:
    """Return a good answer as it comes from a device that breaks off or drips."""
    if habits.has(OnvifHabit.TRUNCATED):
        return replace(answer, body=answer.body[: len(answer.body) * 2 // 3])
    if habits.has(OnvifHabit.DRIP):
        return Response(200, stream=functools.partial(_drip, encode_response(answer, keep_alive=False)))
    return answer


async def _pour(writer: asyncio.StreamWriter, pieces: Iterator[bytes]) -> None:
    for piece in pieces:
        if writer.is_closing():
            return
        writer.write(piece)
        await writer.drain()


async def _huge(writer: asyncio.StreamWriter) -> None:
    start = _START.encode() + b"<a>"
    end = b"</a>" + _END.encode()
    filling = HUGE_BYTES - len(start) - len(end)

    def pieces() -> Iterator[bytes]:
        yield f"{_HEAD}Content-Length: {HUGE_BYTES}\r\n\r\n".encode() + start
        for done in range(0, filling, _PIECE):
            yield b"x" * min(_PIECE, filling - done)
        yield end

    await _pour(writer, pieces())


async def _endless_headers(writer: asyncio.StreamWriter) -> None:
    def pieces() -> Iterator[bytes]:
        yield _HEAD.encode()
        number = 0
        while True:
            yield b"".join(b"X-Camera-%d: %s\r\n" % (number + step, b"x" * 100) for step in range(100))
            number += 100

    await _pour(writer, pieces())


async def _endless_continue(writer: asyncio.StreamWriter) -> None:
    def pieces() -> Iterator[bytes]:
        while True:
            yield b"HTTP/1.1 100 Continue\r\n\r\n" * 100

    await _pour(writer, pieces())


async def _endless_chunks(writer: asyncio.StreamWriter) -> None:
    def pieces() -> Iterator[bytes]:
        yield f"{_HEAD}Transfer-Encoding: chunked\r\n\r\n".encode()
        yield b"%x\r\n%s\r\n" % (len(_START), _START.encode())
        while True:
            yield b"%x\r\n%s\r\n" % (_PIECE, b" " * _PIECE)

    await _pour(writer, pieces())


async def _silent(writer: asyncio.StreamWriter) -> None:
    del writer
    await asyncio.sleep(SILENCE_S)


async def _drip(whole: bytes, writer: asyncio.StreamWriter) -> None:
    for at in range(len(whole)):
        if writer.is_closing():
            return
        writer.write(whole[at : at + 1])
        await writer.drain()
        await asyncio.sleep(1.0)


_STREAMS: dict[OnvifHabit, Stream] = {
    OnvifHabit.HUGE: _huge,
    OnvifHabit.ENDLESS_HEADERS: _endless_headers,
    OnvifHabit.ENDLESS_CONTINUE: _endless_continue,
    OnvifHabit.ENDLESS_CHUNKS: _endless_chunks,
    OnvifHabit.SILENT: _silent,
}


@functools.cache
def _bomb() -> bytes:
    """Return gzip that unpacks to 300 MB: after a full flush a block depends on nothing, so one is made and repeated."""
    count, piece = HUGE_BYTES // 1_000_000, b" " * 1_000_000
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(count):
        checksum = zlib.crc32(piece, checksum)
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    return head + block * count + b"\x03\x00" + struct.pack("<II", checksum, count * len(piece))


def _entity_bomb() -> bytes:
    lines = ['<!ENTITY a0 "camera camera camera ">']
    lines += [f'<!ENTITY a{number} "{f"&a{number - 1};" * 10}">' for number in range(1, 10)]
    head = f'<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE env:Envelope [{"".join(lines)}]>'
    return (head + _START.partition("?>")[2] + "&a9;" + _END).encode()
