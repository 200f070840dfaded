"""Every lock is asked about: Python, npm, actions."""

from pathlib import Path

from ci.advisories.pins import Pin, find_pins
from ci.environments import LOCKS, ROOT


def test_pins_of_every_kind_are_found(tmp_path: Path) -> None:
    """A version counts once for all files that pin it; a local build is the version that was published."""
    locks, node, workflows = tmp_path / "ci/locks", tmp_path / "ci/node", tmp_path / ".github/workflows"
    for folder in (locks, node, workflows):
        folder.mkdir(parents=True)
    (locks / "dev-3.11.txt").write_text("rich==14.0.0 \\\n    --hash=sha256:00\n")
    (locks / "dev-3.12.txt").write_text("rich==14.0.0 \\\n    --hash=sha256:00\n")
    (locks / "torch-cpu.txt").write_text("torch==2.13.0+cpu \\\n    --hash=sha256:00\n")
    (node / "package-lock.json").write_text(
        '{"packages": {"": {"name": "ours"}, "node_modules/@actions/expressions": {"version": "0.3.61"}}}'
    )
    action = f"      - uses: github/codeql-action/upload-sarif@{'0' * 40} # v4.31.2\n"
    (workflows / "push.yml").write_text(f"{action}      - uses: ./.github/actions/setup\n")

    assert find_pins(tmp_path) == [
        Pin("GitHub Actions", "github/codeql-action", "4.31.2", ("push.yml",)),
        Pin("PyPI", "rich", "14.0.0", ("dev-3.11.txt", "dev-3.12.txt")),
        Pin("PyPI", "torch", "2.13.0", ("torch-cpu.txt",)),
        Pin("npm", "@actions/expressions", "0.3.61", ("package-lock.json",)),
    ]


def test_no_lock_of_this_repository_is_forgotten() -> None:
    """Every file of ci/locks has a pin among those that are asked about."""
    places = {place for pin in find_pins(ROOT) for place in pin.places}

    assert {path.name for path in LOCKS.glob("*.txt")} <= places
    assert "package-lock.json" in places
