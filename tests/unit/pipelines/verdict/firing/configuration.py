"""Configurations that ask for more than the classes and the members of a speech model."""

from typing import Any

from tests.nemo_checkpoints import config, write_nemo
from tests.unit.pipelines.verdict.firing import Firing, judged


def _with(**sections: Any) -> Firing:
    return judged(lambda folder: write_nemo(folder / "a.nemo", config(**sections)))


def _text(text: bytes) -> Firing:
    return judged(lambda folder: write_nemo(folder / "a.nemo", text))


FIRING: dict[str, Firing] = {
    "configuration-plain": _text(b"target: !!python/object/apply:os.system [ls]\n"),
    "classes-known": _with(spec_augment={"_target_": "os.system"}),
    "hydra-keys": _with(spec_augment={"_args_": ["touch mark"]}),
    "interpolations-plain": _with(name="${oc.env:SECRET}"),
    "no-remote-code": _with(tokenizer={"trust_remote_code": True}),
    "nothing-fetched": _with(init_from_pretrained_model="somebody/model"),
    "references-inside": _with(decoding={"lm": "nemo:../../etc/passwd"}),
    "data-commands": _with(train_ds={"manifest_filepath": "pipe:touch mark"}),
}
