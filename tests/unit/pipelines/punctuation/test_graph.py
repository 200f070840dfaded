"""An RMIR of punctuation becomes Triton models, or is refused with the reason."""

from pathlib import Path
from typing import Any

import pytest
from tritonclient.grpc.model_config_pb2 import ModelConfig

from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.errors import BrokenCheckpoint, EngineFailed, NotDeployable
from pipelines.punctuation.punctuator import PunctuatorSettings
from pipelines.stages.deploy import DeployRequest, deploy
from pipelines.triton.model_config import parameter_values, read_config
from tests.marks.archive import FACTS, MEMBERS, MODEL_CONFIG, OUTPUTS, VOCABULARY, write_riva, write_rmir

N = "riva-punctuation-en-US"
NETWORK = f"riva-onnx-{N}-nn-bert-base-uncased"


def deployed(folder: Path, *, changes: dict[str, Any] | None = None, **options: object) -> Path:
    rmir = write_rmir(folder / "a.rmir", write_riva(folder / "a.riva", **(changes or {})), **options)
    deploy(DeployRequest(rmirs=(EncryptedPath(rmir),), repository=folder / "models"))
    return folder / "models"


def config(repository: Path, name: str) -> ModelConfig:
    return read_config(repository / name / "config.pbtxt")


def settings(repository: Path) -> PunctuatorSettings:
    return PunctuatorSettings.from_json((repository / N / "1" / "punctuator.json").read_text("utf-8"))


def test_names_are_riva_s(tmp_path: Path) -> None:
    """The pipeline, what answers for long texts, and the network with the engine and the family in its name."""
    repository = deployed(tmp_path)

    assert sorted(path.name for path in repository.iterdir()) == [NETWORK, N, f"{N}-long"]


def test_clients_see_the_options_that_took_effect(tmp_path: Path) -> None:
    """GetRivaNLPConfig returns the parameters of the pipeline; its two other models belong to no service."""
    repository = deployed(tmp_path, max_batch_size=4, step=5)

    parameters = parameter_values(config(repository, N))
    assert parameters["service"] == "nlp"
    assert parameters["pipeline"] == "punctuation"
    assert (parameters["language_code"], parameters["step"], parameters["do_lower_case"]) == ("en-US", "5", "True")
    assert parameters["network"] == NETWORK
    services = {parameter_values(config(repository, name))["service"] for name in (NETWORK, f"{N}-long")}
    assert services == {"network", "long_text"}


def test_texts_are_batched_in_both_models(tmp_path: Path) -> None:
    """Calls of any number of texts are gathered; the network takes windows of any length, in batches."""
    repository = deployed(tmp_path, max_batch_size=4)

    pipeline, network = config(repository, N), config(repository, NETWORK)
    assert pipeline.HasField("dynamic_batching")
    assert pipeline.input[0].allow_ragged_batch
    assert network.HasField("dynamic_batching")
    assert network.max_batch_size == 4
    assert [tensor.name for tensor in network.input] == ["input_ids", "attention_mask", "token_type_ids"]
    assert parameter_values(config(repository, f"{N}-long"))["network_batch_size"] == "4"


def test_the_model_is_self_contained(tmp_path: Path) -> None:
    """Its vocabulary, labels and code stand beside it; nothing of it imports this project."""
    version = deployed(tmp_path) / N / "1"

    assert (version / "vocab.txt").read_text("utf-8").split("\n") == list(VOCABULARY)
    assert settings(version.parents[1]).marks == ("", ",", ".", "?", "!")
    assert settings(version.parents[1]).capitals == (False, True)
    code = [path.read_text("utf-8") for path in version.rglob("*.py")]
    assert len(code) == 5
    assert not any("import pipelines" in text or "from pipelines" in text for text in code)


@pytest.mark.parametrize(
    ("loud", "option", "lower_case"),
    [("loud", None, True), ("Loud", None, False), ("Loud", True, True)],
    ids=["no capitals in the vocabulary", "capitals in the vocabulary", "as the option says"],
)
def test_case_follows_the_vocabulary(tmp_path: Path, loud: str, option: bool | None, lower_case: bool) -> None:
    """Nothing else in a checkpoint says whether its tokenizer lower-cases; the option has the last word."""
    vocabulary = MEMBERS["vocab.txt"].replace("loud", loud)

    repository = deployed(tmp_path, changes={"members": {"vocab.txt": vocabulary}}, do_lower_case=option)

    assert settings(repository).lower_case is lower_case


@pytest.mark.parametrize(
    ("changes", "options", "error", "said"),
    [
        ({"riva_ci": {**FACTS, "masks": False}}, {}, NotDeployable, "attention mask was lost"),
        ({}, {"max_seq_length": 129}, NotDeployable, "positions for 128 word pieces"),
        ({"members": {"punct_label_ids.csv": "O\n,\n."}}, {}, NotDeployable, "has 5 labels, the checkpoint names 3"),
        ({"members": {"punct_label_ids.csv": "O\n,\n.\n?\n! !"}}, {}, NotDeployable, "white space"),
        ({"members": {"vocab.txt": "a\nb"}}, {}, BrokenCheckpoint, "no \\[PAD\\]"),
        ({"graph": b"no graph"}, {}, EngineFailed, "cannot run"),
        ({"riva_ci": {**FACTS, "outputs": OUTPUTS[::-1]}}, {}, NotDeployable, "labels"),
        (
            {"model_config": {**MODEL_CONFIG, "class_labels": {}}},
            {},
            BrokenCheckpoint,
            "class_labels.punct_labels_file",
        ),
    ],
    ids=["no mask", "too long", "fewer labels", "odd label", "no word pieces", "no graph", "other heads", "no labels"],
)
def test_what_cannot_be_served_is_refused(
    tmp_path: Path, changes: dict[str, Any], options: dict[str, int], error: type[Exception], said: str
) -> None:
    """Before anything is written, with what does not fit."""
    with pytest.raises(error, match=said):
        deployed(tmp_path, changes=changes, **options)

    assert not (tmp_path / "models").exists()


def test_two_languages_stand_side_by_side(tmp_path: Path) -> None:
    """One repository, two pipelines, no name given."""
    riva = write_riva(tmp_path / "a.riva")
    rmirs = [write_rmir(tmp_path / f"{code}.rmir", riva, language_code=code) for code in ("en-US", "de-DE")]

    names = deploy(DeployRequest(rmirs=tuple(map(EncryptedPath, rmirs)), repository=tmp_path / "models"))

    assert {"riva-punctuation-en-US", "riva-punctuation-de-DE"} < set(names)
