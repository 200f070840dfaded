"""Whole recordings through gRPC, against the same network in this process."""

from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter

from ci.bench.figure import Figure, median_ratio
from ci.bench.recognisers import Baseline, Sherpa, run_together
from ci.bench.rounds import run_rounds
from ci.bench.server import serving
from ci.bench.subject import Subject, Utterance, speech
from ci.errors import WrongAnswer

__all__ = ["measure_offline"]

CLIENTS = 8
_UTTERANCES = {"2m": 96, "13m": 32}  # one to two seconds a round: the clients' last ones are a small part of it
_ROUNDS = 15  # many and short: the machine has moods that last for seconds
_AGREE = 0.95  # of the transcripts; with random weights a close call may go the other way now and then


def measure_offline(subject: Subject, *, quick: bool) -> Iterator[Figure]:
    """Audio-seconds a second, and the milliseconds that a request costs on top.

    Raises:
        WrongAnswer: The server's transcripts are not those of the network in this process.
    """
    utterances = speech(8 if quick else _UTTERANCES[subject.size])
    audio = sum(utterance.seconds for utterance in utterances)
    pair, alone = [Baseline(subject, threads=1) for _ in range(2)], Baseline(subject, threads=2)
    sherpa_pair, sherpa_alone = [Sherpa(subject, threads=1) for _ in range(2)], Sherpa(subject, threads=2)
    with serving(subject) as server:
        clients = [server.recogniser() for _ in range(CLIENTS)]
        expected = [alone(utterance) for utterance in utterances]
        found = [clients[0](utterance) for utterance in utterances]
        agreeing = sum(_letters(a) == _letters(b) for a, b in zip(expected, found, strict=True)) / len(utterances)
        if agreeing < _AGREE:
            raise WrongAnswer(
                f"{subject.name}: {agreeing:.0%} of the transcripts are those of the network in this process"
            )
        contenders: dict[str, Callable[[], float]] = {
            "one session, two threads": lambda: run_together([alone], utterances),
            "two sessions, one thread": lambda: run_together(pair, utterances),
            "one client": lambda: run_together(clients[:1], utterances),
            "eight clients": lambda: run_together(clients, utterances),
            "sherpa one": lambda: run_together([sherpa_alone], utterances),
            "sherpa two": lambda: run_together(sherpa_pair, utterances),
        }
        seconds, cpu = run_rounds(contenders, rounds=2 if quick else _ROUNDS)
        added = [1000 * (_time(clients[0], each) - _time(alone, each)) for each in utterances]

    def better(*names: str) -> list[float]:
        return min((seconds[name] for name in names), key=median)

    baseline = better("one session, two threads", "two sessions, one thread")
    sherpa = better("sherpa one", "sherpa two")
    name = f"offline/{subject.name}"
    for what, times in (("baseline", baseline), ("sherpa-onnx", sherpa), *list(seconds.items())[2:4]):
        spread = audio / max(times), audio / min(times)
        yield Figure(name=f"{name}/{what}", value=audio / median(times), unit="audio-s/s", spread=spread)
    for what, below, above, target in (
        ("one client over baseline", "one client", baseline, 0.85),
        ("eight clients over baseline", "eight clients", baseline, 1.0),
        ("eight clients over sherpa-onnx", "eight clients", sherpa, 1.5),
    ):
        value, spread = median_ratio(above, seconds[below])
        yield Figure(name=f"{name}/{what}", value=value, unit="x", at_least=target, spread=spread)
    value, spread = median_ratio(cpu["eight clients"], cpu["two sessions, one thread"])
    yield Figure(name=f"{name}/CPU of eight clients over baseline", value=value, unit="x", spread=spread)
    yield Figure(name=f"{name}/added to a request, p50", value=median(added), unit="ms")


def _letters(text: str) -> str:
    """The text without spaces: the end of an utterance, which the baseline does not look for, also ends a word."""
    return "".join(text.split())


def _time(recognise: Callable[[Utterance], str], utterance: Utterance) -> float:
    begin = perf_counter()
    recognise(utterance)
    return perf_counter() - begin
