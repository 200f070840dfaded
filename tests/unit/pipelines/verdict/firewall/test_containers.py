"""Each flaw of a member has its rule."""

from pipelines.archive.tar_headers import Flaw
from pipelines.verdict.firewall import containers


def test_every_flaw_has_a_rule() -> None:
    """A flaw that the reader of headers can report is never left without a finding."""
    assert containers._RULES.keys() == set(Flaw)
