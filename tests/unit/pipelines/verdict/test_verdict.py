"""The verdict names what stands against a checkpoint, and a stable rule for it."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.cli import riva_verdict
from pipelines.errors import BrokenCheckpoint, UnsupportedCheckpoint
from pipelines.verdict.verdict import judge
from tests.nemo_checkpoints import CTC, CTC_BPE, TOKENIZER, config, write_nemo

HYBRID = "nemo.collections.asr.models.hybrid_rnnt_ctc_bpe_models.EncDecHybridRNNTCTCBPEModel"
RNNT = "nemo.collections.asr.models.rnnt_bpe_models.EncDecRNNTBPEModel"
CANARY = "nemo.collections.asr.models.aed_multitask_models.EncDecMultiTaskModel"


@pytest.mark.parametrize("target", [CTC, CTC_BPE])
def test_supported_checkpoints_pass(tmp_path: Path, target: str) -> None:
    """A whole checkpoint of a supported class has no findings."""
    verdict = judge(write_nemo(tmp_path / "a.nemo", config(target), members={TOKENIZER: b""}))

    assert verdict.findings == ()
    assert verdict.obj_cls.endswith(target.rsplit(".", 1)[-1])


@pytest.mark.parametrize(
    ("target", "why", "fix"),
    [
        (HYBRID, "hybrid", "convert_nemo_asr_hybrid_to_ctc.py"),
        (RNNT, "transducer", "CTC variant"),
        (CANARY, "attention encoder-decoder", "CTC model"),
        ("nemo.collections.tts.models.fastpitch.FastPitchModel", "no recipe", "CTC"),
    ],
)
def test_other_classes_are_named_with_what_to_do(tmp_path: Path, target: str, why: str, fix: str) -> None:
    """A class that is not supported is refused by name, says why, and says what would work."""
    (finding,) = judge(write_nemo(tmp_path / "a.nemo", config(target))).findings

    assert finding.rule.id == "class-supported"
    assert target.rsplit(".", 1)[-1] in finding.what
    assert why in finding.what
    assert fix in finding.fix
    assert "EncDecCTCModelBPE" in finding.why
    assert finding.rule.error is UnsupportedCheckpoint


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"configuration": config(target="")}, "class-named"),
        ({"without": ("model_weights.ckpt",)}, "weights-present"),
        ({"configuration": config(CTC_BPE)}, "tokenizer-present"),
        ({"configuration": config(CTC_BPE, tokenizer={"type": "bpe", "dir": "/home/x"})}, "tokenizer-present"),
        ({"configuration": config(decoder={"num_classes": 3})}, "vocabulary-present"),
        ({"configuration": config(encoder={"_target_": "a.SqueezeformerEncoder"})}, "encoder-supported"),
        ({"configuration": config(preprocessor={"_target_": "a.AudioToMFCCPreprocessor"})}, "preprocessor-supported"),
        ({"configuration": config(decoding={"lm": "nemo:lm.bin"})}, "artifact-present"),
        ({"without": ("model_config.yaml",)}, "readable"),
    ],
)
def test_missing_parts_have_their_rule(tmp_path: Path, changes: dict[str, Any], rule: str) -> None:
    """Each part that an export needs is missed by a rule of its own, with something to do."""
    verdict = judge(write_nemo(tmp_path / "a.nemo", **changes))

    assert [finding.rule.id for finding in verdict.findings] == [rule]
    assert verdict.findings[0].fix


def test_findings_become_errors(tmp_path: Path) -> None:
    """A stage raises what the verdict found, with the rule in the message."""
    verdict = judge(write_nemo(tmp_path / "a.nemo", config(CTC_BPE)))

    with pytest.raises(BrokenCheckpoint, match=r"tokenizer\.model_path .* \[tokenizer-present\]"):
        verdict.raise_findings()


def test_the_command_tells_findings_from_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """riva-verdict exits with 0 if all work, else with the code of the worst, 64 if it was called wrongly."""
    good, bad = write_nemo(tmp_path / "good.nemo"), write_nemo(tmp_path / "bad.nemo", config(RNNT))

    assert riva_verdict.main([str(good)]) == 0
    assert "good.nemo: can be exported" in capsys.readouterr().out
    assert riva_verdict.main([str(good), str(bad)]) == 1
    assert "bad.nemo: refused" in capsys.readouterr().out
    assert riva_verdict.main([]) == 64
