"""The options of speech_recognition are all that the guide shows, each with its facts, and its recipes are taken."""

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.archive.archive import Archive
from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.build_options import Runtime, facts_of, refusals
from pipelines.cli.flags import flags_of, from_mapping, spell, to_mapping
from pipelines.cli.riva_build import command_line, main
from pipelines.registry import load_pipeline
from pipelines.speech_recognition.options import SpeechRecognitionOptions

OPTIONS = flags_of(SpeechRecognitionOptions)
RECIPES = yaml.safe_load((Path(__file__).parents[3] / "golden" / "riva-build-recipes.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_has_its_facts(option):
    """Meaning, origin and treatment are known of each; an option without effect says why, a refused one what else."""
    facts = facts_of(option)

    assert option.meaning
    assert facts.origin.text
    assert facts.default_of in ("Riva", "Riva, not confirmed", "ours")
    assert facts.reason or facts.runtime is Runtime.EXECUTED
    assert facts.runtime is not Runtime.REFUSED or option.default in facts.neutral


def test_names_are_unique():
    """No two options share a name or an older spelling."""
    names = [name for option in OPTIONS for name in (option.name, *option.aliases)]

    assert len(set(names)) == len(names)


def _values(option):
    """Values that an option may be typed with."""
    plain = {
        "int": st.integers(-(10**6), 10**6),
        "float": st.floats(-1e6, 1e6),
        "bool": st.booleans(),
        "str": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ._=:-]{0,20}", fullmatch=True),
        "path": st.from_regex(r"[a-z]{1,9}(/[a-z ]{0,9}[a-z])?\.(bin|txt|far)", fullmatch=True).map(Path),
    }
    return st.sampled_from(option.choices) if option.choices else plain[option.type_name]


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=50, deadline=None)
@given(st.fixed_dictionaries({}, optional={option.name: _values(option) for option in OPTIONS}))
def test_typed_options_are_the_recorded_ones(values):
    """Whatever is typed as `--name=value` is understood, and recorded such that it reads back the same."""
    line = command_line(load_pipeline("speech_recognition"))

    parsed = line.parse(["out", *(f"--{name}={spell(value)}" for name, value in values.items()), "in"])

    assert parsed.given == set(values)
    assert parsed.options == from_mapping(SpeechRecognitionOptions, values)
    assert parsed.options == from_mapping(SpeechRecognitionOptions, to_mapping(parsed.options))


@pytest.mark.parametrize("separator", ["=", " "], ids=["equals", "space"])
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe["name"])
def test_recipes_of_the_guide_are_taken_as_they_stand(recipe, separator, make_riva, tmp_path, monkeypatch, capsys):
    """Each recipe builds unchanged with either spelling, keeps every value, and is refused at deploy as expected."""
    monkeypatch.chdir(tmp_path)
    make_riva("acoustic.riva", stride_ms=recipe["stride_ms"])
    for name in ("lm.bin", "vocab.txt", "tokenizer.far", "verbalizer.far", "hints.far"):
        Path(name).write_text(name)
    argv = [word for option in recipe["options"] for word in option.replace("=", separator, 1).split(" ")]

    assert main(["speech_recognition", "out.rmir", "acoustic.riva", *argv]) == 0

    with Archive.open(EncryptedPath(Path("out.rmir"))) as rmir:
        manifest = rmir.manifest
    typed = dict(option.lstrip("-").partition("=")[::2] for option in recipe["options"])
    by_name = {option.name: option for option in OPTIONS}
    assert set(manifest["options_set"]) == set(typed)
    for name, text in typed.items():
        recorded = manifest["options"][name]
        expected = f"{name}/{text}" if by_name[name].type_name == "path" else by_name[name].read(text or "True")
        assert recorded == expected, name
    refused = {told.split("=")[0] for told in refusals(from_mapping(SpeechRecognitionOptions, manifest["options"]))}
    assert refused == set(recipe["refused"])
