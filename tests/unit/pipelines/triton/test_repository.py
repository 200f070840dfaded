"""A repository holds what was meant, byte by byte."""

import pytest
from tritonclient.grpc.model_config_pb2 import ModelConfig

from pipelines.errors import InternalError, NameClash, NotARepository, NotDeployable
from pipelines.triton.repository import TritonModel, check_models, model_names, write_models


@pytest.fixture
def models(tmp_path):
    """Two models, one with a file in a subfolder."""
    (tmp_path / "weights").write_bytes(b"weights")
    return [
        TritonModel(
            config=ModelConfig(name="a", backend="python"), files={"model.py": b"", "code/part.py": b"x = 1\n"}
        ),
        TritonModel(config=ModelConfig(name="b"), files={"model.onnx": tmp_path / "weights"}),
    ]


@pytest.fixture
def repository(tmp_path, models):
    folder = tmp_path / "models"
    write_models(models, folder)
    return folder


def test_models_are_written_as_triton_expects_them(repository, models):
    """A folder a model, its configuration, and the files below the version."""
    check_models(models, repository)

    assert model_names(repository) == ["a", "b"]
    assert (repository / "a/1/code/part.py").read_bytes() == b"x = 1\n"
    assert (repository / "b/1/model.onnx").read_bytes() == b"weights"


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "b/1/model.onnx").write_bytes(b"weighty"),
        lambda folder: (folder / "a/1/model.py").unlink(),
        lambda folder: (folder / "a/1/more.py").write_bytes(b""),
        lambda folder: (folder / "a/config.pbtxt").write_text('name: "a"'),
        lambda folder: (folder / "b/config.pbtxt").unlink(),
    ],
    ids=["same size", "missing file", "further file", "other configuration", "missing configuration"],
)
def test_every_difference_is_found(repository, models, damage):
    """A changed byte of the same size counts."""
    damage(repository)

    with pytest.raises(InternalError):
        check_models(models, repository)


def test_a_name_is_taken_once(repository, models):
    """A second model of the name is refused before anything of it is written."""
    with pytest.raises(NameClash, match="model named b"):
        write_models([models[1]], repository)


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/b", "..", "."])
def test_a_name_cannot_lead_out_of_the_repository(tmp_path, name):
    """An RMIR that was made by hand writes nowhere but into the repository."""
    with pytest.raises(NotDeployable, match="not the name of a folder"):
        write_models([TritonModel(config=ModelConfig(name=name), files={})], tmp_path / "deep" / "models")

    assert not list(tmp_path.rglob("*config*"))


@pytest.mark.parametrize("kind", ["absent", "empty", "a file"])
def test_a_folder_without_models_is_told(tmp_path, kind):
    """start-riva on the wrong folder says so instead of waiting for nothing."""
    folder = tmp_path / "models"
    if kind == "empty":
        folder.mkdir()
    elif kind == "a file":
        folder.write_text("")

    with pytest.raises(NotARepository, match="models"):
        model_names(folder)
