"""What NeMo itself hears: `transcribe()` of a checkpoint on recordings, as a JSON object of file name -> text.

test_parity.py runs it in the export environment; it needs nothing of this project.

    python nemo_transcripts.py OUT.json MODEL.nemo RECORDING ...
"""

import json
import sys
from pathlib import Path

import torch
from nemo.collections.asr.models import ASRModel


def main(out: str, checkpoint: str, *recordings: str) -> None:
    torch.set_num_threads(1)  # on a busy machine several threads mostly wait for each other
    model = ASRModel.restore_from(checkpoint, map_location="cpu")
    model.eval()  # one call only: transcribe() leaves the encoder in training mode
    # One at a time: in a batch of unequal lengths a convolutional encoder may see its neighbours' padding.
    hypotheses = model.transcribe(list(recordings), batch_size=1, num_workers=0, verbose=False)
    assert len(hypotheses) == len(recordings)
    texts = {Path(recording).stem: each.text for recording, each in zip(recordings, hypotheses, strict=True)}
    Path(out).write_text(json.dumps(texts), encoding="utf-8")


main(*sys.argv[1:])
