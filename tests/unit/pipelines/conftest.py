"""Small archives that look like those of nemo2riva; the stages that take them never run the graph."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.archive.archive import Member, write_archive
from pipelines.archive.encryption import Key

MakeRiva = Callable[..., Path]


@pytest.fixture
def make_riva(tmp_path: Path) -> MakeRiva:
    """Writes a `.riva`; keyword arguments change what its manifest says."""

    def make(
        name: str = "model.riva",
        *,
        stride_ms: Any = 40,
        obj_cls: str = "nemo.collections.asr.models.EncDecCTCModelBPE",
        members: tuple[str, ...] = ("model_graph.onnx", "model_config.yaml", "1f2e_tokenizer.model"),
        graph: Path | bytes = b"content of model_graph.onnx",
        key: Key | None = None,
        **manifest: Any,
    ) -> Path:
        path = tmp_path / name
        facts = {"metadata": {"obj_cls": obj_cls}, "riva_ci": {"stride_ms": stride_ms, "masks": True}, **manifest}
        payload = [
            Member(
                name,
                graph if name == "model_graph.onnx" else f"content of {name}".encode(),
                encrypt=name == "model_graph.onnx",
                attributes={"kept": name},
            )
            for name in members
        ]
        write_archive(path, facts, payload, key=key)
        return path

    return make
