"""A room that this project does not know, added as `pipelines/README.md` says: a folder and a line in the registry."""

import asyncio
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from riva.client.proto import riva_nlp_pb2 as nlp
from riva.client.proto import riva_nlp_pb2_grpc

from ci.conformance.case import load_suites
from pipelines.archive.archive import Member, write_archive
from pipelines.cli import riva_build, riva_deploy
from pipelines.errors import UnsupportedCheckpoint, WrongClass
from pipelines.registry import ALL_PIPELINES, load_pipeline, pipeline_of, supported_classes
from pipelines.server.app import Server
from pipelines.server.options import ServerOptions
from pipelines.triton.process import TritonProcess

TOY = Path(__file__).parent / "toy" / "shouting"
OBJ_CLS = "nemo.collections.nlp.models.ShoutingModel"


@pytest.fixture(autouse=True)
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The room, in a folder of its own, and its line in the registry."""
    folder = shutil.copytree(TOY, tmp_path / "rooms" / "shouting", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.syspath_prepend(folder.parent)
    monkeypatch.setitem(ALL_PIPELINES, "shouting", "shouting")
    yield folder
    for name in [each for each in sys.modules if each.split(".")[0] == "shouting"]:
        del sys.modules[name]


@pytest.fixture
def rmir(tmp_path: Path) -> Path:
    """Its RMIR, built by riva-build."""
    write_archive(
        tmp_path / "loud.riva",
        {"metadata": {"obj_cls": OBJ_CLS}, "riva_ci": {"inputs": []}},
        [Member("model_graph.onnx", b"nothing to compute"), Member("model_config.yaml", b"{}")],
    )
    rmir = tmp_path / "loud.rmir"
    assert riva_build.main(["shouting", str(rmir), str(tmp_path / "loud.riva"), "--mark=!!"]) == 0
    return rmir


def test_its_checkpoints_are_known() -> None:
    """The verdict and the export ask the registry: its classes are accepted, or refused for the room's own reason."""
    assert OBJ_CLS in supported_classes()
    assert pipeline_of(OBJ_CLS) is load_pipeline("shouting")
    assert load_pipeline("shouting").schema_of(OBJ_CLS).obj_cls == OBJ_CLS
    with pytest.raises(UnsupportedCheckpoint, match="nobody would hear it"):
        pipeline_of("nemo.collections.nlp.models.WhisperingModel")


def test_riva_build_knows_its_options(tmp_path: Path, rmir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Help names them, and other rooms refuse its archives."""
    with pytest.raises(SystemExit):
        riva_build.main(["shouting", "--help"])
    assert "--mark" in capsys.readouterr().out

    wrong = riva_build.main(["punctuation", str(tmp_path / "b.rmir"), str(tmp_path / "loud.riva")])
    assert wrong == WrongClass.exit_code


def test_its_conformance_cases_are_found() -> None:
    """They are addressed below its name."""
    (suite,) = load_suites([load_pipeline("shouting").cases])

    assert [case.address for case in suite.cases] == ["shouting/health/server"]


@pytest.mark.triton
def test_it_is_deployed_and_answers(tmp_path: Path, rmir: Path) -> None:
    """riva-deploy writes its model, and the server adds its RPC to the service that it shares with other rooms."""
    assert riva_deploy.main([str(rmir), str(tmp_path / "models")]) == 0

    async def ask(triton: str) -> tuple[Any, Any]:
        server = Server(ServerOptions(riva_uri="127.0.0.1:0", triton_uri=triton, services=("nlp",)))
        address = await server.start()
        async with grpc.aio.insecure_channel(address) as channel:
            stub = riva_nlp_pb2_grpc.RivaLanguageUnderstandingStub(channel)
            classes = await stub.ClassifyText(nlp.TextClassRequest(text=["hear me", "and me"]))
            models = await stub.GetRivaNLPConfig(nlp.RivaNLPConfigRequest())
        await server.stop()
        return classes, models

    with TritonProcess(tmp_path / "models") as triton:
        classes, models = asyncio.run(ask(triton.grpc_address))

    assert [result.labels[0].class_name for result in classes.results] == ["HEAR ME!!", "AND ME!!"]
    assert [model.model_name for model in models.model_config] == ["shouting"]
