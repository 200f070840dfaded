"""An RMIR holds everything a deployment needs, streamed from the `.riva`."""

import hashlib
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
import yaml

from pipelines.archive.archive import Archive, write_archive
from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.archive.encryption import Key
from pipelines.cli.flags import from_mapping
from pipelines.errors import (
    GraphTooNew,
    MissingInput,
    NotAnArchive,
    OutputExists,
    TruncatedArchive,
    UsageError,
    WrongClass,
    WrongKey,
)
from pipelines.registry import load_pipeline
from pipelines.speech_recognition.options import SpeechRecognitionOptions
from pipelines.stages.build import BuildRequest, build_rmir, settled_options
from tests.tones.archive import write_riva

SECRET = Key(b"tlt_encode")


@pytest.fixture
def request_of(tmp_path):
    """Makes a request; `values` are the options that were typed besides the language."""

    def make(*inputs, output="out.rmir", key=None, force=False, **values):
        values = {"language_code": "en-US", **values}
        return BuildRequest(
            pipeline=load_pipeline("speech_recognition"),
            output=EncryptedPath(tmp_path / output, key),
            inputs=tuple(i if isinstance(i, EncryptedPath) else EncryptedPath(i) for i in inputs),
            options=from_mapping(SpeechRecognitionOptions, values),
            given=frozenset(values),
            force=force,
        )

    return make


def test_the_rmir_says_what_was_built_from_what(make_riva, request_of):
    """The manifest names pipeline, every settled option, those that were typed, the inputs and their facts."""
    request = request_of(make_riva(), name="commands", offline=True)

    options = build_rmir(request)

    with Archive.open(request.output) as rmir:
        manifest = rmir.manifest
    assert manifest["format"] == "rmir"
    assert manifest["format_version"] == 1
    assert manifest["pipeline"] == "speech_recognition"
    assert manifest["name"] == "commands"
    assert manifest["options_set"] == ["name", "language_code", "offline"]
    assert manifest["inputs"][0]["name"] == "model.riva"
    assert len(manifest["inputs"][0]["sha256"]) == 64
    assert manifest["source"]["riva_ci"] == {"stride_ms": 40, "masks": True}
    assert manifest["source"]["metadata"]["obj_cls"].endswith("EncDecCTCModelBPE")
    assert options == from_mapping(SpeechRecognitionOptions, manifest["options"])
    assert manifest["options"]["chunk_size"] == 30.0


def test_artifacts_travel_with_their_attributes(make_riva, request_of):
    """Each artifact of the `.riva` arrives with its bytes and what was said of it."""
    request = request_of(make_riva())

    build_rmir(request)

    with Archive.open(request.output) as rmir:
        assert rmir.names() == ["model_graph.onnx", "model_config.yaml", "1f2e_tokenizer.model"]
        assert rmir.read("model_graph.onnx") == b"content of model_graph.onnx"
        assert rmir.manifest["artifacts"]["model_graph.onnx"]["kept"] == "model_graph.onnx"


def test_files_of_options_travel(make_riva, request_of, tmp_path):
    """A file that an option names is stored, and the option then names the artifact."""
    words = tmp_path / "profane words.txt"
    words.write_text("darn\n")
    request = request_of(make_riva(), profane_words_file=str(words), wfst_tokenizer_model=str(words))

    build_rmir(request)

    with Archive.open(request.output) as rmir:
        artifact = rmir.manifest["options"]["profane_words_file"]
        assert artifact == "profane_words_file/profane words.txt"
        assert rmir.read(artifact) == b"darn\n"
        assert rmir.manifest["options"]["wfst_tokenizer_model"] in rmir.names()


def test_plain_tar_opens_an_rmir(make_riva, request_of):
    """Nobody needs this project to look into an RMIR without a key."""
    request = request_of(make_riva())
    build_rmir(request)

    listed = subprocess.run(
        ["tar", "-xOf", request.output.path, "manifest.yaml"], capture_output=True, check=True, text=True
    )

    assert yaml.safe_load(listed.stdout)["name"] == "riva-asr"


def test_equal_builds_are_equal_bytes(make_riva, request_of):
    """The same `.riva` and options give the same RMIR, so that caches can go by content."""
    riva = make_riva()
    first, second = request_of(riva, output="a.rmir"), request_of(riva, output="b.rmir")

    build_rmir(first)
    build_rmir(second)

    assert first.output.path.read_bytes() == second.output.path.read_bytes()


def test_equal_builds_come_from_unequal_places(tmp_path):
    """Two processes in two folders, with other clocks, locales, hash seeds and permissions, build the same bytes."""
    built = []
    for number, place in enumerate(("here", "there/deeper")):
        folder = tmp_path / place
        folder.mkdir(parents=True)
        words = folder / "words.txt"
        words.write_text("darn\n")
        os.utime(words, (number, number))
        riva = write_riva(folder / "model.riva")
        variables = {"PYTHONHASHSEED": str(number), "TZ": f"UTC{number}", "LC_ALL": ("C", "C.UTF-8")[number]}
        command = [sys.executable, "-m", "pipelines.cli.riva_build", "speech_recognition", "model.rmir", "model.riva"]
        subprocess.run(
            [*command, "--language_code=en-US", "--profane_words_file=words.txt"],
            check=True,
            capture_output=True,
            cwd=folder,
            env={**os.environ, **variables, "PYTHONPATH": str(Path(__file__).parents[4])},
            umask=(0o077, 0o002)[number],
        )
        built.append((riva.read_bytes(), (folder / "model.rmir").read_bytes()))

    assert built[0] == built[1]


def test_an_rmir_is_traced_to_its_checkpoint(make_riva, request_of):
    """The manifest names the `.riva` and, through it, the `.nemo`, by their digests."""
    checkpoint = {"name": "model.nemo", "sha256": "ab" * 32, "size": 7}
    riva = make_riva(riva_ci={"stride_ms": 40, "masks": True, "input": checkpoint})
    request = request_of(riva)

    build_rmir(request)

    with Archive.open(request.output) as rmir:
        (traced,) = rmir.manifest["inputs"]
        assert traced["checkpoint"] == checkpoint
        assert traced["sha256"] == hashlib.sha256(riva.read_bytes()).hexdigest()
        assert rmir.manifest["riva_ci"]["version"]


def test_an_rmir_with_a_key_is_opaque(make_riva, request_of):
    """With a key nothing of the RMIR can be read, names included, and an encrypted payload is plain inside."""
    riva = EncryptedPath(make_riva(key=SECRET), SECRET)
    request = request_of(riva, key=Key(b"another"))

    build_rmir(request)

    assert b"model_graph" not in request.output.path.read_bytes()
    with Archive.open(request.output) as rmir:
        assert rmir.read("model_graph.onnx") == b"content of model_graph.onnx"
        assert "encrypted" not in rmir.manifest["artifacts"]["model_graph.onnx"]
    with pytest.raises(WrongKey):
        Archive.open(EncryptedPath(request.output.path, SECRET))


@pytest.mark.parametrize("key", [None, SECRET], ids=["plain", "encrypted"])
def test_a_big_graph_is_never_in_memory(make_riva, request_of, tmp_path, key):
    """A graph of 40 MB is copied in a few megabytes of memory, encrypted or not."""
    graph = tmp_path / "big.onnx"
    with graph.open("wb") as file:
        file.truncate(40 << 20)
    riva = EncryptedPath(make_riva(graph=graph, key=key), key)
    request = request_of(riva, key=key)

    tracemalloc.start()
    try:
        build_rmir(request)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert request.output.path.stat().st_size > 40 << 20
    assert peak < 12 << 20


def test_an_existing_rmir_is_kept_without_force(make_riva, request_of):
    """Nothing is overwritten unless asked for."""
    request = request_of(make_riva())
    request.output.path.write_bytes(b"precious")

    with pytest.raises(OutputExists):
        build_rmir(request)
    assert request.output.path.read_bytes() == b"precious"

    build_rmir(request_of(make_riva("other.riva"), force=True))
    assert request.output.path.read_bytes() != b"precious"


def test_an_input_is_never_the_output(make_riva, request_of, tmp_path):
    """Swapped names with --force do not destroy the `.riva`."""
    riva = make_riva("out.rmir")

    with pytest.raises(UsageError, match="output and as input"):
        build_rmir(request_of(riva, force=True))
    assert riva.exists()


def test_a_folder_is_no_output(make_riva, request_of, tmp_path):
    """A folder in the place of the RMIR is told, with --force too."""
    (tmp_path / "folder").mkdir()

    with pytest.raises(UsageError, match="is a folder"):
        build_rmir(request_of(make_riva(), output="folder", force=True))


def test_checking_writes_nothing(make_riva, request_of):
    """`settled_options` tells what would be built."""
    request = request_of(make_riva(), offline=True)

    assert settled_options(request).chunk_size == 30.0
    assert not request.output.path.exists()


def _rmir(make_riva, request_of, tmp_path):
    build_rmir(request_of(make_riva(), output="input.rmir"))
    return tmp_path / "input.rmir"


def _foreign(make_riva, request_of, tmp_path):
    write_archive(tmp_path / "ngc.riva", {"metadata": {"obj_cls": "x"}}, [])
    return tmp_path / "ngc.riva"


def _text(make_riva, request_of, tmp_path):
    (tmp_path / "text.riva").write_text("hello\n" * 1000)
    return tmp_path / "text.riva"


def _truncated(make_riva, request_of, tmp_path):
    riva = make_riva()
    riva.write_bytes(riva.read_bytes()[:2000])
    return riva


def _damaged(make_riva, request_of, tmp_path):
    riva = make_riva()
    riva.write_bytes(riva.read_bytes().replace(b"content of model_graph", b"kontent of model_graph"))
    return riva


def _missing(make_riva, request_of, tmp_path):
    return tmp_path / "nowhere.riva"


def _hifigan(make_riva, request_of, tmp_path):
    return make_riva(obj_cls="nemo.collections.tts.models.HifiGanModel")


def _locked(make_riva, request_of, tmp_path):
    return make_riva(key=SECRET)


def _wrong_key(make_riva, request_of, tmp_path):
    return EncryptedPath(make_riva(key=SECRET), Key(b"wrong"))


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        (_missing, MissingInput, "no file"),
        (_text, NotAnArchive, "not a .riva"),
        (_truncated, TruncatedArchive, "ends too early"),
        (_damaged, TruncatedArchive, "model_graph.onnx has sha256"),
        (_rmir, NotAnArchive, "is an RMIR, not a .riva"),
        (_foreign, NotAnArchive, "not made by this project's nemo2riva"),
        (_hifigan, WrongClass, "HifiGanModel"),
        (_locked, WrongKey, "no key was given"),
        (_wrong_key, WrongKey, "key does not open"),
    ],
)
def test_bad_inputs_are_named_and_leave_nothing(make_riva, request_of, tmp_path, bad, error, words):
    """Each kind of bad `.riva` has its own message, and no RMIR or litter is left."""
    request = request_of(bad(make_riva, request_of, tmp_path))

    with pytest.raises(error, match=words):
        build_rmir(request)

    assert not list(tmp_path.glob("*out.rmir*"))


@pytest.mark.parametrize(("ir_version", "riva", "refused"), [(9, "2.18.0", True), (9, "2.19.0", False)])
def test_a_graph_that_its_riva_cannot_load_is_not_built(make_riva, request_of, ir_version, riva, refused):
    """What the table has learnt since the export counts; the message names the onnx of that Riva."""
    facts = {"stride_ms": 40, "masks": True, "opset": 16, "ir_version": ir_version, "riva_version": riva}
    request = request_of(make_riva(riva_ci=facts))

    if not refused:
        build_rmir(request)
        return
    with pytest.raises(GraphTooNew, match=r"IR version 9, Riva 2\.18\.0 takes 8 \[graph-loadable\]") as caught:
        build_rmir(request)
    assert "onnx==1.14.1" in caught.value.fix
    assert not request.output.path.exists()
