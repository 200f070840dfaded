"""Locks are the same for every architecture, and packages without wheels are kept apart."""

from pathlib import Path

import pytest

from ci import lock
from ci.errors import LockFailed
from ci.lock import Lock


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of locks of a repository of its own."""
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    monkeypatch.setattr(lock, "LOCKS", tmp_path)
    return tmp_path


def resolve_to(monkeypatch: pytest.MonkeyPatch, **texts: str) -> None:
    """Makes the resolver answer by architecture."""
    monkeypatch.setattr(
        lock, "compile_lock", lambda name, each, python, platform, *, upgrade: texts[platform.partition("-")[0]]
    )


def test_architectures_must_agree(locks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with different versions on the two architectures is refused by name."""
    resolve_to(monkeypatch, x86_64="one==1 \\\n    --hash=sha256:00\n", aarch64="one==2 \\\n    --hash=sha256:00\n")

    with pytest.raises(LockFailed, match="one==1, one==2"):
        lock._resolve("runtime-3.11", Lock(), "3.11", upgrade=False)


def test_packages_without_wheels_get_a_lock_of_their_own(
    locks: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are installed differently, so they stand in a file of their own; unchanged files are not touched."""
    source = "antlr4-python3-runtime==4.9.3 \\\n    --hash=sha256:11\n"
    text = f"{source}one==1 \\\n    --hash=sha256:00\n    --hash=sha256:01\n"
    resolve_to(monkeypatch, x86_64=text, aarch64=text)

    assert lock.main([]) == 0
    assert (locks / "export-source-3.11.txt").read_text() == source
    assert "antlr4" not in (locks / "export-3.11.txt").read_text()
    assert "export-3.12.txt" in capsys.readouterr().out

    lock.main([])
    assert capsys.readouterr().out == ""


def test_the_newest_versions_are_asked_for_without_exact_pins(tmp_path: Path) -> None:
    """`==` becomes a floor; an upper end stays, and so does what nobody pinned."""
    (name,) = lock._without_exact_pins(Lock(extras=("runtime", "export"), newest=True), tmp_path)

    asked = Path(name).read_text().splitlines()
    assert "nemo_toolkit[asr]>=3.0.0" in asked
    assert "numpy<2" in asked
    assert "pyyaml>=6" in asked


def test_the_oldest_versions_are_resolved_afresh(locks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A floor that was lowered must show, so the pins of the lock of minimums are never kept."""
    kept: dict[str, bool] = {}

    def note(name: str, each: Lock, python: str, platform: str, *, upgrade: bool) -> str:
        kept[name] = not upgrade
        return "one==1 \\\n    --hash=sha256:00\n"

    monkeypatch.setattr(lock, "compile_lock", note)
    lock.main([])

    assert [name for name, each in kept.items() if not each] == ["minimums-3.11", "minimums-3.12"]
