"""All layers of the firewall, one after the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pipelines.archive.nemo import CONFIG, WEIGHTS, NemoCheckpoint
from pipelines.errors import RivaError, UnsafeCheckpoint
from pipelines.registry import pipeline_of, supported_classes
from pipelines.verdict.findings import Finding
from pipelines.verdict.firewall.agreement import check_agreement
from pipelines.verdict.firewall.configuration import DATA_SECTIONS, check_configuration
from pipelines.verdict.firewall.containers import check_members
from pipelines.verdict.firewall.files import check_files
from pipelines.verdict.firewall.state_dict import read_state_dict
from pipelines.verdict.firewall.tensors import StateDict
from pipelines.verdict.rules.configuration import CONFIGURATION_PLAIN

__all__ = ["Inspection", "inspect"]

_ENOUGH = 100  # findings of a layer: one refuses the checkpoint, and a hostile one could give a million
_HEADERS = 4 << 10  # bytes: the reader jumps from header to header, over megabytes of numbers


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What the firewall found.

    Args:
        findings: What is not on one of its allow-lists, from the container inwards.
        state: The tensors of the weights; none where there are no weights, or they were refused.
    """

    findings: tuple[Finding, ...]
    state: StateDict


def inspect(checkpoint: NemoCheckpoint) -> Inspection:
    """Inspects a checkpoint that was opened `with_defects`, without executing anything in it.

    Raises:
        RivaError: Its configuration cannot be read. The error carries a finding where a rule says more than that.
    """
    findings = list(islice(check_members(checkpoint), _ENOUGH))
    try:
        given = _given(checkpoint)
    except RivaError as error:
        if isinstance(error, UnsafeCheckpoint):
            findings.append(CONFIGURATION_PLAIN.finding(error.what, where=CONFIG))
        for finding in findings:
            raise finding.as_error() from error
        raise
    state = _state(checkpoint)
    findings += islice(check_configuration(checkpoint.config, given), _ENOUGH)
    findings += state.findings
    findings += islice(check_files(checkpoint), _ENOUGH)
    findings += islice(check_agreement(checkpoint, state), _ENOUGH)
    return Inspection(findings=tuple(findings), state=state)


def _given(checkpoint: NemoCheckpoint) -> Mapping[str, Any]:
    """What of the configuration is given to NeMo; of a class that is not exported, what would be given at most."""
    config = checkpoint.config
    if checkpoint.obj_cls in supported_classes():
        return pipeline_of(checkpoint.obj_cls).checkpoint.config_for_nemo(config)
    kept = {name: value for name, value in config.items() if name not in DATA_SECTIONS}
    if isinstance(kept.get("tokenizer"), Mapping):
        kept["tokenizer"] = {**kept["tokenizer"], "dir": None}  # the maker's folder; NeMo saves it with the model
    return kept


def _state(checkpoint: NemoCheckpoint) -> StateDict:
    """The headers of the weights; empty where there are no weights, which another rule reports."""
    if WEIGHTS not in checkpoint.names():
        return StateDict()
    with checkpoint.window(WEIGHTS).open(block=_HEADERS) as stream:
        return read_state_dict(stream, checkpoint.size(WEIGHTS), member=WEIGHTS)
