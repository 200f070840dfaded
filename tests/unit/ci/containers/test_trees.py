"""The folders that become layers: links for the tools, an environment, and our own code, the same each time."""

import hashlib
import os
import wave
from pathlib import Path

import pytest

from ci.containers.base import Base
from ci.containers.trees import HOME, links_tree, project_tree, user_tree

USERS = "root:x:0:0:root:/root:/bin/bash\n"


def base(**changes: str) -> Base:
    facts = {
        "name": "debian",
        "digest": "sha256:0",
        "architecture": "amd64",
        "python": "3.11",
        "interpreter": "/usr/bin/python3.11",
        "users": USERS,
        "packages": "",
    }
    return Base(**(facts | changes))


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_first_image_is_an_environment_of_the_bases_python(tmp_path: Path) -> None:
    """As `python -m venv` makes it; the Python is the base's own, wherever it is."""
    tree = links_tree("servicemaker", base(interpreter="/usr/local/bin/python3.11"), tmp_path)

    assert (tree / HOME / "bin" / "python3").readlink() == Path("/usr/local/bin/python3.11")
    assert "home = /usr/local/bin\n" in (tree / HOME / "pyvenv.cfg").read_text()
    assert (tree / HOME / "bin" / "riva-build").readlink() == Path("as-data-owner")
    assert not (tree / HOME / "bin" / "start-riva").is_symlink()


def test_users_folders_can_be_written_to_by_whatever_user(tmp_path: Path) -> None:
    """A new volume takes over these modes, and --user may name anybody."""
    tree = user_tree(base(), tmp_path / "user")

    assert {oct((tree / name).stat().st_mode)[-4:] for name in ("data", "servicemaker-dev")} == {"1777"}


@pytest.mark.parametrize("users", [USERS, f"{USERS}ubuntu:x:1000:1000:Ubuntu:/home/ubuntu:/bin/bash\n"])
def test_the_images_user_has_a_name(tmp_path: Path, users: str) -> None:
    """User 1000 is named unless the base has one."""
    written = (user_tree(base(users=users), tmp_path / "user") / "etc" / "passwd").read_text()

    assert written.startswith(users)
    assert sum(line.split(":")[2] == "1000" for line in written.splitlines()) == 1


def test_the_probe_is_where_scripts_look_for_it(tmp_path: Path) -> None:
    """/bin is a link to /usr/bin in every base."""
    tree = links_tree("speech", base(), tmp_path)

    assert (tree / "usr" / "bin" / "grpc_health_probe").readlink() == Path(f"/{HOME}/libexec/grpc_health_probe")


def test_the_sample_is_where_the_guide_looks_for_it(tmp_path: Path) -> None:
    """In the form that every client takes."""
    tree = links_tree("speech", base(), tmp_path)

    with wave.open(str(tree / HOME / "wav" / "en-US_sample.wav")) as sample:
        assert (sample.getframerate(), sample.getsampwidth(), sample.getnchannels()) == (16000, 2, 1)


def test_our_code_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    """Compiled by content and not by time, so that an unchanged layer is not pushed and pulled again."""
    one, two = (digests(project_tree(base(), tmp_path / name)) for name in ("one", "two"))

    assert one == two
    assert any(name.endswith("start_riva.cpython-311.pyc") for name in one)
    assert os.access(tmp_path / "one" / HOME / "bin" / "as-data-owner", os.X_OK)
