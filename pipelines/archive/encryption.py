"""Authenticated encryption of streams: AES-256-GCM in chunks, key derived by scrypt.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizar 2015, "Online Authenticated-Encryption and its
Nonce-Reuse Misuse-Resistance"): the nonce of a chunk is a random prefix, the chunk's number and a last-chunk flag, so
reordered, dropped, repeated and appended chunks fail to authenticate; the header is the associated data of every chunk.

    offset  size  header
         0     8  magic b"RIVAENC1"
         8     1  log2 of the scrypt cost N (r = 8, p = 1)
         9     1  log2 of the chunk size in bytes
        10    16  salt
        26     7  nonce prefix
        33    16  key check: bytes 32..47 of the scrypt output, bytes 0..31 being the AES key
    then chunks of ciphertext and a 16-byte tag each; the last one may be shorter and may be empty

The key check tells a wrong key from changed bytes; it gives an attacker nothing that the tags do not give already.
"""

import io
import os
import struct
from collections.abc import Iterator
from typing import IO, Any

from pipelines.errors import TruncatedArchive, WrongKey

__all__ = ["ENCRYPTED_MAGIC", "DecryptingReader", "EncryptingWriter", "Key", "Sealing"]

ENCRYPTED_MAGIC = b"RIVAENC1"
_HEADER = struct.Struct(">8sBB16s7s16s")
_SCRYPT_LOG_N = 15  # 32 MiB and about 0.1 s a file: slow for a guesser, bearable for a build
_SCRYPT_LOG_N_MAX = 20  # a hostile header must not make us take gigabytes
_CHUNK_LOG = 20
_TAG = 16


class Key:
    """Key material that does not show in any message, log or traceback."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return "Key(hidden)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self._secret == other._secret

    def __hash__(self) -> int:
        return hash(self._secret)

    def derive(self, salt: bytes, log_n: int) -> tuple[bytes, bytes]:
        """Returns the AES key (32 bytes) and the key check (16 bytes)."""
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

        derived = Scrypt(salt=salt, length=48, n=1 << log_n, r=8, p=1).derive(self._secret)
        return derived[:32], derived[32:]


class Sealing:
    """The header and the AES key of one encrypted file, chosen once so that a stream can be produced twice alike."""

    def __init__(self, key: Key) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        salt, prefix = os.urandom(16), os.urandom(7)
        aes_key, check = key.derive(salt, _SCRYPT_LOG_N)
        self.header = _HEADER.pack(ENCRYPTED_MAGIC, _SCRYPT_LOG_N, _CHUNK_LOG, salt, prefix, check)
        self._prefix, self._aead = prefix, AESGCM(aes_key)

    def chunk(self, number: int, plain: bytes, *, last: bool) -> bytes:
        """Encrypts chunk `number`; returns ciphertext and tag."""
        return self._aead.encrypt(_nonce(self._prefix, number, last), plain, self.header)

    def chunks(self, plain: IO[bytes]) -> Iterator[bytes]:
        """Yields the encrypted file: the header, then every chunk."""
        yield self.header
        number, ahead = 0, plain.read(1 << _CHUNK_LOG)
        while True:
            current, ahead = ahead, plain.read(1 << _CHUNK_LOG)
            yield self.chunk(number, current, last=not ahead)
            if not ahead:
                return
            number += 1


class EncryptingWriter(io.RawIOBase):
    """A write-only stream that encrypts into `target`; closing it writes the last chunk, not closes `target`."""

    def __init__(self, target: IO[bytes], key: Key) -> None:
        self._target, self._sealing = target, Sealing(key)
        self._pending, self._number, self._written = bytearray(), 0, 0
        target.write(self._sealing.header)

    def writable(self) -> bool:
        """Says that the stream can be written."""
        return True

    def tell(self) -> int:
        """Returns how many plain bytes were written (tarfile asks)."""
        return self._written

    def write(self, data: Any) -> int:
        """Takes plain bytes; whole chunks are encrypted and passed on."""
        self._pending += data
        self._written += len(data)
        size = 1 << _CHUNK_LOG
        while len(self._pending) > size:  # keeps one chunk back: it may be the last
            self._target.write(self._sealing.chunk(self._number, bytes(self._pending[:size]), last=False))
            del self._pending[:size]
            self._number += 1
        return len(data)

    def finish(self) -> None:
        """Writes the last chunk; a file without it is detected as truncated."""
        self._target.write(self._sealing.chunk(self._number, bytes(self._pending), last=True))


class DecryptingReader(io.RawIOBase):
    """A seekable stream of the plain bytes; no byte is handed out before its chunk is authenticated.

    Raises:
        WrongKey: The key does not match the header, or a chunk was changed, moved, dropped or added.
        TruncatedArchive: The file ends inside the header or a chunk.
    """

    def __init__(self, source: IO[bytes], key: Key | None, *, name: str) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._source, self._name = source, name
        if key is None:
            fix = "name the key after the file (FILE:KEY) or set RIVA_KEY_FILE"
            raise WrongKey(f"{name} is encrypted and no key was given", fix=fix)
        size = source.seek(0, io.SEEK_END)
        source.seek(0)
        self._header = source.read(_HEADER.size)
        if len(self._header) < _HEADER.size or size < _HEADER.size + _TAG:
            raise TruncatedArchive(f"{name} ends inside its encryption header", fix="copy or make the file again")
        magic, log_n, chunk_log, salt, self._prefix, check = _HEADER.unpack(self._header)
        if magic != ENCRYPTED_MAGIC or not 10 <= log_n <= _SCRYPT_LOG_N_MAX or not 12 <= chunk_log <= 26:
            raise TruncatedArchive(f"{name} has a damaged encryption header", fix="copy or make the file again")
        aes_key, found = key.derive(salt, log_n)
        if found != check:
            raise WrongKey(f"the key does not open {name}", "it was encrypted with another key", "give the right one")
        self._aead, self._chunk = AESGCM(aes_key), 1 << chunk_log
        body = size - _HEADER.size
        self._last = max(0, -(-body // (self._chunk + _TAG)) - 1)
        self._size = body - (self._last + 1) * _TAG
        self._position, self._cached, self._plain = 0, -1, b""
        if self._size < 0:
            raise TruncatedArchive(f"{name} ends inside a chunk", fix="copy or make the file again")
        self._load(self._last)  # a file cut at a chunk's border has no chunk that authenticates as the last

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
        piece = self._plain[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _load(self, number: int) -> None:
        from cryptography.exceptions import InvalidTag

        if number == self._cached:
            return
        self._source.seek(_HEADER.size + number * (self._chunk + _TAG))
        sealed = self._source.read(self._chunk + _TAG)
        try:
            nonce = _nonce(self._prefix, number, number == self._last)
            self._plain = self._aead.decrypt(nonce, sealed, self._header)
        except InvalidTag:
            raise WrongKey(
                f"{self._name} was changed after it was encrypted (chunk {number} does not authenticate)",
                "the file was cut short, damaged or tampered with; the key itself is right",
                "fetch or make the file again",
            ) from None
        self._cached = number


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    return prefix + struct.pack(">IB", number, last)
