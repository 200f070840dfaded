"""SHA256SUMS is what sha256sum reads, and says of a folder what has changed in it."""

import subprocess
from pathlib import Path

import pytest

from ci.checksums import SUMS, check_sums, write_sums
from ci.errors import ReleaseDamaged


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with its sums."""
    (tmp_path / "report").mkdir()
    (tmp_path / "a.rmir").write_bytes(b"a")
    (tmp_path / "report" / "b.json").write_bytes(b"b")
    write_sums(tmp_path)
    return tmp_path


def test_the_tool_of_every_machine_reads_it(folder: Path) -> None:
    """`sha256sum --check` agrees."""
    done = subprocess.run(["sha256sum", "--check", "--strict", SUMS], cwd=folder, capture_output=True, text=True)

    assert done.stdout == "a.rmir: OK\nreport/b.json: OK\n"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.rmir", b"other", "a.rmir has sha256"),
        ("a.rmir", None, "a.rmir is missing"),
        ("report/c.json", b"", "report/c.json is not listed"),
        (SUMS, b"not a sum\n", f"{SUMS}:1"),
        (SUMS, None, "there is no"),
    ],
)
def test_what_differs_is_named(folder: Path, name: str, content: bytes | None, expected: str) -> None:
    """A file that was changed, lost or added is an error with its name."""
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)

    with pytest.raises(ReleaseDamaged, match=expected):
        check_sums(folder)
