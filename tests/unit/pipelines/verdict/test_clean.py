"""The clean copy of a checkpoint: what was judged, and nothing else."""

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.errors import UnsafeCheckpoint
from pipelines.verdict.clean import CleanCheckpoint, write_clean
from pipelines.verdict.firewall.state_dict import read_state_dict
from pipelines.verdict.verdict import judge
from tests.nemo_checkpoints import CTC_BPE, TOKENIZER, WEIGHTS, config, write_nemo

MEMBERS = {TOKENIZER: b"a tokenizer"}


def clean(source: Path) -> CleanCheckpoint:
    with NemoCheckpoint.open(source) as checkpoint:
        return write_clean(checkpoint, source.with_suffix(".clean"))


def content(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def records(weights: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(weights)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_holds_what_the_configuration_names(tmp_path: Path) -> None:
    """Configuration, weights and the files that the configuration refers to; other members stay behind."""
    source = write_nemo(
        tmp_path / "a.nemo", config(CTC_BPE), members={**MEMBERS, "notes.txt": b"", "old.yaml": b"a: 1"}
    )

    found = content(clean(source).path)

    assert list(found) == ["model_config.yaml", TOKENIZER, "model_weights.ckpt"]
    assert found[TOKENIZER] == MEMBERS[TOKENIZER]


def test_the_configuration_is_written_again_without_training_data(tmp_path: Path) -> None:
    """No dataset section and no path of its maker is left; everything else says the same, without aliases and tags."""
    whole = config(CTC_BPE)
    text = (yaml.safe_dump(whole) + "common: &shared {a: 1}\nagain: *shared\n").encode()

    found = content(clean(write_nemo(tmp_path / "a.nemo", text, members=MEMBERS)).path)["model_config.yaml"]

    kept = yaml.safe_load(found)
    assert b"/home/somebody" not in found
    assert "train_ds" not in kept
    assert kept["encoder"] == whole["encoder"]
    assert kept["again"] == {"a": 1}
    assert b"&" not in found


def test_the_weights_are_the_walked_pickle_and_its_storages(tmp_path: Path) -> None:
    """The pickle and the numbers are the same bytes; what the zip held besides is gone."""
    before, after = (
        records(WEIGHTS),
        records(content(clean(write_nemo(tmp_path / "a.nemo")).path)["model_weights.ckpt"]),
    )

    assert {name: data for name, data in after.items() if "data" in name} == {
        name: data for name, data in before.items() if name.endswith("data.pkl") or "/data/" in name
    }
    assert set(after) - set(before) <= {"model_weights/byteorder", "model_weights/version"}
    assert (after["model_weights/byteorder"], after["model_weights/version"]) == (b"little", b"3\n")


def test_the_copy_passes_the_verdict(tmp_path: Path) -> None:
    """The firewall accepts what it is written as: the copy is judged like any checkpoint."""
    source = write_nemo(tmp_path / "a.nemo")
    copy = clean(source)

    with NemoCheckpoint.open(source) as first, NemoCheckpoint.open(copy.path) as second:
        tensors = [
            [(tensor.name, tensor.shape, tensor.dtype) for tensor in read_state_dict(stream, size, member="w").tensors]
            for each in (first, second)
            for stream, size in [(each.open_member("model_weights.ckpt"), each.size("model_weights.ckpt"))]
        ]
    assert tensors[0] == tensors[1] != []
    assert [finding.what for finding in judge(copy.path).findings if finding.rule.outcome.refuses] == []


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_the_same_content_has_the_same_digest(tmp_path: Path, mode: Any) -> None:
    """Whoever packed the checkpoint, when, in which order and how: only its content counts."""
    one = write_nemo(tmp_path / "one.nemo", config(CTC_BPE), members=MEMBERS)
    other = tmp_path / "other.nemo"
    with tarfile.open(other, mode) as tar:
        for name, data in reversed(content(one).items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.uid, entry.uname, entry.mode = len(data), 1700000000, 1000, "maker", 0o600
            tar.addfile(entry, io.BytesIO(data))

    first, second = clean(one), clean(other)

    assert first.sha256 == second.sha256
    assert first.source_sha256 != second.source_sha256
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.size == first.path.stat().st_size


def test_weights_that_changed_meanwhile_are_refused(tmp_path: Path) -> None:
    """Between the verdict and the copy a file may change; a zip that says two things is not copied."""
    appended = WEIGHTS + b"PK more"

    with pytest.raises(UnsafeCheckpoint, match="weights-zip"):
        clean(write_nemo(tmp_path / "a.nemo", members={"./model_weights.ckpt": appended}))
