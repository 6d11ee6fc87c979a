"""Ledger entries of what is done at the command line."""

import getpass
import socket
from collections.abc import Mapping

from vms import __version__
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Private, Value


def by_command_line(act: Act, about: Mapping[str, Value]) -> Entry:
    """Return an entry of an act at the command line; the machine's account name stands in it as a commitment."""
    return Entry(
        act=act,
        actor=Actor.service("command-line"),
        origin=Origin(app=f"vms-cli/{__version__}", workstation=socket.gethostname()),
        object={**about, "os_account": Private(getpass.getuser())},
    )
