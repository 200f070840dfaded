"""What NeMo itself hears: `transcribe()` of a checkpoint on recordings, as a JSON object of file name -> text.

test_parity.py runs it in the export environment; it needs nothing of this project.

    python nemo_transcripts.py OUT.json MODEL.nemo RECORDING ...
"""

import json
import sys
import tarfile
import tempfile
from pathlib import Path

import torch
from nemo.collections.asr.models import ASRModel
from nemo.core.connectors.save_restore_connector import SaveRestoreConnector


def main(out: str, checkpoint: str, *recordings: str) -> None:
    torch.set_num_threads(1)  # on a busy machine several threads mostly wait for each other
    connector = SaveRestoreConnector()
    with tempfile.TemporaryDirectory() as folder:
        # NeMo's own unpacking needs tarfile's filters, which Python has since 3.11.4 and Debian 12 has 3.11.2.
        with tarfile.open(checkpoint) as archive:
            archive.extractall(folder)
        connector.model_extracted_dir = folder
        model = ASRModel.restore_from(folder, map_location="cpu", save_restore_connector=connector)
    model.eval()  # one call only: transcribe() leaves the encoder in training mode
    # One at a time: in a batch of unequal lengths a convolutional encoder may see its neighbours' padding.
    hypotheses = model.transcribe(list(recordings), batch_size=1, num_workers=0, verbose=False)
    assert len(hypotheses) == len(recordings)
    texts = {Path(recording).stem: each.text for recording, each in zip(recordings, hypotheses, strict=True)}
    Path(out).write_text(json.dumps(texts), encoding="utf-8")


main(*sys.argv[1:])
