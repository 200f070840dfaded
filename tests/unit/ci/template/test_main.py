"""A repository gets what its template has changed, and loses nothing of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ci.errors import GitFailed, UnknownTemplate
from ci.template import __main__ as command
from ci.template.origin import PLACE, Origin
from pipelines.errors import UsageError
from tests.unit.ci.template.repositories import FILES, LINES, Repository, changed

CODE, TABLE, TARGETS = "pipelines/code.py", "pipelines/compatibility.yaml", "ci/targets.yaml"


@pytest.fixture
def update(template: Repository, fork: Repository, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs the command in the fork; returns what it printed."""

    def run(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        ended = command.main(["--repository", str(fork.folder), "--from", str(template.folder), *arguments])
        said = capsys.readouterr()
        assert ended == code, said.err
        return said.out if code == 0 else said.err

    return run


def origin(fork: Repository) -> Origin:
    return Origin(**yaml.safe_load(fork.show(PLACE) or ""))


def test_both_sides_changes_come_together(template: Repository, fork: Repository, update: Callable[..., str]) -> None:
    """The template's change and the fork's own, in one file; and what the fork had never touched is new."""
    head = template.write({CODE: changed(LINES, 2, "theirs"), TABLE: "new\n"}, "Change two files, see #12")
    fork.write({CODE: changed(LINES, 17, "ours")})

    said = update()
    assert fork.show(CODE) == changed(changed(LINES, 2, "theirs"), 17, "ours").strip()
    assert fork.show(TABLE) == "new"
    assert origin(fork).commit == head
    assert "Change two files, see #12" in said
    assert "git switch template-update" in said


def test_nothing_is_checked_out(template: Repository, fork: Repository, update: Callable[..., str]) -> None:
    """The branch is made beside what somebody is working on: neither files nor index nor branch change."""
    template.write({CODE: "new\n"})
    (fork.folder / CODE).write_text("half a thought\n")

    update()
    assert (fork.folder / CODE).read_text() == "half a thought\n"
    assert fork.git("status", "--porcelain") == f"M {CODE}"
    assert fork.git("rev-parse", "--abbrev-ref", "HEAD") == "main"


def test_what_is_the_forks_own_is_left_alone(
    template: Repository, fork: Repository, update: Callable[..., str]
) -> None:
    """Checkpoints and configuration stay, whether the template changed, removed or added some; the text says so."""
    template.write(
        {
            TARGETS: "riva_version: 2.20.0\n",
            "checkpoints/sample/pipeline.yaml": None,
            "checkpoints/another/pipeline.yaml": "version: 1.0.0\n",
            CODE: "new\n",
        }
    )
    fork.write({"checkpoints/mine/pipeline.yaml": "version: 3.0.0\n"})

    said = update()
    assert fork.show(TARGETS) == "riva_version: 2.19.0"
    assert fork.show("checkpoints/sample/pipeline.yaml") == "version: 1.0.0"
    assert fork.show("checkpoints/mine/pipeline.yaml") == "version: 3.0.0"
    assert fork.show("checkpoints/another/pipeline.yaml") is None
    assert f"- `{TARGETS}`: your runners and Riva version" in said
    assert fork.show(CODE) == "new"


def test_a_fork_keeps_more_by_its_own_list(template: Repository, fork: Repository, update: Callable[..., str]) -> None:
    """A line in kept.yaml is all it takes."""
    template.write({CODE: "new\n", TABLE: "new\n"})
    kept = FILES["ci/template/kept.yaml"]
    fork.write({"ci/template/kept.yaml": f"{kept}- {{path: pipelines/code.py, why: our own code}}\n"})

    assert f"- `{CODE}`: our own code" in update()
    assert fork.show(CODE) == LINES.strip()


def test_renamed_and_removed_files_are_followed(
    template: Repository, fork: Repository, update: Callable[..., str]
) -> None:
    """A file that the template renamed keeps what the fork changed in it; one that it removed goes."""
    upper = LINES.upper()
    template.write(
        {"pipelines/old_name.py": None, "pipelines/new_name.py": upper, "pipelines/unloved.py": None}, "Rename"
    )
    fork.write({"pipelines/old_name.py": upper.replace("LINE 4\n", "ours\n")})

    update()
    assert fork.show("pipelines/old_name.py") is None
    assert fork.show("pipelines/new_name.py") == upper.replace("LINE 4\n", "ours\n").strip()
    assert fork.show("pipelines/unloved.py") is None


def test_what_the_fork_removed_stays_removed(
    template: Repository, fork: Repository, update: Callable[..., str]
) -> None:
    """Removing a file is a decision, so the template's change of it is told and is no conflict, tonight or later."""
    template.write({"pipelines/unloved.py": "nobody = 2\n", CODE: "new\n"})
    fork.write({"pipelines/unloved.py": None})

    said = update()
    assert fork.show("pipelines/unloved.py") is None
    assert "- `pipelines/unloved.py`: you have removed it" in said
    assert "### Conflicts" not in said
    assert origin(fork).unmerged == {}


@pytest.mark.parametrize("content", [b"\0theirs", None], ids=["changed", "removed"])
def test_a_binary_file_is_taken_or_stays(
    content: bytes | None, template: Repository, fork: Repository, update: Callable[..., str]
) -> None:
    """Binary files are never mixed: both changed is a conflict, and the fork's stays."""
    base = template.git("rev-parse", "HEAD")
    template.write({"asset.bin": b"\0base", "other.bin": b"\0base"})
    update("--base", base)
    fork.git("merge", "--quiet", "--ff-only", "template-update")
    template.write({"asset.bin": content, "other.bin": b"\0theirs"})
    fork.write({"asset.bin": b"\0ours"})

    said = update()
    assert fork.show("asset.bin") == "\0ours"
    assert fork.show("other.bin") == "\0theirs"
    assert "<summary><code>asset.bin</code></summary>" in said


def test_a_conflict_leaves_the_file_as_it_is(
    template: Repository, fork: Repository, update: Callable[..., str]
) -> None:
    """No marker is ever written, so YAML stays YAML; the text shows what the template changed, and what to run."""
    base = template.git("rev-parse", "HEAD")
    template.write({TABLE: changed(changed(LINES, 3, "theirs"), 15, "theirs"), CODE: "new\n"})
    fork.write({TABLE: changed(LINES, 3, "ours")})

    said = update()
    assert fork.show(TABLE) == changed(LINES, 3, "ours").strip()
    assert fork.show(CODE) == "new"
    assert origin(fork).unmerged == {TABLE: base}
    assert "+theirs" in said
    assert f"--resolve {TABLE}" in said


def test_a_conflict_is_tried_again_until_it_is_gone(
    template: Repository, fork: Repository, update: Callable[..., str]
) -> None:
    """It shows in every update; once somebody takes the change in, the note about it goes by itself."""
    base = template.git("rev-parse", "HEAD")
    template.write({TABLE: changed(LINES, 3, "theirs")})
    fork.write({TABLE: changed(LINES, 3, "ours")})
    update()
    fork.git("merge", "--quiet", "--ff-only", "template-update")
    template.write({CODE: "new\n"})

    assert "### Conflicts" in update()
    assert origin(fork).unmerged == {TABLE: base}
    fork.write({TABLE: changed(LINES, 3, "theirs")})
    assert "### Conflicts" not in update()
    assert origin(fork).unmerged == {}


def test_a_conflict_can_be_resolved_by_hand(template: Repository, fork: Repository, update: Callable[..., str]) -> None:
    """On the branch, the command puts the conflict into the file; what was decided is not asked again."""
    template.write({TABLE: changed(changed(LINES, 3, "theirs"), 15, "theirs")})
    fork.write({TABLE: changed(LINES, 3, "ours")})
    update()
    fork.git("switch", "--quiet", "template-update")

    said = update("--resolve", TABLE)
    text = (fork.folder / TABLE).read_text()
    assert "<<<<<<< this repository\nours\n" in text
    assert "=======\ntheirs\n>>>>>>> the template\n" in text
    assert "line 14\ntheirs\nline 16" in text  # what is no conflict is in
    assert f"git add {TABLE}" in said
    fork.write({TABLE: "decided\n"})
    fork.git("switch", "--quiet", "main")
    fork.git("merge", "--quiet", "--ff-only", "template-update")
    assert "Nothing to update" in update()


def test_only_conflicts_can_be_resolved(template: Repository, fork: Repository, update: Callable[..., str]) -> None:
    """A path that is in no conflict, or the wrong branch, is a mistake that is named."""
    said = update("--resolve", CODE, code=UsageError.exit_code)

    assert "is the branch of the update checked out?" in said


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_folder_in_place_of_a_file(
    side: str, template: Repository, fork: Repository, update: Callable[..., str]
) -> None:
    """Whatever the other side has put there, the fork's stays under its own name."""
    file, folder = {"pipelines/thing": "a file\n"}, {"pipelines/thing/part.py": "a folder\n"}
    template.write(file if side == "theirs" else folder)
    fork.write(folder if side == "theirs" else file)

    assert "<code>pipelines/thing</code>" in update()
    (path,) = folder if side == "theirs" else file
    names = fork.git("ls-tree", "-r", "--name-only", "template-update").splitlines()
    assert [name for name in names if "thing" in name] == [path]


def test_nothing_new_is_nothing_to_do(template: Repository, fork: Repository, update: Callable[..., str]) -> None:
    """A template that stands still, or changed only what is the fork's own, makes no branch."""
    assert "Nothing to update" in update()
    template.write({TARGETS: "riva_version: 2.20.0\n"})

    assert "Nothing to update" in update()
    assert fork.git("branch", "--list", "template-update") == ""


def test_a_real_fork_is_merged_from_the_last_common_commit(
    template: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a common history, nothing has to be written down first."""
    template.git("clone", "--quiet", str(template.folder), str(tmp_path / "clone"))
    clone = Repository(tmp_path / "clone")
    template.write({CODE: changed(LINES, 2, "theirs")})
    clone.write({CODE: changed(LINES, 17, "ours")})

    assert command.main(["--repository", str(clone.folder), "--from", str(template.folder)]) == 0
    assert clone.show(CODE) == changed(changed(LINES, 2, "theirs"), 17, "ours").strip()


def test_a_changed_first_commit_needs_a_word(template: Repository, tmp_path: Path) -> None:
    """Where nothing tells the template's commit, none is guessed, and --base says it."""
    base = template.git("rev-parse", "HEAD")
    template.write({CODE: "new\n"})
    other = Repository(tmp_path / "other")
    other.write({**FILES, CODE: "ours\n"})
    arguments = ["--repository", str(other.folder), "--from", str(template.folder)]

    assert command.main(arguments) == UnknownTemplate.exit_code
    assert command.main([*arguments, "--base", base]) == 0
    assert other.show(CODE) == "ours"


def test_a_branch_that_somebody_works_on_is_never_written_over(
    template: Repository, fork: Repository, update: Callable[..., str]
) -> None:
    """A person's commit on the branch outlives the next update; the update's own commit does not."""
    template.write({CODE: "new\n"})
    update()
    template.write({CODE: "newer\n"})
    update()
    assert fork.show(CODE) == "newer"

    fork.git("switch", "--quiet", "template-update")
    mine = fork.write({"mine.txt": "mine\n"})
    fork.git("switch", "--quiet", "main")
    template.write({CODE: "newest\n"})

    assert "somebody is working on it" in update(code=GitFailed.exit_code)
    assert fork.git("rev-parse", "template-update") == mine


def test_without_a_name_the_template_is_asked_for(fork: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Outside of a workflow, before the first update, the message says what to type."""
    assert command.main(["--repository", str(fork.folder)]) == UnknownTemplate.exit_code
    assert "--from https://github.com/OWNER/TEMPLATE" in capsys.readouterr().err


def test_our_own_file_is_what_would_be_written() -> None:
    """The template's origin.yaml is the one that says nothing yet."""
    assert Origin().text() == FILES[PLACE]
