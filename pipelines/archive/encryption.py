"""Authenticated encryption of streams: AES-256-GCM in chunks, key derived by scrypt.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizar 2015, "Online Authenticated-Encryption and its
Nonce-Reuse Misuse-Resistance"): the nonce of a chunk is a random prefix, the chunk's number and a last-chunk flag, so
reordered, dropped, repeated and appended chunks fail to authenticate; the header is the associated data of every chunk.

    offset  size  header
         0     8  magic b"RIVAENC1"
         8     1  log2 of the scrypt cost N (r = 8, p = 1)
         9     1  log2 of the chunk size in bytes
        10     8  size of the plain text in bytes, big-endian
        18    16  salt
        34     7  nonce prefix
        41    16  key check: bytes 32..47 of the scrypt output, bytes 0..31 being the AES key
    then chunks of ciphertext and a 16-byte tag each; the last one may be shorter and may be empty

The key check tells a wrong key from changed bytes, and the size tells a file that was cut short from one that was
changed: a header that a chunk authenticates is genuine. Neither helps an attacker more than the tags already do.
"""

import hmac
import io
import os
import struct
from collections.abc import Iterable, Iterator
from typing import IO, Any

from pipelines.errors import TamperedArchive, TruncatedArchive, WrongKey

__all__ = ["ENCRYPTED_MAGIC", "PUBLIC_KEYS", "DecryptingReader", "Key", "Sealing"]

ENCRYPTED_MAGIC = b"RIVAENC1"
PUBLIC_KEYS = frozenset({b"tlt_encode"})  # printed in NVIDIA's guides, where it opens the models of NGC
_HEADER = struct.Struct(">8sBBQ16s7s16s")
_SCRYPT_LOG_N = 15  # 32 MiB and about 0.1 s a file: slow for a guesser, bearable for a build
_SCRYPT_LOG_N_MAX = 17  # a hostile header must not make us take gigabytes
_CHUNK_LOG = 20
_CHUNK_LOGS = range(12, 23)  # of headers that are read
_TAG = 16
_COPY_AGAIN = "fetch or make the file again"


class Key:
    """Key material that does not show in any message, log or traceback.

    Args:
        secret: The key.
        typed: Whether it stood on a command line, where every user of the machine can read it.
    """

    __slots__ = ("_derived", "_secret", "typed")

    def __init__(self, secret: bytes, *, typed: bool = False) -> None:
        self._secret, self.typed = secret, typed
        self._derived: dict[tuple[bytes, int], bytes] = {}  # a file is opened more than once

    def __repr__(self) -> str:
        return "Key(hidden)"

    def __reduce__(self) -> Any:
        raise TypeError("a key is not written anywhere")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and hmac.compare_digest(self._secret, other._secret)

    def __hash__(self) -> int:
        return hash(self._secret)

    @property
    def public(self) -> bool:
        """Whether everybody knows it."""
        return self._secret in PUBLIC_KEYS

    def derive(self, salt: bytes, log_n: int) -> tuple[bytes, bytes]:
        """Returns the AES key (32 bytes) and the key check (16 bytes)."""
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

        if (salt, log_n) not in self._derived:
            self._derived[salt, log_n] = Scrypt(salt=salt, length=48, n=1 << log_n, r=8, p=1).derive(self._secret)
        derived = self._derived[salt, log_n]
        return derived[:32], derived[32:]


class Sealing:
    """What encrypts one stream of a known size.

    Args:
        key: The key.
        size: Bytes of plain text.
        salt: 16 random bytes; given only by tests that need the same result twice.
        prefix: 7 random bytes, likewise.
        chunk_log: log2 of the chunk size, likewise.
    """

    def __init__(
        self, key: Key, size: int, *, salt: bytes = b"", prefix: bytes = b"", chunk_log: int = _CHUNK_LOG
    ) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        salt, self._prefix = salt or os.urandom(16), prefix or os.urandom(7)
        aes_key, check = key.derive(salt, _SCRYPT_LOG_N)
        self._header = _HEADER.pack(ENCRYPTED_MAGIC, _SCRYPT_LOG_N, chunk_log, size, salt, self._prefix, check)
        self._size, self._chunk, self._aead = size, 1 << chunk_log, AESGCM(aes_key)

    @property
    def sealed_size(self) -> int:
        """Bytes of the encrypted stream."""
        return _HEADER.size + self._size + _chunks(self._size, self._chunk) * _TAG

    def seal(self, plain: Iterable[bytes]) -> Iterator[bytes]:
        """Yields the encrypted stream: the header, then every chunk.

        Args:
            plain: The plain text in pieces of any size, `size` bytes in all.
        """
        yield self._header
        last = _chunks(self._size, self._chunk) - 1
        for number, chunk in enumerate(_regrouped(plain, self._chunk)):
            yield self._aead.encrypt(_nonce(self._prefix, number, number == last), chunk, self._header)


def _chunks(size: int, chunk: int) -> int:
    return max(1, -(-size // chunk))


def _regrouped(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of `size`; the last one is shorter, and empty only if it is the only one."""
    pending, any_yet = bytearray(), False
    for block in blocks:
        pending += block
        while len(pending) >= size:
            yield bytes(memoryview(pending)[:size])
            del pending[:size]
            any_yet = True
    if pending or not any_yet:
        yield bytes(pending)


class DecryptingReader(io.RawIOBase):
    """A seekable stream of the plain bytes; no byte is handed out before its chunk is authenticated.

    Opening one authenticates the header and the end of the stream.

    Raises:
        WrongKey: No key was given, or it does not match the header.
        TamperedArchive: The header or a chunk was changed, moved or added; the key is right.
        TruncatedArchive: The end is missing.
    """

    def __init__(self, source: IO[bytes], key: Key | None, *, name: str) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._source, self._name = source, name
        if key is None:
            fix = "name the key after the file (FILE:KEY) or set RIVA_KEY_FILE"
            raise WrongKey(f"{name} is encrypted and no key was given", fix=fix)
        stored = source.seek(0, io.SEEK_END)
        source.seek(0)
        self._header = source.read(_HEADER.size)
        if len(self._header) < _HEADER.size:
            raise TruncatedArchive(f"{name} ends inside its encryption header", fix=_COPY_AGAIN)
        _, log_n, chunk_log, self._size, salt, self._prefix, check = _HEADER.unpack(self._header)
        if not 10 <= log_n <= _SCRYPT_LOG_N_MAX or chunk_log not in _CHUNK_LOGS:
            raise TamperedArchive(f"{name} has a damaged encryption header", fix=_COPY_AGAIN)
        aes_key, found = key.derive(salt, log_n)
        if not hmac.compare_digest(found, check):
            why = "it was encrypted with another key, or its header was changed: one cannot tell which"
            raise WrongKey(f"the key does not open {name}", why, "give the right one")
        self._aead, self._chunk = AESGCM(aes_key), 1 << chunk_log
        self._last = _chunks(self._size, self._chunk) - 1
        self._position, self._cached, self._plain = 0, -1, b""
        self._check_length(stored)

    def _check_length(self, stored: int) -> None:
        """Authenticates the end; where it is missing, the header that promises it is authenticated first."""
        expected = _HEADER.size + self._size + (self._last + 1) * _TAG
        if stored < expected:
            if stored >= _HEADER.size + self._chunk + _TAG:
                self._load(0)
            raise TruncatedArchive(
                f"{self._name} has {stored:,} bytes and had {expected:,} when it was encrypted",
                "copying or downloading it ended too early",
                _COPY_AGAIN,
            )
        self._load(self._last)
        if stored > expected:
            raise TamperedArchive(f"{self._name} has {stored - expected:,} bytes after its end", fix=_COPY_AGAIN)

    def readable(self) -> bool:
        """Says that the stream can be read."""
        return True

    def seekable(self) -> bool:
        """Says that the stream can be positioned."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves to a plain-text position."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        """Returns the plain-text position."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fills `buffer` from the current position; 0 at the end."""
        if self._position >= self._size:
            return 0
        number, offset = divmod(self._position, self._chunk)
        self._load(number)
        piece = memoryview(self._plain)[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _load(self, number: int) -> None:
        from cryptography.exceptions import InvalidTag

        if number == self._cached:
            return
        self._source.seek(_HEADER.size + number * (self._chunk + _TAG))
        sealed = self._source.read(min(self._chunk, self._size - number * self._chunk) + _TAG)
        try:
            self._plain = self._aead.decrypt(_nonce(self._prefix, number, number == self._last), sealed, self._header)
        except InvalidTag:
            raise TamperedArchive(
                f"{self._name} was changed after it was encrypted (chunk {number} does not authenticate)",
                "it was damaged or tampered with; the key itself is right",
                _COPY_AGAIN,
            ) from None
        self._cached = number


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    return prefix + struct.pack(">IB", number, last)
