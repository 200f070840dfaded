"""A GPU lane that would use the CPU fails, and every lane says which engine runs each network."""

from pathlib import Path

import pytest

from ci.errors import WrongEngine
from ci.pipeline.engines import check_engines

NETWORKS = {
    "tensorrt": 'name: "riva-trt-words-am"\nplatform: "tensorrt_plan"\ninstance_group { kind: KIND_GPU count: 1 }',
    "onnx-gpu": 'name: "riva-onnx-encoder"\nbackend: "onnxruntime"\ninstance_group { kind: KIND_GPU count: 1 }',
    "onnx-cpu": 'name: "riva-onnx-words-am"\nbackend: "python"\ninstance_group { kind: KIND_CPU count: 1 }',
    "pipeline": 'name: "riva-punctuation-en-US"\nbackend: "python"\ninstance_group { kind: KIND_CPU count: 1 }',
}


@pytest.fixture
def repository(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    for name in request.param:
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.pbtxt").write_text(NETWORKS[name])
    return tmp_path


@pytest.mark.parametrize("repository", [["tensorrt", "onnx-gpu", "pipeline"]], indirect=True)
def test_engines_of_a_gpu_are_named(repository: Path) -> None:
    """Pipelines are no networks: those of Riva run beside their networks, on the CPU."""
    assert [str(network) for network in check_engines(repository, target="x86-gpu")] == [
        "riva-onnx-encoder: onnxruntime on the GPU",
        "riva-trt-words-am: tensorrt_plan on the GPU",
    ]


@pytest.mark.parametrize("repository", [["onnx-cpu", "pipeline"]], indirect=True)
def test_cpu_target_may_use_the_cpu(repository: Path) -> None:
    """And says so."""
    assert [str(network) for network in check_engines(repository, target="cpu")] == [
        "riva-onnx-words-am: ONNX Runtime on the CPU"
    ]


@pytest.mark.parametrize(
    ("repository", "found"),
    [
        pytest.param(["tensorrt", "onnx-cpu"], "riva-onnx-words-am: ONNX Runtime on the CPU", id="one on the CPU"),
        pytest.param(["onnx-gpu"], "riva-onnx-encoder: onnxruntime on the GPU", id="none that proves a GPU"),
        pytest.param(["pipeline"], "no network at all", id="none"),
    ],
    indirect=["repository"],
)
@pytest.mark.parametrize("target", ["x86-gpu", "jetson"])
def test_quiet_fall_back_to_the_cpu_is_refused(repository: Path, target: str, found: str) -> None:
    """A deployment without GPU ends well and serves; what it wrote for Triton tells."""
    with pytest.raises(WrongEngine, match=f"{target} is to run networks on its GPU, but .* has {found}"):
        check_engines(repository, target=target)
