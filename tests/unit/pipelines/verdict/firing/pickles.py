"""Weights that torch.save never wrote; what each holds would be seen or run by somebody else's reader."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from pipelines.verdict.findings import Finding
from pipelines.verdict.firewall.state_dict import read_state_dict
from tests.nemo_checkpoints import write_nemo
from tests.torch_archives import Tensor, integer, name, persistent, pickled, rebuilt, text, torch_archive, tuple_of
from tests.unit.pipelines.verdict.firing import Firing, judged

TENSORS = {"weight": Tensor((2, 3))}
SYSTEM = name("os", "system") + tuple_of(text("touch mark")) + b"R"


def _read(content: bytes) -> Firing:
    def firing(folder: Path) -> tuple[Finding, ...]:
        return read_state_dict(BytesIO(content), len(content), member="model_weights.ckpt").findings

    return firing


def _pickle(values: Mapping[str, bytes], **around: bytes) -> Firing:
    return _read(torch_archive(TENSORS, pickle=pickled(values, **around)))


FIRING: dict[str, Firing] = {
    "weights-format": _read(b"weights"),
    "weights-zip": _read(torch_archive(TENSORS) + b"appended"),
    "weights-records": _read(torch_archive(TENSORS, records={"constants.pkl": b"."})),
    "pickle-globals": _pickle({"weight": SYSTEM}),
    "pickle-opcodes": _pickle({"weight": b"(ios\nsystem\n"}),
    "pickle-calls": _pickle({"weight": rebuilt(TENSORS["weight"], "0")}, after=b"}" + text("keys") + b"Nsb"),
    "pickle-members": judged(lambda folder: write_nemo(folder / "a.nemo", members={"tokenizer.pkl": b"\x80\x02}."})),
    "pickle-limits": _read(torch_archive(TENSORS, pickle=b"\x80\x02}")),
    "state-dict": _pickle({"weight": rebuilt(TENSORS["weight"], "0"), "epoch": integer(3)}),
    "tensor-bounds": _pickle({"weight": persistent("0", "FloatStorage", 1000)}),
}
