"""Software bills of materials (CycloneDX 1.6): the packages of our locks, and what was made with them.

https://cyclonedx.org/specification/overview/; a model is a component of type `machine-learning-model` there.
"""

import json
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ci.lock import pins

if TYPE_CHECKING:
    from cyclonedx.model.component import Component, ComponentScope

__all__ = ["document", "packages"]

_NAMESPACE = uuid.UUID("6c1a2b52-6d0f-5a2e-9d2b-6f7d0e5b8c11")
"""Of the serial numbers: the same content has the same one."""


def packages(locks: Iterable[Path], *, scope: "ComponentScope | None" = None) -> list["Component"]:
    """The Python packages of lock files, each once.

    Args:
        locks: Files of `ci/locks`.
        scope: What the packages are to the subject: `REQUIRED` to run it, `EXCLUDED` if they only made it.
    """
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    pinned = {tuple(pin.split("==")) for lock in locks for pin in pins(lock.read_text(encoding="utf-8"))}
    return [
        Component(
            name=name,
            version=version,
            type=ComponentType.LIBRARY,
            purl=(purl := PackageURL("pypi", name=name.lower(), version=version)),
            bom_ref=str(purl),
            scope=scope,
        )
        for name, version in sorted(pinned)
    ]


def document(subject: "Component", components: Sequence["Component"], *, made: datetime) -> str:
    """The bill of a subject, as JSON; the same arguments give the same bytes.

    Args:
        subject: What the bill is about.
        components: What it holds, and what it needs or was made with, by their scope.
        made: When the subject was made, with a time zone.
    """
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.output.json import JsonV1Dot6

    about = json.dumps([str(subject.bom_ref), *sorted(str(each.bom_ref) for each in components)])
    bom = Bom(
        serial_number=uuid.uuid5(_NAMESPACE, about),
        metadata=BomMetaData(component=subject, timestamp=made),
        components=components,
    )
    bom.register_dependency(subject, components)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"
