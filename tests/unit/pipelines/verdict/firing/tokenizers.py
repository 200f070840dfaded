"""Tokenizers and vocabularies that are something else, or another model's."""

from tests.nemo_checkpoints import CTC_BPE, TOKENIZER, config, write_nemo
from tests.sentencepiece_models import model
from tests.unit.pipelines.verdict.firing import Firing, judged


def _tokenizer(content: bytes) -> Firing:
    return judged(lambda folder: write_nemo(folder / "a.nemo", config(CTC_BPE), members={TOKENIZER: content}))


FIRING: dict[str, Firing] = {
    "file-formats": _tokenizer(b"\xff\xfe no text"),
    "tokenizer-agrees": _tokenizer(model("<unk>", "a")),
}
