"""NAL units of H.264 out of RTP payloads.

Source: RFC 6184 sections 5.6 (single NAL unit), 5.7.1 (STAP-A), 5.8 (FU-A). The interleaved packetisation mode is refused by its
session description.
"""

from ingest.rtsp.fragments import FragmentJoiner, Unpacked, has_start_codes, unpack_aggregate, unpack_start_codes

_STAP_A = 24
_FU_A = 28
_SINGLE = range(1, 24)
_SLICES = range(1, 6)
_IDR = 5
_SEI = 6
_RECOVERY_POINT = 6


class H264Unpacker:
    """Unpack one track's payloads, in order."""

    def __init__(self) -> None:
        self._joiner = FragmentJoiner()

    def unpack(self, payload: bytes) -> Unpacked:
        """Return the NAL units that a payload completes."""
        kind = payload[0] & 0x1F if payload else -1
        if kind == _FU_A and len(payload) >= 2:
            indicator, header = payload[0], payload[1]
            return self._joiner.add(
                bytes([(indicator & 0xE0) | (header & 0x1F)]),
                payload[2:],
                starts=bool(header & 0x80),
                ends=bool(header & 0x40),
            )
        left = self._joiner.break_off()
        if kind in _SINGLE:
            return Unpacked((payload,), damaged=left)
        if kind == _STAP_A:
            return unpack_aggregate(payload[1:], damaged=left)
        if kind == 0 and has_start_codes(payload):
            return unpack_start_codes(payload, damaged=left)
        return Unpacked((), damaged=True)

    def break_off(self) -> bool:
        """Forget a fragment; return whether there was one."""
        return self._joiner.break_off()

    @staticmethod
    def is_slice(nal: bytes) -> bool:
        """Whether a NAL unit is a part of a picture."""
        return nal[0] & 0x1F in _SLICES

    @staticmethod
    def begins_picture(nal: bytes) -> bool:
        """Whether a slice is the first of its picture (first_mb_in_slice is 0)."""
        return len(nal) > 1 and bool(nal[1] & 0x80)

    @staticmethod
    def is_key(nal: bytes) -> bool:
        """Whether a NAL unit says that decoding can begin here: an IDR slice or a recovery point."""
        kind = nal[0] & 0x1F
        return kind == _IDR or (kind == _SEI and _has_recovery_point(nal))


def _has_recovery_point(nal: bytes) -> bool:
    data, position = nal.replace(b"\x00\x00\x03", b"\x00\x00"), 1
    while position + 2 <= len(data) and data[position:] != b"\x80":
        kind, position = _run_of_bytes(data, position)
        size, position = _run_of_bytes(data, position)
        if kind == _RECOVERY_POINT:
            return True
        position += size
    return False


def _run_of_bytes(data: bytes, position: int) -> tuple[int, int]:
    """Read a number written as bytes of 255 and a last one below; a cut one counts as far as it goes."""
    value = 0
    while position < len(data):
        value += data[position]
        position += 1
        if data[position - 1] != 0xFF:
            break
    return value, position
