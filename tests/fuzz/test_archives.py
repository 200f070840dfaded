"""Ten thousand damaged and hostile archives: an error each, or an archive that is what it says."""

import logging
import random
import signal
import tarfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from pipelines.archive import archive, encryption
from pipelines.archive.archive import Archive
from pipelines.archive.damage import using
from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.archive.inspection import check_artifacts
from pipelines.cli import explain
from pipelines.errors import RivaError
from pipelines.export.packing import pack_graph
from pipelines.registry import load_pipeline
from pipelines.stages import deploy
from pipelines.stages.build import BuildRequest, settled_options
from pipelines.triton import graph_files
from tests.fuzz.archives import KEY, KINDS, mutated, pack, sealed
from tests.size.networks import write_network_with_external_data
from tests.tones.archive import write_riva, write_rmir

CASES = 10_000
QUICK = 400
HANG = 30  # seconds
CONTAINER, CONTENT = "container", "chunk or manifest"


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, bytes]]:
    """Members of a `.riva`, of one with its weights in a tar of their own, and of an RMIR."""
    folder = tmp_path_factory.mktemp("seeds")
    parts = folder / "parts"
    parts.mkdir()
    graph = pack_graph(write_network_with_external_data(parts, 1, width=16)).read_bytes()
    riva = write_riva(folder / "a.riva")
    archives = [riva, write_riva(folder / "b.riva", graph=graph), write_rmir(folder / "c.rmir", riva)]
    return [members(path) for path in archives]


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}


class Depth:
    """How far the readers came with a file."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.reached: set[str] = set()
        tar_members, parse, load = archive.tar_members, archive.parse_manifest, encryption.DecryptingReader._load

        def listed(*arguments: Any) -> Any:
            found = tar_members(*arguments)
            self.reached.add(CONTAINER)
            return found

        def parsed(*arguments: Any) -> Any:
            self.reached |= {CONTAINER, CONTENT}
            return parse(*arguments)

        def loaded(*arguments: Any) -> Any:  # the encryption's header is this file's container
            self.reached |= {CONTAINER, CONTENT}
            return load(*arguments)

        patch.setattr(archive, "tar_members", listed)
        patch.setattr(archive, "parse_manifest", parsed)
        patch.setattr(encryption.DecryptingReader, "_load", loaded)


def read_all(path: Path, target: Path) -> None:
    """Everything that the tools do with an archive before a network runs."""
    pipeline = load_pipeline("speech_recognition")
    with Archive.open(EncryptedPath(path, KEY)) as opened:
        errors = [check.error for check in check_artifacts(opened) if check.error]
        for error in errors:
            raise error
        for number, name in enumerate(opened.names()):
            opened.extract(name, target / str(number))
            graph_files.unpack_graph(target / str(number))
        if opened.manifest.get("format") == "rmir":
            options = deploy._options(opened)
            (target / "models").mkdir()
            with using(path):
                pipeline.graph().triton_models(opened, options, work=target / "models", target="cpu")
        else:
            request = BuildRequest(
                pipeline=pipeline,
                output=EncryptedPath(target / "out.rmir"),
                inputs=(EncryptedPath(path, KEY),),
                options=pipeline.options(language_code="en-US"),
                given=frozenset({"language_code"}),
            )
            settled_options(request)


@contextmanager
def no_hang() -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"more than {HANG} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(HANG)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    "cases", [pytest.param(range(QUICK), id="slice"), pytest.param(range(CASES), id="all", marks=pytest.mark.full)]
)
def test_whatever_is_wrong_is_an_error_of_ours(
    seeds: list[dict[str, bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cases: range,
    record_property: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No crash, no hang, nothing written elsewhere; half of them pass the container, a fifth reach what is inside."""
    caplog.set_level(logging.WARNING, "pipelines")
    monkeypatch.setattr(encryption, "_SCRYPT_LOG_N", 10)
    monkeypatch.setattr(graph_files, "LARGE", 1000)
    depth = Depth(monkeypatch)
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.chdir(place)
    reached, outcomes, kinds = Counter[str](), Counter[str](), Counter[str]()
    slowest = 0.0
    for case in cases:
        source = random.Random(case)
        seed = source.choice(seeds)
        kind, content = mutated(source, seed)
        path, target = place / "a.riva", place / f"target-{case}"
        path.write_bytes(content)
        target.mkdir()
        depth.reached.clear()
        begin = time.process_time()
        try:
            with no_hang():
                read_all(path, target)
            said, outcome = "", "sound"
        except RivaError as error:
            said, outcome = explain(error), type(error).__name__
        except Exception as error:
            raise AssertionError(f"case {case} ({kind}): {type(error).__name__}: {error}") from error
        assert all(line.isprintable() for line in said.split("\n")), f"case {case} ({kind}): {said!r}"
        if outcome == "sound" and kind in ("chunks", "encryption-header"):
            assert content == sealed(pack(seed)), f"case {case} ({kind}): a changed file was accepted"
        outcomes[outcome] += 1
        slowest = max(slowest, time.process_time() - begin)
        kinds[kind] += 1
        reached.update(depth.reached)
        assert {entry.name for entry in place.iterdir()} == {"a.riva", target.name}, (case, kind)
        for entry in sorted(target.rglob("*"), reverse=True):
            entry.rmdir() if entry.is_dir() else entry.unlink()
        target.rmdir()
    shares = {name: reached[name] / len(cases) for name in (CONTAINER, CONTENT)}
    print(f"{len(cases)} cases, reached {shares}, outcomes {dict(outcomes)}, slowest {slowest:.2f} s")
    record_property("depth", shares)
    assert set(kinds) == set(KINDS)
    assert shares[CONTAINER] >= 1 / 2
    assert shares[CONTENT] >= 1 / 5
    assert {entry.name for entry in tmp_path.iterdir()} == {"place"}
