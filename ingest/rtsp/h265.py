"""NAL units of H.265 out of RTP payloads.

Source: RFC 7798 sections 4.4.1 (single NAL unit), 4.4.2 (aggregation packet), 4.4.3 (fragmentation unit). Decoding order numbers are
refused by the session description (sprop-max-don-diff).
"""

from ingest.rtsp.fragments import FragmentJoiner, Unpacked, has_start_codes, unpack_aggregate, unpack_start_codes

_AGGREGATION = 48
_FRAGMENT = 49
_SINGLE = range(48)
_SLICES = range(32)
_RANDOM_ACCESS = range(16, 24)


class H265Unpacker:
    """Unpack one track's payloads, in order."""

    def __init__(self) -> None:
        self._joiner = FragmentJoiner()

    def unpack(self, payload: bytes) -> Unpacked:
        """Return the NAL units that a payload completes."""
        kind = (payload[0] >> 1) & 0x3F if len(payload) >= 2 else -1
        if kind == _FRAGMENT and len(payload) >= 3:
            header = payload[2]
            return self._joiner.add(
                bytes([(payload[0] & 0x81) | ((header & 0x3F) << 1), payload[1]]),
                payload[3:],
                starts=bool(header & 0x80),
                ends=bool(header & 0x40),
            )
        left = self._joiner.break_off()
        if kind == _AGGREGATION:
            return unpack_aggregate(payload[2:], damaged=left)
        if has_start_codes(payload):
            return unpack_start_codes(payload, damaged=left)
        if kind in _SINGLE:
            return Unpacked((payload,), damaged=left)
        return Unpacked((), damaged=True)

    def break_off(self) -> bool:
        """Forget a fragment; return whether there was one."""
        return self._joiner.break_off()

    @staticmethod
    def is_slice(nal: bytes) -> bool:
        """Whether a NAL unit is a part of a picture."""
        return (nal[0] >> 1) & 0x3F in _SLICES

    @staticmethod
    def begins_picture(nal: bytes) -> bool:
        """Whether a slice is the first of its picture (first_slice_segment_in_pic_flag)."""
        return len(nal) > 2 and bool(nal[2] & 0x80)

    @staticmethod
    def is_key(nal: bytes) -> bool:
        """Whether a NAL unit says that decoding can begin here."""
        return (nal[0] >> 1) & 0x3F in _RANDOM_ACCESS
