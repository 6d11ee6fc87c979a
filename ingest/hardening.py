"""A process that holds raw pictures leaves no core dump and lets no debugger of the same user in."""

from vms.hardening import harden_process


def harden() -> None:
    """Forbid core dumps and attaching to this process, whoever started it and how."""
    harden_process()
