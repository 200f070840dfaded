"""Trains a sample checkpoint: ``python -m scripts.samples.train --model ctc --out model.nemo``."""

import argparse
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from nemo.collections.asr.models import EncDecCTCModel
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from tqdm import tqdm

from scripts.samples.data import Clip, ClipGroups
from scripts.samples.evaluation_set import evaluation_sentences
from scripts.samples.models import MODEL_NAMES, ModelName, make_model, save_model
from scripts.samples.schedule import share_of_rate
from scripts.samples.speech import EspeakMissing, library_name


@dataclass(frozen=True)
class Recipe:
    """What differs between the two models in training."""

    steps: int
    batch_seconds: float
    learning_rate: float
    weight_decay: float = 1e-3


RECIPES: dict[ModelName, Recipe] = {
    "ctc": Recipe(steps=3000, batch_seconds=64.0, learning_rate=3e-3),
    "conformer": Recipe(steps=3400, batch_seconds=80.0, learning_rate=2e-3),
}


def _batches(recipe: Recipe, seed: int, workers: int) -> Iterator[list[Clip]]:
    loader = DataLoader(
        ClipGroups(recipe.batch_seconds, seed, evaluation_sentences()),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=2,
    )
    return itertools.chain.from_iterable(loader)


def _targets(model: EncDecCTCModel, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    if hasattr(model, "tokenizer"):
        tokens = [model.tokenizer.text_to_ids(text) for text in texts]
    else:
        index = {label: number for number, label in enumerate(model.decoder.vocabulary)}
        tokens = [[index[letter] for letter in text] for text in texts]
    lengths = torch.tensor([len(row) for row in tokens])
    return pad_sequence([torch.tensor(row, dtype=torch.long) for row in tokens], batch_first=True), lengths


def _loss(model: EncDecCTCModel, clips: list[Clip]) -> torch.Tensor:
    signals = pad_sequence([torch.from_numpy(clip.samples) for clip in clips], batch_first=True)
    lengths = torch.tensor([len(clip.samples) for clip in clips])
    targets, target_lengths = _targets(model, [clip.text for clip in clips])
    tensors = (signals, lengths, targets, target_lengths)
    signals, lengths, targets, target_lengths = (tensor.to(model.device) for tensor in tensors)
    features, feature_lengths = model.preprocessor(input_signal=signals, length=lengths)
    with torch.autocast(model.device.type, dtype=torch.bfloat16):
        log_probs, encoded_lengths, _ = model(processed_signal=features, processed_signal_length=feature_lengths)
    loss = model.loss(
        log_probs=log_probs.float(), targets=targets, input_lengths=encoded_lengths, target_lengths=target_lengths
    )
    assert isinstance(loss, torch.Tensor)
    return loss


def train(model: EncDecCTCModel, recipe: Recipe, seed: int, workers: int) -> None:
    """Train ``model`` in place, on the device where it is."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=recipe.weight_decay
    )
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: share_of_rate(step / recipe.steps))
    model.train()
    with tqdm(total=recipe.steps, unit="step", mininterval=5.0) as bar:
        for clips in itertools.islice(_batches(recipe, seed, workers), recipe.steps):
            loss = _loss(model, clips)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            scheduler.step()
            bar.update()
            bar.set_postfix(loss=f"{loss.item():.2f}", refresh=False)


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m scripts.samples.train", description=__doc__)
    parser.add_argument("--model", choices=MODEL_NAMES, required=True, help="which sample checkpoint")
    parser.add_argument("--out", type=Path, required=True, help="the .nemo file to write")
    parser.add_argument(
        "--seed", type=int, default=2, help="seed of the weights and of the data (default: %(default)s)"
    )
    parser.add_argument("--steps", type=int, help="optimiser steps (default: the recipe of the committed checkpoint)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="PyTorch threads (default: all cores)")
    parser.add_argument("--device", default="cpu", help="where to train (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="processes that make clips; the clips stay the same")
    options = parser.parse_args(arguments)
    try:
        library_name()
    except EspeakMissing as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    recipe = RECIPES[options.model]
    if options.steps:
        recipe = replace(recipe, steps=options.steps)
    torch.set_num_threads(options.threads)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as work:
        model = make_model(options.model, options.seed, Path(work))
        train(model.to(options.device), recipe, options.seed, options.workers)
        save_model(model.to("cpu"), options.out)
    wall = (time.perf_counter() - started) / 60
    cpu = sum(os.times()[:4]) / 60
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB, {wall:.1f} minutes, {cpu:.1f} CPU-minutes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
