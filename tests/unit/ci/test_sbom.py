"""A bill of materials follows CycloneDX, lists what the locks pin, and is the same for the same content."""

import json
from datetime import UTC, datetime
from pathlib import Path

from cyclonedx.model.component import Component, ComponentScope, ComponentType

from ci.environments import LOCKS
from ci.sbom import document, packages

MADE = datetime(2026, 11, 22, 12, tzinfo=UTC)
MODEL = Component(name="words", version="1.0.0", type=ComponentType.MACHINE_LEARNING_MODEL, bom_ref="words@1.0.0")


def test_packages_are_those_of_the_locks(tmp_path: Path) -> None:
    """Each package once, by the address that scanners look up."""
    lock = tmp_path / "lock.txt"
    lock.write_text(
        "# made by nox -s lock\nNumPy==1.26.4 \\\n    --hash=sha256:0\ntorch==2.13.0+cpu \\\n    --hash=sha256:1\n"
    )

    found = [(each.name, str(each.purl), each.scope) for each in packages([lock, lock], scope=ComponentScope.EXCLUDED)]

    assert found == [
        ("NumPy", "pkg:pypi/numpy@1.26.4", ComponentScope.EXCLUDED),
        ("torch", "pkg:pypi/torch@2.13.0%2Bcpu", ComponentScope.EXCLUDED),
    ]


def test_the_model_is_the_subject() -> None:
    """The bill is about the model, and the model depends on the packages."""
    bill = json.loads(document(MODEL, packages([LOCKS / "runtime-3.11.txt"]), made=MADE))

    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["type"] == "machine-learning-model"
    assert bill["metadata"]["timestamp"] == "2026-11-22T12:00:00+00:00"
    depends = next(each["dependsOn"] for each in bill["dependencies"] if each["ref"] == "words@1.0.0")
    assert any(ref.startswith("pkg:pypi/nvidia-pytriton@") for ref in depends)


def test_the_same_content_gives_the_same_bytes() -> None:
    """A release that is made twice is the same release."""
    locked = [LOCKS / "runtime-3.11.txt"]

    assert document(MODEL, packages(locked), made=MADE) == document(MODEL, packages(locked), made=MADE)
