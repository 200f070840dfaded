"""From the options that were typed to those that are built: what depends on mode and model filled in, all checked.

The rules are checked together, so that one run tells every problem of a command line.
"""

import dataclasses
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipelines.cli.flags import spell, usage_error
from pipelines.errors import NotAnArchive, UsageError
from pipelines.option_checks import file_problems, language_problems, name_problems, range_problems
from pipelines.speech_recognition.options import SpeechRecognitionOptions
from pipelines.verdict.rules.pipeline import LANGUAGE_DECLARED

__all__ = ["settle"]

STREAMING_CHUNK_SIZE = 0.16  # seconds; the low-latency recipe
OFFLINE_CHUNK_SIZE = 30.0  # seconds; one window for nearly every utterance, so that offline results equal NeMo's
PADDING_SIZE = 1.92  # seconds on either side; the low-latency recipe
STREAMING_MAX_STREAMS = 16  # what two CPU cores hold at real-time pace with a small Conformer
OFFLINE_MAX_STREAMS = 64  # whole files wait for each other instead of for a speaker


def settle(
    options: SpeechRecognitionOptions, given: Collection[str], manifests: Sequence[Mapping[str, Any]]
) -> SpeechRecognitionOptions:
    """Fills in what was not typed and checks the whole.

    Args:
        options: The options as typed.
        given: Names of the options that were typed.
        manifests: Manifest of the one `.riva`; its `riva_ci` block tells the model's time step.

    Raises:
        NotAnArchive: The `.riva` lacks the graph, its configuration, or the time step.
        UsageError: There are several `.riva`, or options are missing, impossible, or at odds with each other or with
            the model; all of them are named.
    """
    if len(manifests) != 1:
        raise UsageError(
            f"speech_recognition is built from one acoustic model, got {len(manifests)} .riva files",
            why="language models and other further models are not executed here yet",
            fix="name the acoustic model only",
        )
    stride_ms = _stride_ms(manifests[0])
    settled = _filled(options, stride_ms)
    problems = [
        *_language(settled.language_code),
        *name_problems(settled.name),
        *_mode(options, given),
        *_paddings(given),
        *_times(settled, stride_ms),
        *_window(settled, manifests[0]["riva_ci"], stride_ms),
        *range_problems(settled),
        *file_problems(settled),
        *_texts(settled),
    ]
    if problems:
        raise usage_error(problems, fix="`riva-build speech_recognition --help` explains each option")
    return settled


def _stride_ms(manifest: Mapping[str, Any]) -> float:
    missing = {"model_graph.onnx", "model_config.yaml"} - set(manifest.get("artifacts", {}))
    if missing:
        raise NotAnArchive(f"the .riva lacks {', '.join(sorted(missing))}", fix="export the checkpoint again")
    stride_ms = manifest.get("riva_ci", {}).get("stride_ms")
    if not isinstance(stride_ms, int | float) or stride_ms <= 0:
        raise NotAnArchive(
            f"the .riva says that its model's time step is {stride_ms!r} ms", fix="export the checkpoint again"
        )
    return float(stride_ms)


def _filled(options: SpeechRecognitionOptions, stride_ms: float) -> SpeechRecognitionOptions:
    offline = options.offline or options.streaming is False
    padding = PADDING_SIZE if options.padding_size is None else options.padding_size
    return dataclasses.replace(
        options,
        offline=offline,
        streaming=not offline,
        chunk_size=_either(options.chunk_size, OFFLINE_CHUNK_SIZE if offline else STREAMING_CHUNK_SIZE),
        left_padding_size=_either(options.left_padding_size, padding),
        right_padding_size=_either(options.right_padding_size, padding),
        ms_per_timestep=_either(options.ms_per_timestep, stride_ms),
        max_streams=_either(options.max_streams, OFFLINE_MAX_STREAMS if offline else STREAMING_MAX_STREAMS),
        return_separate_utterances=_either(options.return_separate_utterances, offline),
    )


def _either(value: Any, fallback: Any) -> Any:
    return fallback if value is None else value


def _language(code: str | None) -> Iterator[str]:
    if code is None:
        yield (
            "--language_code is missing (for example --language_code=en-US): "
            f"{LANGUAGE_DECLARED.why} [{LANGUAGE_DECLARED.id}]"
        )
    else:
        yield from language_problems(code)


def _mode(options: SpeechRecognitionOptions, given: Collection[str]) -> Iterator[str]:
    if {"offline", "streaming"} <= set(given) and options.offline == options.streaming:
        yield (
            f"--offline={spell(options.offline)} and --streaming={spell(options.streaming)} contradict each other: "
            "a pipeline is one or the other"
        )


def _paddings(given: Collection[str]) -> Iterator[str]:
    both = sorted({"left_padding_size", "right_padding_size"} & set(given))
    if "padding_size" in given and both:
        yield f"--padding_size sets both paddings; leave it out beside --{both[0]}"


def _times(options: SpeechRecognitionOptions, stride_ms: float) -> Iterator[str]:
    if options.ms_per_timestep != stride_ms:
        yield (
            f"--ms_per_timestep={spell(options.ms_per_timestep)} but the model's time step is {spell(stride_ms)} ms; "
            "leave the option out to take the model's"
        )
    durations = (  # with the milliseconds of their unit
        ("chunk_size", options.chunk_size, 1000),
        ("left_padding_size", options.left_padding_size, 1000),
        ("right_padding_size", options.right_padding_size, 1000),
        ("endpointing.stop_history", options.endpointing.stop_history, 1),
        ("endpointing.stop_history_eou", options.endpointing.stop_history_eou, 1),
    )
    for name, duration, unit_ms in durations:
        step = _exact(stride_ms) / unit_ms
        steps = _exact(duration or 0) / step
        if steps.denominator != 1:
            near = [spell(float(n * step)) for n in (math.floor(steps), math.ceil(steps)) if n > 0]
            yield (
                f"--{name}={spell(duration)} is not a multiple of the model's time step ({spell(stride_ms)} ms); "
                f"{' or '.join(near)} would be"
            )


def _window(options: SpeechRecognitionOptions, facts: Mapping[str, Any], stride_ms: float) -> Iterator[str]:
    limit = facts.get("max_frames")
    if limit is None:
        return
    sizes = (options.left_padding_size, options.chunk_size, options.right_padding_size)
    seconds = sum(_exact(size) for size in sizes if size is not None)
    frame = _exact(stride_ms) / facts["subsampling"] / 1000
    if seconds > limit * frame:
        yield (
            f"--chunk_size={spell(options.chunk_size)} and the paddings make windows of {float(seconds):g} s, but the "
            f"exported graph takes {float(limit * frame):g} s at most; build with shorter ones, or export the model "
            f"again with `nemo2riva --max-dim={math.ceil(seconds / frame)}`"
        )


def _exact(number: float) -> Fraction:
    return Fraction(repr(number))  # the decimal that was typed, not its binary neighbour


def _texts(options: SpeechRecognitionOptions) -> Iterator[str]:
    path = options.profane_words_file
    if path is not None and path.is_file() and not _is_text(path):
        yield f"--profane_words_file={path}: it is not UTF-8 text"


def _is_text(path: Path) -> bool:
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    return True
