"""Words become the pieces that BERT's own tokenizer makes of them."""

import pytest

from pipelines.punctuation.tokenization import WordPieceTokenizer

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
UNCASED = (
    *SPECIAL,
    "un",
    "##aff",
    "##able",
    "naive",
    "ecole",
    "don",
    "t",
    "'",
    "$",
    "日",
    "本",
    "a",
    "##a",
    "\u03c3",
    "##\u03c3",
)
CASED = (*SPECIAL, "Hello", "école", "É", "##cole", "E", "[", "]", "sep")


def pieces(word: str, vocabulary: tuple[str, ...] = UNCASED, *, lower_case: bool = True) -> list[str]:
    tokenizer = WordPieceTokenizer(vocabulary, lower_case=lower_case)
    return [vocabulary[number] for number in tokenizer.pieces(word)]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("unaffable", ["un", "##aff", "##able"]),
        ("Unaffable", ["un", "##aff", "##able"]),
        ("unaffordable", ["[UNK]"]),
        ("Naïve", ["naive"]),
        ("nai\u0308ve", ["naive"]),
        ("ÉCOLE", ["ecole"]),
        ("don't", ["don", "'", "t"]),
        ("$", ["$"]),
        ("日本", ["日", "本"]),
        ("a日a", ["a", "日", "a"]),
        ("\u03a3\u03a3", ["\u03c3", "##\u03c3"]),
        ("\u200bna\u00adive\u0007", ["naive"]),
        ("na\ufffdive", ["naive"]),
        ("\u200b", []),
        ("", []),
        ("[SEP]", ["[SEP]"]),
        ("a[MASK]a", ["a", "[MASK]", "a"]),
        ("🤣", ["[UNK]"]),
        ("a" * 100, ["a"] + ["##a"] * 99),
        ("a" * 101, ["[UNK]"]),
        ("a" * 101 + "'" + "a" * 2, ["[UNK]", "'", "a", "##a"]),
    ],
)
def test_uncased_words(word: str, expected: list[str]) -> None:
    """Letters are lower-cased and lose their accents; marks and ideographs stand alone; the longest pieces win."""
    assert pieces(word) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Hello", ["Hello"]),
        ("hello", ["[UNK]"]),
        ("école", ["école"]),
        ("e\u0301cole", ["école"]),
        ("École", ["É", "##cole"]),
        ("[sep]", ["[", "sep", "]"]),
    ],
)
def test_cased_words(word: str, expected: list[str]) -> None:
    """Case and accents are kept; an accent that stands apart joins its letter."""
    assert pieces(word, CASED, lower_case=False) == expected


def test_long_words_are_not_remembered() -> None:
    """What clients send does not fill the memory: only short words are cached, and a bounded number of them."""
    tokenizer = WordPieceTokenizer(UNCASED, lower_case=True)
    for word in ("a" * 65, "a", "a"):
        tokenizer.pieces(word)

    assert tokenizer._cached.cache_info().currsize == 1
    assert tokenizer._cached.cache_info().hits == 1
