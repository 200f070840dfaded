"""The bill of an image names what is in it: packages of the locks, and Debian's."""

import json

from ci.containers.bill import bill_of
from ci.containers.trees import packages_of
from tests.unit.ci.containers.test_trees import base

STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u13

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""


def purls(target: str) -> set[str]:
    return {each["purl"] for each in json.loads(bill_of(target, base(packages=STATUS), made=0))["components"]}


def test_packages_of_both_kinds_are_listed() -> None:
    """What was removed from the base is not; the speech image's bill has what its lower layers hold too."""
    servicemaker, speech = purls("servicemaker"), purls("speech")

    assert "pkg:deb/debian/libc6@2.36-9%2Bdeb12u13?arch=amd64" in servicemaker
    assert not any("gone" in purl for purl in servicemaker)
    assert servicemaker < speech
    assert len(servicemaker) == len(packages_of("servicemaker")) + 1
    assert any(purl.startswith("pkg:pypi/nvidia-pytriton@") for purl in speech)
