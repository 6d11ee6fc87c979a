"""The errors of the whole product: one class per reaction of the caller.

    VmsError
    +-- InvalidInput      the input is wrong: tell the person which part, where, and what to do; nothing was changed
    +-- Denied            the policy says no: tell why, log it
    +-- NotFound          the thing named does not exist (or may not be seen)
    +-- Conflict          the state has moved on: reload and decide again
    +-- Unavailable       a camera, disk, database or peer does not answer now: try again later, with backoff
    |   +-- Fenced        another recorder has taken over: stop at once, write nothing more
    |   +-- StorageFull   the volume is full: stop recording, alarm, delete nothing early
    +-- IntegrityLost     what was read is not what was written: incident, never guess

An adapter translates the exceptions of the library that it owns into these, with `raise ... from`, and names the evidence
(camera, file, position). Every error has a code, by which the pages find the text in the reader's language.
"""


class VmsError(Exception):
    """Anything that a caller can react to.

    Args:
        message: one English sentence for logs and the command line: what is wrong, where, what to do.
        code: a stable dotted word for the pages' catalogue, e.g. `hold.case-number`.
        details: values for the text in the pages (never secrets, never free text of a person).
    """

    def __init__(self, message: str, *, code: str | None = None, **details: str | float) -> None:
        super().__init__(message)
        self.code = code or type(self).__name__
        self.details = details


class InvalidInput(VmsError):  # noqa: N818 - named by the reaction, not by the suffix
    """The input is wrong; nothing was changed."""


class Denied(VmsError):  # noqa: N818 - as above
    """The policy does not allow this."""


class NotFound(VmsError):  # noqa: N818 - as above
    """The thing named does not exist."""


class Conflict(VmsError):  # noqa: N818 - as above
    """The state has moved on since the caller looked."""


class Unavailable(VmsError):  # noqa: N818 - as above
    """Something outside does not answer now."""


class Fenced(Unavailable):
    """Another recorder has taken over this placement."""


class StorageFull(Unavailable):
    """The volume for footage is full."""


class IntegrityLost(VmsError):  # noqa: N818 - as above
    """What was read is not what was written."""
