"""Engines are recognised by what they are, wherever they hide."""

from pathlib import Path

import pytest

from ci.errors import EngineFound
from ci.release.engines import check_no_engine
from pipelines.archive.archive import Member, write_archive
from pipelines.archive.encryption import Key
from pipelines.errors import WrongKey
from tests.releases import write_rmir

MANIFEST = {"format": "rmir", "format_version": 1, "pipeline": "punctuation", "name": "marks"}


def test_what_riva_build_writes_passes(tmp_path: Path) -> None:
    """A network in ONNX is built into an engine elsewhere."""
    write_rmir(tmp_path / "a.rmir", weights=b"weights")
    check_no_engine(tmp_path / "a.rmir")


@pytest.mark.parametrize("name", ["model.plan", "model_graph.onnx", "notes.txt"])
@pytest.mark.parametrize("start", [b"ftrt", b"ptrt"])
def test_an_engine_among_the_artifacts_is_found(tmp_path: Path, name: str, start: bytes) -> None:
    """Whatever it is called."""
    write_archive(tmp_path / "a.rmir", MANIFEST, [Member("a.yaml", b"a: 1"), Member(name, start + bytes(100))])

    with pytest.raises(EngineFound, match=f"{name} is a TensorRT engine"):
        check_no_engine(tmp_path / "a.rmir")


def test_an_engine_that_is_called_rmir_is_found(tmp_path: Path) -> None:
    """A renamed file is still what it is."""
    (tmp_path / "a.rmir").write_bytes(b"ftrt" + bytes(100))

    with pytest.raises(EngineFound):
        check_no_engine(tmp_path / "a.rmir")


def test_a_deployed_repository_is_found(tmp_path: Path) -> None:
    """What riva-deploy wrote belongs to one machine."""
    write_archive(tmp_path / "a.rmir", MANIFEST, [Member("marks/config.pbtxt", b'name: "marks"')])

    with pytest.raises(EngineFound, match="Triton repository"):
        check_no_engine(tmp_path / "a.rmir")


def test_encryption_hides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the key it is looked into; without, nothing passes unseen."""
    (tmp_path / "key").write_bytes(b"secret")
    members = [Member("model.bin", b"ftrt" + bytes(100), encrypt=True)]
    write_archive(tmp_path / "a.rmir", MANIFEST, members, key=Key(b"secret"))

    with pytest.raises(WrongKey):
        check_no_engine(tmp_path / "a.rmir")
    monkeypatch.setenv("RIVA_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(EngineFound):
        check_no_engine(tmp_path / "a.rmir")
