"""All layers of the firewall, one after the other."""

from dataclasses import dataclass

from pipelines.archive.nemo import WEIGHTS, NemoCheckpoint
from pipelines.errors import RivaError
from pipelines.verdict.findings import Finding
from pipelines.verdict.firewall.containers import check_members
from pipelines.verdict.firewall.state_dict import StateDict, read_state_dict

__all__ = ["Inspection", "inspect"]


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
    findings = list(check_members(checkpoint))
    try:
        checkpoint.config  # noqa: B018 (everything that follows needs it)
    except RivaError as error:
        for finding in findings:
            raise finding.as_error() from error
        raise
    state = _state(checkpoint)
    findings.extend(state.findings)
    return Inspection(findings=tuple(findings), state=state)


def _state(checkpoint: NemoCheckpoint) -> StateDict:
    """The headers of the weights; empty where there are no weights, which another rule reports."""
    if WEIGHTS not in checkpoint.names():
        return StateDict()
    with checkpoint.open_member(WEIGHTS) as stream:
        return read_state_dict(stream, checkpoint.size(WEIGHTS), member=WEIGHTS)
