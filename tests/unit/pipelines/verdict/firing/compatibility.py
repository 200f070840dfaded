"""Versions that do not go together, or of which nothing is known."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from pipelines.compatibility import riva_version
from pipelines.verdict.compatibility import check_compatibility, check_l4t, check_packages, check_pairs
from pipelines.verdict.findings import Finding
from pipelines.verdict.waivers import Waiver
from tests.unit.pipelines.verdict.firing import Firing

ASR = "nemo.collections.asr.models"
EXPIRED = Waiver(advisory="CVE-2025-23242", expires=date(2026, 1, 31), reason="the server is reachable from here only")


def _checked(
    obj_cls: str, riva: str = "2.19.0", target: str = "cpu", nemo: str = "3.0.0", waivers: Sequence[Waiver] = ()
) -> Firing:
    def check(_folder: Path) -> list[Finding]:
        return list(check_compatibility(f"{ASR}.{obj_cls}", nemo, riva_version(riva), target, waivers))

    return check


FIRING: dict[str, Firing] = {
    "riva-takes-class": _checked("EncDecRNNTBPEModel", riva="2.16.0", target="x86-gpu"),
    "riva-class-documented": _checked("EncDecSpeakerLabelModel", target="jetson"),
    "riva-image-known": _checked("EncDecCTCModel", riva="2.17.0", target="x86-gpu"),
    "riva-advisory-waived": _checked("EncDecCTCModel", riva="2.18.0"),
    "waiver-in-date": _checked("EncDecCTCModel", riva="2.16.0", waivers=[EXPIRED]),
    "nemo-version-covered": _checked("EncDecCTCModel", nemo="3.1.0"),
    "environment-as-locked": lambda _folder: list(check_packages({"nemo": "3.0.0", "numpy": "1.26.4"})),
    "l4t-line-as-image": lambda _folder: list(check_l4t(riva_version("2.19"), "35.4.1")),
    "pair-works": lambda _folder: list(
        check_pairs({"class": f"{ASR}.EncDecHybridRNNTCTCBPEModel", "saved-by": "1.21.0", "nemo": "1.22.0"})
    ),
}
