"""From the start of the process to the first correct answer, against bare tritonserver on the same repository."""

from collections.abc import Iterator
from statistics import median
from time import perf_counter

from ci.bench.figure import Figure
from ci.bench.recognisers import Baseline
from ci.bench.server import serving
from ci.bench.subject import Subject, Utterance, speech
from ci.errors import WrongAnswer

__all__ = ["measure_starting"]


def measure_starting(subject: Subject, *, quick: bool) -> Iterator[Figure]:
    """Seconds to the first correct answer, and how many of them are ours.

    Raises:
        WrongAnswer: The first answer is not that of the network in this process.
    """
    (utterance,) = speech(1)
    expected = Baseline(subject, threads=1)(utterance)
    ours, bare = [], []
    for _ in range(1 if quick else 3):
        ours.append(_start_riva(subject, utterance, expected))
        bare.append(_tritonserver(subject, utterance, expected))
    name = f"start/{subject.name}"
    for what, seconds in (("start-riva", ours), ("tritonserver", bare)):
        yield Figure(name=f"{name}/{what}", value=median(seconds), unit="s", spread=(min(seconds), max(seconds)))
    added = [a - b for a, b in zip(ours, bare, strict=True)]
    spread = min(added), max(added)
    yield Figure(name=f"{name}/start-riva over tritonserver", value=median(added), unit="s", at_most=2.0, spread=spread)


def _start_riva(subject: Subject, utterance: Utterance, expected: str) -> float:
    begin = perf_counter()
    with serving(subject) as server:
        found = server.recogniser()(utterance)
        seconds = perf_counter() - begin
    _check("start-riva", found, expected)
    return seconds


def _tritonserver(subject: Subject, utterance: Utterance, expected: str) -> float:
    import json

    import tritonclient.grpc as triton

    from pipelines.triton.process import TritonProcess

    begin = perf_counter()
    with TritonProcess(subject.models) as server, triton.InferenceServerClient(server.grpc_address) as client:
        audio = triton.InferInput("AUDIO_SIGNAL", [1, len(utterance.pcm)], "FP32")
        audio.set_data_from_numpy(utterance.samples[None])
        answer = client.infer("offline", [audio], sequence_id=1, sequence_start=True, sequence_end=True)
        seconds = perf_counter() - begin
    result = json.loads(answer.as_numpy("RESULT").reshape(-1)[0])
    _check("tritonserver", " ".join(found["transcript"] for found in result["results"]), expected)
    return seconds


def _check(who: str, found: str, expected: str) -> None:
    if found.split() != expected.split():
        raise WrongAnswer(f"the first answer of {who} is {found!r}, expected {expected!r}")
