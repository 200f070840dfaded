"""What the tests replay is said to come from somewhere."""

import pytest
import yaml

from tests.unit.ci.doctor.recordings import ASSETS, recording

NAMES = [path.stem for path in sorted(ASSETS.glob("*.yaml"))]


@pytest.mark.parametrize("name", NAMES)
def test_every_output_names_its_source(name: str) -> None:
    """Each entry is from one of the file's sources, each source is used, and is public or recorded for this test."""
    data = yaml.safe_load((ASSETS / f"{name}.yaml").read_text(encoding="utf-8"))
    entries = [*data["commands"], *data.get("files", ()), *([data["web"]] if "web" in data else ())]

    assert {entry["from"] for entry in entries} == set(data["sources"])
    for source, said in data["sources"].items():
        assert said["what"]
        assert source in {"own", "form"} or said["link"].startswith("https://github.com/")


def test_a_recording_takes_over_what_its_base_has() -> None:
    """An entry of the file itself stands in for that of its base; the others are the base's."""
    lines = {entry["line"]: entry for entry in recording("gpu-runner")["commands"]}

    assert lines["uname -m"]["stdout"] == "x86_64"
    assert "nvidia-ctk --version" in lines
