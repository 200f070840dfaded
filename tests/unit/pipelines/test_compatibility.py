"""The compatibility table says what it knows, how, and where from."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from ci.checked_yaml import read_checked
from pipelines.compatibility import DEFAULT_VERSION, TABLE, BadPair, Cell, compatibility, holds, riva_version
from pipelines.errors import UsageError

ROOT = Path(__file__).parents[3]
SCHEMA = TABLE.with_name("compatibility.schema.yaml")


def cells(node: object) -> list[Cell]:
    """Every cell in the table, however deep."""
    if isinstance(node, Cell):
        return [node]
    children = node.values() if isinstance(node, dict) else getattr(node, "__dict__", {}).values()
    return [cell for child in children for cell in cells(child)]


def names_of_sources(node: Any) -> set[str]:
    """Every `source:` of the file."""
    if isinstance(node, dict):
        own = {node["source"]} if isinstance(node.get("source"), str) else set()
        return own.union(*(names_of_sources(child) for child in node.values()))
    return set()


def test_the_table_follows_its_schema() -> None:
    """What a fork adds is checked: a mistake is reported with file, line and key."""
    document = read_checked(TABLE, schema=SCHEMA)

    assert document.data["default"] in document.data["versions"]


def test_a_guess_does_not_pass_the_schema(tmp_path: Path) -> None:
    """A cell without a source, and a value whose evidence is `unknown`, are refused."""
    good = TABLE.read_text(encoding="utf-8")
    for wrong in (
        good.replace("onnx_ir: {value: 9, evidence: inferred, source: ir-9}", "onnx_ir: {value: 9, evidence: seen}"),
        good.replace("tensorrt: {value: null, evidence: unknown", 'tensorrt: {value: "10.3", evidence: unknown', 1),
        good.replace("tensorrt: {value: null, evidence: unknown", "tensorrt: {value: null, evidence: inferred", 1),
    ):
        assert wrong != good
        path = tmp_path / "compatibility.yaml"
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(Exception, match=r"compatibility\.yaml:\d+: versions\."):
            read_checked(path, schema=SCHEMA)


def test_every_cell_has_a_link_to_its_source() -> None:
    """No cell stands without a source; only unknown values say unknown; links into this repository lead there."""
    found = cells(compatibility())

    assert len(found) > 60
    assert all(cell.source and cell.link for cell in found)
    assert all((cell.value is None) == (cell.evidence == "unknown") for cell in found)
    assert all((str(cell) == "unknown") == (cell.value is None) for cell in found)
    assert all(cell.link.startswith("https://") or (TABLE.parent / cell.link).is_file() for cell in found)


def test_no_source_is_left_over() -> None:
    """A source that no cell names any more goes with it."""
    data = yaml.safe_load(TABLE.read_text(encoding="utf-8"))

    assert set(data["sources"]) == names_of_sources({name: part for name, part in data.items() if name != "sources"})


def test_an_image_is_named_by_digest_or_by_prefix() -> None:
    """NVIDIA's images by digest where a source gives one; those of this repository have its prefix and no digest."""
    tagged = riva_version("2.16.0").platforms["jetson"].servicemaker
    pinned = replace(tagged, digest="sha256:" + "0" * 64)

    assert tagged.image() == "nvcr.io/nvidia/riva/riva-speech:2.16.0-servicemaker-l4t-aarch64"
    assert pinned.image() == "nvcr.io/nvidia/riva/riva-speech@sha256:" + "0" * 64
    assert pinned.image("riva-ci") == "riva-ci/riva-speech:2.16.0-servicemaker-l4t-aarch64"


def test_the_default_has_no_advisories() -> None:
    """The version used when none is named is one without published server CVEs; the older ones have theirs."""
    versions = compatibility().versions.values()

    assert [riva.version for riva in versions if not riva.advisories] == [DEFAULT_VERSION]


def test_what_runs_here_is_what_is_pinned() -> None:
    """The row of this repository's own runtime repeats pyproject.toml, whose pins the locks follow."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras, groups = project["project"]["optional-dependencies"], project["dependency-groups"]
    pins = {
        requirement.name: str(requirement.specifier)
        for text in (*extras["export"], *extras["runtime"])
        if (requirement := Requirement(text))
    }
    (oldest,) = (str(Requirement(text).specifier) for text in groups["oldest-client"])
    here = {name: cell.value for name, cell in compatibility().open_runtime.items()}

    assert (here["nemo"], here["torch"]) == (pins["nemo_toolkit"], pins["torch"])
    assert here["onnx"] == pins["onnx"]
    newest = pins["nvidia-riva-client"].removeprefix("==")
    assert here["client"] == f">={oldest.removeprefix('==')},<={newest}"
    assert here["saved_by"].endswith(f"<={here['nemo'].removeprefix('==')}")


def test_no_python_file_knows_an_image() -> None:
    """Which image a Riva version means stands in the table and nowhere else."""
    files = [path for folder in ("pipelines", "ci") for path in (ROOT / folder).rglob("*.py")]

    assert not [path for path in files if re.search(r"riva-speech:|nvcr\.io", path.read_text(encoding="utf-8"))]


def test_images_follow_the_naming_of_their_release() -> None:
    """2.16 has an image for each role; from 2.18 one image does both; of 2.17 only the Jetson's was seen."""
    images = {
        version: [platform.servicemaker.value for platform in riva_version(version).platforms.values()]
        for version in ("2.16", "2.17", "2.19")
    }

    assert [image.partition(":")[2] for image in images["2.16"]] == [
        "2.16.0-servicemaker",
        "2.16.0-servicemaker-l4t-aarch64",
    ]
    assert [image.partition(":")[2] for image in images["2.19"]] == ["2.19.0", "2.19.0-l4t-aarch64"]
    assert images["2.17"] == [None, None]
    assert riva_version("2.17").platforms["jetson"].server.value.endswith(":2.17.0-l4t-aarch64")


def test_unknown_versions_are_refused() -> None:
    """A version without a row is not guessed."""
    with pytest.raises(UsageError, match=r"3\.0 is not in the compatibility table"):
        riva_version("3.0")


@pytest.mark.parametrize(
    ("asked", "version", "inside"),
    [
        (">=2.16.0,<2.19", "2.18.0", True),
        (">=2.16.0,<2.19", "2.19.0", False),
        ("==1.21.*", "1.21.3", True),
        (">=2.9", "2.13.0+cpu", True),
        ("<3.0", "3.0.0rc1", False),
        (">=1.1", "", False),
        (">=1.1", "main", False),
    ],
)
def test_ranges_are_those_of_pip(asked: str, version: str, inside: bool) -> None:
    """A version lies in a range as pip understands it; what is not a version lies in none."""
    assert holds(asked, version) is inside


def test_a_release_candidate_is_not_a_release() -> None:
    """It lies in a range, unless releases are asked for."""
    assert holds(">=1.1,<=3.0.0", "2.6.0rc0")
    assert not holds(">=1.1,<=3.0.0", "2.6.0rc0", released=True)


@pytest.mark.parametrize(
    ("facts", "matches"),
    [
        ({"class": "nemo.asr.EncDecHybridRNNTCTCBPEModel", "saved-by": "1.21.0", "nemo": "1.22.0"}, True),
        ({"class": "nemo.asr.EncDecHybridRNNTCTCBPEModel", "saved-by": "1.21.0", "nemo": "1.23.0"}, False),
        ({"class": "nemo.asr.EncDecCTCModel", "saved-by": "1.21.0", "nemo": "1.22.0"}, False),
        ({"class": "nemo.asr.EncDecHybridRNNTCTCBPEModel", "saved-by": "1.21.0"}, False),
    ],
)
def test_a_pair_is_bad_when_every_condition_holds(facts: dict[str, str], matches: bool) -> None:
    """One version that differs, or is not known, and nothing is said."""
    pair: BadPair = next(pair for pair in compatibility().known_bad if pair.id.startswith("hybrid-saved-by-1.21"))

    assert pair.matches(facts) is matches
