# ruff: noqa: RUF001 - characters that look alike are the point here
"""The tokenizer of the served pipeline is that of transformers, character by character.

One letter is left out: transformers 5 lower-cases whole words, so that a capital sigma at the end of one becomes ς;
transformers 4, with which NeMo's punctuation models were made, lower-cases each letter by itself, and so do we.
"""

import random
import unicodedata
from pathlib import Path

import pytest
from transformers.models.bert.tokenization_bert_legacy import BertTokenizerLegacy

from pipelines.punctuation.tokenization import WordPieceTokenizer

pytestmark = pytest.mark.export

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = ("the", "hello", "Hello", "straße", "naïve", "naive", "é", "É", "##é", "##e", "wor", "##ld", "##s", "İ", "ς")
TEXT = """
    Hello naïve WORLD don't co-operate: $5^2 = 25% [SEP] x[CLS]y [mask] [UNK]ed e\u0301cole E\u0301COLE
    όδος ΑΒΓ İstanbul ǅungla ﬁnal ẞ straße Å \u212b ﷺ ½ ² Ⅷ ㎏ Ａ１
    日本語テスト 中文字符 한국어 가나다 ひらがな 𠀀𪚥 नमस्ते மொழி ภาษาไทย مرحبا שלום Привет Հայերեն ქართული
    😀 👩‍👩‍👧 🤣🥰 👍🏽 🇩🇪 ☺️ \u200bzero\u200bwidth\u200d a\u00adb a\ufffdb a\x00b a\x7fb \u202eltr\u202c \ufeffbom
    “quoted” ‘single’ —dash– …ellipsis ¿qué? ¡ay! «là» 「引用」 ・ ‰ § ¶ † ‡ • · ‖ ؟ ، ۔ ॥ ᠁ ⁂ a\u0301\u0302\u0303b
"""
SENTENCES = [*TEXT.split(), "a" * 100, "a" * 101, "ab" * 60, "x-" * 200]


@pytest.fixture(params=[True, False], ids=["uncased", "cased"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[BertTokenizerLegacy, WordPieceTokenizer]:
    """Both tokenizers, on a vocabulary that has four in five of the letters of many scripts, alone and continuing."""
    lower_case = request.param
    random.seed(0)
    letters = [chr(code) for code in range(0x21, 0x3000) if unicodedata.category(chr(code))[0] in "LNPSM"]
    letters += [chr(code) for code in range(0x4E00, 0x4F00)] + list("🤣🥰😀가나다")
    known = [piece for letter in letters for piece in (letter, f"##{letter}") if random.random() < 0.8]
    vocabulary = list(dict.fromkeys([*SPECIAL, *WORDS, *known]))
    if lower_case:
        vocabulary = [piece for piece in vocabulary if piece in SPECIAL or piece == piece.lower()]
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(vocabulary), encoding="utf-8")
    return BertTokenizerLegacy(str(path), do_lower_case=lower_case), WordPieceTokenizer(
        vocabulary, lower_case=lower_case
    )


def differences(both: tuple[BertTokenizerLegacy, WordPieceTokenizer], words: list[str]) -> list[str]:
    theirs, ours = both
    return [
        ascii(word)
        for text in words
        for word in text.split()
        if theirs.convert_tokens_to_ids(theirs.tokenize(word)) != list(ours.pieces(word))
    ]


@pytest.mark.full
def test_every_character_is_treated_alike(both: tuple[BertTokenizerLegacy, WordPieceTokenizer]) -> None:
    """Each code point of Unicode alone, and each of the first planes between two letters."""
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    inside = [f"a{character}b" for character in characters[:0x3000] + characters[0x3000::97]]

    assert differences(both, characters + inside) == []


@pytest.mark.full
def test_words_of_many_scripts_are_treated_alike(both: tuple[BertTokenizerLegacy, WordPieceTokenizer]) -> None:
    """Accents, ligatures, emoji, control characters, marks, special pieces, and mixtures of all of these."""
    random.seed(1)
    alphabet = [*sorted(set("".join(SENTENCES))), "[SEP]", "[UNK]", "\u0301", "\u0308", "\u0345"]
    mixed = ["".join(random.choices(alphabet, k=random.randint(1, 12))) for _ in range(20000)]

    assert differences(both, SENTENCES + mixed) == []
