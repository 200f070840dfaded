"""The verdict names what stands against a checkpoint, and a stable rule for it."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import BrokenCheckpoint, UnsupportedCheckpoint
from pipelines.verdict.findings import Outcome
from pipelines.verdict.verdict import judge
from tests.nemo_checkpoints import CTC, CTC_BPE, TOKENIZER, config, write_nemo
from tests.torch_archives import Tensor, torch_archive

HYBRID = "nemo.collections.asr.models.hybrid_rnnt_ctc_bpe_models.EncDecHybridRNNTCTCBPEModel"
RNNT = "nemo.collections.asr.models.rnnt_bpe_models.EncDecRNNTBPEModel"
CANARY = "nemo.collections.asr.models.aed_multitask_models.EncDecMultiTaskModel"


@pytest.mark.parametrize("target", [CTC, CTC_BPE])
def test_supported_checkpoints_pass(tmp_path: Path, target: str) -> None:
    """A whole checkpoint of a supported class has no findings."""
    verdict = judge(write_nemo(tmp_path / "a.nemo", config(target), members={TOKENIZER: b""}))

    assert verdict.findings == ()
    assert verdict.facts is not None
    assert verdict.facts.obj_cls.endswith(target.rsplit(".", 1)[-1])


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
        (
            {"configuration": config(encoder={"_target_": "nemo.collections.asr.modules.SqueezeformerEncoder"})},
            "encoder-supported",
        ),
        (
            {
                "configuration": config(
                    preprocessor={"_target_": "nemo.collections.asr.modules.AudioToMFCCPreprocessor"}
                )
            },
            "preprocessor-supported",
        ),
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


def test_findings_of_one_target_do_not_count_elsewhere(tmp_path: Path) -> None:
    """A class that is not served here may be served by NVIDIA's own images, which the table knows."""
    path = write_nemo(tmp_path / "a.nemo", config(RNNT))

    assert judge(path).outcome is Outcome.FAILS
    assert judge(path, targets=["x86-gpu"]).outcome is Outcome.WORKS
    assert judge(path, targets=["x86-gpu"], riva_versions=["2.16"]).outcome is Outcome.FAILS
    assert judge(path, targets=["x86-gpu"], riva_versions=["2.18"]).outcome is Outcome.UNKNOWN


def test_encoders_that_were_never_compared_here_may_do_elsewhere(tmp_path: Path) -> None:
    """What this repository's export was not proved with is no reason against NVIDIA's own."""
    path = write_nemo(tmp_path / "a.nemo", config(encoder={"_target_": "nemo.collections.asr.modules.RNNEncoder"}))

    assert "encoder-supported" in {finding.rule.id for finding in judge(path).findings}
    assert "encoder-supported" not in {finding.rule.id for finding in judge(path, targets=["jetson"]).findings}


def test_unknown_is_counted(tmp_path: Path) -> None:
    """Every Riva version and target has an outcome, and those that nobody knows are counted as such."""
    verdict = judge(write_nemo(tmp_path / "a.nemo"))

    assert sum(verdict.counts.values()) == len(verdict.places) == 12
    assert verdict.counts[Outcome.UNKNOWN] == 1
    (unknown,) = [place for place in verdict.places if place.outcome is Outcome.UNKNOWN]
    assert unknown.findings


def test_the_declaration_decides_what_is_asked(tmp_path: Path) -> None:
    """The pipeline.yaml beside a checkpoint names its Riva, targets, language and pipeline; options outweigh it."""
    path = write_nemo(tmp_path / "model.nemo")
    declaration = tmp_path / "pipeline.yaml"
    declaration.write_text(
        "checkpoint: {path: model.nemo}\npipeline: punctuation\nlanguage: ru-RU\n"
        "export: {riva-version: 2.18.0}\ntargets: [jetson]\nbuilds: {}\n"
    )

    verdict = judge(path)

    assert verdict.asked == (("2.18.0", "jetson"),)
    assert {"pipeline-fits", "language-as-named"} <= {finding.rule.id for finding in verdict.findings}
    assert judge(path, riva_versions=["2.19"], targets=["cpu"]).asked == (("2.19.0", "cpu"),)


def test_a_declaration_of_another_file_says_nothing(tmp_path: Path) -> None:
    """A checkpoint that merely lies beside a pipeline.yaml is not what that declares."""
    path = write_nemo(tmp_path / "other.nemo")
    (tmp_path / "pipeline.yaml").write_text("checkpoint: {path: model.nemo}\nlanguage: ru-RU\n")

    assert judge(path).findings == ()


def test_facts_come_from_headers_alone(tmp_path: Path) -> None:
    """Count and type of the weights are known without reading a single weight."""
    weights = torch_archive({"a": Tensor((10, 3), "float16"), "b": Tensor((5,)), "steps": Tensor((7,), "int64")})
    path = write_nemo(tmp_path / "a.nemo", members={"./model_weights.ckpt": weights})

    facts = judge(path).facts

    assert facts is not None
    assert facts.weights is not None
    assert facts.weights.parameters == 35
    assert facts.weights.dtypes == {"float16": 30, "float32": 5}
    assert facts.weights.dtype == "float16"
    assert facts.weights.size == 30 * 2 + 5 * 4 + 7 * 8
