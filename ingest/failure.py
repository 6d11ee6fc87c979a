"""What goes wrong with a camera, as one error that carries the cause of the gap it makes."""

from vms.errors import Unavailable
from vms.model import GapCause


class CameraFailure(Unavailable):
    """The camera gives no pictures now: reconnect with backoff.

    Args:
        message: what is wrong and what to do, without credentials.
        cause: why nothing is recorded until the next connection.
    """

    def __init__(self, message: str, *, code: str, cause: GapCause) -> None:
        super().__init__(message, code=code)
        self.cause = cause


def wrong_password() -> CameraFailure:
    """Make the failure of a refused account."""
    return CameraFailure(
        "the camera refuses us: wrong username or password; correct them with `vms camera`",
        code="camera.wrong-password",
        cause=GapCause.CAMERA_REFUSED,
    )


def stream_not_found() -> CameraFailure:
    """Make the failure of an unknown path."""
    return CameraFailure(
        "the camera has no stream at this address; correct the path of its RTSP address",
        code="camera.stream-not-found",
        cause=GapCause.CAMERA_REFUSED,
    )


def refused(why: str) -> CameraFailure:
    """Make the failure of any other refusal, e.g. an unsupported transport."""
    return CameraFailure(
        f"the camera refuses the stream ({why}); try its other transport (tcp or udp), or close other clients",
        code="camera.refused",
        cause=GapCause.CAMERA_REFUSED,
    )


def unreachable(why: str) -> CameraFailure:
    """Make the failure of a camera that does not answer."""
    return CameraFailure(
        f"the camera does not answer ({why}); check its power, network and address",
        code="camera.unreachable",
        cause=GapCause.CAMERA_UNREACHABLE,
    )


def connection_lost() -> CameraFailure:
    """Make the failure of a stream that the camera ended."""
    return CameraFailure(
        "the camera closed the connection", code="camera.connection-lost", cause=GapCause.CAMERA_UNREACHABLE
    )


def stalled(why: str) -> CameraFailure:
    """Make the failure of a stream that stands still."""
    return CameraFailure(
        f"the camera's stream stands still ({why})", code="camera.stalled", cause=GapCause.CAMERA_STALLED
    )


def unusable(why: str) -> CameraFailure:
    """Make the failure of a stream that is no video we can use."""
    return CameraFailure(
        f"the camera's stream can't be used ({why}); set it to H.264 or H.265",
        code="camera.unusable",
        cause=GapCause.CAMERA_REFUSED,
    )


def unknown_sign_in() -> CameraFailure:
    """Make the failure of a camera that wants a sign-in of another kind."""
    return CameraFailure(
        "the camera offers no way to sign in that we know; switch it to Digest",
        code="camera.refused",
        cause=GapCause.CAMERA_REFUSED,
    )


def password_in_the_clear() -> CameraFailure:
    """Make the failure of a camera that wants to see the password itself."""
    return CameraFailure(
        "the camera wants the password in the clear (Basic); switch it to Digest, give it an rtsps:// or https:// address, or allow it "
        'for this camera ("allows_basic" in the register)',
        code="camera.basic-refused",
        cause=GapCause.CAMERA_REFUSED,
    )
