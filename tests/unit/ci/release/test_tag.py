"""A tag says which models are released, and must say the version that they declare."""

import pytest

from ci.errors import BadTag, UnknownCheckpoint
from ci.release.tag import Tag, models_of
from tests.releases import MODEL, Workshop


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v1.2.3", Tag("v1.2.3", None, "1.2.3")),
        ("asr-en-US/v10.0.0", Tag("asr-en-US/v10.0.0", "asr-en-US", "10.0.0")),
        ("refs/tags/words/v1.2.3", Tag("words/v1.2.3", "words", "1.2.3")),
    ],
)
def test_tags_are_read(text: str, expected: Tag) -> None:
    """With a model or without, as git or as GitHub writes them."""
    assert Tag.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "1.2.3", "v1.2", "v1.2.3-rc1", "a/b/v1.2.3", "/v1.2.3", "../v1.2.3", "words/v1.2.3\n", "refs/heads/v1.2.3"],
)
def test_other_tags_are_refused(text: str) -> None:
    """The message shows both forms."""
    with pytest.raises(BadTag) as refused:
        Tag.parse(text)
    assert "MODEL/v1.2.3" in refused.value.fix


def test_a_tag_of_all_names_every_model(workshop: Workshop) -> None:
    """Each with the version that it declares."""
    workshop.make("2.0.0", model="words")

    assert [(each.name, each.version) for each in models_of(Tag.parse("v9.0.0"))] == [
        (MODEL, "1.0.0"),
        ("words", "2.0.0"),
    ]


def test_a_model_and_its_tag_agree(workshop: Workshop) -> None:
    """The place of the version is named when they do not."""
    assert [each.name for each in models_of(Tag.parse(f"{MODEL}/v1.0.0"))] == [MODEL]
    with pytest.raises(BadTag, match=r"pipeline\.yaml:\d+: version: expected 1\.0\.1.*got 1\.0\.0"):
        models_of(Tag.parse(f"{MODEL}/v1.0.1"))


def test_an_unknown_model_is_an_error(workshop: Workshop) -> None:
    """The known ones are listed."""
    with pytest.raises(UnknownCheckpoint, match="words"):
        models_of(Tag.parse("words/v1.0.0"))
