"""What is known of a machine: plain facts, as `observe` finds them and the checks compare them."""

from dataclasses import dataclass

from ci.doctor.probe import Answer

__all__ = ["Engine", "Gpu", "Graphics", "Host", "Jetson", "System"]


@dataclass(frozen=True, kw_only=True)
class Engine:
    """The Docker engine.

    Args:
        complaint: Why it does not answer; empty if it does.
        version: For example 28.3.1.
        runtimes: Names of the OCI runtimes that it knows.
        default_runtime: The one that is used unless another is named.
        devices: CDI devices that it found, such as `nvidia.com/gpu=all`.
        rootless: Whether it runs without root.
        folder: Where it keeps images.
        memlock: Its own limit of locked memory, `unlimited` or bytes; empty if it does not say.
        raises_limits: Whether it may give containers more than it has; None if it does not say.
        toolkit: Version of the NVIDIA Container Toolkit; empty if there is none.
        images: Images of the job that are there.
    """

    complaint: str = ""
    version: str = ""
    runtimes: tuple[str, ...] = ()
    default_runtime: str = ""
    devices: tuple[str, ...] = ()
    rootless: bool = False
    folder: str = ""
    memlock: str = ""
    raises_limits: bool | None = None
    toolkit: str = ""
    images: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A GPU as nvidia-smi describes it; `memory` is in GB, and None where it is shared with the CPU."""

    name: str
    compute_capability: str
    memory: float | None


@dataclass(frozen=True, kw_only=True)
class Graphics:
    """GPUs and their driver.

    Args:
        gpus: Those that answer.
        driver: Version that nvidia-smi names.
        module: Version of the kernel's module, which may be another.
        cuda: Newest CUDA that the driver serves.
        complaint: Why nvidia-smi does not answer; empty if it does.
        missing: Whether there is no nvidia-smi.
        hung: Whether it had to be left behind.
    """

    gpus: tuple[Gpu, ...] = ()
    driver: str = ""
    module: str = ""
    cuda: str = ""
    complaint: str = ""
    missing: bool = False
    hung: bool = False


@dataclass(frozen=True, kw_only=True)
class Jetson:
    """What a Jetson says of itself; all empty elsewhere. `l4t` is the line of Jetson Linux, such as 36.3.0."""

    l4t: str = ""
    jetpack: str = ""
    model: str = ""


@dataclass(frozen=True, kw_only=True)
class System:
    """The machine under all this.

    Args:
        architecture: As uname spells it.
        glibc: Version of the C library; empty if it is another library.
        open_files: Limit of this process, soft and hard; `unlimited` or a number, empty if unknown.
        memory: Bytes that processes may still take; None if unknown.
        disk: Bytes free where outputs are written.
        image_disk: Bytes free where the engine keeps images.
        synchronised: Whether the clock follows a time server; None if the machine does not say.
        taken_ports: Of the guide's ports, those on which something listens.
    """

    architecture: str = ""
    glibc: str = ""
    open_files: tuple[str, str] = ("", "")
    memory: int | None = None
    disk: int | None = None
    image_disk: int | None = None
    synchronised: bool | None = None
    taken_ports: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Host:
    """A machine; `registry` is NGC's answer, None if it was not asked."""

    engine: Engine
    graphics: Graphics
    jetson: Jetson
    system: System
    registry: Answer | None
