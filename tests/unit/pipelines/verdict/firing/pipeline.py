"""Pipelines of which too little is said."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from ci.errors import BadYaml
from ci.pipeline.checkpoint import Checkpoint
from pipelines.errors import UsageError
from pipelines.speech_recognition import PIPELINE
from pipelines.verdict.findings import Finding
from pipelines.verdict.rules.pipeline import LANGUAGE_DECLARED
from tests.unit.pipelines.verdict.firing import Firing

DECLARATION = """\
checkpoint: {path: model.nemo}
pipeline: speech_recognition
language: en-US
builds: {streaming: {}}
accuracy: {offline: 0.02}
version: 1.0.0
"""
MANIFEST = {"artifacts": {"model_graph.onnx": {}, "model_config.yaml": {}}, "riva_ci": {"stride_ms": 40}}


def _without_language(_folder: Path) -> Sequence[Finding]:
    options = dataclasses.replace(PIPELINE.options(), language_code=None)
    try:
        PIPELINE.settle(options, frozenset(), [MANIFEST])
    except UsageError as error:
        if f"[{LANGUAGE_DECLARED.id}]" in str(error):  # among all that is wrong with the options
            return [LANGUAGE_DECLARED.finding(error.what)]
    return []


def _without_mode(folder: Path) -> Sequence[Finding]:
    (folder / "pipeline.yaml").write_text(DECLARATION, encoding="utf-8")
    try:
        Checkpoint.read(folder)
    except BadYaml as error:
        return [error.finding] if error.finding else []
    return []


FIRING: dict[str, Firing] = {"language-declared": _without_language, "modes-built": _without_mode}
