"""Options say what the open runtime does with them, and the tools repeat it."""

from dataclasses import dataclass
from pathlib import Path

from pipelines.build_options import Evidence, Origin, executed, files_of, ignored, notes, refusals, refused

ORIGIN = Origin("a test", Evidence.OURS)


@dataclass(frozen=True, kw_only=True)
class Options:
    """One option of each kind."""

    name: str = executed("riva-asr", "name", ORIGIN)
    engine: int | None = ignored(None, "engine size", ORIGIN, reason="there is no engine")
    grammar: Path | None = refused(None, "a grammar", ORIGIN, instead="leave it out")
    decoder: str = refused("greedy", "decoder", ORIGIN, neutral=("greedy",), instead="take greedy")


def test_neutral_options_are_not_refused():
    """What changes nothing is deployed, whether it was typed or not."""
    assert refusals(Options()) == []
    assert refusals(Options(decoder="greedy", engine=3)) == []


def test_options_that_change_results_are_refused_by_name_with_the_alternative():
    """Every option that the runtime would disobey is named with its value and what to do instead."""
    told = refusals(Options(grammar=Path("g.far"), decoder="beam"))

    assert len(told) == 2
    assert told[0].startswith("--grammar=g.far changes results")
    assert told[0].endswith("leave it out")
    assert told[1].startswith("--decoder=beam changes results")


def test_options_that_were_typed_in_vain_are_noted():
    """An option without effect is mentioned if somebody typed it, and only then."""
    assert notes(Options(engine=3), {"engine", "name"}) == ["--engine=3 has no effect here: there is no engine"]
    assert notes(Options(engine=3), {"name"}) == []


def test_files_are_found_by_type():
    """Options that hold a path name a file that must travel."""
    assert files_of(Options(grammar=Path("g.far"))) == {"grammar": Path("g.far")}
