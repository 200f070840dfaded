"""What ci/docs/runners.md tells people to run does what it says."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from ci.doctor.__main__ import COMMAND
from ci.doctor.checks import FAMILIES
from ci.runtime.ownership import LABEL

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "ci" / "docs" / "runners.md").read_text(encoding="utf-8")
SCRIPTS = {
    re.findall(r"^# ([\w-]+\.sh)", text, re.MULTILINE)[0]: text
    for text in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
}
DOCTOR = re.findall(r"nox -s doctor -- (.*)", PAGE)


def commands(folder: Path, **scripts: str) -> dict[str, str]:
    """A search path with stand-ins for commands; each notes its arguments, a line a word, in `asked`."""
    for name, text in scripts.items():
        path = folder / name
        path.write_text(f'#!/bin/sh\nprintf "%s\\n" {name} "$@" >>"{folder}/asked"\n{text}\n')
        path.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.mark.parametrize("arguments", DOCTOR)
def test_the_doctor_understands_the_page(arguments: str) -> None:
    """Every call of the doctor is one that it takes."""
    assert COMMAND.parse(shlex.split(arguments)).options.target in {"x86-gpu", "jetson"}


def test_findings_that_are_named_exist() -> None:
    """The table at the end names rules of the doctor, and so does the text."""
    known = {rule.id for rules in FAMILIES.values() for rule in rules}
    named = set(re.findall(r"^\| `([a-z0-9-]+)`", PAGE, re.MULTILINE))

    assert named
    assert named <= known


def test_each_job_has_a_registration_of_its_own(tmp_path: Path) -> None:
    """The loop asks for one registration a job, with its labels, and ends when GitHub does not answer."""
    give_two = f'n=$(grep -cx gh "{tmp_path}/asked"); [ "$n" -le 2 ] && echo "config-$n"'
    environment = commands(tmp_path, gh=give_two, sudo="")
    (tmp_path / "take-jobs.sh").write_text(SCRIPTS["take-jobs.sh"])

    subprocess.run(
        ["bash", tmp_path / "take-jobs.sh", "team/speech", "7", "self-hosted", "gpu"],
        env=environment,
        cwd=tmp_path,
        check=False,
        timeout=20,
    )

    asked = (tmp_path / "asked").read_text().split("\n")
    assert "repos/team/speech/actions/runners/generate-jitconfig" in asked
    assert {"runner_group_id=7", "labels[]=self-hosted", "labels[]=gpu"} <= set(asked)
    assert [word for word in asked if word.startswith("config-")] == ["config-1", "config-2"]
    assert asked[asked.index("sudo") + 1 :][:4] == ["-u", "runner", "./run.sh", "--jitconfig"]


def test_cleaning_leaves_nothing_of_a_job(tmp_path: Path) -> None:
    """Containers of the pipeline and the working tree go; hidden files too, the folder itself stays."""
    work = tmp_path / "work"
    (work / ".git").mkdir(parents=True)
    (work / "a b").write_text("")
    environment = commands(tmp_path, docker='[ "$1" = ps ] && echo 1f && echo 2e; true')

    subprocess.run(
        ["bash", "-c", SCRIPTS["clean.sh"]], env={**environment, "GITHUB_WORKSPACE": str(work)}, check=True, timeout=20
    )

    asked = (tmp_path / "asked").read_text()
    assert list(work.iterdir()) == []
    assert f"--filter\nlabel={LABEL}\n" in asked
    assert "docker\nrm\n--force\n--volumes\n1f\n2e\n" in asked


def test_cleaning_without_a_working_tree_removes_nothing(tmp_path: Path) -> None:
    """A hook that is called without its variable must not begin at the root of the disk."""
    environment = {
        name: value for name, value in commands(tmp_path, docker="true").items() if name != "GITHUB_WORKSPACE"
    }
    done = subprocess.run(
        ["bash", "-c", SCRIPTS["clean.sh"]], env=environment, capture_output=True, check=False, timeout=20
    )

    assert done.returncode != 0
    assert b"GITHUB_WORKSPACE" in done.stderr
