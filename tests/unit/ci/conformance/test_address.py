"""`ci.conformance.address`: which cases a pattern selects."""

import pytest

from ci.conformance.address import matches

ADDRESS = "speech_recognition/formats/wav/offline/rate:8000"


@pytest.mark.parametrize(
    "pattern",
    [
        ADDRESS,
        "speech_recognition",
        "speech_recognition/formats/",
        "speech_recognition/*/wav",
        "speech_recognition/form*",
        "**/rate:8000",
        "**/rate:*",
        "speech_recognition/**/offline",
        "**",
        "*/*/*/*/rate:*000",
    ],
)
def test_selected(pattern: str) -> None:
    """`*` stays within a component, `**` does not, and a folder means all in it."""
    assert matches(pattern, ADDRESS)


@pytest.mark.parametrize(
    "pattern",
    [
        "speech",
        "formats",
        "speech_recognition/*/offline",
        "*/rate:8000",
        "**/rate:80",
        "speech_recognition/formats/wa",
        ".",
    ],
)
def test_not_selected(pattern: str) -> None:
    """A part of a component is not the component, and other characters mean themselves."""
    assert not matches(pattern, ADDRESS)
