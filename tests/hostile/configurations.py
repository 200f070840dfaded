"""Attacks through the configuration, and through files that it refers to."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.hostile.careless import instantiate, run_pipes, unsafe_yaml
from tests.hostile.vector import Vector
from tests.nemo_checkpoints import config, write_nemo

__all__ = ["VECTORS"]

Make = Callable[[Path, Path], Path]


def _with(sections: Callable[[Path], Mapping[str, Any]]) -> Make:
    return lambda folder, mark: write_nemo(folder / "model.nemo", config(**sections(mark)))


def _text(text: Callable[[Path], str]) -> Make:
    return lambda folder, mark: write_nemo(folder / "model.nemo", text(mark).encode())


def _encoder_config(folder: Path, _: Path) -> Path:
    described = {"model_type": "bert", "auto_map": {"AutoModel": "somebody/model--modeling.Model"}}
    whole = config(language_model={"config_file": "nemo:encoder_config.json"})
    return write_nemo(folder / "model.nemo", whole, members={"encoder_config.json": json.dumps(described).encode()})


def _called(key: str, mark: Path, arguments: str = "_args_") -> dict[str, Any]:
    given: Any = [f"touch {mark}"]
    return {key: "os.system", arguments: given if arguments == "_args_" else {"command": given[0]}}


VECTORS = (
    Vector(
        name="hydra-target",
        rule="classes-known",
        said="os.system",
        make=_with(lambda mark: {"encoder": _called("_target_", mark)}),
        trigger=instantiate,
    ),
    Vector(
        name="hydra-target-in-list",
        rule="classes-known",
        said="os.system",
        make=_with(lambda mark: {"encoder": {"layers": [{"deep": [_called("_target_", mark)]}]}}),
        trigger=instantiate,
    ),
    Vector(
        name="hydra-target-in-vocabulary",
        rule="classes-known",
        said="decoder.vocabulary.1._target_ is 'os.system'",
        make=_with(lambda mark: {"decoder": {"vocabulary": ["a", _called("_target_", mark)]}}),
        trigger=instantiate,
    ),
    Vector(
        name="hydra-target-in-data",
        rule="classes-known",
        said="train_ds.dataset._target_ is 'os.system'",
        make=_with(lambda mark: {"train_ds": {"dataset": _called("_target_", mark)}}),
        trigger=instantiate,
    ),
    Vector(
        name="hydra-target-of-model",
        rule="classes-known",
        said="os.system",
        make=_with(lambda mark: _called("target", mark, "params")),
        trigger=instantiate,
    ),
    Vector(
        name="legacy-target",
        rule="classes-known",
        said="os.system",
        make=_with(lambda mark: {"preprocessor": _called("target", mark, "params")}),
        trigger=instantiate,
    ),
    Vector(
        name="legacy-cls",
        rule="classes-known",
        said="os.system",
        make=_with(lambda mark: {"encoder": _called("cls", mark, "params")}),
        trigger=instantiate,
    ),
    Vector(
        name="hydra-allowed-prefix",
        rule="classes-known",
        said="nemo.utils.exp_manager.subprocess.run",
        make=_with(lambda mark: {"encoder": {"_target_": "nemo.utils.exp_manager.subprocess.run"}}),
    ),
    Vector(
        name="hydra-interpolated-target",
        rule="classes-known",
        said="${name}",
        make=_with(lambda mark: {"name": "os.system", "encoder": {"_target_": "${name}"}}),
    ),
    Vector(
        name="hydra-arguments",
        rule="hydra-keys",
        said="_partial_",
        make=_with(lambda mark: {"encoder": {"_partial_": True}}),
    ),
    Vector(
        name="yaml-object",
        rule="configuration-plain",
        said="os.system",
        make=_text(lambda mark: f"target: !!python/object/apply:os.system ['touch {mark}']\n"),
        trigger=unsafe_yaml,
    ),
    Vector(
        name="environment-variable",
        rule="interpolations-plain",
        said="${oc.env:NGC_API_KEY}",
        make=_with(lambda _: {"decoder": {"vocabulary": ["a", "${oc.env:NGC_API_KEY}"]}}),
    ),
    Vector(
        name="remote-code",
        rule="no-remote-code",
        said="trust_remote_code",
        make=_with(lambda _: {"perception": {"trust_remote_code": True}}),
    ),
    Vector(name="remote-code-in-json", rule="no-remote-code", said="auto_map", make=_encoder_config),
    Vector(
        name="hub-name",
        rule="nothing-fetched",
        said="somebody/model",
        make=_with(lambda _: {"encoder": {"pretrained_model_name": "somebody/model"}}),
    ),
    Vector(
        name="url",
        rule="nothing-fetched",
        said="https://example.com/model.bin",
        make=_with(lambda _: {"decoding": {"lm": "https://example.com/model.bin"}}),
    ),
    Vector(
        name="reference-above",
        rule="references-inside",
        said="nemo:../../../etc/passwd",
        make=_with(lambda _: {"tokenizer": {"type": "bpe", "model_path": "nemo:../../../etc/passwd"}}),
    ),
    Vector(
        name="reference-absolute",
        rule="references-inside",
        said="nemo:/etc/passwd",
        make=_with(lambda _: {"tokenizer": {"type": "bpe", "model_path": "nemo:/etc/passwd"}}),
    ),
    Vector(
        name="local-file",
        rule="references-inside",
        said="~/.ssh/id_ed25519",
        make=_with(lambda _: {"decoding": {"beam": {"kenlm_path": "~/.ssh/id_ed25519"}}}),
    ),
    Vector(
        name="data-command",
        rule="data-commands",
        said="pipe:touch",
        make=_with(lambda mark: {"train_ds": {"tarred_audio_filepaths": f"pipe:touch {mark}"}}),
        trigger=run_pipes,
    ),
    Vector(
        name="data-substitution",
        rule="data-commands",
        said="$(touch",
        make=_with(lambda mark: {"validation_ds": {"manifest_filepath": f"/data/$(touch {mark})/dev.json"}}),
    ),
)
