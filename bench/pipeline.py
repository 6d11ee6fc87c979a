"""Our side: what a worker does with each frame of a masked camera, on a file."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import av

from bench.clips import GOP_FRAMES, Clip
from blanking.decision import BlockRectangle, GreyReason
from blanking.stage import BlankingStage, Released
from ingest.decoder import Picture, PictureDecoder
from ingest.encoder import EncodedPicture, PictureEncoder

QP = 24
VIDEO_DELAY_S = 0.12
"""A frame reaches us so long after its exposure (camera, network, decoder): facts of the design, ptz 4."""


Watch = Callable[[str], AbstractContextManager[None]]
"""Measures what is done inside a block, by the name of the stage; blocks may be nested."""


def unwatched(stage: str) -> AbstractContextManager[None]:
    """Measure nothing."""
    del stage
    return nullcontext()


@dataclass(slots=True)
class Outcome:
    """What went through.

    Args:
        frames: released.
        grey_frames: of these, wholly grey.
        size_bytes: encoded.
        grey_rel: share of the picture that was grey, per frame.
        rectangles: what was greyed, per frame, in blocks.
    """

    frames: int = 0
    grey_frames: int = 0
    size_bytes: int = 0
    grey_rel: list[float] = field(default_factory=list)
    rectangles: list[tuple[BlockRectangle, ...]] = field(default_factory=list)

    @property
    def mean_grey_rel(self) -> float:
        """Mean share of the picture that was grey."""
        return sum(self.grey_rel) / max(1, len(self.grey_rel))


class Worker:
    """Demux, decode, hold, decide, burn, encode: the same objects that the live worker has.

    Time is simulated: frame n is captured at n / 25 s and arrives `VIDEO_DELAY_S` later; telemetry arrives as its lines say.

    Args:
        clip: video, plan, telemetry.
        sink: takes each encoded picture.
        watch: measures the stages.
    """

    def __init__(
        self,
        clip: Clip,
        sink: Callable[[EncodedPicture], None] | None = None,
        watch: Watch = unwatched,
    ) -> None:
        self._clip = clip
        self._sink = sink
        self._watch = watch
        self.stage = BlankingStage(clip.plan, max_delay_s=0.3)
        self.outcome = Outcome()
        self._encoder = PictureEncoder(qp=QP, gop_frames=GOP_FRAMES)

    def run(self, most_frames: int | None = None) -> Outcome:
        """Put the clip through, or its first frames."""
        samples = self._clip.samples
        coming = 0
        now_s = 0.0
        for number, picture in enumerate(self._pictures()):
            if number == most_frames:
                break
            now_s = picture.frame.captured_s + VIDEO_DELAY_S
            with self._watch("blank"):
                # Only what can have arrived: the live worker has no samples from the future in its queue either.
                while coming < len(samples) and samples[coming].arrived_s <= now_s:
                    self.stage.add_sample(samples[coming])
                    coming += 1
                force_grey = GreyReason.LOST_PICTURE if picture.suspect else None
                self.stage.add_frame(picture.frame, now_s, force_grey)
                released = self.stage.release(now_s)
            self._encode(released)
        with self._watch("blank"):
            for sample in samples[coming:]:
                self.stage.add_sample(sample)
            released = self.stage.flush(now_s + 0.3)
        self._encode(released)
        return self.outcome

    def _pictures(self) -> Iterator[Picture]:
        with av.open(str(self._clip.video)) as container:
            stream = container.streams.video[0]
            base = float(stream.time_base or 0)
            decoder = PictureDecoder(stream.codec_context.name, stream.codec_context.extradata, lambda pts: pts * base)
            packets = iter(container.demux(stream))
            while True:
                with self._watch("demux"):
                    packet = next(packets, None)
                if packet is None:
                    break
                with self._watch("decode"):
                    pictures = decoder.decode(packet)
                yield from pictures
            with self._watch("decode"):
                pictures = decoder.flush()
            yield from pictures

    def _encode(self, released: list[Released]) -> None:
        outcome = self.outcome
        for one in released:
            with self._watch("encode"):
                coded = self._encoder.encode(one.frame, one.frame.pts or 0)
            outcome.frames += 1
            outcome.grey_frames += one.grey_rel >= 1.0
            outcome.grey_rel.append(one.grey_rel)
            outcome.rectangles.append(getattr(one.decision, "rectangles", ()))
            for picture in coded:
                outcome.size_bytes += len(picture.data)
                if self._sink is not None:
                    self._sink(picture)
