"""The layers work together: what one finds is never lost because another cannot go on."""

import tarfile
from pathlib import Path

import pytest

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.errors import BrokenCheckpoint, UnsafeCheckpoint
from pipelines.verdict.firewall.inspection import inspect
from tests.nemo_checkpoints import config, write_nemo
from tests.torch_archives import Tensor, torch_archive

RNNT = "nemo.collections.asr.models.rnnt_bpe_models.EncDecRNNTBPEModel"


def link(name: str) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return made


def test_a_sound_checkpoint_has_its_tensors(tmp_path: Path) -> None:
    """Nothing is found, and the tensors are known."""
    with NemoCheckpoint.open(write_nemo(tmp_path / "a.nemo")) as checkpoint:
        inspection = inspect(checkpoint)

    assert inspection.findings == ()
    assert inspection.state.shape("decoder.bias") == (4,)


def test_all_layers_are_reported(tmp_path: Path) -> None:
    """A link, a class and a pickle in one checkpoint are three findings, from the container inwards."""
    whole = config(encoder={"_target_": "os.system"})
    path = write_nemo(tmp_path / "a.nemo", whole, members={"./model_weights.ckpt": b"x"}, entries=(link("x"),))

    with NemoCheckpoint.open(path, with_defects=True) as checkpoint:
        found = [finding.rule.id for finding in inspect(checkpoint).findings]

    assert found == ["member-kinds", "classes-known", "weights-format"]


def test_a_configuration_behind_a_link_is_named(tmp_path: Path) -> None:
    """Where the configuration itself is a link, the link is the finding, not its absence."""
    path = write_nemo(tmp_path / "a.nemo", without=("model_config.yaml",), entries=(link("model_config.yaml"),))

    with (
        NemoCheckpoint.open(path, with_defects=True) as checkpoint,
        pytest.raises(UnsafeCheckpoint, match="symbolic link") as caught,
    ):
        inspect(checkpoint)

    assert caught.value.finding is not None
    assert caught.value.finding.rule.id == "member-kinds"


def test_an_unreadable_configuration_is_no_finding_of_the_firewall(tmp_path: Path) -> None:
    """What cannot be read is not called unsafe."""
    with NemoCheckpoint.open(write_nemo(tmp_path / "a.nemo", b"a: [")) as checkpoint, pytest.raises(BrokenCheckpoint):
        inspect(checkpoint)


def test_the_makers_folder_is_ordinary(tmp_path: Path) -> None:
    """Models of classes without a recipe keep their maker's paths where every NeMo model has them."""
    whole = config(RNNT, tokenizer={"type": "bpe", "dir": "/home/somebody"})

    with NemoCheckpoint.open(write_nemo(tmp_path / "a.nemo", whole)) as checkpoint:
        assert inspect(checkpoint).findings == ()


def test_numbers_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size of the weights does not matter: of twenty megabytes, less than one is read."""
    tensors = {f"layer{number}": Tensor((1_000_000,)) for number in range(5)}
    path = write_nemo(tmp_path / "a.nemo", members={"./model_weights.ckpt": torch_archive(tensors)})
    read = 0

    with NemoCheckpoint.open(path) as checkpoint:
        file, original = checkpoint._file, checkpoint._file.read

        class Counting:
            def __getattr__(self, name: str) -> object:
                return getattr(file, name)

            def read(self, size: int = -1) -> bytes:
                nonlocal read
                content = original(size)
                read += len(content)
                return content

        monkeypatch.setattr(checkpoint, "_file", Counting())
        assert len(inspect(checkpoint).state.tensors) == 5

    assert 0 < read < 1 << 20


def test_findings_are_enough_at_a_hundred(tmp_path: Path) -> None:
    """A checkpoint that breaks a rule many thousand times is refused without saying so as often."""
    text = b"encoder:\n" + b"- _target_: os.system\n" * 3_000

    with NemoCheckpoint.open(write_nemo(tmp_path / "a.nemo", text)) as checkpoint:
        assert len(inspect(checkpoint).findings) == 100
