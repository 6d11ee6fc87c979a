"""Faults that somebody could write into reading cameras' packets, and the tests that must find each of them."""

from tests.mutants.mutant import Mutant

SOURCE = "tests/ingest/rtsp/test_source.py"
SEQUENCE = "tests/ingest/rtsp/test_sequence.py"
SESSION = "tests/ingest/rtsp/test_session.py"
UNITS = "tests/ingest/rtsp/test_access_unit.py"
_SEQUENCE = "ingest/rtsp/sequence.py"

WIRE = (
    Mutant(
        "a packet that comes twice is parsed twice",
        _SEQUENCE,
        "            out = []\n            self._again(packet)\n",
        "            out = [self._hand_on(packet)]\n",
        (f"{SOURCE}::test_a_repeated_fragment_changes_no_bit_of_any_picture",),
    ),
    Mutant(
        "a gap in the numbers is passed over",
        _SEQUENCE,
        "            self._expected = first\n            self._broken = True\n",
        "            self._expected = first\n",
        (f"{SEQUENCE}::test_every_gap_is_told_at_the_packet_behind_it_and_counted",),
    ),
    Mutant(
        "the same number with other content is a duplicate",
        _SEQUENCE,
        "        if _digest(packet) == digest:",
        "        if digest or not digest:",
        (f"{SOURCE}::test_a_number_that_comes_again_with_other_content_is_never_passed_over",),
    ),
    Mutant(
        "a packet that comes too late is a duplicate",
        _SEQUENCE,
        "            # It has been counted as missed, or came before the first one: what follows may lack it.\n"
        "            self._broken = True\n",
        "            self.counts.duplicates += 1\n",
        (f"{SEQUENCE}::test_a_packet_that_comes_too_late_is_no_duplicate",),
    ),
    Mutant(
        "a gap touches only the picture behind it",
        "ingest/rtsp/access_unit.py",
        "or self._lost or bool(self._marks)",
        "or self._lost",
        (f"{UNITS}::test_a_gap_makes_the_pictures_on_both_sides_lost",),
    ),
    Mutant(
        "a picture without its beginning is whole",
        "ingest/rtsp/access_unit.py",
        "self._lost or not self._unpacker.begins_picture(slices[0])",
        "self._lost",
        (f"{UNITS}::test_a_picture_that_begins_in_its_middle_is_lost",),
    ),
    Mutant(
        "NTP is in its first era for ever",
        "ingest/rtsp/rtp.py",
        "    return seconds + round((near_s - seconds) / NTP_ERA_S) * NTP_ERA_S",
        "    return seconds + 0.0 * near_s",
        (f"{SOURCE}::test_a_sender_report_is_read_in_the_era_of_its_arrival",),
    ),
    Mutant(
        "the password is sent in the clear when the camera asks for it",
        "ingest/rtsp/sign_in.py",
        "basic is not None and not self.allows_basic",
        "basic is not None and not self.username",
        (f"{SESSION}::test_basic_is_refused_without_tls_and_never_sent",),
    ),
)
