"""One file says which runners take which target."""

from pathlib import Path

import pytest

from ci.errors import BadYaml
from ci.targets import Targets
from pipelines.compatibility import riva_version

CPU = "cpu: {runs_on: [ubuntu-24.04], runtime: local}"


def written(folder: Path, *targets: str) -> Path:
    path = folder / "targets.yaml"
    path.write_text("\n".join(["riva_version: 2.19.0", "targets:", *(f"  {target}" for target in (CPU, *targets))]))
    return path


def test_the_template_is_green_anywhere() -> None:
    """As it comes, nothing but GitHub's own runners is used, and the Riva version is one of the table."""
    targets = Targets.read()

    assert {name for name, target in targets.by_name.items() if target.enabled} == {"cpu"}
    assert not targets.by_name["cpu"].is_self_hosted
    assert riva_version(targets.riva_version)


@pytest.mark.parametrize(
    ("target", "self_hosted", "value"),
    [
        ("x86-gpu: {enabled: true, runtime: local, runs_on: [self-hosted, gpu]}", True, ["self-hosted", "gpu"]),
        ("x86-gpu: {enabled: true, runtime: local, runs_on: [gpu-scale-set]}", True, ["gpu-scale-set"]),
        (
            "x86-gpu: {enabled: true, runtime: local, runs_on: [ubuntu-24.04], group: ours}",
            True,
            {"group": "ours", "labels": ["ubuntu-24.04"]},
        ),
        ("x86-gpu: {enabled: true, runtime: local, runs_on: [ubuntu-24.04-arm]}", False, ["ubuntu-24.04-arm"]),
    ],
)
def test_a_machine_of_ones_own_is_known(tmp_path: Path, target: str, self_hosted: bool, value: object) -> None:
    """Whatever is not one of GitHub's labels may be somebody's machine, `self-hosted` among them or not."""
    read = Targets.read(written(tmp_path, target)).by_name["x86-gpu"]

    assert read.is_self_hosted is self_hosted
    assert read.runs_on_as_json == value


@pytest.mark.parametrize(
    ("target", "message"),
    [
        pytest.param("x86-gpu: {enabled: true, runtime: local, runs_on: [self-hosted]}", "runs_on", id="any machine"),
        pytest.param("x86-gpu: {runtime: local, runs_on: [a]}", "enabled", id="neither on nor off"),
        pytest.param("dgx: {enabled: true, runtime: local, runs_on: [a]}", "dgx", id="unknown target"),
        pytest.param(
            "jetson: {enabled: true, runtime: local, runs_on: [a], needs_secret: OTHER}", "NGC_API_KEY", id="a secret"
        ),
    ],
)
def test_mistakes_are_refused(tmp_path: Path, target: str, message: str) -> None:
    """Bare `self-hosted` would take any machine; secrets are handed on by name, so another name would be in vain."""
    with pytest.raises(BadYaml, match=message):
        Targets.read(written(tmp_path, target))
