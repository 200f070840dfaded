"""What comes through the whole path is what NeMo itself hears in the checkpoint.

The tools run as command lines in their environments, the reference is NeMo's own `transcribe()`, and the server is
driven by NVIDIA's client in its newest and its oldest release. None of these sees the code of the others.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import soundfile

from ci import environments
from ci.conformance.evaluation import Utterance, read_evaluation
from ci.conformance.word_errors import align
from ci.environments import ROOT
from ci.pipeline.run import listen
from ci.runtime import Command, local

pytestmark = [pytest.mark.full, pytest.mark.triton]

SAMPLE = ROOT / "checkpoints" / "asr-en-US-commands"
CHECKPOINTS = {
    "convolutional": SAMPLE / "model.nemo",
    "conformer": ROOT / "tests" / "assets" / "asr-en-US-conformer" / "model.nemo",
}
MODES = {"offline": ("--offline",), "streaming": ("--streaming", "--chunk_size=0.16")}
RELEASES = {"runtime": "2.28.0", "oldest-client": "2.16.0"}  # environments, and the client that each has
SCRIPTS = ROOT / "tests" / "parity"
EQUAL = 0.99  # of the utterances
STREAMING_WER = 0.03
SCRIPT_SECONDS = 600  # NeMo on two busy cores takes one minute

Texts = Mapping[str, str]


@dataclass(frozen=True)
class Served:
    """A checkpoint that was taken through every tool: where it is served, and what NeMo hears in it."""

    address: str
    nemo: Texts


@pytest.fixture(scope="module")
def utterances() -> tuple[Utterance, ...]:
    return read_evaluation(SAMPLE / "evaluation").utterances


@pytest.fixture(scope="module")
def recordings(utterances: tuple[Utterance, ...], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The evaluation set as 16-bit WAV, which is what the client's own helpers read; FLAC loses nothing."""
    folder = tmp_path_factory.mktemp("recordings")
    files = [folder / f"{each.name}.wav" for each in utterances]
    for each, file in zip(utterances, files, strict=True):
        soundfile.write(file, each.samples, each.rate, subtype="PCM_16")
    return files


@pytest.fixture(scope="module", params=CHECKPOINTS)
def served(
    request: pytest.FixtureRequest, utterances: tuple[Utterance, ...], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """nemo2riva, riva-build twice, riva-deploy, start-riva; and `transcribe()` in a process of its own."""
    nemo, folder = CHECKPOINTS[request.param], tmp_path_factory.mktemp(request.param)
    riva, models = folder / "model.riva", folder / "models"
    rmirs = {mode: folder / f"{mode}.rmir" for mode in MODES}
    tool = partial(run_tool, folder)

    tool("nemo2riva", ("--out=", riva), nemo)
    for mode, flags in MODES.items():
        name = (f"--name={request.param}-{mode}", "--language_code=en-US", "--decoder_type=greedy")
        tool("riva-build", "speech_recognition", rmirs[mode], riva, *name, *flags)
    tool("riva-deploy", *rmirs.values(), models)

    reference = folder / "nemo.json"
    run_script("export", "nemo_transcripts.py", reference, nemo, *(each.path for each in utterances))
    texts = json.loads(reference.read_text(encoding="utf-8"))

    command = Command("start-riva", ("--riva-uri=127.0.0.1:0", ("--model-repository=", models)), folder / "server.log")
    with listen(command, lambda line: None) as (_, address):
        yield Served(address, texts)


def run_tool(folder: Path, name: str, *arguments: str | Path | tuple[str, Path]) -> None:
    """Runs one of our tools in its environment."""
    command = Command(name, arguments, folder / f"{name}.log")
    with local.start(command) as process:
        code = process.wait()
    assert code == 0, f"{name} ended with {code}:\n{command.log.read_text(encoding='utf-8')}"


def run_script(environment: str, script: str, *arguments: str | Path) -> str:
    """Runs a script in an environment, away from this project; returns what it prints."""
    folder = environments.ready(environment)
    done = subprocess.run(
        [folder / "bin" / "python", SCRIPTS / script, *arguments],
        env={**environments.clean_variables(), "PATH": environments.search_path(folder)},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=SCRIPT_SECONDS,
        check=False,
    )
    code = done.returncode
    assert code == 0, f"{script} ended with {code}:\n{done.stderr}"
    return done.stdout


def transcripts(served: Served, client: str, mode: str, clients: int, recordings: list[Path]) -> Texts:
    """What NVIDIA's client gets for each recording."""
    arguments = (RELEASES[client], served.address, mode, str(clients), *recordings)
    texts: Texts = json.loads(run_script(client, "client_transcripts.py", *arguments))
    assert list(texts) == [each.stem for each in recordings]
    return texts


@pytest.mark.parametrize(
    ("client", "clients"),
    [("runtime", 1), ("runtime", 8), ("oldest-client", 1)],
    ids=["newest-client", "eight-newest-clients", "oldest-client"],
)
def test_offline_transcripts_are_those_of_nemo(
    served: Served, recordings: list[Path], client: str, clients: int
) -> None:
    """At least 99 % of the utterances have the very text of `transcribe()`, alone and among others."""
    texts = transcripts(served, client, "offline", clients, recordings)

    differing = [
        f"{name}: NeMo {served.nemo[name]!r}, served {text!r}"
        for name, text in texts.items()
        if text != served.nemo[name]
    ]
    equal = 1 - len(differing) / len(texts)
    print(f"{equal:.2%} of {len(texts)} utterances equal NeMo's own text")
    assert equal >= EQUAL, f"{len(differing)} of {len(texts)} utterances differ:\n" + "\n".join(differing)


@pytest.mark.parametrize("client", RELEASES, ids=["eight-newest-clients", "eight-oldest-clients"])
def test_streams_of_small_chunks_are_understood(
    served: Served, utterances: tuple[Utterance, ...], recordings: list[Path], client: str
) -> None:
    """In chunks of 0.16 s, which see little of what is still to come, at most 3 % of the words are wrong."""
    texts = transcripts(served, client, "streaming", 8, recordings)

    wrong, words, differing = 0, 0, []
    for each in utterances:
        errors, _ = align(each.text.split(), texts[each.name].split())
        wrong, words = wrong + errors, words + len(each.text.split())
        if errors:
            differing.append(f"{each.name}: said {each.text!r}, served {texts[each.name]!r}")
    print(f"{wrong / words:.2%} word errors in {words} words")
    assert wrong / words <= STREAMING_WER, f"{wrong} of {words} words are wrong:\n" + "\n".join(differing)
