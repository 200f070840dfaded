"""`nox -s serve` prints a command that works when pasted."""

import json
import shlex
from pathlib import Path

from ci import environments
from ci.pipeline import serve
from ci.pipeline.checkpoint import Checkpoint
from pipelines.errors import UsageError


def test_command_survives_a_shell(folder: Path, tmp_path: Path) -> None:
    """Pasted into a shell, the command is the environment's Python with one program and its arguments."""
    command = serve.client_command("0.0.0.0:50051", Checkpoint.read(folder), "with space/a.wav")

    python, flag, program, *arguments = shlex.split(command)
    assert Path(python).parent == environments.ready("runtime") / "bin"
    assert flag == "-c"
    compile(program, "pasted", "exec")
    assert arguments == ["127.0.0.1:50051", "en-US", "with space/a.wav"]


def test_streaming_is_used_where_nothing_else_is_built(folder: Path) -> None:
    """A checkpoint without an offline build is asked by streaming."""
    declaration = folder / "pipeline.yaml"
    declaration.write_text(declaration.read_text().replace(", offline: {}", ""))

    assert "streaming_response_generator" in serve.client_command("a:1", Checkpoint.read(folder), "a.wav")


def test_punctuation_is_tried_with_a_text(folder: Path) -> None:
    """The command of a punctuation checkpoint sends a text of its evaluation set."""
    (folder / "pipeline.yaml").write_text(
        "checkpoint: {path: model.nemo}\npipeline: punctuation\nlanguage: en-US\nversion: 1.0.0\n"
        "builds: {punctuation: {}}\n"
    )
    line = {"text": "it's here", "punctuated": "It's here."}
    (folder / "evaluation" / "manifest.json").write_text(json.dumps(line))
    checkpoint = Checkpoint.read(folder)

    *_, program, uri, language, text = shlex.split(serve.client_command("a:1", checkpoint, serve._example(checkpoint)))

    compile(program, "pasted", "exec")
    assert "punctuate_text" in program
    assert (uri, language, text) == ("a:1", "en-US", "it's here")


def test_several_checkpoints_need_a_name(folder: Path) -> None:
    """Without a name only the one checkpoint that there is can be meant."""
    folder.rename(folder.with_name("first"))
    (folder.parent / "second").mkdir()
    (folder.parent / "second" / "pipeline.yaml").touch()

    assert serve.main([]) == UsageError.exit_code
