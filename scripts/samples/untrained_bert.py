"""`python -m scripts.samples.untrained_bert OUT.nemo`: a punctuation model with random weights, to measure speed.

It is the sample with the encoder of BERT base (Devlin et al. 2018), the size that Riva's own punctuation models have.
"""

import argparse
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import torch

from pipelines.archive.nemo import WEIGHTS, NemoCheckpoint
from pipelines.punctuation.contents import read_contents
from pipelines.punctuation.network import PunctuationNetwork

SAMPLE = Path(__file__).parents[2] / "checkpoints" / "punctuation-en-US" / "model.nemo"
SHAPE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}


def make_untrained(path: Path) -> None:
    """Writes the checkpoint, the same at every call."""
    with NemoCheckpoint.open(SAMPLE) as sample, tarfile.open(path, "w") as archive:
        encoder = str(sample.config["language_model"]["config_file"]).removeprefix("nemo:")
        changed = {encoder: json.dumps({**json.loads(sample.read(encoder)), **SHAPE}).encode()}

        def read(name: str) -> bytes:
            return changed.get(name) or sample.read(name)

        changed[WEIGHTS] = _weights(read_contents(sample.config, read))
        for name in sample.names():
            content = read(name)
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def _weights(contents: Any) -> bytes:
    torch.manual_seed(0)
    classes = (len(contents.labels.punctuation), len(contents.labels.capitalization))
    file = io.BytesIO()
    torch.save(PunctuationNetwork(contents.encoder, classes=classes).state_dict(), file)
    return file.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes a punctuation model of BERT base's size, random weights.")
    parser.add_argument("out", type=Path)
    make_untrained(parser.parse_args().out)


if __name__ == "__main__":
    main()
