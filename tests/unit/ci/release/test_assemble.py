"""The assets of a release are what passed, no more and no less, and say so of themselves."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ci.checksums import SUMS
from ci.errors import EngineFound, NotProven, ReleaseDamaged
from ci.release.__main__ import main
from ci.release.folder import AssetFolder
from pipelines.digests import file_digest
from pipelines.errors import UsageError
from tests.releases import MODEL, Workshop, write_rmir

TAG = f"{MODEL}/v1.0.0"


def test_the_assets_are_what_passed(workshop: Workshop) -> None:
    """RMIR per target, manifest, bill of materials, model card and sums."""
    workshop.hand_over("1.0.0", target="jetson")
    folder = AssetFolder.read(workshop.assemble(TAG))

    assert set(folder.sums) == {
        SUMS,
        "marks-1.0.0-cpu.rmir",
        "marks-1.0.0-jetson.rmir",
        "marks-1.0.0.manifest.json",
        "marks-1.0.0.md",
        "marks-1.0.0.sbom.cdx.json",
    }
    judged = workshop.outcomes / MODEL / "jetson" / f"{MODEL}.rmir"
    assert folder.sums["marks-1.0.0-jetson.rmir"] == file_digest(judged)


def test_the_manifest_says_what_was_made_of_what(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs, digests, tools, options, conformance, accuracy, licences, and which run built it."""
    monkeypatch.setenv("GITHUB_SHA", "c" * 40)
    monkeypatch.setenv("GITHUB_REPOSITORY", "owner/speech")
    monkeypatch.setenv("GITHUB_RUN_ID", "77")
    manifest = json.loads((workshop.assemble(TAG) / "marks-1.0.0.manifest.json").read_text())

    assert (manifest["commit"], manifest["run"]) == ("c" * 40, "https://github.com/owner/speech/actions/runs/77")
    assert manifest["inputs"] == {"marks.riva": {"sha256": "a" * 64}, "model.nemo": {"sha256": "b" * 64, "size": 99}}
    cpu = manifest["targets"]["cpu"]
    assert cpu["tools"] == {"riva_ci": "0.1.0", "riva": "2.19.0", "onnx": "1.23.2"}
    assert cpu["files"][0]["options"] == {"language_code": "en-US"}
    assert (cpu["conformance"]["outcome"], cpu["conformance"]["counts"]) == ("pass", {"pass": 30, "fail": 0})
    assert cpu["accuracy"] == {"wrong marks": "0.5% of 5.00%"}
    assert manifest["licenses"] == {"model": None, "tools": "Apache-2.0"}


def test_the_card_knows_what_nobody_declared(workshop: Workshop) -> None:
    """Facts only: a licence that is not declared is not invented."""
    card = (workshop.assemble(TAG) / "marks-1.0.0.md").read_text()

    assert "- Model: not declared" in card
    assert "| wrong marks | 0.5% of 5.00% |" in card
    assert "1,234 parameters" in card
    assert "install OWNER/REPOSITORY --model marks --version 1.0.0 --into DIR" in card


def test_the_bill_names_model_files_and_tools(workshop: Workshop) -> None:
    """The model is the subject; its files carry digests; what made it is told from what serves it."""
    folder = workshop.assemble(TAG)
    bill = json.loads((folder / "marks-1.0.0.sbom.cdx.json").read_text())

    assert bill["metadata"]["component"]["name"] == MODEL
    (rmir,) = (each for each in bill["components"] if each["type"] == "file")
    assert rmir["hashes"] == [{"alg": "SHA-256", "content": file_digest(folder / rmir["name"])}]
    assert {each["scope"] for each in bill["components"]} == {"required", "excluded"}


def test_the_same_outcomes_give_the_same_assets(workshop: Workshop) -> None:
    """So that an interrupted release is continued by running it again."""
    first = {path.name: path.read_bytes() for path in workshop.assemble(TAG).iterdir()}

    assert {path.name: path.read_bytes() for path in workshop.assemble(TAG).iterdir()} == first


def test_outputs_of_one_machine_will_do(workshop: Workshop) -> None:
    """`build/` of a laptop has no folder for the target."""
    alone = workshop.outcomes / MODEL
    for path in (alone / "cpu").iterdir():
        path.rename(alone / path.name)
    (alone / "cpu").rmdir()
    command = ["assemble", "--tag", TAG, "--from", str(workshop.outcomes), "--into", str(workshop.assets)]

    assert main(command) == 0
    assert (workshop.assets / "marks-1.0.0-cpu.rmir").is_file()


def _remove_report(place: Path, workshop: Workshop) -> None:
    (place / "report" / "conformance.json").unlink()
    (place / SUMS).unlink()


def _fail(place: Path, workshop: Workshop) -> None:
    workshop.judge(place, f"{MODEL} 1.0.0", outcome="fail")


def _make_again(place: Path, workshop: Workshop) -> None:
    write_rmir(place / f"{MODEL}.rmir", weights=b"made again after it was judged")
    (place / SUMS).unlink()


def _add(place: Path, workshop: Workshop) -> None:
    write_rmir(place / "unjudged.rmir", weights=b"other")
    (place / SUMS).unlink()


def _lose(place: Path, workshop: Workshop) -> None:
    (place / f"{MODEL}.rmir").unlink()
    (place / SUMS).unlink()


def _other_version(place: Path, workshop: Workshop) -> None:
    workshop.judge(place, f"{MODEL} 0.9.0")


def _change_on_the_way(place: Path, workshop: Workshop) -> None:
    (place / f"{MODEL}.rmir").write_bytes(b"cut sh")


def _put_engine(place: Path, workshop: Workshop) -> None:
    (place / f"{MODEL}.rmir").write_bytes(b"ftrt" + bytes(1000))
    workshop.judge(place, f"{MODEL} 1.0.0")


@pytest.mark.parametrize(
    ("spoil", "code", "told"),
    [
        (_remove_report, NotProven, "conformance did not run"),
        (_fail, NotProven, "conformance ended with 'fail'"),
        (_make_again, NotProven, "conformance judged"),
        (_add, NotProven, "holds marks.rmir, unjudged.rmir; the report is about marks.rmir"),
        (_lose, NotProven, "holds no RMIR"),
        (_other_version, NotProven, "is about 'marks 0.9.0', not 'marks 1.0.0'"),
        (_change_on_the_way, ReleaseDamaged, "marks.rmir has sha256"),
        (_put_engine, EngineFound, "is a TensorRT engine"),
    ],
)
def test_what_is_not_proven_is_not_assembled(
    workshop: Workshop,
    capsys: pytest.CaptureFixture[str],
    *,
    spoil: Callable[[Path, Workshop], None],
    code: type[NotProven],
    told: str,
) -> None:
    """The message says which file and why, and there is no folder of assets."""
    spoil(workshop.outcomes / MODEL / "cpu", workshop)

    assert main(workshop.command(TAG)) == code.exit_code
    assert told in capsys.readouterr().err
    assert not workshop.assets.exists()


def test_a_planned_target_may_not_be_missing(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    """A job that failed or was skipped stops the release."""
    expect = ["--expect", f"{MODEL}/cpu {MODEL}/jetson"]
    places = ["--from", str(workshop.outcomes), "--into", str(workshop.assets)]

    assert main(["assemble", "--tag", TAG, *expect, *places]) == NotProven.exit_code
    assert "there is nothing of marks for jetson" in capsys.readouterr().err


def test_only_models_of_the_tag_are_expected(workshop: Workshop) -> None:
    """A mistyped expectation is a mistake of the command line."""
    places = ["--from", str(workshop.outcomes), "--into", str(workshop.assets)]

    assert main(["assemble", "--tag", TAG, "--expect", "words/cpu", *places]) == UsageError.exit_code


def test_the_plan_sets_the_outputs_of_the_jobs(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Matrices for the jobs, and what must have come back from them."""
    monkeypatch.setattr("ci.matrix.find_checkpoints", lambda names: [workshop.checkpoints / MODEL])
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))

    assert main(["plan", "--tag", TAG]) == 0
    lines = (tmp_path / "outputs").read_text().splitlines()
    values = {line.partition("<<")[0]: lines[number + 1] for number, line in enumerate(lines) if "<<" in line}
    assert (values["tag"], values["expected"], values["any"]) == (TAG, f"{MODEL}/cpu", "true")
    assert json.loads(values["judge"])["include"][0]["checkpoint"] == MODEL
