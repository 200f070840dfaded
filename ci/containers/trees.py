"""The folders that become the layers of the images: packages by the locks, our own code, and links for the tools.

They are laid out on this machine, for the architecture and the Python of the base, so that nothing has to run inside
it: pip takes wheels of any platform, and the hashes of the locks decide what is accepted.
"""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence, Set
from pathlib import Path

from ci import environments
from ci.containers.base import Base
from ci.containers.contents import IMAGES, closure
from ci.errors import ImageFailed
from pipelines.outputs import atomic_directory

__all__ = ["HOME", "links_tree", "locked", "packages_of", "packages_tree", "project_tree", "user_tree"]

HERE = Path(__file__).parent
HOME = "opt/riva"  # where NVIDIA's images have their tools
_UNUSED = ("tests", "test")  # folders
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==")
_GLIBC = range(17, 37)  # the wheels of Debian 12's glibc and of all that are older


def packages_of(name: str) -> frozenset[str]:
    """Names of the packages that an image adds: all of them, for `speech` without what `servicemaker` has."""
    below = IMAGES["servicemaker"].packages if name != "servicemaker" else ()
    return closure(IMAGES[name].packages) - closure(below)


def packages_tree(name: str, base: Base, cache: Path) -> Path:
    """The packages of an image, kept from run to run; those of `speech` without what `servicemaker` brings.

    Raises:
        ImageFailed: pip cannot get a wheel, or one is not what the lock says.
    """
    requirements = "".join(locked(base.python, packages_of(name)))
    key = hashlib.sha256(repr((requirements, base.python)).encode())
    key.update(Path(__file__).read_bytes())
    tree = cache / f"{name}-{base.architecture}-{base.python}-{key.hexdigest()[:12]}"
    if tree.is_dir():
        return tree
    for old in cache.glob(f"{name}-{base.architecture}-{base.python}-*"):
        shutil.rmtree(old)
    with atomic_directory(tree) as folder:
        site = folder / HOME / "lib" / f"python{base.python}" / "site-packages"
        _install(requirements, site, base, scratch=folder)
        _remove_unused(site, base)
        _compile(folder, base)
    return tree


def project_tree(base: Base, into: Path) -> Path:
    """This project's own code, and the scripts around it."""
    site = into / HOME / "lib" / f"python{base.python}" / "site-packages"
    shutil.copytree(environments.ROOT / "pipelines", site / "pipelines", ignore=shutil.ignore_patterns("__pycache__"))
    _compile(into, base)
    (into / HOME / "libexec").mkdir()
    (into / HOME / "bin").mkdir()
    for script, place in (("as-data-owner", "bin"), ("healthcheck", "libexec"), ("grpc_health_probe", "libexec")):
        shutil.copyfile(HERE / script, into / HOME / place / script)
        (into / HOME / place / script).chmod(0o755)
    shutil.copyfile(environments.ROOT / "LICENSE", into / HOME / "LICENSE")
    return into


def user_tree(base: Base, into: Path) -> Path:
    """The image's user, and the places of users' files."""
    into.mkdir()
    (into / "etc").mkdir()
    users = base.users if ":1000:" in base.users else f"{base.users}riva:x:1000:1000:riva:/{HOME}:/bin/bash\n"
    (into / "etc" / "passwd").write_text(users)
    for mounted in ("data", "servicemaker-dev"):
        (into / mounted).mkdir()
        (into / mounted).chmod(0o1777)  # so that a new volume can be written to by whatever user --user names
    return into


def links_tree(name: str, base: Base, into: Path) -> Path:
    """The tools of an image on its path, and in the first what makes an environment of the base's Python."""
    tools = into / HOME / "bin"
    tools.mkdir(parents=True)
    for tool in IMAGES[name].tools:
        (tools / tool).symlink_to("as-data-owner")
    if name != "servicemaker":
        (into / "usr" / "bin").mkdir(parents=True)  # /bin is a link to it
        (into / "usr" / "bin" / "grpc_health_probe").symlink_to(f"/{HOME}/libexec/grpc_health_probe")
        _write_sample(into / HOME / "wav" / "en-US_sample.wav")
        return into
    interpreter = Path(base.interpreter)
    (tools / "python3").symlink_to(interpreter)
    (tools / "python").symlink_to("python3")
    (into / HOME / "pyvenv.cfg").write_text(
        f"home = {interpreter.parent}\ninclude-system-site-packages = false\nversion = {base.python}\n"
    )
    return into


def _write_sample(path: Path) -> None:
    """The guide's clients are tried with a recording at this place; this one is the spoken sample of this project."""
    import soundfile

    audio, rate = soundfile.read(HERE / "en-US_sample.flac", dtype="int16")
    path.parent.mkdir()
    soundfile.write(path, audio, rate, subtype="PCM_16")


def locked(python: str, wanted: Set[str]) -> Iterator[str]:
    """The lines of the lock that are about the packages wanted, hashes included."""
    lock = environments.LOCKS / f"runtime-{python}.txt"
    ours = False
    for line in lock.read_text(encoding="utf-8").splitlines(keepends=True):
        if match := _PIN.match(line):
            ours = match["name"] in wanted
        if ours:
            yield line


def _install(requirements: str, site: Path, base: Base, *, scratch: Path) -> None:
    listed = scratch / "requirements.txt"
    listed.write_text(requirements)
    platforms = [f"manylinux_2_{minor}_{base.machine}" for minor in _GLIBC]
    platforms += [f"manylinux{old}_{base.machine}" for old in ("1", "2010", "2014")]
    _run(
        [
            *(sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-compile"),
            *("--no-deps", "--require-hashes", "--only-binary", ":all:", "--target", str(site)),
            *("--implementation", "cp", "--python-version", base.python),
            *(f"--platform={platform}" for platform in platforms),
            *("--requirement", str(listed)),
        ],
        "its packages could not be had",
    )
    listed.unlink()


def _remove_unused(site: Path, base: Base) -> None:
    shutil.rmtree(site / "bin", ignore_errors=True)  # commands of packages, which name this machine's Python
    for record in site.glob("*.dist-info/RECORD"):  # and what is noted of them
        lines = record.read_text(encoding="utf-8").splitlines(keepends=True)
        record.write_text("".join(line for line in lines if not line.startswith("../")), encoding="utf-8")
    for path in [path for name in _UNUSED for path in site.rglob(name) if path.is_dir()]:
        shutil.rmtree(path, ignore_errors=True)
    for stubs in site.glob("pytriton/tritonserver/python_backend_stubs/*"):
        if stubs.name != base.python:
            shutil.rmtree(stubs)


def _compile(folder: Path, base: Base) -> None:
    """Compiles for the base's Python. By content, not by time: the same bytes whenever this runs."""
    python = shutil.which(f"python{base.python}") or (
        sys.executable if base.python == f"{sys.version_info.major}.{sys.version_info.minor}" else None
    )
    if python is None:
        print(f"note: no python{base.python} here to compile with; the tools start more slowly", file=sys.stderr)
        return
    command = [python, "-m", "compileall", "-q", "-j2", "--invalidation-mode=unchecked-hash", "-s", str(folder)]
    _run([*command, "-p", "/", str(folder)], "its Python files do not compile")


def _run(command: Sequence[str], what: str) -> None:
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environments.clean_variables(),
        check=False,
    )
    if done.returncode != 0:
        raise ImageFailed(
            f"an image cannot be made: {what}; {command[0]} ended with {done.returncode}",
            why="its last lines were:\n    " + "\n    ".join(done.stdout.splitlines()[-8:]),
            fix="where the package index cannot be reached, name a folder of wheels in PIP_FIND_LINKS",
        )
