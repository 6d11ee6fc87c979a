"""The forms in which things travel: what goes in comes out, and nonsense is refused."""

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.bus.commands import (
    PtzAbsolute,
    PtzContinuous,
    PtzGotoPreset,
    PtzRelativeView,
    command_from_json,
    command_to_json,
)
from vms.bus.messages import FrameMessage, InitMessage, StateMessage, from_wire, to_browser, to_wire
from vms.bus.wire import error_from_json, socket_path
from vms.errors import IntegrityLost, InvalidInput, Unavailable
from vms.model import PlacementId


@given(st.integers(0, 2**31), st.integers(-(2**62), 2**62), st.booleans(), st.binary(max_size=64))
def test_a_frame_survives_the_wire(epoch: int, at_us: int, key: bool, data: bytes) -> None:  # noqa: FBT001 - hypothesis passes it
    """A flipped flag or a cut instant would show a wrong age of the picture."""
    message = FrameMessage(epoch, at_us, key, data)
    assert from_wire(to_wire(message)) == message


def test_init_and_state_survive_the_wire() -> None:
    """A player can't start without its head."""
    for message in (
        InitMessage(3, "avc3.64001f", 640, 360, b"\x00head"),
        StateMessage({"state": "grey", "reason": "é"}),
    ):
        assert from_wire(to_wire(message)) == message


def test_the_browser_gets_the_layout_of_the_contract() -> None:
    """The page's JavaScript reads these very offsets."""
    init = to_browser(InitMessage(3, "avc3.64001f", 640, 360, b"HEAD"))
    (length,) = struct.unpack_from(">I", init, 1)
    assert init[0] == 1
    assert json.loads(init[5 : 5 + length]) == {"codec": "avc3.64001f", "width": 640, "height": 360, "epoch": 3}
    assert init[5 + length :] == b"HEAD"
    assert to_browser(FrameMessage(3, 5, True, b"F")) == b"\x02\x01" + struct.pack(">q", 5) + b"F"
    assert to_browser(StateMessage({"state": "live"})) == b'\x03{"state": "live"}'


@pytest.mark.parametrize("body", [b"", b"\x09", b"\x01\x00", b"\x02\x00", b"\x03{", b"\x01\x00\x00\x00\x02[]"])
def test_a_broken_message_is_integrity_lost(body: bytes) -> None:
    """Bytes of something else must never reach a player."""
    with pytest.raises(IntegrityLost):
        from_wire(body)


def test_commands_survive_json() -> None:
    """The API sends what the page sent."""
    for command in (PtzContinuous(0, 1, -1), PtzAbsolute(10, -5, 0.5), PtzRelativeView(0.2, -0.1), PtzGotoPreset("1")):
        assert command_from_json(json.loads(json.dumps(command_to_json(command)))) == command


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"kind": "rm -rf"},
        {"kind": ["ptz.stop"]},
        {"kind": "ptz.stop", "extra": 1},
        {"kind": "ptz.continuous", "pan": 1},
        {"kind": "ptz.continuous", "pan": 1.1, "tilt": 0, "zoom": 0},
        {"kind": "ptz.continuous", "pan": float("nan"), "tilt": 0, "zoom": 0},
        {"kind": "ptz.absolute", "pan_deg": "10", "tilt_deg": 0, "zoom": 0},
        {"kind": "ptz.absolute", "pan_deg": 10, "tilt_deg": 0, "zoom": 2},
        {"kind": "ptz.goto_preset", "preset": ""},
    ],
)
def test_a_nonsense_command_is_refused(document: dict[str, object]) -> None:
    """What reaches the camera has been checked once, here."""
    with pytest.raises(InvalidInput):
        command_from_json(document)


def test_an_unknown_error_class_becomes_unavailable() -> None:
    """A newer worker may raise what an older API has never heard of; a builtin's name must not become an exception either."""
    for name in ("Surprise", "annotations", "__doc__"):
        assert type(error_from_json({"class": name, "message": "x"})) is Unavailable


def test_a_too_long_run_dir_is_told_by_name() -> None:
    """The kernel's own words for it, "AF_UNIX path too long", help nobody."""
    with pytest.raises(InvalidInput, match="run_dir"):
        socket_path(Path("/" + "x" * 120), PlacementId("p1"))
