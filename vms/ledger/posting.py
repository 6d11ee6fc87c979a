"""Asking a peer outside the house over HTTP: one question, one short answer, one deadline over all of it."""

from dataclasses import dataclass

import httpx

from vms.errors import Unavailable
from vms.ledger.deadline import within


@dataclass(frozen=True, slots=True)
class Reply:
    """What a peer answered.

    Args:
        kind: media type, without parameters.
        body: at most one byte more than was asked for: then it was cut off.
    """

    status: int
    kind: str
    body: bytes


def post(url: str, question: bytes, *, kind: str, within_s: float, longest: int, peer: str) -> Reply:
    """Post a question and return the answer; redirections are not followed.

    Args:
        kind: the question's media type.
        within_s: seconds for all of it, name look-up included; an answer that drips or does not end counts as none.
        longest: bytes of the answer that are read.
        peer: for the message.

    Raises:
        Unavailable: there is no connection, or no whole answer in time.
    """
    try:
        client = httpx.Client(timeout=within_s, follow_redirects=False)
    except OSError as error:
        raise Unavailable(f"no connection to {peer}: {error}", code="peer.away") from error

    def get() -> Reply:
        # Nothing packed: a chunk would be unpacked whole before anybody could count it.
        headers = {"Content-Type": kind, "Accept-Encoding": "identity"}
        with client, client.stream("POST", url, content=question, headers=headers) as answer:
            if answer.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
                raise Unavailable(f"{peer} answers in a content encoding that nobody asked for", code="peer.away")
            body = b""
            for part in answer.iter_raw():
                body += part
                if len(body) > longest:
                    break
            found = answer.headers.get("Content-Type", "").partition(";")[0].strip()
            return Reply(answer.status_code, found, body[: longest + 1])

    try:
        return within(within_s, get, client.close, peer)
    # ValueError: a name that can't be looked up as it is written.
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise Unavailable(f"{peer} does not answer: {error}", code="peer.away") from error
