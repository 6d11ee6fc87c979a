"""What is lost without a gap in the numbers: streams without IDR, slices, bursts as long as the counter, changed parameter sets."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ingest.bitstream import join_annexb, parameter_nals, split_sample
from ingest.decoder import Picture, PictureDecoder
from ingest.loss import Finding, H264LossDetector
from tests.ingest.video_clips import write_clip

COUNT = 60
H264_PARAMETER_SETS, HEVC_PARAMETER_SETS = {7, 8}, {32, 33, 34}
SETTINGS = {
    "h264 intra refresh": ("libx264", {"qp": "20", "bf": "0", "g": "10", "x264-params": "intra-refresh=1:scenecut=0"}),
    "h264 one IDR": ("libx264", {"qp": "20", "bf": "0", "g": "1000", "x264-params": "scenecut=0"}),
    "h264 long": ("libx264", {"qp": "20", "bf": "0", "g": "45", "x264-params": "scenecut=0"}),
    "h264 long B": ("libx264", {"qp": "20", "bf": "2", "g": "45", "x264-params": "scenecut=0:b-pyramid=0"}),
    "h264 slices": ("libx264", {"qp": "20", "bf": "0", "g": "10", "x264-params": "slices=3:scenecut=0"}),
    "hevc slices": (
        "libx265",
        {
            "preset": "ultrafast",
            "x265-params": "bframes=0:keyint=10:log-level=none:open-gop=0:slices=3:ctu=16:scenecut=0",
        },
    ),
    "hevc intra refresh": (
        "libx265",
        {"preset": "ultrafast", "x265-params": "bframes=0:keyint=10:log-level=none:intra-refresh=1:scenecut=0"},
    ),
}


@dataclass(frozen=True)
class Clip:
    """A clip as access units of Annex B, every IDR with its parameter sets in front as cameras send them."""

    codec: str
    units: list[list[bytes]]
    pts: list[int]
    whole: dict[int, Picture]

    def kinds(self, number: int) -> list[int]:
        """Return the kinds of a picture's units."""
        return [kind_of(self.codec, nal) for nal in self.units[number]]


def kind_of(codec: str, nal: bytes) -> int:
    """Return the type of a unit."""
    return nal[0] & 0x1F if codec == "h264" else nal[0] >> 1 & 0x3F


def decode(codec: str, units: list[list[bytes]], pts: list[int]) -> dict[int, Picture]:
    """Return the pictures by time stamp."""
    decoder = PictureDecoder(codec, None, float)
    pictures = []
    for nals, at in zip(units, pts, strict=True):
        packet = av.Packet(join_annexb(nals))
        packet.pts = packet.dts = at
        packet.time_base = Fraction(1, 90_000)
        pictures += decoder.decode(packet)
    pictures += decoder.flush()
    return {picture.frame.pts: picture for picture in pictures if picture.frame.pts is not None}


def made(path: Path, name: str, extra: str = "") -> Clip:
    """Encode a clip with the real encoder."""
    codec, options = SETTINGS[name]
    key = "x264-params" if codec == "libx264" else "x265-params"
    options = {**options, key: options[key] + extra}
    write_clip(path, codec=codec, options=options, count=COUNT, size=(96, 64))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        codec = stream.codec_context.name
        sets, prefix = parameter_nals(stream.codec_context.extradata, hevc=codec == "hevc")
        sets = [nal for nal in sets if kind_of(codec, nal) in H264_PARAMETER_SETS | HEVC_PARAMETER_SETS]
        units, pts = [], []
        for packet in container.demux(stream):
            if packet.size:
                nals = split_sample(bytes(packet), prefix) or []
                is_idr = any(kind_of(codec, nal) in ({5} if codec == "h264" else {19, 20}) for nal in nals)
                units.append([*sets, *nals] if is_idr else nals)
                pts.append(round(float((packet.pts or 0) * packet.time_base) * 90_000))
    return Clip(codec, units, pts, decode(codec, units, pts))


@pytest.fixture(scope="module")
def clip_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Clip]:
    """Return a maker of clips that makes each once."""
    clips: dict[tuple[str, str], Clip] = {}

    def get(name: str, extra: str = "") -> Clip:
        if (name, extra) not in clips:
            clips[name, extra] = made(tmp_path_factory.mktemp("clip") / "in.mp4", name, extra)
        return clips[name, extra]

    return get


def leaks(clip: Clip, found: dict[int, Picture]) -> list[int]:
    """Return the pictures that differ from the whole stream's and are not suspect."""
    return [
        at
        for at, picture in found.items()
        if not picture.suspect and not np.array_equal(picture.frame.planes[0], clip.whole[at].frame.planes[0])
    ]


def without(clip: Clip, lost: range) -> dict[int, Picture]:
    """Return what a viewer would get with some pictures missing."""
    kept = [number for number in range(len(clip.units)) if number not in lost]
    return decode(clip.codec, [clip.units[number] for number in kept], [clip.pts[number] for number in kept])


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_a_whole_stream_of_any_kind_has_no_suspect_picture(clip_of: Callable[..., Clip], name: str) -> None:
    """What greys a healthy camera is switched off by its owner."""
    clip = clip_of(name)
    assert len(clip.whole) == COUNT
    assert not any(picture.suspect for picture in clip.whole.values())


@pytest.mark.parametrize("name", ["h264 intra refresh", "hevc intra refresh"])
def test_a_stream_that_refreshes_without_idr_stays_grey_after_a_loss(clip_of: Callable[..., Clip], name: str) -> None:
    """A recovery point promises a picture that looks right, not one that is: only an IDR ends the grey, and one is asked for."""
    clip = clip_of(name)
    idrs = [number for number in range(COUNT) if set(clip.kinds(number)) & ({5} if clip.codec == "h264" else {19, 20})]
    assert idrs == [0], "the clip must have no IDR but its first"
    for lost in range(COUNT - 1):
        found = without(clip, range(lost, lost + 1))
        assert leaks(clip, found) == [], f"picture {lost} lost"
        assert all(picture.suspect for at, picture in found.items() if at > clip.pts[lost])


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_lost_slice_of_an_h265_picture_is_noticed_at_every_position(clip_of: Callable[..., Clip], index: int) -> None:
    """FFmpeg says nothing of a missing slice: what was there before, or nothing, stays in its place."""
    clip = clip_of("hevc slices")
    for holed in range(COUNT - 1):
        slices = [nal for nal in clip.units[holed] if kind_of("hevc", nal) < 32]
        assert len(slices) == 3
        units = [list(unit) for unit in clip.units]
        units[holed].remove(slices[index])
        # Only the wire can tell of a hole in a session's very first picture: there is none before it to compare with.
        untold = clip.pts[:1] if holed == 0 and index else []
        assert leaks(clip, decode("hevc", units, clip.pts)) == untold, f"slice {index} of picture {holed} lost"


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_lost_slice_of_an_h264_picture_is_noticed_at_every_position(clip_of: Callable[..., Clip], index: int) -> None:
    """The first one by the numbers of its macroblocks; the others are concealed by FFmpeg, which says so."""
    clip = clip_of("h264 slices")
    for holed in range(COUNT - 1):
        slices = [nal for nal in clip.units[holed] if kind_of("h264", nal) in {1, 5}]
        assert len(slices) == 3
        units = [list(unit) for unit in clip.units]
        units[holed].remove(slices[index])
        found = decode("h264", units, clip.pts)
        assert leaks(clip, found) == [], f"slice {index} of picture {holed} lost"
        # Up to the next keyframe, ten pictures on at most, all that may predict from the hole is suspect.
        group = [at for at in clip.pts[holed : (holed // 10 + 1) * 10] if at in found]
        assert all(found[at].suspect for at in group), f"slice {index} of picture {holed} lost"


def test_a_picture_that_begins_in_its_middle_is_lost_by_its_numbers_alone(clip_of: Callable[..., Clip]) -> None:
    """Whatever the decoder says of it: two guards are for the day on which one fails."""
    clip, detector = clip_of("h264 slices"), H264LossDetector()
    assert all(detector.see(unit) is not Finding.LOST for unit in clip.units[:4])
    first = next(nal for nal in clip.units[4] if kind_of("h264", nal) == 1)
    assert detector.see([nal for nal in clip.units[4] if nal is not first]) is Finding.LOST


@pytest.mark.parametrize("name", ["h264 long", "h264 long B", "h264 one IDR"])
@pytest.mark.parametrize("burst", [15, 16, 17, 32])
def test_a_burst_as_long_as_the_frame_counter_is_noticed(clip_of: Callable[..., Clip], name: str, burst: int) -> None:
    """frame_num counts to 16 here and begins again: after 16 lost pictures it goes on as if nothing were missing."""
    clip = clip_of(name)
    for first in range(1, COUNT - burst):
        found = without(clip, range(first, first + burst))
        assert leaks(clip, found) == [], f"{burst} pictures from {first} on lost"


@pytest.mark.parametrize(
    ("name", "extra"),
    [
        ("h264 long", ":qp=30:cabac=0"),
        ("h264 long", ":chroma-qp-offset=5:cabac=1"),
        ("hevc slices", ":cbqpoffs=6:sign-hide=0"),
    ],
)
def test_a_parameter_set_changed_in_mid_group_is_grey_until_the_next_idr(
    clip_of: Callable[..., Clip], name: str, extra: str
) -> None:
    """The pictures after it are read by other rules than they were written by, or predict across a change of rules."""
    clip, other = clip_of(name), clip_of(name, extra)
    sets = {7, 8} if clip.codec == "h264" else {33, 34}
    changed = 0
    for wanted in sets:
        [foreign] = [nal for nal in other.units[0] if kind_of(clip.codec, nal) == wanted]
        changed += foreign not in clip.units[0]
        for at in range(1, COUNT, 4):
            units = [list(unit) for unit in clip.units]
            units[at].insert(0, foreign)
            is_idr = bool(set(clip.kinds(at)) & {5, 19, 20})
            found = decode(clip.codec, units, clip.pts)
            assert leaks(clip, found) == [], f"parameter set {wanted} in front of picture {at}"
            if not is_idr and foreign not in clip.units[0]:
                assert clip.pts[at] not in found or found[clip.pts[at]].suspect
    assert changed
