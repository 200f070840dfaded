"""What NVIDIA's nemo2riva loads was read, judged and written anew by us."""

import tarfile
from pathlib import Path

import pytest

from ci.runtime import Command
from ci.runtime.clean import with_clean_checkpoints
from pipelines.archive.nemo import NemoCheckpoint
from pipelines.errors import RivaError

SAMPLE = Path(__file__).parents[4] / "checkpoints" / "punctuation-en-US" / "model.nemo"


def test_only_the_clean_copy_is_loaded(tmp_path: Path) -> None:
    """It holds what the configuration names, under the checkpoint's own name, and is gone afterwards."""
    command = Command("nemo2riva", ("--out", tmp_path / "a.riva", SAMPLE), tmp_path / "log", folder=tmp_path)
    with with_clean_checkpoints(command) as cleaned:
        *others, copy = cleaned.arguments
        assert others == ["--out", tmp_path / "a.riva"]
        assert isinstance(copy, Path)
        assert (copy.name, copy.parent.parent) == ("model.nemo", tmp_path)
        with NemoCheckpoint.open(SAMPLE) as sample, tarfile.open(copy) as archive:
            named = {artifact.member for artifact in sample.artifacts}
            assert set(archive.getnames()) == {"model_config.yaml", "model_weights.ckpt", *named}

    assert list(tmp_path.iterdir()) == []


def test_what_the_verdict_refuses_is_not_loaded(tmp_path: Path) -> None:
    """No container is started for it."""
    (tmp_path / "model.nemo").write_bytes(b"#!/bin/sh\n")
    command = Command("nemo2riva", (tmp_path / "model.nemo",), tmp_path / "log", folder=tmp_path)

    with pytest.raises(RivaError, match=r"model\.nemo"), with_clean_checkpoints(command):
        pytest.fail("it was taken")
    assert [path.name for path in tmp_path.iterdir()] == ["model.nemo"]
