"""`riva-archive` as a user meets it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.archive.archive import Member, write_archive
from pipelines.archive.encryption import Key
from pipelines.cli.riva_archive import main

MakeArchive = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> MakeArchive:
    def archive(
        file: str, *, graph: bytes = b"weights", key: bytes = b"", whole: bool = False, **facts: object
    ) -> Path:
        path = tmp_path / file
        members = [Member("model_graph.onnx", graph, encrypt=True, attributes={"onnx": True}), Member("v.txt", b"a b")]
        said = {"metadata": {"obj_cls": "x.Model"}, "riva_ci": {"input": {"sha256": "ab12"}}, **facts}
        write_archive(path, said, members, key=Key(key) if key else None, whole=whole)
        return path

    return archive


def test_show_prints_the_manifest(make: MakeArchive, capsys: pytest.CaptureFixture[str]) -> None:
    """Kind, artifacts with their digests, and all other facts, among them where the archive comes from."""
    assert (
        main(["show", str(make("a.riva", key=b"k")), str(make("b.rmir", format="rmir", pipeline="asr", name="n"))]) == 0
    )

    shown = capsys.readouterr().out
    assert "a.riva: .riva of x.Model" in shown
    assert "b.rmir: RMIR of pipeline asr, named n" in shown
    assert "encrypted" in next(line for line in shown.splitlines() if "model_graph.onnx" in line)
    assert "sha256: ab12" in shown


@pytest.mark.parametrize("whole", [False, True])
def test_verify_reads_through_encryption(make: MakeArchive, capsys: pytest.CaptureFixture[str], whole: bool) -> None:
    """With the key everything is authenticated; without it members are verified as stored, a whole file refused."""
    path = make("a.rmir", key=b"hunter2", whole=whole)

    assert main(["verify", f"{path}:hunter2"]) == 0
    said = capsys.readouterr()
    assert said.out.count(": ok\n") == 2
    assert "process lists" in said.err
    assert "hunter2" not in said.out + said.err
    assert main(["verify", str(path)]) == (12 if whole else 0)
    assert ("no key to decrypt" in capsys.readouterr().out) != whole


def test_verify_names_what_is_damaged(make: MakeArchive, capsys: pytest.CaptureFixture[str]) -> None:
    """All artifacts are looked at; the exit code is that of the first that is not right."""
    path = make("a.riva")
    path.write_bytes(path.read_bytes().replace(b"a b", b"a c"))

    assert main(["verify", str(path)]) == 11

    said = capsys.readouterr()
    assert "model_graph.onnx: ok" in said.out
    assert "v.txt: failed" in said.out
    assert "fetch or make it again" in said.err


def test_verify_tells_a_key_of_another_file(make: MakeArchive, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong key of one member is an error of that member."""
    assert main(["verify", f"{make('a.riva', key=b'right')}:wrong"]) == 12
    assert "model_graph.onnx: failed" in capsys.readouterr().out


def test_diff_compares_what_is_inside(make: MakeArchive, capsys: pytest.CaptureFixture[str]) -> None:
    """The same content is the same, encrypted or not; what differs is named with both values."""
    plain, sealed = make("a.riva"), make("b.riva", key=b"k")
    other = make("c.riva", graph=b"other", language="de")

    assert main(["diff", str(plain), f"{sealed}:k"]) == 0
    assert "no difference" in capsys.readouterr().out
    assert main(["diff", str(plain), str(other)]) == 1
    said = capsys.readouterr().out
    assert "2 differences" in said
    assert f"artifacts.model_graph.onnx.sha256\n  {plain}: " in said
    assert f"language\n  {plain}: -\n  {other}: de\n" in said
    assert main(["diff", str(plain), str(sealed)]) == 12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["look", "a.riva"], "show, verify, diff"), (["diff", "a.riva"], "got 1"), (["show"], "FILE"), ([], "ACTION")],
)
def test_calls_that_cannot_be_understood(
    make: MakeArchive,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    """A wrong call is a usage error that says how it is called."""
    monkeypatch.chdir(make("a.riva").parent)

    assert main(arguments) == 64
    assert message in capsys.readouterr().err
