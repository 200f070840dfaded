"""Writes vectors.yaml: encrypted streams whose salt and nonce are given, for other implementations of the format.

python -m tests.assets.encryption.make_vectors
"""

from pathlib import Path
from typing import Any

import yaml

from pipelines.archive.encryption import Key, Sealing

HERE = Path(__file__).parent
KEY = "correct horse battery staple"
SALT, PREFIX = bytes(range(16)), bytes(range(0xA0, 0xA7))
CHUNK_LOG = 12
PLAIN = {
    "empty": b"",
    "short": b"riva\n",
    "one whole chunk": bytes(range(256)) * 16,
    "two chunks": bytes(range(256)) * 16 + b"and the last one",
}


def vectors() -> list[dict[str, Any]]:
    """The vectors; long ones are cut after their first 80 bytes and end with their last 32."""
    found = []
    for name, plain in PLAIN.items():
        sealing = Sealing(Key(KEY.encode()), len(plain), salt=SALT, prefix=PREFIX, chunk_log=CHUNK_LOG)
        sealed = b"".join(sealing.seal([plain]))
        found.append(
            {
                "name": name,
                "key": KEY,
                "salt": SALT.hex(),
                "nonce_prefix": PREFIX.hex(),
                "chunk_log": CHUNK_LOG,
                "plain_size": len(plain),
                "plain": plain.hex()
                if len(plain) < 100
                else f"bytes 0 to 255, {len(plain) // 256} times"
                + (f", then {plain[4096:].hex()}" if len(plain) > 4096 else ""),
                "sealed_size": len(sealed),
                "begins": sealed[:80].hex(),
                "ends": sealed[-32:].hex(),
            }
        )
    return found


def text() -> str:
    """The content of vectors.yaml."""
    return "# Made by make_vectors.py; the format: pipelines/archive/README.md.\n" + yaml.safe_dump(
        vectors(), sort_keys=False, width=200
    )


if __name__ == "__main__":
    (HERE / "vectors.yaml").write_text(text(), encoding="utf-8")
