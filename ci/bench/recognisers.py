"""Recognisers in this process: what the served path is compared with."""

import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from ci.bench.subject import RATE, Subject, Utterance

__all__ = ["Baseline", "Network", "Sherpa", "run_together"]


Item = TypeVar("Item")


def run_together(workers: Sequence[Callable[[Item], Any]], items: Sequence[Item]) -> float:
    """Has everything recognised or rewritten, each worker in a thread of its own; returns the seconds it took."""
    waiting: queue.SimpleQueue[Item] = queue.SimpleQueue()
    for item in items:
        waiting.put(item)

    def work(do: Callable[[Item], Any]) -> None:
        while True:
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                return
            do(item)

    begin = time.perf_counter()
    with ThreadPoolExecutor(len(workers)) as pool:
        for done in [pool.submit(work, worker) for worker in workers]:
            done.result()
    return time.perf_counter() - begin


class Network:
    """The bare network in ONNX Runtime, with its defaults but for the number of threads."""

    def __init__(self, graph: Path, *, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._inputs = [entry.name for entry in self._session.get_inputs()]

    def __call__(self, features: Any) -> Any:
        """Returns the log probabilities (batch, steps, labels) of features (batch, bands, frames)."""
        import numpy as np

        length = np.full(len(features), features.shape[2], np.int64)
        return self._session.run(None, dict(zip(self._inputs, (features, length), strict=False)))[0]


class Baseline:
    """The least that recognition can be: vectorised features, the network as it was exported, greedy decoding."""

    def __init__(self, subject: Subject, *, threads: int) -> None:
        from pipelines.speech_recognition.decoding import Vocabulary
        from pipelines.speech_recognition.features import FeatureSettings, MelSpectrogram, Normalizer

        settings = FeatureSettings.from_nemo(subject.config["preprocessor"])
        self._mel, self._normalise = MelSpectrogram(settings), Normalizer(settings)
        self._network = Network(subject.graph, threads=threads)
        self._vocabulary = Vocabulary(subject.config["decoder"]["vocabulary"])
        self._step_ms: float = subject.facts["stride_ms"]

    def __call__(self, utterance: Utterance) -> str:
        """Returns the transcript."""
        import numpy as np

        from pipelines.speech_recognition.decoding import GreedyDecoder

        frames = self._normalise(self._mel(utterance.samples))
        log_probabilities = self._network(np.ascontiguousarray(frames.T)[None])[0]
        decoder = GreedyDecoder(self._vocabulary, step_ms=self._step_ms)
        decoder.decode(log_probabilities.argmax(1).tolist(), np.exp(log_probabilities.max(1)).tolist(), first_step=0)
        return " ".join(word.text for word in decoder.words(limit_ms=1000 * utterance.seconds))


class Sherpa:
    """sherpa-onnx's recogniser for NeMo CTC models on the same graph."""

    def __init__(self, subject: Subject, *, threads: int) -> None:
        import sherpa_onnx  # type: ignore[import-untyped, import-not-found, unused-ignore]

        graph, tokens = _for_sherpa(subject)
        self._recogniser = sherpa_onnx.OfflineRecognizer.from_nemo_ctc(
            model=str(graph),
            tokens=str(tokens),
            num_threads=threads,
            feature_dim=subject.config["preprocessor"]["features"],
        )

    def __call__(self, utterance: Utterance) -> str:
        """Returns the transcript."""
        stream = self._recogniser.create_stream()
        stream.accept_waveform(RATE, utterance.samples)
        self._recogniser.decode_stream(stream)
        return str(stream.result.text).strip()


def _for_sherpa(subject: Subject) -> tuple[Path, Path]:
    """The graph with the metadata that sherpa-onnx asks for, and the vocabulary as it reads it."""
    import onnx

    labels = subject.config["decoder"]["vocabulary"]
    graph, tokens = subject.folder / "sherpa.onnx", subject.folder / "sherpa-tokens.txt"
    tokens.write_text("".join(f"{label} {index}\n" for index, label in enumerate([*labels, "<blk>"])), encoding="utf-8")
    model = onnx.load(subject.graph)
    metadata = {
        "model_type": "EncDecCTCModelBPE",
        "vocab_size": len(labels),
        "subsampling_factor": subject.config["encoder"]["subsampling_factor"],
        "normalize_type": subject.config["preprocessor"]["normalize"],
    }
    onnx.helper.set_model_props(model, {name: str(value) for name, value in metadata.items()})
    onnx.save(model, graph)
    return graph, tokens
