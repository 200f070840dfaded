"""A deployment is a repository that Triton can load, whole or not at all."""

import json
import logging
import os

import pytest

from pipelines.archive.archive import Archive, write_archive
from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.archive.encryption import Key
from pipelines.errors import (
    EngineFailed,
    MissingInput,
    NameClash,
    NotAnArchive,
    NotDeployable,
    OutputExists,
    TruncatedArchive,
    WrongKey,
)
from pipelines.stages.deploy import DeployRequest, deploy
from pipelines.triton.model_config import parameter_values, read_config
from tests.tones.archive import MODEL_CONFIG, facts, tone_network, write_riva, write_rmir


@pytest.fixture
def make_rmir(tmp_path):
    """Builds an RMIR from the network of tones; `riva` replaces parts of the archive it is built from."""

    def make(file="tones.rmir", *, riva=None, **options):
        return write_rmir(tmp_path / file, write_riva(tmp_path / f"{file}.riva", **(riva or {})), **options)

    return make


def request(target, *rmirs, key=None, force=False):
    return DeployRequest(rmirs=tuple(EncryptedPath(path, key) for path in rmirs), repository=target, force=force)


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("offline", "suffix"), [(False, "-am-streaming"), (True, "-am-streaming-offline")])
def test_a_pipeline_is_two_models(make_rmir, tmp_path, offline, suffix):
    """The client-visible name and its network, named as Riva names them; nothing else lies beside the target."""
    names = deploy(request(tmp_path / "models", make_rmir(offline=offline)))

    assert names == (f"riva-onnx-riva-asr{suffix}", "riva-asr")
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == sorted(names)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models", "tones.rmir", "tones.rmir.riva"]


def test_the_configuration_says_what_the_server_asks(make_rmir, tmp_path):
    """Every riva-build option is a parameter of the pipeline, as a string, with the type that clients look for."""
    deploy(request(tmp_path / "models", make_rmir(max_streams=5)))

    config = read_config(tmp_path / "models" / "riva-asr" / "config.pbtxt")
    values = parameter_values(config)
    assert values["type"] == "online"
    assert (values["streaming"], values["offline"]) == ("True", "False")
    assert (values["language_code"], values["sample_rate"], values["chunk_size"]) == ("en-US", "16000", "0.16")
    assert (values["service"], values["max_streams"], values["decoder_type"]) == ("asr", "5", "greedy")
    assert config.max_batch_size == 5
    assert config.sequence_batching.max_sequence_idle_microseconds == 120_000_000


def test_the_network_looks_like_its_graph(make_rmir, tmp_path):
    """Inputs and outputs carry the graph's names, so that another backend can take its place; no lengths, no masks."""
    deploy(request(tmp_path / "models", make_rmir(riva={"masks": True})))

    config = read_config(tmp_path / "models" / "riva-onnx-riva-asr-am-streaming" / "config.pbtxt")
    assert [(entry.name, list(entry.dims)) for entry in config.input] == [("audio_signal", [8, -1])]
    assert [(entry.name, list(entry.dims)) for entry in config.output] == [("logprobs", [-1, 3])]
    assert parameter_values(config)["service"] == "network"


def test_windows_are_those_of_the_options(make_rmir, tmp_path):
    """Seconds become frames, milliseconds of endpointing are handed on."""
    options = {"chunk_size": 0.8, "left_padding_size": 1.6, "right_padding_size": 0.4}
    deploy(request(tmp_path / "models", make_rmir(**options, **{"endpointing.stop_history": 400})))

    settings = json.loads((tmp_path / "models/riva-asr/1/recognizer.json").read_text())
    assert (settings["chunk"], settings["left"], settings["right"], settings["step_frames"]) == (80, 160, 40, 4)
    assert settings["endpointing"]["stop_history"] == 400
    assert settings["labels"] == ["▁high", "▁low"]


def test_the_runtime_imports_nothing_of_this_project(make_rmir, tmp_path):
    """What stands in the repository names `pipelines` in no import: it runs where the project is not installed."""
    deploy(request(tmp_path / "models", make_rmir()))

    for path in (tmp_path / "models").rglob("*.py"):
        assert "from pipelines" not in path.read_text()
        assert "import pipelines" not in path.read_text()


def test_several_rmirs_make_one_repository(make_rmir, tmp_path):
    """A streaming and an offline pipeline stand side by side."""
    rmirs = [make_rmir("a.rmir", name="online"), make_rmir("b.rmir", name="offline", offline=True)]

    deploy(request(tmp_path / "models", *rmirs))

    assert {path.name for path in (tmp_path / "models").iterdir()} >= {"online", "offline"}


def test_equal_names_are_refused_and_nothing_is_left(make_rmir, tmp_path):
    """Two pipelines of one name cannot both be served; the target does not appear."""
    with pytest.raises(NameClash, match=r"riva-onnx-riva-asr-am-streaming[\s\S]*--name"):
        deploy(request(tmp_path / "models", make_rmir("a.rmir"), make_rmir("b.rmir")))

    assert not (tmp_path / "models").exists()
    assert not list(tmp_path.glob(".models*"))


def test_an_existing_repository_is_kept_without_force(make_rmir, tmp_path):
    """Without -f the repository stays as it is; with it the new one takes its place, open files stay readable."""
    deploy(request(tmp_path / "models", make_rmir("a.rmir", name="first")))
    before = content(tmp_path / "models")
    second = make_rmir("b.rmir", name="second")

    with pytest.raises(OutputExists):
        deploy(request(tmp_path / "models", second))
    assert content(tmp_path / "models") == before

    with (tmp_path / "models/first/config.pbtxt").open("rb") as served:
        deploy(request(tmp_path / "models", second, force=True))
        assert served.read() == before["first/config.pbtxt"]
    assert {path.name for path in (tmp_path / "models").iterdir()} == {"second", "riva-onnx-second-am-streaming"}


def test_force_replaces_nothing_but_a_repository(make_rmir, tmp_path):
    """A folder that was named by a slip of the hand keeps what it holds."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("precious")

    with pytest.raises(OutputExists, match=r"thesis\.tex"):
        deploy(request(tmp_path / "home", make_rmir(), force=True))
    assert (tmp_path / "home" / "thesis.tex").read_text() == "precious"


def test_a_failure_keeps_the_old_repository(make_rmir, tmp_path):
    """With -f, too, the old repository stands until the new one is whole."""
    deploy(request(tmp_path / "models", make_rmir("good.rmir")))
    before = content(tmp_path / "models")

    with pytest.raises(EngineFailed):
        deploy(request(tmp_path / "models", make_rmir("bad.rmir", riva={"graph": b"no graph"}), force=True))

    assert content(tmp_path / "models") == before


def test_an_encrypted_rmir_needs_its_key(make_rmir, tmp_path):
    """The right key opens it, another one is told from a damaged file."""
    rmir = make_rmir(key=Key(b"tlt_encode"))

    with pytest.raises(WrongKey):
        deploy(request(tmp_path / "models", rmir, key=Key(b"other")))
    deploy(request(tmp_path / "models", rmir, key=Key(b"tlt_encode")))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"decoder_type": "flashlight"}, "--decoder_type=flashlight"),
        ({"unified_acoustic_model": True}, "--unified_acoustic_model=True"),
        ({"featurizer.precalc_norm_params": True}, "--featurizer.precalc_norm_params=True"),
    ],
)
def test_what_is_not_executed_is_refused_by_name(make_rmir, tmp_path, options, named):
    """An option that changes results and is not executed here is refused with the alternative."""
    with pytest.raises(NotDeployable, match=named) as caught:
        deploy(request(tmp_path / "models", make_rmir(**options)))

    assert "riva-build" in caught.value.fix


def test_what_only_tunes_an_absent_engine_is_noted(make_rmir, tmp_path, caplog):
    """The guide's recipes run unchanged: such options are named in the log and change nothing."""
    caplog.set_level(logging.INFO)
    deploy(request(tmp_path / "models", make_rmir(**{"nn.use_trt_fp32": True})))

    assert "--nn.use_trt_fp32=True has no effect here" in caplog.text


def test_riva_is_not_an_rmir(tmp_path):
    """The archive before riva-build is refused with the missing step."""
    with pytest.raises(NotAnArchive, match="not an RMIR"):
        deploy(request(tmp_path / "models", write_riva(tmp_path / "tones.riva")))


@pytest.mark.parametrize("options", [{"bogus": 1}, {"chunk_size": "soon"}], ids=["unknown", "unreadable"])
def test_options_of_another_version_are_told(make_rmir, tmp_path, options):
    """An RMIR with options that this version does not know is refused, not guessed at."""
    with Archive.open(EncryptedPath(make_rmir())) as archive:
        manifest = {**archive.manifest, "options": {**archive.manifest["options"], **options}}
    write_archive(tmp_path / "newer.rmir", manifest, [])

    with pytest.raises(NotAnArchive, match="what cannot be used"):
        deploy(request(tmp_path / "models", tmp_path / "newer.rmir"))


def test_a_missing_rmir_is_named(tmp_path):
    """The path is in the message."""
    with pytest.raises(MissingInput, match=r"gone\.rmir"):
        deploy(request(tmp_path / "models", tmp_path / "gone.rmir"))


def test_a_truncated_rmir_is_told(make_rmir, tmp_path):
    """Half a download is neither deployed nor a traceback."""
    rmir = make_rmir()
    os.truncate(rmir, rmir.stat().st_size // 2)

    with pytest.raises(TruncatedArchive):
        deploy(request(tmp_path / "models", rmir))


@pytest.mark.parametrize(
    ("riva", "complaint"),
    [
        ({"riva_ci": {**facts(tone_network()), "stride_ms": 80}}, "expected 11"),
        ({"riva_ci": facts(tone_network(masks=True))}, "inputs"),
    ],
    ids=["other time step", "other inputs"],
)
def test_a_network_that_is_not_as_declared_is_refused(make_rmir, tmp_path, riva, complaint):
    """The graph is run once and compared with what the archive says of it."""
    with pytest.raises(EngineFailed, match=complaint):
        deploy(request(tmp_path / "models", make_rmir(riva=riva, chunk_size=0.24)))


def test_other_features_are_refused(make_rmir, tmp_path):
    """A checkpoint whose features cannot be computed is refused by what it asks for."""
    section = {**MODEL_CONFIG["preprocessor"], "frame_splicing": 3}

    with pytest.raises(NotDeployable, match="frame_splicing = 3"):
        deploy(
            request(tmp_path / "models", make_rmir(riva={"model_config": {**MODEL_CONFIG, "preprocessor": section}}))
        )


def test_a_name_with_the_manifest_of_the_rmir_reaches_triton(make_rmir, tmp_path):
    """What Triton will list is what the RMIR declares."""
    rmir = make_rmir(name="commands")
    deploy(request(tmp_path / "models", rmir))

    with Archive.open(EncryptedPath(rmir)) as archive:
        declared = archive.manifest["name"]
    assert read_config(tmp_path / "models" / declared / "config.pbtxt").name == declared
