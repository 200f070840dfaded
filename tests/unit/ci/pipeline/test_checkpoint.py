"""What a pipeline.yaml may say, and what is said back when it, or the file it names, is wrong."""

import hashlib
from pathlib import Path

import pytest
import yaml

from ci.errors import BadCheckpoint, BadYaml, UnknownCheckpoint
from ci.pipeline import checkpoint as module
from ci.pipeline.checkpoint import Checkpoint, find_checkpoints
from ci.targets import Targets
from pipelines.errors import UsageError, WaiverNeeded

GOOD = """\
checkpoint:
  path: model.nemo
pipeline: speech_recognition
language: en-US
builds:
  streaming:
    chunk_size: 0.16
  offline: {}
accuracy:
  offline: 0.02
version: 1.0.0
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of checkpoints with one, `words`, that is declared well."""
    monkeypatch.setattr(module, "CHECKPOINTS", tmp_path)
    monkeypatch.setattr(module, "DOWNLOADS", tmp_path / ".cache")
    folder = tmp_path / "words"
    folder.mkdir()
    (folder / "pipeline.yaml").write_text(GOOD)
    (folder / "model.nemo").write_bytes(b"a checkpoint")
    return folder


def declare(folder: Path, old: str, new: str) -> None:
    assert old in GOOD
    (folder / "pipeline.yaml").write_text(GOOD.replace(old, new))


def test_declaration_is_read(folder: Path) -> None:
    """A good declaration becomes a checkpoint with its builds and options; the target is the CPU by default."""
    checkpoint = Checkpoint.read(folder)

    assert checkpoint.name == "words"
    assert checkpoint.builds["streaming"] == {"chunk_size": 0.16}
    assert checkpoint.targets == ("cpu",)
    assert checkpoint.fetch() == folder / "model.nemo"


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        pytest.param("pipeline: speech", "pipline: speech", ":3: pipline", "'pipline' was unexpected", id="typo"),
        pytest.param("language: en-US", "language: english!", ":4: language", "english!", id="language"),
        pytest.param("  streaming:\n", "  live:\n", ":6: builds.live", "live", id="build"),
        pytest.param("offline: 0.02", "offline: 2", ":10: accuracy.offline", "maximum of 1", id="percent"),
        pytest.param("version: 1.0.0", "version: 1.0", ":11: version", "expected string, got 1.0", id="version"),
        pytest.param("chunk_size: 0.16", "chunk_size: [1]", ":7: builds.streaming.chunk_size", "got [1]", id="option"),
        pytest.param(
            "  path: model.nemo",
            "  uri: https://x/y",
            ":1: checkpoint",
            "'sha256' is a required",
            id="uri without sha256",
        ),
        pytest.param(
            "chunk_size", "chunk_sizes", ":7: builds.streaming.chunk_sizes", "mean chunk_size?", id="unknown option"
        ),
        pytest.param("0.16", "fast", ":7: builds.streaming.chunk_size", "'fast'", id="value of an option"),
        pytest.param(
            "version: 1.0.0",
            "waivers: [{advisory: CVE-2025-23242, expires: soon, reason: a test}]\nversion: 1.0.0",
            ":11: waivers[0].expires",
            "soon",
            id="day of a waiver",
        ),
        pytest.param(
            "version: 1.0.0",
            "waivers: [{advisory: CVE-2025-23242, expires: 2027-01-31}]\nversion: 1.0.0",
            ":11: waivers[0]",
            "'reason' is a required",
            id="waiver without reason",
        ),
        pytest.param("speech_recognition", "speech", ":3: pipeline", "no pipeline 'speech'", id="pipeline"),
        pytest.param("speech_recognition", "translation", ":3: pipeline", "cannot be built here yet", id="no room"),
        pytest.param("speech_recognition", "punctuation", ":6: builds.streaming", "punctuation, got", id="mode"),
        pytest.param("  offline: 0.02", "  luck: 0.02", ":10: accuracy.luck", "expected one of streaming", id="limit"),
        pytest.param("version: 1.0.0", "with: [marks]\nversion: 1.0.0", ":11: with[0]", "known: others", id="with"),
        pytest.param("version: 1.0.0", "with: [words]\nversion: 1.0.0", ":11: with[0]", "no other", id="itself"),
        pytest.param("version: 1.0.0", "with: [others]\nversion: 1.0.0", ":11: with[0]", "of its own", id="chain"),
        pytest.param("  offline: {}\n", "", ":9: accuracy.offline", "offline has a limit", id="limit without mode"),
        pytest.param("language: en-US\n", "", ":1: the document", "'language' is a required", id="missing"),
    ],
)
def test_errors_name_file_line_and_key(folder: Path, old: str, new: str, place: str, said: str) -> None:
    """What breaks the schema is reported with file, line and key."""
    (folder.parent / "others").mkdir()
    (folder.parent / "others" / "pipeline.yaml").write_text(f"{GOOD}with: [words]\n")
    declare(folder, old, new)

    with pytest.raises(BadYaml) as caught:
        Checkpoint.read(folder)
    assert f"{folder / 'pipeline.yaml'}{place}" in caught.value.what
    assert said in str(caught.value)


WAIVERS = """\
waivers:
  - {{advisory: CVE-2025-23242, expires: {0}, reason: a}}
  - {{advisory: CVE-2025-23243, expires: {0}, reason: b}}
"""
OLD_RIVA = "export: {riva-version: 2.18.0}\n"


@pytest.mark.parametrize(
    ("waivers", "said"),
    [
        ("", "no waiver"),
        (WAIVERS.format("2026-01-31"), "its waiver expired on 2026-01-31"),
        ("waivers: [{advisory: CVE-2025-23242, expires: 2999-01-31, reason: a}]\n", "CVE-2025-23243"),
    ],
    ids=["none", "expired", "one of two"],
)
def test_riva_with_advisories_needs_waivers_in_date(folder: Path, waivers: str, said: str) -> None:
    """A version with published advisories is refused before anything runs; advisory and remedy are shown."""
    declare(folder, "version: 1.0.0", f"{OLD_RIVA}{waivers}version: 1.0.0")

    with pytest.raises(WaiverNeeded, match=r"Riva 2\.18\.0 carries") as caught:
        Checkpoint.read(folder)
    assert said in caught.value.why
    assert "waivers:" in caught.value.fix


def test_waived_advisories_are_shown(folder: Path) -> None:
    """With a waiver for each the version is used, and what was waived is said every time."""
    declare(folder, "version: 1.0.0", f"{OLD_RIVA}{WAIVERS.format('2999-12-31')}version: 1.0.0")

    first, second = Checkpoint.read(folder).waived

    assert "CVE-2025-23242" in first
    assert "waived until 2999-12-31: b" in second


def test_the_repositorys_riva_holds_where_a_checkpoint_names_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ci/targets.yaml says it once for all; export and verdict are asked for the same one."""
    monkeypatch.setattr(module.Targets, "read", lambda: Targets("2.19.0", {}))
    assert Checkpoint.read(folder).export["riva-version"] == "2.19.0"
    monkeypatch.setattr(module.Targets, "read", lambda: Targets("2.16.0", {}))
    with pytest.raises(WaiverNeeded, match=r"Riva 2\.16\.0"):
        Checkpoint.read(folder)
    declare(folder, "version: 1.0.0", "export: {riva-version: 2.19.0}\nversion: 1.0.0")
    assert Checkpoint.read(folder).riva.version == "2.19.0"


def test_unknown_riva_is_refused(folder: Path) -> None:
    """A version without a row in the compatibility table is not guessed."""
    declare(folder, "version: 1.0.0", "export: {riva-version: 2.99.0}\nversion: 1.0.0")

    with pytest.raises(UsageError, match=r"2\.99\.0 is not in the compatibility table"):
        Checkpoint.read(folder)


def test_missing_file_is_named(folder: Path) -> None:
    """A checkpoint that is not where pipeline.yaml says is reported with the line and key to correct."""
    (folder / "model.nemo").unlink()

    with pytest.raises(BadCheckpoint, match=r"pipeline\.yaml:2: checkpoint\.path: .*model\.nemo is not there"):
        Checkpoint.read(folder).fetch()


def test_git_lfs_pointer_has_its_own_message(folder: Path) -> None:
    """A pointer that was not pulled is not mistaken for a broken archive."""
    (folder / "model.nemo").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n")

    with pytest.raises(BadCheckpoint, match="is a Git LFS pointer") as caught:
        Checkpoint.read(folder).fetch()
    assert "git lfs pull" in caught.value.fix


def uri_declaration(folder: Path, sha256: str) -> Path:
    source = folder / "elsewhere.nemo"
    source.write_bytes(b"a large checkpoint")
    data = yaml.safe_load(GOOD)
    data["checkpoint"] = {"uri": source.as_uri(), "sha256": sha256}
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(data))
    return source


def test_uri_is_fetched_once(folder: Path) -> None:
    """A checkpoint declared by uri is downloaded, checked, and found again by its digest."""
    source = uri_declaration(folder, hashlib.sha256(b"a large checkpoint").hexdigest())

    first = Checkpoint.read(folder).fetch()
    source.unlink()

    assert first.read_bytes() == b"a large checkpoint"
    assert Checkpoint.read(folder).fetch() == first


def test_download_with_another_digest_is_refused(folder: Path) -> None:
    """A replaced or truncated file is refused with both digests, and nothing of it stays."""
    uri_declaration(folder, "0" * 64)

    with pytest.raises(BadCheckpoint, match=f"expected {'0' * 64}, got"):
        Checkpoint.read(folder).fetch()
    assert not list((folder.parent / ".cache").glob("*"))


def test_unknown_name_lists_the_known(folder: Path) -> None:
    """A name without a folder is refused with those that exist."""
    assert find_checkpoints([]) == [folder]
    with pytest.raises(UnknownCheckpoint, match="no checkpoint is called phrases") as caught:
        find_checkpoints(["words", "phrases"])
    assert "known: words" in caught.value.fix
