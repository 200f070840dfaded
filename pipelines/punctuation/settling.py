"""From the options that were typed to those that are built, all checked together."""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from pipelines.cli.flags import usage_error
from pipelines.errors import NotAnArchive, UsageError
from pipelines.option_checks import language_problems, name_problems, range_problems
from pipelines.punctuation.options import PunctuationOptions
from pipelines.punctuation.windows import SPECIAL

__all__ = ["settle"]

_NAME = "riva-punctuation"  # what Riva's clients ask for, with the language behind it


def settle(
    options: PunctuationOptions, given: Collection[str], manifests: Sequence[Mapping[str, Any]]
) -> PunctuationOptions:
    """Fills in what was not typed and checks the whole.

    Args:
        options: The options as typed.
        given: Names of the options that were typed.
        manifests: Manifest of the one `.riva`.

    Raises:
        NotAnArchive: The `.riva` lacks the graph or its configuration.
        UsageError: There are several `.riva`, or options are impossible, or at odds with each other or with the model;
            all of them are named.
    """
    if len(manifests) != 1:
        raise UsageError(f"punctuation is built from one model, got {len(manifests)} .riva files", fix="name one")
    if missing := {"model_graph.onnx", "model_config.yaml"} - set(manifests[0].get("artifacts", {})):
        raise NotAnArchive(f"the .riva lacks {', '.join(sorted(missing))}", fix="export the checkpoint again")
    settled = dataclasses.replace(options, name=options.name or f"{_NAME}-{options.language_code}")
    assert settled.name is not None
    problems = [
        *language_problems(settled.language_code),
        *name_problems(settled.name),
        *range_problems(settled),
        *_windows(settled),
    ]
    if problems:
        raise usage_error(problems, fix="`riva-build punctuation --help` explains each option")
    return settled


def _windows(options: PunctuationOptions) -> Iterator[str]:
    """NeMo's own conditions."""
    length = options.max_seq_length - SPECIAL
    if length < 1:
        yield f"--max_seq_length={options.max_seq_length} leaves no room between [CLS] and [SEP]; 3 is the least"
    elif not 0 <= options.margin < max(1, length // 2):
        yield (
            f"--margin={options.margin} is not between 0 and {max(length // 2 - 1, 0)}, what two margins leave of "
            f"--max_seq_length={options.max_seq_length}"
        )
    if options.step < 1:
        yield f"--step={options.step} must be positive"
