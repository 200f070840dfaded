"""What each image holds of the locked runtime environment, and which tools it offers.

Versions and hashes are those of `ci/locks/runtime-*.txt`; only the packages that an image's tools import are taken.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

__all__ = ["IMAGES", "Image", "closure"]

# What these require is for parts of them that no tool imports: Triton's clients over HTTP, PyTriton's Python side (the
# wheel is here for the server that it carries), code generation for the protos.
_ALONE = frozenset({"nvidia-pytriton", "nvidia-riva-client", "tritonclient"})


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image.

    Attributes:
        packages: The packages that its tools import; what these require comes with them.
        tools: What is on the path; each is a module of `pipelines.cli`.
    """

    packages: tuple[str, ...]
    tools: tuple[str, ...]


IMAGES = {
    "servicemaker": Image(
        packages=(
            "pyyaml",
            "cryptography",
            "rich",
            "jsonschema",
            "langcodes",
            "packaging",
            "numpy",
            "onnx",
            "onnxruntime",
            "grpcio",
            "tritonclient",  # the messages of Triton's configurations
            "python-rapidjson",  # which importing it asks for
        ),
        tools=("riva-build", "riva-deploy", "riva-archive", "deploy_all_models", "download_ngc_models"),
    ),
    "speech": Image(
        packages=(
            "av",
            "soxr",
            "grpcio-health-checking",
            "googleapis-common-protos",
            "prometheus-client",
            "nvidia-pytriton",
            "nvidia-riva-client",
        ),
        tools=("start-riva", "riva_server", "grpc_health_probe"),
    ),
}


def closure(packages: Sequence[str]) -> frozenset[str]:
    """The packages and what they require, by the metadata of the environment that this runs in."""
    found: set[str] = set()
    waiting: list[str] = [canonicalize_name(name) for name in packages]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            if name not in _ALONE:
                waiting.extend(_required_by(name))
    return frozenset(found)


def _required_by(name: str) -> Iterator[str]:
    for line in requires(name) or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield canonicalize_name(requirement.name)
