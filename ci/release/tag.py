"""What a tag asks to be released: `v1.2.3` every model, `<model>/v1.2.3` one, whose version it must be."""

import re
from dataclasses import dataclass

from ci.errors import BadTag
from ci.pipeline.checkpoint import Checkpoint, find_checkpoints

__all__ = ["Tag", "models_of"]

_FORM = re.compile(r"(?:refs/tags/)?(?P<text>(?:(?P<model>[A-Za-z0-9][A-Za-z0-9._-]*)/)?v(?P<version>\d+\.\d+\.\d+))")


@dataclass(frozen=True)
class Tag:
    """A tag of a release.

    Attributes:
        text: As git has it.
        model: The model it releases; None for all.
        version: Its version, without the v.
    """

    text: str
    model: str | None
    version: str

    @classmethod
    def parse(cls, text: str) -> "Tag":
        """Reads a tag.

        Raises:
            BadTag: It has another form.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise BadTag(
                f"{text!r} is not the tag of a release",
                fix="tag v1.2.3 for all models, or MODEL/v1.2.3 for one, with the version of its pipeline.yaml",
            )
        return cls(match["text"], match["model"], match["version"])


def models_of(tag: Tag) -> list[Checkpoint]:
    """The checkpoints that a tag releases, read whole.

    Raises:
        UnknownCheckpoint: The tag names a model that is not there.
        BadTag: The version in the model's pipeline.yaml is another.
    """
    models = [Checkpoint.read(folder) for folder in find_checkpoints([tag.model] if tag.model else [])]
    for model in models:
        if tag.model and model.version != tag.version:
            raise BadTag(
                f"{model.document.place('version')}: expected {tag.version}, as the tag {tag.text} says, "
                f"got {model.version}",
                why="the tag was set before the version was changed, or the version was forgotten",
                fix=f"tag {model.name}/v{model.version}, or set the version and move the tag to that commit",
            )
    return models
