"""The options of speech_recognition are all that the guide shows, each with its facts, and its recipes are taken."""

from pathlib import Path

import pytest
import yaml

from pipelines.archive.archive import Archive
from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.build_options import refusals
from pipelines.cli.flags import flags_of, from_mapping
from pipelines.cli.riva_build import main
from pipelines.speech_recognition.options import SpeechRecognitionOptions

OPTIONS = flags_of(SpeechRecognitionOptions)
RECIPES = yaml.safe_load((Path(__file__).parents[3] / "golden" / "riva-build-recipes.yaml").read_text(encoding="utf-8"))


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
