"""What the pipeline remembers of a stage, in a small file beside the outputs: what it was made of, what came out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ci.pipeline.content import Content, digest_of
from pipelines.outputs import atomic_file

__all__ = ["Record", "outputs_content"]


@dataclass(frozen=True)
class Record:
    """A stage that ended well.

    Attributes:
        key: Digest of the stage's inputs, options, tools and target.
        outputs: What came out, by path relative to the folder of the checkpoint's outputs.
        seconds: How long it took, and before it the server if it needs one, until it listened.
        tools: What made it: each tool with its environment, or its image by digest.
    """

    key: str
    outputs: Mapping[str, Content]
    seconds: Mapping[str, float]
    tools: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> "Record | None":
        """The record, or None if there is none that can be understood: then the stage is simply done again."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            outputs = {name: Content(each["sha256"], each["size"]) for name, each in data["outputs"].items()}
            return cls(data["key"], outputs, dict(data["seconds"]), dict(data["tools"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def write(self, path: Path) -> None:
        """Writes the record, whole or not at all."""
        outputs = {name: {"sha256": each.sha256, "size": each.size} for name, each in self.outputs.items()}
        data = {"key": self.key, "outputs": outputs, "seconds": dict(self.seconds), "tools": dict(self.tools)}
        text = json.dumps(data, indent=2)
        with atomic_file(path, force=True) as partial:
            partial.write_text(text + "\n", encoding="utf-8")


def outputs_content(folder: Path, names: Sequence[str]) -> dict[str, Content] | None:
    """What the outputs hold right now; None if one is missing."""
    contents = {name: digest_of(folder / name) for name in names}
    present = {name: content for name, content in contents.items() if content is not None}
    return present if len(present) == len(names) else None
