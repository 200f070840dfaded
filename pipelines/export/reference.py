"""What the checkpoint itself computes, from a fresh restore in a process of its own.

`export()` switches the masks of convolutions off in the live module, so a comparison with the exported object agrees
falsely. This process is forked after NeMo was imported and before anything was restored; it never sees the export.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pipelines.export.job import ExportJob
from pipelines.export.restore import part_of, restore
from pipelines.export.utterances import utterances

__all__ = ["write_reference"]


def write_reference(job: ExportJob) -> None:
    """Runs the utterances one at a time and writes inputs and first output of the exported part.

    The file is a NumPy archive with arrays `<index>/<input name>` and `<index>/output`, batch 1 each. Features are cut
    to their length: NeMo's preprocessor may append frames, and the served path never does.
    """
    model = restore(job.class_name, Path(job.checkpoint), "cpu")
    seen: dict[str, Any] = {}

    def remember(_module: Any, args: tuple[Any, ...], inputs: dict[str, Any], output: Any) -> None:
        seen.update(inputs=inputs, output=output[0] if isinstance(output, tuple) else output)

    if job.subnet is not None:
        part_of(model, job.subnet).register_forward_hook(remember, with_kwargs=True)
    arrays: dict[str, npt.NDArray[Any]] = {}
    with torch.inference_mode():
        for index, samples in enumerate(utterances(model.preprocessor.featurizer.sample_rate)):
            features, length = _features(model, torch.from_numpy(samples))
            output = model(processed_signal=features, processed_signal_length=length)[0]
            inputs = {"audio_signal": features, "length": length}
            if job.subnet is not None:
                inputs, output = seen["inputs"], seen["output"]
            arrays[f"{index}/output"] = output.numpy()
            arrays |= {f"{index}/{name}": tensor.numpy() for name, tensor in inputs.items() if torch.is_tensor(tensor)}
    np.savez(job.reference, allow_pickle=False, **arrays)


def _features(model: Any, samples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns features (1, bands, frames) and their length (1,), without dither, as `transcribe()` computes them."""
    model.preprocessor.featurizer.dither = 0.0
    features, length = model.preprocessor(input_signal=samples[None], length=torch.tensor([samples.shape[0]]))
    return features[:, :, : int(length)], length
