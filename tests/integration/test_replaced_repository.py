"""`riva-deploy -f` under a running server: that one keeps answering from what it loaded, the next one has the new."""

from pathlib import Path

import pytest
import tritonclient.grpc

from pipelines.cli import riva_deploy
from pipelines.triton.process import TritonProcess
from tests.tones.archive import MODEL_CONFIG, tones, write_riva, write_rmir
from tests.tones.client import finals, recognise

pytestmark = pytest.mark.triton

SPEECH = tones((0.5, 0), (0.4, 3000), (0.3, 0), (0.4, 300), (1.6, 0))


def rmir_that_says(folder: Path, *words: str) -> Path:
    """An RMIR whose network is the same and whose tokens have other names."""
    config = {**MODEL_CONFIG, "decoder": {"vocabulary": [f"▁{word}" for word in words]}}
    file = "-".join(words)
    return write_rmir(folder / f"{file}.rmir", write_riva(folder / f"{file}.riva", model_config=config), name="tones")


def hear(server: TritonProcess) -> list[str]:
    with tritonclient.grpc.InferenceServerClient(server.grpc_address) as client:
        return finals(recognise(client, "tones", SPEECH))


def test_a_running_server_answers_from_the_old_models(tmp_path: Path) -> None:
    """Its folder is exchanged, and then removed, while it serves."""
    models = tmp_path / "models"
    assert riva_deploy.main([str(rmir_that_says(tmp_path, "high", "low")), str(models)]) == 0

    with TritonProcess(models) as old:
        assert hear(old) == ["high low"]
        for words in (("up", "down"), ("bright", "dark")):
            assert riva_deploy.main(["-f", str(rmir_that_says(tmp_path, *words)), str(models)]) == 0
            assert hear(old) == ["high low"]
        assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["models"]

        with TritonProcess(models) as new:
            assert hear(new) == ["bright dark"]
            assert hear(old) == ["high low"]
