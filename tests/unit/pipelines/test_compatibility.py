"""The compatibility table says what it knows, how, and where from."""

import pytest

from pipelines.compatibility import DEFAULT_VERSION, Cell, riva_version, riva_versions
from pipelines.errors import UsageError


def cells() -> list[Cell]:
    return [
        cell for riva in riva_versions().values() for cell in (*riva.images.values(), riva.onnx_ir, riva.onnx_opset)
    ]


def test_every_cell_has_a_source() -> None:
    """No cell stands without a source, and only cells of unknown value say unknown."""
    assert all(cell.source for cell in cells())
    assert all((cell.value is None) == (cell.evidence == "unknown") for cell in cells())
    assert all((str(cell) == "unknown") == (cell.value is None) for cell in cells())


def test_the_default_has_no_advisories() -> None:
    """The version used when none is named is one without published server CVEs; the older ones have theirs."""
    assert [version for version, riva in riva_versions().items() if not riva.advisories] == [DEFAULT_VERSION]


def test_images_follow_the_naming_of_their_release() -> None:
    """2.16 has an image for each role; from 2.18 one image does both."""
    assert riva_version("2.16").images["servicemaker"].value.endswith(":2.16.0-servicemaker")
    assert riva_version("2.19").images["servicemaker"].value.endswith(":2.19.0")


def test_unknown_versions_are_refused() -> None:
    """A version without a row is not guessed."""
    with pytest.raises(UsageError, match=r"3\.0 is not in the compatibility table"):
        riva_version("3.0")
