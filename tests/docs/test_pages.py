"""What the pages tell people to type can be typed, and prints what they say."""

import ast
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci.environments import ROOT
from tests.docs.blocks import COMMANDS, Block, blocks
from tests.docs.clone import make_clone
from tests.github.server import FakeGitHub

PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (
        *ROOT.glob("*.md"),
        *(ROOT / ".github").rglob("*.md"),
        *(ROOT / "ci").rglob("*.md"),
        *(ROOT / "pipelines").rglob("*.md"),
        *(ROOT / "scripts").rglob("*.md"),
    )
)
BLOCKS = [block for page in PAGES for block in blocks(ROOT, page)]
TYPED = [block for block in BLOCKS if block.language in COMMANDS]
RUN = sorted({block.page for block in TYPED if not block.needs and block.page.startswith("ci/docs/")})
QUICK = {"ci/docs/jetson.md"}  # a few seconds; the others take stages of a checkpoint
BY_THEMSELVES = {"ci/docs/runners.md"}  # has a test of its own beside this one

TOOLS = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"])
OTHERS = {"cp", "git", "grep", "sed", "export", "sudo", "curl", "docker", "source", "tar", "cat", "cd", "tail", "head"}
LOOKS_TYPED = re.compile(
    r"^(\$ )?(\./scripts/|(git|sudo|docker|riva-\w+|nemo2riva|start-riva|deploy_all_models) (?=\S))", re.MULTILINE
)
MINUTES = 15 * 60.0


def sessions() -> dict[str, str]:
    """The sessions of noxfile.py, each with the source of the packages that it starts."""
    found = {}
    for node in ast.parse((ROOT / "noxfile.py").read_text()).body:
        if not isinstance(node, ast.FunctionDef) or "nox.session" not in ast.unparse(node.decorator_list):
            continue
        named = re.search(r"name='([\w-]+)'", ast.unparse(node.decorator_list))
        text = ast.unparse(node)
        for module in re.findall(r"'((?:ci|pipelines|scripts)\.[\w.]+)'", text):
            path = ROOT.joinpath(*module.split("."))
            files = path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]
            text += "".join(file.read_text() for file in files)
        found[named[1] if named else node.name] = text
    return found


SESSIONS = sessions()


def unknown(command: str) -> list[str]:
    """The names in a command that there are not: sessions, scripts, tools, flags of sessions."""
    words = [word for word in re.split(r"\s+|&&|\||;", command) if word]
    while words and re.match(r"\w+=", words[0]):
        words.pop(0)
    if not words:
        return []
    if words[0] == "./scripts/nox":
        if words[1] == "-l":
            return []
        name, arguments = words[2], words[3:]
        if name not in SESSIONS:
            return [name]
        flags = [word.split("=")[0] for word in arguments if re.match(r"--\w", word)]
        return [flag for flag in flags if flag not in SESSIONS[name] and not _negated(flag, SESSIONS[name])]
    if words[0].startswith("./"):
        return [] if (ROOT / words[0]).exists() else [words[0]]
    return [] if words[0] in TOOLS | OTHERS else [words[0]]


def _negated(flag: str, source: str) -> bool:
    positive = flag.replace("--no-", "--", 1)
    if f'"{positive}"' in source:
        return True
    return f"{flag.removeprefix('--').replace('-', '_')}" in source  # declared as a field


@pytest.mark.parametrize("block", TYPED, ids=str)
def test_names_exist(block: Block) -> None:
    """Sessions, scripts, tools and flags are there, also where a test cannot run the command."""
    assert [name for command in block.commands for name in unknown(command)] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page == "README.md" or page.startswith("ci/docs/")])
def test_no_command_hides(page: str) -> None:
    """A block that looks typed says so behind its fence, so that none escapes the tests."""
    hidden = [str(block) for block in blocks(ROOT, page) if not block.language and LOOKS_TYPED.search(block.text)]

    assert hidden == []


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Links within the repository name files that are there, and headings that they have."""
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(), flags=re.DOTALL)
    broken = []
    for link in re.findall(r"\]\((?!https?://|mailto:)([^)\s]+)\)", text):
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in headings(target)):
            broken.append(link)

    assert broken == []


def headings(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """A clone with the variables that its commands get: those of a GitHub on loopback."""
    clone = tmp_path / "speech"
    make_clone(clone)
    with FakeGitHub() as github:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "RIVA_CI_REFUSE"))}
        yield clone, {**kept, **github.environment(), "COLUMNS": "120"}


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[] if page in QUICK else pytest.mark.full) for page in RUN if page not in BY_THEMSELVES],
)
def test_commands_do_what_the_page_says(page: str, workplace: tuple[Path, dict[str, str]]) -> None:
    """The page from top to bottom, in one clone; each command succeeds and prints the lines it is said to."""
    clone, variables = workplace
    for block in (each for each in TYPED if each.page == page and not each.needs):
        for command, expected in block.steps:
            done = subprocess.run(
                ["bash", "-eu", "-c", command],
                cwd=clone,
                env=variables,
                capture_output=True,
                text=True,
                timeout=MINUTES,
                check=False,
            )
            assert done.returncode == 0, f"{block}: {command}\n{done.stdout}\n{done.stderr}"
            if block.language == "console":
                assert shape(done.stdout.splitlines()) == shape(expected), f"{block}: {command}\n{done.stdout}"


def shape(lines: list[str]) -> list[str]:
    """Lines without what differs from run to run: numbers, digests, times, units, and how wide columns are."""
    shaped = []
    for line in lines:
        line = re.sub(r"\b[0-9a-f]{12,64}\b", "HEX", line)
        line = re.sub(r"\d+(\.\d+)?", "0", line)
        line = re.sub(r"\b0 (B|kB|MB|GB)\b", "0 SIZE", line)
        line = re.sub(r"\s+", " ", line.replace("unchanged", "0")).strip()
        shaped.append(line)
    return [line for line in shaped if line]


def test_a_changed_output_is_noticed() -> None:
    """Numbers may differ, words may not."""
    assert shape(["export  a.riva  2.9 MB  edaca7175b454153  7.4"]) == shape(
        ["export a.riva 85.2 kB 0123456789abcdef unchanged"]
    )
    assert shape(["my-model: verdict: works"]) != shape(["my-model: verdict: refused"])


def test_a_strange_name_is_noticed() -> None:
    """The checker finds what is wrong."""
    assert unknown("./scripts/nox -s pipelin -- x") == ["pipelin"]
    assert unknown("./scripts/nox -s wheelhouse -- x --nothing") == ["--nothing"]
    assert unknown("./scripts/missing.sh") == ["./scripts/missing.sh"]
    assert unknown("riva-bild x") == ["riva-bild"]
