"""What punctuation knows of the NeMo classes it takes, and of those it does not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.contract import Lack
from pipelines.punctuation import checkpoint as room
from tests.nemo_checkpoints import write_nemo
from tests.punctuation_checkpoints import MEMBERS, config, encoder_file

SAMPLE = Path(__file__).parents[4] / "checkpoints/punctuation-en-US/model.nemo"


def lacks(folder: Path, members: Mapping[str, bytes] = MEMBERS, **changes: Any) -> list[Lack]:
    with NemoCheckpoint.open(write_nemo(folder / "model.nemo", config(**changes), members=members)) as checkpoint:
        assert checkpoint.obj_cls in room.SUPPORTED_CLASSES
        return list(room.lacks(checkpoint))


def test_a_checkpoint_of_nemo_lacks_nothing(tmp_path: Path) -> None:
    """Neither the sample, which NeMo 2.4.1 saved, nor what the other tests change."""
    with NemoCheckpoint.open(SAMPLE) as sample:
        assert sample.obj_cls in room.SUPPORTED_CLASSES
        assert list(room.lacks(sample)) == []

    assert lacks(tmp_path) == []


@pytest.mark.parametrize(
    ("members", "changes", "rule", "what"),
    [
        (MEMBERS, {"tokenizer": {"tokenizer_name": "char"}}, "tokenizer-present", "tokenizer.vocab_file is None"),
        (
            {name: content for name, content in MEMBERS.items() if "vocab" not in name},
            {},
            "tokenizer-present",
            "has no 1a_vocab.txt",
        ),
        (MEMBERS, {"class_labels": {}}, "labels-present", "class_labels.punct_labels_file is None"),
        (encoder_file(model_type="albert"), {}, "encoder-supported", "its encoder is albert"),
        (MEMBERS, {"punct_head": {"activation": "system"}}, "encoder-supported", "punct_head.activation is 'system'"),
    ],
    ids=["other tokenizer", "no vocabulary", "no labels", "other encoder", "unknown activation"],
)
def test_what_is_missing_is_named(
    tmp_path: Path, members: Mapping[str, bytes], changes: dict[str, Any], rule: str, what: str
) -> None:
    """One lack, with the rule that it breaks."""
    [lack] = lacks(tmp_path, members, **changes)

    assert lack.rule == rule
    assert what in lack.what


def test_a_vocabulary_beyond_reason_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size stands in the header, and that is enough."""
    monkeypatch.setattr(room, "_LARGEST", 20)

    assert "1a_vocab.txt has" in lacks(tmp_path)[0].what


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("PunctuationCapitalizationLexicalAudioModel", "it listens to the speech"),
        ("QAModel", "Riva's pipeline qa"),
        ("TokenClassificationModel", "Riva's pipeline token_classification"),
        ("IntentSlotClassificationModel", "Riva's pipeline intent_slot"),
        ("TextClassificationModel", "Riva's pipeline text_classification"),
    ],
)
def test_other_bert_classes_are_refused_by_name(name: str, part: str) -> None:
    """The reason says what the class is for, and what to export instead."""
    reason = room.why_unsupported(f"nemo.collections.nlp.models.{name}")

    assert reason is not None
    assert part in reason.what
    assert "PunctuationCapitalizationModel" in reason.fix


def test_other_kinds_are_left_to_other_rooms() -> None:
    """A speech model is none of this room's business."""
    assert room.why_unsupported("nemo.collections.asr.models.EncDecRNNTBPEModel") is None


def test_the_network_sees_no_path_of_the_maker() -> None:
    """Training data and the maker's folders are not in the configuration that the network is restored from."""
    clean = room.config_for_nemo(config())

    assert "/home" not in str(clean)
    assert clean["tokenizer"] == config()["tokenizer"]
    assert room.patch_config(config()) is None
