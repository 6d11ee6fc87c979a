"""What ONVIF devices of other makes do: each habit a name, freely combined, changed while the device runs.

Written from the ONVIF Core, Media2 and PTZ specifications and from public reports of what devices in the field answer
(Home Assistant, agsh/onvif, python-onvif-zeep and Frigate: their issues), never from what the product's client expects.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class OnvifHabit(StrEnum):
    """One way in which a device differs from the plain one."""

    # Signing in. WS-Security is what a device wants that has none of these.
    DIGEST = "digest"  # HTTP Digest (MD5, qop=auth); WS-Security is ignored
    DIGEST_SHA256 = "digest-sha256"
    DIGEST_MD5_SESS = "digest-md5-sess"
    DIGEST_BOTH = "digest-both"  # offers SHA-256, then MD5, a header line each
    DIGEST_OLD = "digest-old"  # RFC 2069: without qop
    BASIC = "basic"  # HTTP Basic only
    WS_SECURITY_TOO = "ws-security-too"  # beside HTTP's
    SECURITY_NOT_UNDERSTOOD = "security-not-understood"  # a Security header that must be understood is a fault
    ONE_USE_NONCES = "one-use-nonces"  # each nonce serves one request, then it is stale
    ALWAYS_STALE = "always-stale"  # every nonce is stale: signing in never ends
    NOTHING_PUBLIC = "nothing-public"  # GetSystemDateAndTime too wants an account
    LOCKS_OUT = "locks-out"  # five wrong passwords, then nobody comes in
    WANTS_ACTION = "wants-action"  # empty answer to requests whose Content-Type names no action
    # Media.
    MEDIA2 = "media2"  # Media2 beside Media1
    MEDIA2_ONLY = "media2-only"  # Profile T without Media1
    MEDIA1_WITHOUT_ENCODER = "media1-without-encoder"  # Media1's profiles name no encoder: it is H.265
    MEDIA1_WITHOUT_PTZ = "media1-without-ptz"  # Media1's profiles name no PTZ configuration, Media2's do
    AUDIO_FIRST = "audio-first"  # the first profile has no video
    PROFILE_WITHOUT_NAME = "profile-without-name"
    NO_GET_SERVICES = "no-get-services"
    NO_GET_CAPABILITIES = "no-get-capabilities"
    # Where services are; with any of these each answers at its own path only.
    AT_DEVICE_SERVICE = "at-device-service"  # the device service is at /device_service
    AT_ONVIF_DEVICE = "at-onvif-device"  # it is at /onvif/device
    SERVICES_ELSEWHERE = "services-elsewhere"  # the others at paths of their own, with queries
    SERVICES_ON_PORTS = "services-on-ports"  # media and PTZ on a port of their own
    # What XAddrs name; the services stay where they are.
    BEHIND_NAT = "behind-nat"  # 192.168.1.64, port 80
    XADDR_IPV6 = "xaddr-ipv6"  # a link-local IPv6 address
    XADDR_NAME = "xaddr-name"  # a host name that nobody knows
    XADDR_HTTPS = "xaddr-https"
    XADDR_SPACES = "xaddr-spaces"  # line breaks and spaces around it
    XADDR_PATH = "xaddr-path"  # a path alone
    # The clock; that it is hours off is the camera's own `clock` fault.
    LOCAL_TIME_ONLY = "local-time-only"  # LocalDateTime and a POSIX time zone, no UTCDateTime
    ODD_ZONE = "odd-zone"  # the same with a time zone that is not POSIX's: CST-01:00
    NO_CLOCK = "no-clock"  # neither time
    NO_DATE = "no-date"  # HTTP's Date too is missing, which a server with a clock must send
    CLOCK_UNKNOWN = "clock-unknown"  # GetSystemDateAndTime is no operation of this device
    # How answers are written.
    UTF_16 = "utf-16"  # with its byte order mark
    LATIN_1 = "iso-8859-1"
    GB2312 = "gb2312"
    GBK = "gbk"
    UTF8_LABEL = "utf8-label"  # declared as utf8, which is no registered name
    UTF8_CAPITALS = "utf8-capitals"  # declared as UTF8
    UNKNOWN_LABEL = "unknown-label"  # declared as x-camera, in truth UTF-8
    GBK_AS_UTF8 = "gbk-as-utf8"  # declared as UTF-8, in truth GBK
    CONTRADICTING_CHARSET = "contradicting-charset"  # HTTP says iso-8859-1, XML says what it is
    OTHER_PREFIXES = "other-prefixes"
    UNDECLARED_PREFIXES = "undeclared-prefixes"
    COMMENTS = "comments"  # and processing instructions, between all elements
    EXTENSIONS = "extensions"  # elements of the maker, where the schema has room for them
    LEADING_SPACE = "leading-space"  # a line break before the XML declaration
    SOAP_11_FAULTS = "soap-1.1-faults"
    FAULTS_200 = "faults-200"
    FAULTS_400 = "faults-400"
    FAULTS_500 = "faults-500"
    TEXT_XML = "text-xml"
    MULTIPART = "multipart"  # MTOM: the envelope is the root of a multipart/related answer
    COMPRESSED = "compressed"  # gzip, for clients that say that they take it
    CHUNKED = "chunked"
    NO_LENGTH = "no-length"  # the end of the answer is the end of the connection
    # Presets and spaces.
    PRESET_WITHOUT_TOKEN = "preset-without-token"  # noqa: S105  ONVIF calls its identifiers tokens
    PRESET_EMPTY_TOKEN = "preset-empty-token"  # noqa: S105  ONVIF calls its identifiers tokens
    PRESET_WITHOUT_NAME = "preset-without-name"
    PRESETS_500 = "presets-500"
    SPACES_WITHOUT_URIS = "spaces-without-uris"
    SPACES_WITHOUT_RANGES = "spaces-without-ranges"
    # What comes instead of an answer.
    LOGIN_PAGE = "login-page"  # 200, text/html
    PAGE_404 = "page-404"
    PAGE_500 = "page-500"
    PAGE_503 = "page-503"
    EMPTY_ANSWER = "empty-answer"
    TRUNCATED = "truncated"
    SILENT = "silent"  # takes the request and says nothing
    # Attacks.
    REDIRECT_302 = "redirect-302"
    REDIRECT_303 = "redirect-303"
    REDIRECT_307 = "redirect-307"
    REDIRECT_308 = "redirect-308"
    HUGE = "huge"  # 300 MB
    GZIP_BOMB = "gzip-bomb"  # 300 kB that unpack to 300 MB
    DRIP = "drip"  # one byte a second
    ENDLESS_HEADERS = "endless-headers"
    ENDLESS_CONTINUE = "endless-continue"  # 100 Continue for ever
    ENDLESS_CHUNKS = "endless-chunks"
    ENTITY_BOMB = "entity-bomb"
    EXTERNAL_ENTITY = "external-entity"  # an entity that is to be fetched
    DEEP = "deep"  # 100,000 elements within each other


H = OnvifHabit
DIGESTS = frozenset({H.DIGEST, H.DIGEST_SHA256, H.DIGEST_MD5_SESS, H.DIGEST_BOTH, H.DIGEST_OLD})
ENCODINGS = frozenset({
    H.UTF_16, H.LATIN_1, H.GB2312, H.GBK, H.UTF8_LABEL, H.UTF8_CAPITALS, H.UNKNOWN_LABEL, H.GBK_AS_UTF8,
})  # fmt: skip
REDIRECTS = frozenset({H.REDIRECT_302, H.REDIRECT_303, H.REDIRECT_307, H.REDIRECT_308})
INSTEAD = REDIRECTS | {
    H.LOGIN_PAGE, H.PAGE_404, H.PAGE_500, H.PAGE_503, H.EMPTY_ANSWER, H.SILENT, H.HUGE, H.GZIP_BOMB, H.ENDLESS_HEADERS,
    H.ENDLESS_CONTINUE, H.ENDLESS_CHUNKS, H.ENTITY_BOMB, H.EXTERNAL_ENTITY, H.DEEP,
}  # fmt: skip
OWN_PATHS = frozenset({H.AT_DEVICE_SERVICE, H.AT_ONVIF_DEVICE, H.SERVICES_ELSEWHERE, H.SERVICES_ON_PORTS})
_ONE_OF = (
    DIGESTS | {H.BASIC},
    ENCODINGS,
    INSTEAD | {H.TRUNCATED, H.DRIP},
    {H.AT_DEVICE_SERVICE, H.AT_ONVIF_DEVICE},
    {H.BEHIND_NAT, H.XADDR_IPV6, H.XADDR_NAME, H.XADDR_HTTPS, H.XADDR_PATH},
    {H.BEHIND_NAT, H.SERVICES_ON_PORTS},
    {H.XADDR_PATH, H.SERVICES_ON_PORTS},
    {H.LOCAL_TIME_ONLY, H.ODD_ZONE, H.NO_CLOCK, H.CLOCK_UNKNOWN},
    {H.OTHER_PREFIXES, H.UNDECLARED_PREFIXES},
    {H.FAULTS_200, H.FAULTS_400, H.FAULTS_500},
    {H.TEXT_XML, H.MULTIPART},
    {H.CHUNKED, H.NO_LENGTH},
    {H.NO_GET_SERVICES, H.MEDIA2_ONLY},
    {H.NO_GET_SERVICES, H.NO_GET_CAPABILITIES},
)
"""Of each of these at most one."""


@dataclass(frozen=True, slots=True)
class OnvifHabits:
    """The habits that a device has now.

    Args:
        only: the operations whose answers what comes instead of an answer replaces; none means all.
        elsewhere: where redirects and external entities point to; None is the device itself.

    Raises:
        ValueError: no device can have these together.
    """

    chosen: frozenset[OnvifHabit] = frozenset()
    only: frozenset[str] = frozenset()
    elsewhere: str | None = None

    def __post_init__(self) -> None:
        for group in _ONE_OF:
            if len(clash := sorted(self.chosen & group)) > 1:
                raise ValueError(f"a device can't have these habits together: {', '.join(clash)}")

    def has(self, *habits: OnvifHabit) -> bool:
        """Whether the device has one of these."""
        return not self.chosen.isdisjoint(habits)

    def one_of(self, group: Iterable[OnvifHabit]) -> OnvifHabit | None:
        """Return the habit of a group of which there is at most one."""
        return next(iter(self.chosen.intersection(group)), None)

    def reaches(self, operation: str) -> bool:
        """Whether what comes instead of an answer comes for an operation."""
        return not self.only or operation in self.only

    @property
    def word(self) -> str:
        """A word of the device's own language, which the encodings must carry."""
        if self.has(H.GB2312, H.GBK, H.GBK_AS_UTF8):
            return " 广场"
        return " café" if self.one_of(ENCODINGS) else ""


def read_habits(words: Iterable[str]) -> frozenset[OnvifHabit]:
    """Read names of habits.

    Raises:
        ValueError: there is no such habit.
    """
    known = {habit.value: habit for habit in OnvifHabit}
    if unknown := sorted(set(words := list(words)) - known.keys()):
        raise ValueError(f"there is no ONVIF habit {', '.join(unknown)}; all are: {', '.join(known)}")
    return frozenset(known[word] for word in words)
