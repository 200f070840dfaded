"""Texts through gRPC, against transformers in one process, and against tokenizer and network in this one."""

import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from ci import environments
from ci.bench.figure import Figure, median_ratio
from ci.bench.recognisers import run_together
from ci.bench.rounds import run_rounds
from ci.bench.server import serving
from ci.bench.subject import LANGUAGE, Subject, texts
from ci.environments import ROOT
from ci.errors import StageFailed, WrongAnswer

__all__ = ["measure_punctuation"]

CLIENTS = 8
BATCH = 8  # texts of a call, and of a batch of what it is compared with, where that is faster than one by one
_ROUNDS = 5
_REPEATS = {"bert-sample": 8, "bert-base": 1}  # of the texts, for some seconds a round
# The sample's network takes less time for a text than a call does for its way, so that its figures are of calls.
_WITH_TARGETS = "bert-base"
_AGREE = 0.99  # of the texts; batches add numbers in another order, and a close call may go the other way


def measure_punctuation(subject: Subject, *, quick: bool) -> Iterator[Figure]:
    """Texts a second: of one client, of eight, and of what they are compared with, in turns.

    Raises:
        WrongAnswer: The texts do not come back as from the network in this process.
    """
    alone = Baseline(subject, threads=2)
    pair = [Baseline(subject, threads=1) for _ in range(2)]
    chosen = [text for text in texts() if alone.fits(text)]
    expected = alone(chosen)
    repeated = chosen * (1 if quick else _REPEATS[subject.size])
    single, several = _calls(repeated, 1), _calls(repeated, BATCH)
    with serving(subject) as server, _transformers(subject.nemo) as other:
        clients = [Client(server.uri) for _ in range(CLIENTS)]
        _check("the server", clients[0](chosen), expected)
        _check("transformers", other.answers(chosen), expected)
        contenders: dict[str, Callable[[], float]] = {
            "one client": lambda: run_together(clients[:1], single),
            "eight clients": lambda: run_together(clients, several),
            "eight clients, one by one": lambda: run_together(clients, single),
            "one session": lambda: run_together([alone], single),
            "one session, batches": lambda: run_together([alone], several),
            "two sessions": lambda: run_together(pair, single),
            "two sessions, batches": lambda: run_together(pair, several),
            "transformers": lambda: other.seconds(repeated, batch=1),
            "transformers, batches": lambda: other.seconds(repeated, batch=BATCH),
        }
        seconds, cpu = run_rounds(contenders, rounds=2 if quick else _ROUNDS)

    def best(kind: str) -> str:
        return min((name for name in contenders if kind in name), key=lambda name: median(seconds[name]))

    name, count, targets = f"punctuation/{subject.name}", len(repeated), subject.size == _WITH_TARGETS
    baseline, transformers = best("session"), best("transformers")
    served = ("one client", "eight clients, one by one", "eight clients")
    for what, times in (
        ("baseline", seconds[baseline]),
        ("transformers", seconds[transformers]),
        *((each, seconds[each]) for each in served),
    ):
        spread = count / max(times), count / min(times)
        yield Figure(name=f"{name}/{what}", value=count / median(times), unit="texts/s", spread=spread)
    for what, above, target in (("transformers", transformers, 1.5), ("baseline", baseline, 0.8)):
        for who, wanted in (("eight clients", target if targets else None), ("eight clients, one by one", None)):
            value, spread = median_ratio(seconds[above], seconds[who])
            yield Figure(name=f"{name}/{who} over {what}", value=value, unit="x", at_least=wanted, spread=spread)
            value, spread = median_ratio(cpu[who], cpu[above])
            yield Figure(name=f"{name}/CPU of {who} over {what}", value=value, unit="x", spread=spread)


def _calls(texts: Sequence[str], size: int) -> list[Sequence[str]]:
    return [texts[start : start + size] for start in range(0, len(texts), size)]


class Baseline:
    """The least that punctuation can be: the tokenizer, the network as it was exported, words with their labels."""

    def __init__(self, subject: Subject, *, threads: int) -> None:
        import onnxruntime

        from pipelines.punctuation.punctuator import Punctuator, PunctuatorSettings

        folder = next(subject.models.glob("*/1/punctuator.json")).parent
        settings = PunctuatorSettings.from_json((folder / "punctuator.json").read_text(encoding="utf-8"))
        vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
        self._punctuator = Punctuator(settings, vocabulary)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(subject.graph, options, providers=["CPUExecutionProvider"])
        self._inputs = [entry.name for entry in self._session.get_inputs()]

    def fits(self, text: str) -> bool:
        """Whether a text is one window."""
        return len(self._windows(text)) == 1

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """Returns the texts with marks and capitals; all their windows are one batch."""
        from pipelines.punctuation.punctuator import Answer, probabilities

        read = [self._windows(text) for text in texts]
        asked = [each for windows in read for each in windows]
        inputs = self._punctuator.inputs(asked)
        logits = self._session.run(None, dict(zip(self._inputs, inputs, strict=True)))
        for (text, window), answer in zip(asked, zip(*map(probabilities, logits), strict=True), strict=True):
            text.hear(window, Answer(*answer))
        return [windows[0][0].punctuated() for windows in read]

    def _windows(self, text: str) -> list[tuple[Any, Any]]:
        from pipelines.punctuation.punctuator import Text

        read = Text(text, self._punctuator)
        return [(read, window) for window in read.windows()]


class Client:
    """A client that makes one call after the other, on a connection of its own."""

    def __init__(self, uri: str) -> None:
        import grpc
        from riva.client.proto import riva_nlp_pb2_grpc

        channel = grpc.insecure_channel(uri, options=[("grpc.use_local_subchannel_pool", 1)])
        self._stub = riva_nlp_pb2_grpc.RivaLanguageUnderstandingStub(channel)

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """Returns the texts of one call with marks and capitals."""
        from riva.client.proto import riva_nlp_pb2 as nlp

        model = nlp.NLPModelParams(language_code=LANGUAGE)
        return list(self._stub.PunctuateText(nlp.TextTransformRequest(text=texts, model=model)).text)


class _Transformers:
    """A process of the export environment with transformers and PyTorch, on the same cores."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def answers(self, texts: Sequence[str]) -> list[str]:
        """The texts with marks and capitals."""
        answers: list[str] = self._ask(texts, BATCH)["texts"]
        return answers

    def seconds(self, texts: Sequence[str], *, batch: int) -> float:
        """How long it took over the texts."""
        return float(self._ask(texts, batch)["seconds"])

    def _ask(self, texts: Sequence[str], batch: int) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"texts": texts, "batch": batch}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise StageFailed(f"scripts.transformers_punctuation ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def _transformers(nemo: Path) -> Iterator[_Transformers]:
    python = environments.ready("export") / "bin" / "python"
    command: list[str | Path] = [python, "-m", "scripts.transformers_punctuation", nemo]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _Transformers(process)
        finally:
            process.kill()


def _check(who: str, found: Sequence[str], expected: Sequence[str]) -> None:
    wrong = [pair for pair in zip(found, expected, strict=True) if len(set(pair)) > 1]
    if len(wrong) > (1 - _AGREE) * len(expected):
        got, want = wrong[0]
        raise WrongAnswer(f"{who} answers {len(wrong)} of {len(expected)} texts otherwise: {got!r}, expected {want!r}")
