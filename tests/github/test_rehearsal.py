"""The nightly rehearsal with networks that really deploy: going back is worth nothing if today's tools refuse it."""

from pathlib import Path

import pytest

from ci.errors import StageFailed
from ci.release.__main__ import main
from tests.github.server import FakeGitHub
from tests.releases import Workshop, write_rmir
from tests.tones import archive

pytestmark = pytest.mark.full

MODEL = "tones"


def release(github: FakeGitHub, workshop: Workshop, version: str, *, deployable: bool = True) -> None:
    """Publishes a recogniser of tones; another chunk size makes other bytes."""
    workshop.make(version, model=MODEL)
    place = workshop.outcomes / MODEL / "cpu"
    if deployable:
        riva = archive.write_riva(place.parent.parent / f"{version}.riva")
        (place / f"{MODEL}.rmir").unlink()
        archive.write_rmir(place / f"{MODEL}.rmir", riva, name=MODEL, max_batch_size=int(version[2]) + 1)
    else:
        write_rmir(place / f"{MODEL}.rmir", weights=b"no network")
    workshop.judge(place, f"{MODEL} {version}")
    tag = f"{MODEL}/v{version}"
    files = {path.name: path.read_bytes() for path in workshop.assemble(tag).iterdir()}
    github.repository.put_release(tag, files, base=github.api_url)


def test_what_was_gone_back_to_is_deployed(
    github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The earlier release becomes a model repository again; one that does not is an error with riva-deploy's words."""
    workshop = Workshop(tmp_path, monkeypatch)
    for version in ("1.0.0", "1.1.0"):
        release(github, workshop, version)

    assert main(["rollback", "--rehearse", "--deploy"]) == 0
    assert "went back to the same bytes; riva-deploy takes it" in capsys.readouterr().out

    release(github, workshop, "1.2.0", deployable=False)
    release(github, workshop, "1.3.0")
    assert main(["rollback", "--rehearse", "--deploy"]) == StageFailed.exit_code
    assert "riva-deploy ended with" in capsys.readouterr().err
