"""Punctuates with transformers and PyTorch in one process: ``python -m scripts.transformers_punctuation MODEL.nemo``.

What ``ci/bench/punctuation.py`` compares the server with. It answers a line of JSON on stdin (``texts``, ``batch``) by
one on stdout (``texts``, ``seconds``). Texts must fit the network's window.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.export.job import ExportJob
from pipelines.punctuation.contents import Contents, read_contents


class Punctuator:
    """The model and its tokenizer, as a program that has only these two would use them."""

    def __init__(self, nemo: Path) -> None:
        from transformers import BertTokenizer

        from pipelines.punctuation.network import restore

        with tempfile.TemporaryDirectory() as folder, NemoCheckpoint.open(nemo) as checkpoint:
            checkpoint.unpack(Path(folder))
            job = ExportJob(
                pipeline="punctuation",
                archive=str(nemo),
                checkpoint=folder,
                class_name="",
                graph="",
                reference="",
                log_level="ERROR",
            )
            self._model = restore(job).eval()
            self._contents: Contents = read_contents(checkpoint.config, checkpoint.read)
            vocabulary = Path(folder) / "vocab.txt"
            vocabulary.write_text("\n".join(self._contents.vocabulary), encoding="utf-8")
            self._tokenizer = BertTokenizer.from_pretrained(folder, do_lower_case=self._contents.lower_case)

    def punctuate(self, texts: list[str]) -> list[str]:
        """One batch."""
        import torch

        words = [text.split() for text in texts]
        encoded = self._tokenizer(words, is_split_into_words=True, padding=True, return_tensors="pt")
        inputs = (encoded[name] for name in ("input_ids", "attention_mask", "token_type_ids"))
        with torch.inference_mode():
            marks, capitals = (logits.argmax(-1).tolist() for logits in self._model(*inputs))
        return [self._joined(words[row], encoded.word_ids(row), marks[row], capitals[row]) for row in range(len(texts))]

    def _joined(self, words: list[str], places: list[int | None], marks: list[int], capitals: list[int]) -> str:
        """The words with what the network says at their first pieces."""
        labels, written = self._contents.labels, []
        firsts = [place for place, word in enumerate(places) if word is not None and word != places[place - 1]]
        for word, first in zip(words, firsts, strict=True):
            mark, capital = labels.punctuation[marks[first]], labels.capitalization[capitals[first]]
            text = word if capital == labels.pad else word.capitalize()
            written.append(text if mark == labels.pad else text + mark)
        return " ".join(written)


def main(argv: list[str]) -> int:
    """Answers until stdin is closed."""
    punctuator = Punctuator(Path(argv[0]))
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        texts, size = request["texts"], request["batch"]
        begin = time.perf_counter()
        answers = [
            answer
            for start in range(0, len(texts), size)
            for answer in punctuator.punctuate(texts[start : start + size])
        ]
        print(json.dumps({"texts": answers, "seconds": time.perf_counter() - begin}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
