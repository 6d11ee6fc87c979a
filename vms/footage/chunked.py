"""Seekable, truncation-proof encryption of one file.

The C2SP chunked-encryption construction in its Cobblestone-256 form: HKDF-Expand with SHA-512 makes an AES-256-GCM key, a base
nonce and a commitment out of (key, 24 random bytes of salt, context). Plain text goes in chunks of 16 KiB, the last one always
shorter, so that a cut file can't pass for a whole one. The file is salt, commitment, chunks.

Writing uses the `cryptography` package's own Cobblestone; reading is here, because ranges and the readable head of a file that
was never finished are needed too. The tests hold the two against each other and against vectors.

Source: https://c2sp.org/chunked-encryption; docs/decisions/0050.
"""

import hashlib
import hmac
from typing import Protocol

from cryptography.cobblestone import Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from vms.errors import IntegrityLost

KEY_BYTES = 32
CHUNK_BYTES = 16 * 1024
TAG_BYTES = 16
SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES
SALT_BYTES = 24
COMMITMENT_BYTES = 32
HEADER_BYTES = SALT_BYTES + COMMITMENT_BYTES
_NONCE_BYTES = 12
_INFO = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"


class Sink(Protocol):
    """What a writer needs of a file: every byte given is taken, or it raises."""

    def write(self, data: bytes, /) -> object:
        """Take all bytes."""


class Source(Protocol):
    """What a reader needs of a file."""

    def read_at(self, offset_bytes: int, length_bytes: int) -> bytes:
        """Return the bytes at the offset; fewer only at the end."""

    def size_bytes(self) -> int:
        """Return the length of the file."""


class BytesSource:
    """A cipher text in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read_at(self, offset_bytes: int, length_bytes: int) -> bytes:
        """Return the bytes at the offset."""
        return self._data[offset_bytes : offset_bytes + length_bytes]

    def size_bytes(self) -> int:
        """Return the length."""
        return len(self._data)


class ChunkedWriter:
    """Encrypts a stream as it comes; a full chunk goes to the sink at once, the rest waits.

    Args:
        sink: takes the cipher text.
        key: 32 uniformly random bytes; a key may serve several files, each gets its own salt.
        context: what the file is bound to; needed again for reading, not stored.
    """

    def __init__(self, sink: Sink, key: bytes, context: bytes) -> None:
        self._sink = sink
        self._encryptor = Cobblestone256Encryptor(key, context)
        self._digest = hashlib.sha256()
        self.plain_bytes = 0
        self.cipher_bytes = 0
        self._put(self._encryptor.update(b""))

    @property
    def waiting_bytes(self) -> int:
        """Plain bytes that are not in the sink yet: less than a chunk."""
        return self.plain_bytes % CHUNK_BYTES

    @property
    def sha256(self) -> str:
        """SHA-256 of the cipher text so far, hexadecimal."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> None:
        """Encrypt and pass on what fills whole chunks."""
        self.plain_bytes += len(data)
        self._put(self._encryptor.update(data))

    def finish(self) -> None:
        """Write the short last chunk; the writer is spent afterwards."""
        self._put(self._encryptor.finalize())

    def _put(self, cipher_text: bytes) -> None:
        if cipher_text:
            self._digest.update(cipher_text)
            self.cipher_bytes += len(cipher_text)
            self._sink.write(cipher_text)


class ChunkedReader:
    """Reads any range of a finished file.

    Args:
        source: the cipher text.
        key: the key it was written with.
        context: the context it was written with.
        unfinished: accept a file that was never finished; `size_bytes` then counts its whole chunks only.

    Raises:
        IntegrityLost: another key, another context, a changed header, or a cut file.
    """

    def __init__(self, source: Source, key: bytes, context: bytes, *, unfinished: bool = False) -> None:
        self._source = source
        header = source.read_at(0, HEADER_BYTES)
        if len(header) < HEADER_BYTES:
            raise IntegrityLost("the file is shorter than its header", code="footage.cut")
        salt, commitment = header[:SALT_BYTES], header[SALT_BYTES:]
        aead_key, self._base_nonce, expected = derive(key, salt, context)
        if not hmac.compare_digest(commitment, expected):
            raise IntegrityLost("the file does not belong to this key and context", code="footage.other-key")
        self._aead = AESGCM(aead_key)
        body_bytes = source.size_bytes() - HEADER_BYTES
        whole, rest_bytes = divmod(body_bytes, SEALED_CHUNK_BYTES)
        self._whole_chunks = whole
        self.size_bytes = whole * CHUNK_BYTES
        if unfinished:
            return
        if rest_bytes < TAG_BYTES:
            raise IntegrityLost("the file has been cut", code="footage.cut")
        self.size_bytes += rest_bytes - TAG_BYTES
        self._open_chunk(whole)  # proves the length: no other chunk number and size would open

    def read(self, offset_bytes: int, length_bytes: int) -> bytes:
        """Return the plain bytes of a range; fewer only at the end.

        Raises:
            IntegrityLost: a chunk of the range has been changed.
        """
        end_bytes = min(offset_bytes + length_bytes, self.size_bytes)
        if offset_bytes < 0 or offset_bytes >= end_bytes:
            return b""
        first, last = offset_bytes // CHUNK_BYTES, (end_bytes - 1) // CHUNK_BYTES
        plain = b"".join(self._open_chunks(first, last))
        start = offset_bytes - first * CHUNK_BYTES
        return plain[start : start + end_bytes - offset_bytes]

    def read_all_readable(self) -> bytes:
        """Return the plain text up to the first chunk that does not open: what a crash left."""
        parts = []
        for number in range(-(-self.size_bytes // CHUNK_BYTES)):
            try:
                parts.append(self._open_chunk(number))
            except IntegrityLost:
                break
        return b"".join(parts)

    def _open_chunks(self, first: int, last: int) -> list[bytes]:
        start = HEADER_BYTES + first * SEALED_CHUNK_BYTES
        sealed = memoryview(self._source.read_at(start, (last - first + 1) * SEALED_CHUNK_BYTES))
        return [
            self._decrypt(number, sealed[at * SEALED_CHUNK_BYTES : (at + 1) * SEALED_CHUNK_BYTES])
            for at, number in enumerate(range(first, last + 1))
        ]

    def _open_chunk(self, number: int) -> bytes:
        return self._open_chunks(number, number)[0]

    def _decrypt(self, number: int, sealed: memoryview) -> bytes:
        nonce = (int.from_bytes(self._base_nonce) ^ number).to_bytes(_NONCE_BYTES)
        try:
            return self._aead.decrypt(nonce, sealed, None)
        except InvalidTag as error:
            raise IntegrityLost(
                f"chunk {number} is not what was written", code="footage.changed", chunk=number
            ) from error


def derive(key: bytes, salt: bytes, context: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the AEAD key (32 bytes), base nonce (12) and commitment (32).

    Raises:
        ValueError: the key is not 32 bytes.
    """
    if len(key) != KEY_BYTES:
        raise ValueError(f"the key must have {KEY_BYTES} bytes, not {len(key)}")
    total = KEY_BYTES + _NONCE_BYTES + COMMITMENT_BYTES
    okm = HKDFExpand(algorithm=SHA512(), length=total, info=_INFO + salt + context).derive(key)
    return okm[:KEY_BYTES], okm[KEY_BYTES : KEY_BYTES + _NONCE_BYTES], okm[KEY_BYTES + _NONCE_BYTES :]
