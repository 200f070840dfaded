"""The bill of materials of an image: the packages of the locks that it holds, and Debian's of its base."""

import re
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ci.containers.base import Base
from ci.containers.trees import locked, packages_of
from ci.sbom import document, packages
from pipelines import __version__

if TYPE_CHECKING:
    from cyclonedx.model.component import Component

__all__ = ["bill_of"]

_FIELD = re.compile(r"^(Package|Version|Architecture|Status): (.*)$", re.MULTILINE)


def bill_of(target: str, base: Base, *, made: int) -> str:
    """The bill as CycloneDX JSON.

    Args:
        target: A key of `IMAGES`.
        base: What it stands on.
        made: Seconds since 1970.
    """
    from cyclonedx.model.component import Component, ComponentType

    subject = Component(
        name=f"riva-ci-{target}", version=__version__, type=ComponentType.CONTAINER, bom_ref=f"riva-ci-{target}"
    )
    held = packages_of(target) | (packages_of("servicemaker") if target == "speech" else frozenset())
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as lock:
        lock.write("".join(locked(base.python, held)))
        lock.flush()
        python = packages([Path(lock.name)])
    return document(subject, [*python, *_debian(base)], made=datetime.fromtimestamp(made, UTC))


def _debian(base: Base) -> "Iterator[Component]":
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    for stanza in base.packages.split("\n\n"):
        fields = dict(_FIELD.findall(stanza))
        if fields.get("Status") == "install ok installed":
            name, version = fields["Package"], fields["Version"]
            purl = PackageURL("deb", "debian", name, version, {"arch": fields["Architecture"]})
            yield Component(name=name, version=version, type=ComponentType.LIBRARY, purl=purl, bom_ref=str(purl))
