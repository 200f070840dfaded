"""A checkpoint is read without executing it, and whatever is wrong with it is said."""

import tarfile
from pathlib import Path

import pytest

from pipelines.archive.nemo import Artifact, NemoCheckpoint, normalise_target
from pipelines.errors import (
    BrokenCheckpoint,
    MissingInput,
    NotAnArchive,
    OutputFailed,
    RivaError,
    TruncatedArchive,
    UnsafeCheckpoint,
)
from tests.nemo_checkpoints import CTC_BPE, TOKENIZER, WEIGHTS, config, write_nemo


def entry(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, "/etc/passwd"
    return made


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_checkpoint_tells_what_it_is(tmp_path: Path, mode: str) -> None:
    """Class, version, members and the files that the configuration refers to are read, plain tar or gzip."""
    path = write_nemo(tmp_path / "a.nemo", config(CTC_BPE), members={TOKENIZER: b"pieces"}, mode=mode)

    with NemoCheckpoint.open(path) as checkpoint:
        assert checkpoint.obj_cls == "nemo.collections.asr.models.EncDecCTCModelBPE"
        assert checkpoint.nemo_version == "3.0.0"
        assert checkpoint.names() == ["model_config.yaml", "model_weights.ckpt", TOKENIZER]
        assert checkpoint.artifacts == (Artifact("tokenizer.model_path", TOKENIZER),)
        assert checkpoint.read(TOKENIZER) == b"pieces"


def test_unpacking_copies_the_members(tmp_path: Path) -> None:
    """`unpack` writes each member below the folder, in folders of its own where it has some."""
    path = write_nemo(tmp_path / "a.nemo", members={"./folder/vocab.txt": b"a\nb\n"})

    with NemoCheckpoint.open(path) as checkpoint:
        checkpoint.unpack(tmp_path / "out")

    found = {str(file.relative_to(tmp_path / "out")): file.read_bytes() for file in (tmp_path / "out").rglob("*.*")}
    assert found.pop("model_config.yaml") != b""
    assert found == {"model_weights.ckpt": WEIGHTS, "folder/vocab.txt": b"a\nb\n"}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (
            "nemo.collections.asr.models.ctc_bpe_models.EncDecCTCModelBPE",
            "nemo.collections.asr.models.EncDecCTCModelBPE",
        ),
        ("nemo.collections.asr.models.EncDecCTCModel", "nemo.collections.asr.models.EncDecCTCModel"),
        ("somewhere.else.Model", "somewhere.else.Model"),
        ("models", "models"),
    ],
)
def test_targets_are_normalised(target: str, expected: str) -> None:
    """The module below `models` is left out of a class path, as in Riva's schemas."""
    assert normalise_target(target) == expected


def test_unsafe_members_refuse_the_checkpoint(tmp_path: Path) -> None:
    """A member that could write elsewhere refuses the whole checkpoint by name; the verdict gets all such members."""
    path = write_nemo(tmp_path / "a.nemo", entries=(entry("../outside"), entry("link", tarfile.SYMTYPE)))

    with pytest.raises(UnsafeCheckpoint, match=r"'\.\./outside' has a name that leaves the archive"):
        NemoCheckpoint.open(path)
    with NemoCheckpoint.open(path, with_defects=True) as checkpoint:
        assert [defect.member for defect in checkpoint.defects] == ["../outside", "link"]
        assert checkpoint.names() == ["model_config.yaml", "model_weights.ckpt"]


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"", NotAnArchive, "it is empty"),
        (b"PK\3\4" + bytes(600), NotAnArchive, "a zip file"),
        (b"\x80\x02}." + bytes(600), NotAnArchive, "a bare pickle"),
        (b"BZh9" + bytes(600), NotAnArchive, "bzip2"),
        (b"<html>Not found</html>" * 100, NotAnArchive, "neither a tar nor a gzip"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n",
            NotAnArchive,
            "git lfs pull --include=a.nemo",
        ),
    ],
    ids=["empty", "zip", "pickle", "bzip2", "error_page", "lfs_pointer"],
)
def test_other_files_are_named(tmp_path: Path, content: bytes, error: type[RivaError], message: str) -> None:
    """A file that is no checkpoint at all is told apart from a damaged one, and a Git LFS pointer from both."""
    path = tmp_path / "a.nemo"
    path.write_bytes(content)

    with pytest.raises(error, match=message):
        NemoCheckpoint.open(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A path that leads nowhere is not taken for a broken checkpoint."""
    with pytest.raises(MissingInput, match="nowhere"):
        NemoCheckpoint.open(tmp_path / "nowhere.nemo")


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_truncated_checkpoints_are_refused(tmp_path: Path, mode: str, part: float) -> None:
    """A checkpoint that ends too early is said to, wherever it was cut."""
    path = write_nemo(tmp_path / "a.nemo", members={"big": bytes(range(256)) * 400}, mode=mode)
    content = path.read_bytes()
    end = content.rstrip(b"\0") if mode == "w" else content
    path.write_bytes(end[: int(len(end) * part)])

    with pytest.raises(TruncatedArchive, match="ends too early"), NemoCheckpoint.open(path) as checkpoint:
        checkpoint.unpack(tmp_path / "out")


def test_a_header_cut_short_gives_one_line(tmp_path: Path) -> None:
    """What tarfile says about each compression it tried is not repeated to the user."""
    path = write_nemo(tmp_path / "model.nemo", config())
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(TruncatedArchive) as caught:
        NemoCheckpoint.open(path)
    assert "\n" not in caught.value.what


def test_a_configuration_is_a_mapping(tmp_path: Path) -> None:
    """Plain YAML that is not a mapping is no configuration."""
    with (
        NemoCheckpoint.open(write_nemo(tmp_path / "a.nemo", b"- a list\n")) as checkpoint,
        pytest.raises(BrokenCheckpoint, match="not a mapping but list"),
    ):
        checkpoint.config  # noqa: B018 (reading it is the test)


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a compressed checkpoint cannot be unpacked, the checkpoint is not blamed for it."""

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipelines.archive.nemo.inflate", refuse)

    with pytest.raises(OutputFailed, match="No space left on device"):
        NemoCheckpoint.open(write_nemo(tmp_path / "a.nemo", mode="w:gz"))
