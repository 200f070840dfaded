"""Networks of 2 GB go through riva-build and riva-deploy in memory that does not grow with them."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tritonclient.grpc
import yaml

from pipelines.archive.archive import Member, write_archive
from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.archive.encryption import Key
from pipelines.export.packing import pack_graph
from pipelines.stages.deploy import DeployRequest, deploy
from pipelines.triton import engine_large, graph_files
from pipelines.triton.process import TritonProcess
from tests.size.networks import write_network, write_network_with_external_data
from tests.tones.archive import MODEL_CONFIG, OBJ_CLS, facts, tone_network, tones, write_riva, write_rmir
from tests.tones.client import finals, recognise

SIZE = 2_000_000_000  # bytes; one ONNX file ends at 2 GiB
LIMIT = 250  # MB
BUILD = ("--language_code=en-US", "--decoder_type=greedy", "--chunk_size=0.16", "--left_padding_size=0.32")

# What a process takes from the one it was started by counts as its own: a small one stands in between.
MEASURED = """
import json, resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(json.dumps([code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]))
"""

Run = Callable[..., int]


@pytest.fixture
def run() -> Run:
    """Runs a tool and returns the most memory that it or a process of its had resident, in MB."""

    def measure(tool: str, *arguments: object) -> int:
        command = [sys.executable, "-c", MEASURED, sys.executable, "-m", f"pipelines.cli.{tool}", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        code, kilobytes = json.loads(done.stdout.splitlines()[-1])
        assert code == 0, done.stderr
        return kilobytes * 1024 // 1_000_000

    return measure


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that is emptied at once: pytest would keep what three runs left."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def riva_of(folder: Path, size: int, *, external: bool, key: Key | None) -> Path:
    parts = folder / "graph"
    parts.mkdir()
    if external:
        graph = pack_graph(write_network_with_external_data(parts, size))
    else:
        graph = write_network(parts / "model_graph.onnx", size)
    config = yaml.safe_dump(MODEL_CONFIG, allow_unicode=True).encode()
    write_archive(
        folder / "model.riva",
        {"metadata": {"obj_cls": OBJ_CLS}, "riva_ci": facts(tone_network())},
        [Member("model_graph.onnx", graph, encrypt=True), Member("model_config.yaml", config)],
        key=key,
    )
    shutil.rmtree(parts)
    graph.unlink(missing_ok=True)
    return folder / "model.riva"


@pytest.mark.full
@pytest.mark.parametrize("external", [False, True], ids=["one-file", "external-data"])
@pytest.mark.parametrize("key", [None, "hunter2"], ids=["plain", "encrypted"])
def test_two_gigabytes_take_no_more_memory_than_a_small_network(
    folder: Path, run: Run, external: bool, key: str | None, record_property: Callable[[str, object], None]
) -> None:
    """At most 250 MB resident, mapped weights included, and the repository holds a network that was run."""
    riva = riva_of(folder, SIZE, external=external, key=Key(key.encode()) if key else None)
    suffix = f":{key}" if key else ""
    rmir, models = folder / "model.rmir", folder / "models"

    built = run("riva_build", "speech_recognition", f"{rmir}{suffix}", f"{riva}{suffix}", *BUILD)
    riva.unlink()
    deployed = run("riva_deploy", f"{rmir}{suffix}", models)

    record_property("riva-build MB", built)
    record_property("riva-deploy MB", deployed)
    print(f"riva-build {built} MB, riva-deploy {deployed} MB")
    assert sum(path.stat().st_size for path in models.rglob("*") if path.is_file()) > 0.99 * SIZE
    assert max(built, deployed) <= LIMIT


@pytest.mark.triton
def test_a_network_with_its_weights_in_files_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton finds the weights beside the graph, also when the repository stands somewhere else by then."""
    monkeypatch.setattr(graph_files, "LARGE", 0)
    monkeypatch.setattr(engine_large, "_SMALL", 100)
    rmir = write_rmir(tmp_path / "tones.rmir", write_riva(tmp_path / "tones.riva"), name="tones")
    deploy(DeployRequest(rmirs=(EncryptedPath(rmir),), repository=tmp_path / "models"))
    models = (tmp_path / "models").rename(tmp_path / "moved")

    assert len([*models.glob("riva-onnx-*/1/model.onnx.*")]) == 1
    speech = tones((0.5, 0), (0.4, 3000), (0.3, 0), (0.4, 300), (1.6, 0))
    with TritonProcess(models) as server, tritonclient.grpc.InferenceServerClient(server.grpc_address) as client:
        assert finals(recognise(client, "tones", speech)) == ["high low"]
