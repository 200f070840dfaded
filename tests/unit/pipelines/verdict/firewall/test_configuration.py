"""What a configuration may name: known classes, members of the archive, its own values."""

from typing import Any

import pytest

from pipelines.registry import rooms
from pipelines.verdict.firewall.configuration import DATA_SECTIONS, check_configuration
from tests.nemo_checkpoints import CTC, config


def rules(given: dict[str, Any]) -> list[str]:
    kept = {name: value for name, value in given.items() if name not in DATA_SECTIONS}
    return [finding.rule.id for finding in check_configuration(given, kept)]


@pytest.mark.parametrize(
    "sections",
    [
        {"target": CTC},
        {"target": "nemo.collections.nlp.models.PunctuationCapitalizationModel"},
        {"target": "nemo.collections.audio.models.enhancement.EncMaskDecAudioToAudioModel"},
        {"encoder": {"_target_": "nemo.collections.asr.modules.ConformerEncoder"}},
        {"encoder": {"_target_": "nemo.collections.asr.modules.conformer_encoder.ConformerEncoder"}},
        {"encoder": {"cls": "nemo.collections.asr.modules.ConvASREncoder", "params": {"feat_in": 64}}},
        {"loss": {"target": None}, "cls": "", "class_name": "plain word"},
        {"preprocessor": {"sample_rate": "${sample_rate}", "features": "${model.features}"}},
        {"decoder": {"vocabulary": ["/", "~", "..", "http://", "//", "_target_", "pipe:", "|", "`"]}},
        {"train_ds": {"manifest_filepath": "/home/x/train.json", "url": "s3://bucket/x", "key": "${oc.env:X}"}},
        {"train_ds": {"labels": ["|", "`"], "tarred_audio_filepaths": "/data/audio__OP_0..511_CL_.tar"}},
        {"train_ds": {"dataset": {"_target_": "nemo.collections.tts.data.dataset.TTSDataset"}}},
        {"optim": {"_target_": "torch.optim.AdamW"}},
        {"language_model": {"pretrained_model_name": "bert-base-uncased", "lm_checkpoint": None}},
        {"tokenizer": {"model_path": "nemo:0123_tokenizer.model", "trust_remote_code": False}},
        {"transf_decoder": {"pretrained": False, "model_name": None}},
        {"decoding": {"word_seperator": " ", "segment_seperators": [".", "!"], "path": "a/b.txt"}},
    ],
)
def test_what_real_models_say_passes(sections: dict[str, Any]) -> None:
    """Words of real configurations, where an eager reader would see paths, commands and addresses, are no findings."""
    assert rules(sections) == []


@pytest.mark.parametrize(
    ("sections", "rule"),
    [
        ({"target": "os.system"}, "classes-known"),
        ({"target": "nemo.collections.asr.models.os.system"}, "classes-known"),
        ({"target": "nemo.collections.asr.models"}, "classes-known"),
        ({"encoder": {"_target_": "nemo.collections.asr.modules.os.system"}}, "classes-known"),
        ({"encoder": {"_target_": "nemo.core.classes.common.hydra.utils.get_object"}}, "classes-known"),
        ({"encoder": {"_target_": "torch.nn.modules.module.torch.hub.load"}}, "classes-known"),
        ({"encoder": {"_target_": ["os.system"]}}, "classes-known"),
        ({"encoder": {"_target_": 3}}, "classes-known"),
        ({"encoder": {"_target_": " nemo.collections.asr.modules.ConformerEncoder"}}, "classes-known"),
        ({"a": [[{"b": {"_target_": "os.system"}}]]}, "classes-known"),
        ({"": {"train_ds": {"_target_": "nemo.collections.asr.data.x.Y"}}}, "classes-known"),
        ({"train_ds": {"_target_": "os.system"}}, "classes-known"),
        ({"validation_ds": {"x": {"class_path": "subprocess.Popen"}}}, "classes-known"),
        ({"encoder": {"_convert_": "all"}}, "hydra-keys"),
        ({"name": "${oc.env:TOKEN}"}, "interpolations-plain"),
        ({"name": "${oc.create:${x}}"}, "interpolations-plain"),
        ({"name": "a ${x} ${now:%Y}"}, "interpolations-plain"),
        ({"decoder": {"vocabulary": ["${oc.env:TOKEN}"]}}, "interpolations-plain"),
        ({"name": "${"}, "interpolations-plain"),
        ({"x": {"trust_remote_code": "yes"}}, "no-remote-code"),
        ({"train_ds": {"trust_remote_code": True}}, "no-remote-code"),
        ({"x": {"pretrained_model_name": "somebody/model"}}, "nothing-fetched"),
        ({"init_from_pretrained_model": "stt_en_conformer"}, "nothing-fetched"),
        ({"x": {"hf_model": "a"}}, "nothing-fetched"),
        ({"x": {"repo_id": "a/b"}}, "nothing-fetched"),
        ({"x": {"from_pretrained": True}}, "nothing-fetched"),
        ({"x": "s3://bucket/model"}, "nothing-fetched"),
        ({"x": ["file:///etc/passwd"]}, "nothing-fetched"),
        ({"x": "/etc/passwd"}, "references-inside"),
        ({"x": "nemo:/etc/passwd"}, "references-inside"),
        ({"x": "nemo:../x"}, "references-inside"),
        ({"labels": {"x": "/etc/passwd"}}, "references-inside"),
        ({"x": "a/../../x"}, "references-inside"),
        ({"x": "C:\\x"}, "references-inside"),
        ({"x": "~root/x"}, "references-inside"),
        ({"train_ds": {"x": "pipe: touch x"}}, "data-commands"),
        ({"train_ds": {"x": "sox a.wav -t wav - |"}}, "data-commands"),
        ({"test_ds": {"x": ["a; curl b"]}}, "data-commands"),
        ({"optim": {"x": "`ls`"}}, "data-commands"),
    ],
)
def test_everything_else_is_refused(sections: dict[str, Any], rule: str) -> None:
    """A class, address, path or command that no speech model needs is refused wherever it stands."""
    assert rules(sections) == [rule]


def test_a_finding_says_where() -> None:
    """The place is the key, as people write it, and a hostile key cannot break the message."""
    given = {"a": [{"b\n\x1b": {"_target_": "os.system"}}]}

    (finding,) = check_configuration(given, {})

    assert finding.where == "model_config.yaml: a.0.b\\n\\x1b._target_"
    assert "'os.system'" in finding.what


@pytest.mark.parametrize("room", list(rooms()), ids=lambda room: room.name)
def test_no_room_gives_nemo_what_only_training_needs(room: Any) -> None:
    """The sections that are looked at less strictly never reach NeMo."""
    whole = {**config(), **{section: {"x": 1} for section in DATA_SECTIONS}}

    assert not set(DATA_SECTIONS) & room.checkpoint.config_for_nemo(whole).keys()
