"""Static admission of a checkpoint: can it be read, is its class supported, is everything there that it needs."""

from pipelines.verdict.findings import Finding, Verdict
from pipelines.verdict.rules import judge

__all__ = ["Finding", "Verdict", "judge"]
