"""Trains the punctuation sample: ``python -m scripts.samples.punctuation.train --out model.nemo``."""

import argparse
import functools
import itertools
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.samples import grammar
from scripts.samples.punctuation.data import Word, texts, vocabulary
from scripts.samples.punctuation.nemo_model import ENCODER, make_model, offline_hub, save_model
from scripts.samples.schedule import share_of_rate

if TYPE_CHECKING:
    import torch
    from nemo.collections.nlp.models import PunctuationCapitalizationModel

STEPS = 3000
BATCH = 32  # texts
LEARNING_RATE = 2e-3
LONGEST = 64  # pieces with [CLS] and [SEP]: NeMo's own window
IGNORED = -100  # a piece without label: [CLS], [SEP], padding, and all of a word but its first piece


@dataclass(frozen=True)
class Example:
    """Token ids of a text and the labels of its pieces."""

    ids: list[int]
    marks: list[int]
    capitals: list[int]


def _example(words: Sequence[Word], tokenizer: Any, pieces_of: Callable[[str], list[int]]) -> Example:
    """A text cut to the window, at the end of a word."""
    ids, marks, capitals = [tokenizer.cls_id], [IGNORED], [IGNORED]
    for word in words:
        pieces = pieces_of(word.spoken)
        if len(ids) + len(pieces) >= LONGEST:
            break
        ids += pieces
        marks += [word.mark] + [IGNORED] * (len(pieces) - 1)
        capitals += [word.capital] + [IGNORED] * (len(pieces) - 1)
    return Example([*ids, tokenizer.sep_id], [*marks, IGNORED], [*capitals, IGNORED])


def _padded(rows: Sequence[Sequence[int]], value: int) -> "torch.Tensor":
    """Shape [texts, pieces]."""
    import torch

    longest = max(len(row) for row in rows)
    return torch.tensor([[*row, *[value] * (longest - len(row))] for row in rows])


def _loss(model: "PunctuationCapitalizationModel", batch: Sequence[Example]) -> "torch.Tensor":
    import torch

    ids = _padded([example.ids for example in batch], model.tokenizer.pad_id)
    mask = _padded([[1] * len(example.ids) for example in batch], 0)
    marks, capitals = model(input_ids=ids, attention_mask=mask, token_type_ids=torch.zeros_like(ids))
    labels = (_padded([example.marks for example in batch], IGNORED), _padded([e.capitals for e in batch], IGNORED))
    return sum(
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), expected.flatten(), ignore_index=IGNORED)
        for logits, expected in zip((marks, capitals), labels, strict=True)
    )


def train(model: "PunctuationCapitalizationModel", steps: int, seed: int) -> None:
    """Train ``model`` in place."""
    import torch
    from tqdm import tqdm

    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=1e-2)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: share_of_rate(step / steps))
    pieces_of = functools.cache(model.tokenizer.text_to_ids)
    source = (_example(words, model.tokenizer, pieces_of) for words in texts(grammar.seeded(seed)))
    model.train()
    with tqdm(total=steps, unit="step", mininterval=5.0) as bar:
        for _ in range(steps):
            loss = _loss(model, list(itertools.islice(source, BATCH)))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            bar.update()
            bar.set_postfix(loss=f"{loss.item():.4f}", refresh=False)


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m scripts.samples.punctuation.train", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the .nemo file to write")
    parser.add_argument("--seed", type=int, default=7, help="seed of the weights and the texts (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=STEPS, help="optimiser steps (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="PyTorch threads (default: all cores)")
    options = parser.parse_args(arguments)
    out = options.out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    pieces = vocabulary(grammar.seeded("vocabulary"))
    with offline_hub(ENCODER, pieces) as work:
        import torch

        torch.set_num_threads(options.threads)
        model = make_model(pieces, options.seed, work)
        train(model, options.steps, options.seed)
        save_model(model, out)
    minutes, cpu = (time.perf_counter() - started) / 60, sum(os.times()[:4]) / 60
    print(f"{options.out}: {out.stat().st_size / 1e6:.1f} MB, {minutes:.1f} minutes, {cpu:.1f} CPU-minutes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
