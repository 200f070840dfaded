"""Records the features that NeMo computes; run in the export environment: python tests/assets/features/make_golden.py

golden.npz holds the signal and, for each case of cases.yaml, NeMo's frames (frames, features).
"""

from pathlib import Path

import numpy as np
import torch
import yaml
from nemo.collections.asr.modules import AudioToMelSpectrogramPreprocessor

HERE = Path(__file__).parent
SECONDS, RATE = 0.4321, 16000

if __name__ == "__main__":
    time = np.arange(int(SECONDS * RATE)) / RATE
    noise = np.random.default_rng(0).standard_normal(len(time))
    signal = 0.3 * np.sin(2 * np.pi * (200 + 3000 * time) * time) * (time > 0.1) + 0.003 * noise
    pcm = np.round(32767 * signal).astype(np.int16)
    arrays = {"pcm": pcm}
    for name, case in yaml.safe_load((HERE / "cases.yaml").read_text()).items():
        audio = torch.tensor(pcm.astype(np.float32) / 32768)[None, : case.get("samples", len(pcm))]
        settings = {"dither": 0.0, "pad_to": 0, **case["preprocessor"]}
        settings.pop("_target_")
        preprocessor = AudioToMelSpectrogramPreprocessor(**settings).eval()
        frames, count = preprocessor(input_signal=audio, length=torch.tensor([audio.shape[1]]))
        arrays[name] = frames[0, :, : int(count[0])].T.contiguous().numpy()
    np.savez_compressed(HERE / "golden.npz", **arrays)
