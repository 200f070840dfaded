"""Names are read as people mean them, and compared with what is inside."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pipelines.verdict.claims import Name, check_names
from pipelines.verdict.facts import Architecture, Facts, Tokens, Weights

ENGLISH = Tokens(kind="characters", count=27, letters="abcdefghijklmnopqrstuvwxyz", scripts=("LATIN",))
CONFORMER = Architecture(family="Conformer", heads=("CTC",), sample_rate=16000, tokens=ENGLISH)
FACTS = Facts(
    name="a.nemo",
    size=1,
    obj_cls="nemo.collections.asr.models.EncDecCTCModelBPE",
    nemo_version="3.0.0",
    pipeline="speech_recognition",
    recipe="",
    architecture=CONFORMER,
    weights=Weights(parameters=1, dtypes={"float32": 1}, size=4),
)


def rules(name: str, facts: Facts = FACTS, *, language: bool = False) -> Sequence[str]:
    return [finding.rule.id for finding in check_names([Name(name, "file", language=language)], facts)]


@pytest.mark.parametrize(
    "name",
    [
        "asr-en-US-conformer",
        "stt_en_conformer_ctc_large",
        "model",
        "checkpoint-of-2026.11.22",
        "conformer_16k_fp32",
        "conformer-16kHz-float32",
        "it-is-no-language",
        "speechtransducers-8knights",
    ],
)
def test_names_that_are_right_or_claim_nothing(name: str) -> None:
    """Claims that agree, and words that are none, give no finding."""
    assert rules(name) == []


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("parakeet-ctc-0.6b", "architecture-as-named"),
        ("stt_en_fastconformer", "architecture-as-named"),
        ("asr-quartznet", "architecture-as-named"),
        ("conformer-transducer", "architecture-as-named"),
        ("conformer_tdt", "architecture-as-named"),
        ("conformer-hybrid", "architecture-as-named"),
        ("conformer-8k", "sample-rate-as-named"),
        ("conformer_8kHz", "sample-rate-as-named"),
        ("conformer-44.1khz", "sample-rate-as-named"),
        ("conformer-fp16", "precision-as-named"),
        ("conformer.int8", "precision-as-named"),
        ("asr-ru-RU", "language-as-named"),
        ("stt_zh_conformer", "language-as-named"),
        ("asr_de-DE", "alphabet-as-named"),
    ],
)
def test_names_that_claim_something_else(name: str, rule: str) -> None:
    """Architecture, sample rate, precision and language are each compared, with a rule of their own."""
    assert rules(name) == [rule]


@pytest.mark.parametrize(
    ("language", "tokens", "expected"),
    [
        ("ru", replace(ENGLISH, letters="абв", scripts=("CYRILLIC",)), []),
        ("en-US", replace(ENGLISH, letters="абв", scripts=("CYRILLIC",)), ["language-as-named"]),
        ("ja-JP", replace(ENGLISH, letters="あ漢", scripts=("HIRAGANA", "CJK")), []),
        ("de-DE", replace(ENGLISH, letters="abcä"), []),
        ("es-US", replace(ENGLISH, languages=("en", "es")), ["alphabet-as-named"]),
        ("fr-FR", replace(ENGLISH, letters="abcé", languages=("en", "es")), ["language-as-named"]),
        ("en-GB", Tokens(kind="bpe tokens", count=1024), []),
    ],
)
def test_declared_languages(language: str, tokens: Tokens, expected: Sequence[str]) -> None:
    """The language of pipeline.yaml is compared with the letters of the tokens and the tokenizer's own languages."""
    facts = replace(FACTS, architecture=replace(CONFORMER, tokens=tokens))

    assert rules(language, facts, language=True) == expected


def test_the_finding_says_who_claims_what() -> None:
    """The name, its place, the word in it that is wrong, and what is inside instead."""
    (named,) = check_names([Name("conformer-8k", "file")], FACTS)
    (declared,) = check_names([Name("ru-RU", "language of pipeline.yaml", language=True)], FACTS)

    assert named.what == "the file 'conformer-8k' says 8k, the checkpoint holds a model for 16000 Hz"
    assert declared.what == "the language of pipeline.yaml says ru-RU, the checkpoint holds tokens in Latin letters"


def test_what_is_unknown_is_not_compared() -> None:
    """A model that nobody can describe contradicts no name."""
    unknown = replace(FACTS, architecture=None, weights=None)

    assert rules("stt_ru_citrinet_8k_fp16", unknown) == []


def test_a_claim_is_found_once() -> None:
    """Names that make the same claim in the same words are one finding."""
    names = [Name("citrinet", "file"), Name("citrinet", "file")]

    assert len(list(check_names(names, FACTS))) == 1
