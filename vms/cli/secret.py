"""Passwords at the command line: typed unseen or piped in, never an argument, which every account of the machine can read."""

import sys

import typer

from vms.errors import InvalidInput


def read_secret(prompt: str, *, confirm: bool = False) -> str:
    """Return a password: asked for at a terminal, else the first line of standard input.

    Raises:
        InvalidInput: there is none.
    """
    if sys.stdin.isatty():
        return str(typer.prompt(prompt, hide_input=True, confirmation_prompt=confirm))
    secret = sys.stdin.readline().rstrip("\r\n")
    if not secret:
        raise InvalidInput(f"{prompt}: type it at a terminal, or pipe it in as one line", code="secret.none")
    return secret
