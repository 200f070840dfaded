"""What is said of the versions that an export runs with."""

import importlib.metadata

import pytest

from pipelines.compatibility import riva_version
from pipelines.errors import ExportFailed, SchemaViolated, UnsupportedCheckpoint
from pipelines.export.environment import check_environment
from pipelines.speech_recognition import PIPELINE
from pipelines.speech_recognition.checkpoint import CTC

HYBRID = "nemo.collections.asr.models.EncDecHybridRNNTCTCBPEModel"
GOOD = {"nemo_toolkit": "3.0.0", "torch": "2.13.0+cpu", "onnx": "1.23.0", "numpy": "2.4.1"}


def installed(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    """Makes an environment with these packages and no others."""

    def version(name: str) -> str:
        if name not in versions:
            raise importlib.metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(importlib.metadata, "version", version)


def notes(*, obj_cls: str = CTC, saved_by: str = "3.0.0", riva: str = "2.19.0", strict: bool = True) -> list[str]:
    return check_environment(
        PIPELINE.schema_of(CTC), obj_cls=obj_cls, saved_by=saved_by, riva=riva_version(riva), strict=strict
    )


@pytest.mark.parametrize(
    ("saved_by", "expected"),
    [("2.9.0", 0), ("3.0.0", 0), ("3.1.0", 1), ("", 0), ("main", 0)],
    ids=["older", "same", "newer", "none", "not-a-version"],
)
def test_a_checkpoint_of_a_newer_nemo_is_noted(monkeypatch: pytest.MonkeyPatch, saved_by: str, expected: int) -> None:
    """Who restores a checkpoint of a newer NeMo is told, because it may fail."""
    installed(monkeypatch, **GOOD)

    assert len(notes(saved_by=saved_by)) == expected


def test_an_environment_without_nemo_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says how to get one."""
    installed(monkeypatch)

    with pytest.raises(ExportFailed, match="nox -s export"):
        notes()


def test_a_nemo_older_than_the_schema_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a note, or with --validate an error."""
    installed(monkeypatch, nemo_toolkit="1.0.9", torch="2.13.0")

    assert any("requires nemo_toolkit >=1.1, 1.0.9 is installed" in note for note in notes(strict=False))
    with pytest.raises(SchemaViolated):
        notes()


def test_advisories_are_printed_and_the_command_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever types the guide's command for Riva 2.16, or has an old NeMo or torch, is warned."""
    installed(monkeypatch, nemo_toolkit="2.6.1", torch="2.5.1")

    said = notes(riva="2.16.0")

    for advisory in ("Riva 2.16.0 carries CVE-2025-23242", "nemo 2.6.1 carries CVE-2026-65178", "torch 2.5.1 carries"):
        assert any(advisory in note for note in said), said


def test_known_bad_pairs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody tried in vain is not tried for an hour again."""
    installed(monkeypatch, nemo_toolkit="1.22.0", torch="2.1.0")

    with pytest.raises(UnsupportedCheckpoint, match=r"saved-by 1\.21\.0, nemo 1\.22\.0"):
        notes(obj_cls=HYBRID, saved_by="1.21.0")


@pytest.mark.parametrize(("package", "version"), [("numpy", "1.26.4"), ("onnx", "1.16.0"), ("torch", "2.14.0")])
def test_packages_that_were_not_tried_are_noted(monkeypatch: pytest.MonkeyPatch, package: str, version: str) -> None:
    """An environment that somebody put together by hand is told apart from the locked one, with the rule's id."""
    installed(monkeypatch, **{**GOOD, package: version})

    (note,) = notes()

    assert f"{package} {version} is installed, tried was" in note
    assert "[environment-as-locked]" in note
