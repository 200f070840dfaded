"""Lets NeMo answer: ``python -m scripts.samples.punctuation.record --model model.nemo --evaluation DIR --out DIR``.

What NeMo makes of each text is written into the evaluation set's manifest as ``recorded``. Of some texts, and of odd
ones besides, what its network computes is recorded as well: ``recordings.json`` lists the texts, and ``logits.npz`` has
for the text of each line, from 0, the windows that NeMo itself cut it into:

    <line>/input_ids, <line>/attention_mask     [windows, pieces]
    <line>/punct_logits, <line>/capit_logits    [windows, pieces, labels]

Prints how many words of the evaluation set NeMo gets right.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.samples.punctuation.nemo_model import restored
from scripts.samples.punctuation.phrasebook import MARKS

if TYPE_CHECKING:
    from nemo.collections.nlp.models import PunctuationCapitalizationModel

FIRST = 25  # texts of the evaluation set whose logits are recorded; every fifth is long
WINDOWS_AT_ONCE = 64

#: What people send besides the sentences that the model knows. Each word has a piece: NeMo itself fails on others.
ODD_TEXTS = (
    "hello",
    "i",
    "where",
    "Hello, Anna. How are you?",
    "WHERE IS THE STATION",
    "  two \t spaces   and a tab ",
    "it's half past seven o'clock",
    "call 0 1 2 three 45 or 6789",
    "write to anna.miller@example.com or see www.example.com",
    "müller fährt nach são paulo",
    "привет как дела",
    "你好 世界",
    "🙂 thank you anna 🙂",
    "pneumonoultramicroscopicsilicovolcanoconiosis is a long word",
    "[SEP] [MASK] [UNK]",
)


class _Recorder:
    """Asks NeMo about a text and keeps what went through its network meanwhile."""

    def __init__(self, model: "PunctuationCapitalizationModel") -> None:
        self._model = model
        self._batches: list[tuple[Mapping[str, Any], Any]] = []
        self._forward = model.forward
        model.forward = self._remember  # NeMo calls it by this name, so a hook would not be told

    def _remember(self, **inputs: Any) -> Any:
        outputs = self._forward(**inputs)
        self._batches.append((inputs, outputs))
        return outputs

    def ask(self, text: str) -> str:
        """NeMo's answer, with NeMo's own windows."""
        self._batches.clear()
        [answer] = self._model.add_punctuation_capitalization([text], batch_size=WINDOWS_AT_ONCE)
        return str(answer)

    def arrays(self) -> Iterator[tuple[str, Any]]:
        """What the network saw and computed for the last text; see the module's text for names and shapes."""
        import numpy as np

        for name, kind in (("input_ids", "int16"), ("attention_mask", "uint8")):
            yield name, np.concatenate([inputs[name].numpy() for inputs, _ in self._batches]).astype(kind)
        for place, name in enumerate(("punct_logits", "capit_logits")):
            yield name, np.concatenate([outputs[place].detach().numpy() for _, outputs in self._batches])


def right_words(expected: str, found: str) -> tuple[int, int, int]:
    """How many words there are, and how many of them have the right mark after them, and the right capitals."""
    pairs = list(zip(expected.split(), found.split(), strict=True))
    marks = sum(ours[-1:] in MARKS and theirs[-1:] == ours[-1:] for ours, theirs in pairs)
    marks += sum(ours[-1:] not in MARKS and theirs[-1:] not in MARKS for ours, theirs in pairs)
    capitals = sum(ours.rstrip(MARKS) == theirs.rstrip(MARKS) for ours, theirs in pairs)
    return len(pairs), marks, capitals


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m scripts.samples.punctuation.record", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="the .nemo file")
    parser.add_argument("--evaluation", type=Path, required=True, help="folder of manifest.json, which is rewritten")
    parser.add_argument("--out", type=Path, required=True, help="folder for recordings.json and logits.npz")
    options = parser.parse_args(arguments)
    manifest, out = (options.evaluation / "manifest.json").absolute(), options.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    lines = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    arrays: dict[str, Any] = {}
    recordings = []
    with restored(options.model.absolute()) as model:
        import numpy as np

        recorder = _Recorder(model)
        for number, line in enumerate([*({"text": text} for text in ODD_TEXTS), *lines]):
            line["recorded"] = recorder.ask(line["text"])
            if number < len(ODD_TEXTS) + FIRST:
                recordings.append({"text": line["text"], "recorded": line["recorded"]})
                arrays |= {f"{number}/{name}": array for name, array in recorder.arrays()}
        np.savez_compressed(out / "logits.npz", **arrays)
    _write(out / "recordings.json", recordings)
    _write(manifest, lines)
    words, marks, capitals = map(
        sum, zip(*(right_words(line["punctuated"], line["recorded"]) for line in lines), strict=True)
    )
    print(f"{words} words: marks {marks / words:.2%} right, capitals {capitals / words:.2%} right")
    return 0


def _write(path: Path, lines: list[dict[str, str]]) -> None:
    text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
