"""Files beside the weights are read in their own formats."""

from pathlib import Path

import pytest

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.verdict.findings import Finding
from pipelines.verdict.firewall import files
from pipelines.verdict.firewall.files import check_files
from tests.nemo_checkpoints import write_nemo
from tests.sentencepiece_models import model


def findings(folder: Path, **members: bytes) -> list[Finding]:
    with NemoCheckpoint.open(write_nemo(folder / "a.nemo", members=members)) as checkpoint:
        return list(check_files(checkpoint))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("0123_tokenizer.model", model("<unk>", "a")),
        ("0123_tokenizer.model", b"3 5\n97 1\n98 2\n"),
        ("0123_vocab.txt", "[PAD]\n[UNK]\nü\n".encode()),
        ("0123_tokenizer.vocab", b"<unk>\t0\n\xe2\x96\x81a\t-1.5\n"),
        ("0123_punct_label_ids.csv", b"O\n,\n."),
        ("0123_bert_encoder_config.json", b'{"model_type": "bert", "_name_or_path": "bert-base-uncased"}'),
        ("0123_tokenizer_vocab_dict", b'{"a": 0, "b": 1}'),
        ("manifest.yaml", b"a: 1\n"),
        ("empty.txt", b""),
    ],
)
def test_what_nemo_packs_is_known(tmp_path: Path, name: str, content: bytes) -> None:
    """Each kind of file that real checkpoints hold passes."""
    with NemoCheckpoint.open(write_nemo(tmp_path / "a.nemo", members={name: content})) as checkpoint:
        assert list(check_files(checkpoint)) == []


@pytest.mark.parametrize(
    ("name", "content", "rule", "said"),
    [
        ("tokenizer.pkl", b"anything", "pickle-members", "called like"),
        ("TOKENIZER.PKL", b"anything", "pickle-members", "called like"),
        ("vocab.txt", b"\x80\x04cos\nsystem\n.", "pickle-members", "a pickle that names 'os.system'"),
        ("model.pt", b"PK\3\4", "pickle-members", "a zip archive"),
        ("lm.bin", b"\x7fELF", "pickle-members", "a program"),
        ("setup.py", b"import os\n", "pickle-members", "called like"),
        ("vocab.npy", b"\x93NUMPY\1\0", "pickle-members", "a numpy array"),
        ("inner.nemo", b"\x1f\x8b\x08", "pickle-members", "compressed with gzip"),
        ("vocab.txt", b"a\n\xff\xfe\n", "file-formats", "byte 0xff at offset 2"),
        ("vocab.txt", b"a\0b", "file-formats", "a zero byte"),
        ("vocab.txt", b"a" * 200_000, "file-formats", "a line of 200000 characters"),
        ("tokenizer.model", b"\x0a\xff\xff", "file-formats", "no SentencePiece model"),
        ("tokenizer.json", b"{", "file-formats", "no JSON"),
        ("tokenizer.json", b'{"a": 1, "a": 2}', "file-formats", "a key twice"),
        ("tokenizer.json", b"[" * 100_000, "file-formats", "no JSON"),
        ("tokenizer.json", b"1" * 5000, "file-formats", "no JSON"),
        ("config.json", b'{"x": [{"auto_map": {"AutoModel": "a--b.C"}}]}', "no-remote-code", "auto_map"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, content: bytes, rule: str, said: str) -> None:
    """A file that is not what its name says, or that a program would execute, is refused by name."""
    with NemoCheckpoint.open(write_nemo(tmp_path / "a.nemo", members={name: content})) as checkpoint:
        (finding,) = check_files(checkpoint)

    assert finding.rule.id == rule
    assert said in finding.what
    assert name in finding.what


def test_large_files_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files larger than any tokenizer are refused by their size, one alone and all together."""
    monkeypatch.setattr(files, "FILE_LIMIT", 1000)
    assert [found.rule.id for found in findings(tmp_path, a=b"x" * 1001)] == ["file-formats"]

    monkeypatch.setattr(files, "_TOTAL_LIMIT", 1500)
    (finding,) = findings(tmp_path, a=b"x" * 900, b=b"x" * 900)
    assert "2 members besides the weights have 1800 bytes" in finding.what
