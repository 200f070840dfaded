"""What `nox -s lint` looks for in workflows and shell scripts, it finds."""

import subprocess
from pathlib import Path

import pytest

from ci.lint import main, shell_scripts, steps_of

GOOD = """\
name: good
on: push
permissions: {}
concurrency: {group: a, cancel-in-progress: true}
jobs:
  a:
    name: a
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    steps:
      - name: Greet
        run: echo "$NAME"
        env:
          NAME: ${{ github.ref_name }}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one good workflow."""
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / ".github" / "actionlint-known.yaml").write_text("[]")
    (tmp_path / ".github" / "workflows" / "good.yml").write_text(GOOD)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def test_good_workflow_passes(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing found is said, and the exit code is 0."""
    assert main([str(repository)]) == 0
    assert "nothing found" in capsys.readouterr().out


def test_each_tool_finds_what_it_is_for(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One mistake for each of them; each is said with its file and, where the tool knows it, its line."""
    changes = [
        ("timeout-minutes: 5", "timeout-minute: 5"),
        ('echo "$NAME"', "echo $NAME ${{ github.event.head_commit.message }}"),
    ]
    text = GOOD
    for old, new in changes:
        text = text.replace(old, new)
    (repository / ".github" / "workflows" / "bad.yml").write_text(text)
    (repository / "script").write_text("#!/bin/sh\ncat $1\n")
    subprocess.run(["git", "add", "."], cwd=repository, check=True)

    assert main([str(repository)]) == 1

    found = capsys.readouterr().out.splitlines()
    bad = str(repository / ".github" / "workflows" / "bad.yml")
    for tool in ("[github-workflows]", "[zizmor template-injection]", "[actionlint syntax-check]"):
        assert [line for line in found if line.startswith(bad) and line.endswith(tool)], tool
    assert [line for line in found if line.startswith(f"{bad}:12: run:") and line.endswith("[SC2086]")]
    assert [line for line in found if line.startswith(f"{repository / 'script'}:2:") and line.endswith("[SC2086]")]


def test_exception_that_is_no_longer_needed_is_found(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the linter has learnt since must not stay let through."""
    known = repository / ".github" / "actionlint-known.yaml"
    known.write_text("- {message: something odd, reason: it is newer}\n")

    assert main([str(repository)]) == 1
    assert "nothing is found any more that says 'something odd'" in capsys.readouterr().out


def test_run_blocks_are_found_at_any_depth(tmp_path: Path) -> None:
    """Steps of jobs and of composite actions alike, with their line."""
    action = tmp_path / "action.yml"
    action.write_text(
        "runs:\n  using: composite\n  steps:\n    - run: echo a\n      shell: bash\n    - run: |\n        echo b\n"
    )

    assert [(step.line, step.script) for step in steps_of(action)] == [(4, "echo a"), (6, "echo b\n")]


def test_shell_scripts_are_known_by_first_line_or_name(repository: Path) -> None:
    """Python is none of it, and what git does not know is nobody's."""
    for name, start in {"a": "#!/usr/bin/env bash", "b.sh": "", "c": "#!/usr/bin/env python3", "d": "text"}.items():
        (repository / name).write_text(f"{start}\n")
    subprocess.run(["git", "add", "."], cwd=repository, check=True)
    (repository / "e.sh").write_text("not added")

    assert shell_scripts(repository) == [repository / "a", repository / "b.sh"]
