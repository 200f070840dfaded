"""Measures a checkpoint on an evaluation set: ``python -m scripts.samples.evaluate --model model.nemo --data FOLDER``.

Word error rates by NeMo itself: whole utterances one at a time, and a stream simulated in windows, which is how the
server uses the model: 1.92 s before a chunk, the chunk of 0.16 s, 1.92 s after it; features normalised over the window;
the chunk's outputs joined.
"""

import argparse
import json
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from nemo.collections.asr.metrics.wer import word_error_rate
from nemo.collections.asr.models import ASRModel, EncDecCTCModel
from nemo.core.connectors.save_restore_connector import SaveRestoreConnector
from tqdm import tqdm

from scripts.samples.data import CONTEXT, coloured_noise, to_pcm16
from scripts.samples.speech import SAMPLE_RATE, Samples

CHUNK = 0.16
WINDOWS_AT_ONCE = 64


@dataclass(frozen=True)
class Sample:
    """One utterance of the set."""

    samples: Samples
    text: str


def read_set(folder: Path) -> list[Sample]:
    """The utterances that ``manifest.json`` in ``folder`` lists."""
    lines = [json.loads(line) for line in (folder / "manifest.json").read_text(encoding="utf-8").splitlines()]
    return [Sample(soundfile.read(folder / line["audio_filepath"], dtype="float32")[0], line["text"]) for line in lines]


def _quieter(samples: Samples) -> Samples:
    return to_pcm16(samples * np.float32(0.1))


def _noisy(samples: Samples) -> Samples:
    """Pink noise 20 dB under the utterance's own power."""
    noise = coloured_noise(len(samples), 1.0, np.random.default_rng(len(samples)))
    return to_pcm16(samples + noise * np.float32(0.1 * np.sqrt(np.mean(samples**2))))


def _narrow(samples: Samples) -> Samples:
    return to_pcm16(soxr.resample(soxr.resample(samples, SAMPLE_RATE, 8000), 8000, SAMPLE_RATE))


CONDITIONS: dict[str, Callable[[Samples], Samples]] = {
    "as they are": to_pcm16,
    "20 dB quieter": _quieter,
    "pink noise at 20 dB": _noisy,
    "through 8 kHz": _narrow,
}


def _forward(model: EncDecCTCModel, windows: list[Samples]) -> torch.Tensor:
    signals = torch.from_numpy(np.stack(windows))
    lengths = torch.full((len(windows),), signals.shape[1])
    with torch.inference_mode():
        log_probs, _, _ = model(input_signal=signals, input_signal_length=lengths)
    assert isinstance(log_probs, torch.Tensor)
    return log_probs


def _text(model: EncDecCTCModel, log_probs: torch.Tensor) -> str:
    best = model.decoding.ctc_decoder_predictions_tensor(log_probs[None], torch.tensor([len(log_probs)]))
    return str(best[0].text)


def _windows(samples: Samples) -> Iterator[Samples]:
    """The window of every chunk, with zeros where the stream has not begun or has ended."""
    chunk, context = int(CHUNK * SAMPLE_RATE), int(CONTEXT * SAMPLE_RATE)
    padded = np.pad(samples, (context, context + chunk))
    for start in range(0, len(samples), chunk):
        yield padded[start : start + chunk + 2 * context]


def offline(model: EncDecCTCModel, samples: Samples) -> str:
    """The text of a whole utterance."""
    return _text(model, _forward(model, [samples])[0])


def streaming(model: EncDecCTCModel, samples: Samples, time_step: float) -> str:
    """The text of a stream decoded in windows."""
    first, count = round(CONTEXT / time_step), round(CHUNK / time_step)
    windows = list(_windows(samples))
    kept: list[torch.Tensor] = []
    for start in range(0, len(windows), WINDOWS_AT_ONCE):
        log_probs = _forward(model, windows[start : start + WINDOWS_AT_ONCE])
        kept.append(log_probs[:, first : first + count].flatten(0, 1))
    return _text(model, torch.cat(kept))


def time_step(model: EncDecCTCModel) -> float:
    """Seconds between two outputs of ``model``, found by counting them."""
    seconds = 10.24
    outputs = _forward(model, [np.zeros(int(seconds * SAMPLE_RATE), np.float32)]).shape[1]
    return float(model.cfg.preprocessor.window_stride) * round(
        seconds / outputs / float(model.cfg.preprocessor.window_stride)
    )


def measure(model: EncDecCTCModel, data: list[Sample]) -> dict[str, tuple[float | None, float]]:
    """Condition -> word error rate offline and streaming; the last one is the set as one stream."""
    step = time_step(model)
    results: dict[str, tuple[float | None, float]] = {}
    texts = [sample.text for sample in data]
    with tqdm(total=len(data) * len(CONDITIONS), unit="utterance") as bar:
        for name, change in CONDITIONS.items():
            pairs = []
            for sample in data:
                changed = change(sample.samples)
                pairs.append((offline(model, changed), streaming(model, changed, step)))
                bar.update()
                if pairs[-1][0] != sample.text or pairs[-1][1] != sample.text:
                    bar.write(
                        f"{name}\n  said      {sample.text}\n  offline   {pairs[-1][0]}\n  streaming {pairs[-1][1]}"
                    )
            results[name] = (
                word_error_rate([pair[0] for pair in pairs], texts),
                word_error_rate([pair[1] for pair in pairs], texts),
            )
    joined = np.concatenate([sample.samples for sample in data])
    results["all in one stream"] = (None, word_error_rate([streaming(model, joined, step)], [" ".join(texts)]))
    return results


def _restore(checkpoint: Path) -> EncDecCTCModel:
    connector = SaveRestoreConnector()
    with tempfile.TemporaryDirectory() as folder:
        # NeMo's own unpacking needs tarfile's filters, which Python has since 3.11.4 and Debian 12 has 3.11.2.
        with tarfile.open(checkpoint) as archive:
            archive.extractall(folder)  # noqa: S202 - a checkpoint that train.py has just made
        connector.model_extracted_dir = folder
        model = ASRModel.restore_from(folder, map_location="cpu", save_restore_connector=connector)
    assert isinstance(model, EncDecCTCModel)
    return model.eval()


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m scripts.samples.evaluate", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="a .nemo file")
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.json")
    options = parser.parse_args(arguments)
    model = _restore(options.model)
    results = measure(model, read_set(options.data))
    print(f"{sum(parameter.numel() for parameter in model.parameters()):,} parameters; word error rate")
    for name, (whole, windowed) in results.items():
        offline_rate = "-" if whole is None else f"{whole:.2%}"
        print(f"{name:22s} offline {offline_rate:>7s}   streaming {windowed:7.2%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
