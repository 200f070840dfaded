"""What names claim about a checkpoint, compared with what is inside.

A name is read word by word, in the manner of NVIDIA's own (`stt_de_citrinet_1024`, `parakeet-tdt-0.6b-v2`): words that
are no claim are passed over. What the checkpoint does not say itself cannot be compared and gives no finding.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pipelines.verdict.facts import Architecture, Facts, Tokens
from pipelines.verdict.findings import Finding, Rule
from pipelines.verdict.rules import claims as rules

__all__ = ["Name", "check_names"]


@dataclass(frozen=True)
class Name:
    """A name that a checkpoint goes by.

    Args:
        text: The name.
        where: Whose it is: the file's, the folder's, or a key of pipeline.yaml.
        language: Whether it is a language code and nothing else.
    """

    text: str
    where: str
    language: bool = False


_WORD = re.compile(r"[^\W_]+")
_RATE = re.compile(r"(?<![^\W_]|\.)(8|16|22(?:\.05)?|24|32|44(?:\.1)?|48)k(?:hz)?(?![^\W_])", re.IGNORECASE)
_LANGUAGE = re.compile(r"(?<![^\W_])([a-z]{2,3})[-_]([A-Z]{2})(?![^\W_])")
_TASK_LANGUAGE = re.compile(r"(?<![^\W_])(?:stt|asr|tts|punctuation)_([a-z]{2})(?![^\W_])")

_PRECISIONS = {
    "float32": ("fp32", "float32", "f32"),
    "float16": ("fp16", "float16", "f16", "half"),
    "bfloat16": ("bf16", "bfloat16"),
    "int8": ("int8", "w8a8"),
}

_ARCHITECTURES: dict[str, Callable[[Architecture], bool]] = {
    "conformer": lambda inside: inside.family in ("Conformer", "FastConformer"),
    "fastconformer": lambda inside: inside.family == "FastConformer",
    "parakeet": lambda inside: inside.family == "FastConformer",
    "citrinet": lambda inside: inside.family == "Citrinet",
    "contextnet": lambda inside: inside.family == "ContextNet",
    "quartznet": lambda inside: inside.family == "QuartzNet",
    "jasper": lambda inside: inside.family == "Jasper",
    "squeezeformer": lambda inside: inside.family == "Squeezeformer",
    "ctc": lambda inside: "CTC" in inside.heads,
    "rnnt": lambda inside: "RNNT" in inside.heads,
    "transducer": lambda inside: "RNNT" in inside.heads or "TDT" in inside.heads,
    "tdt": lambda inside: "TDT" in inside.heads,
    "hybrid": lambda inside: "CTC" in inside.heads and len(inside.heads) > 1,
    "canary": lambda inside: "AED" in inside.heads,
    "bert": lambda inside: "BERT" in inside.family.upper(),
}

_SCRIPTS = {  # ISO 15924, as langcodes gives it -> first words of the Unicode names of its letters
    "Arab": ("ARABIC",),
    "Armn": ("ARMENIAN",),
    "Beng": ("BENGALI",),
    "Cyrl": ("CYRILLIC",),
    "Deva": ("DEVANAGARI",),
    "Ethi": ("ETHIOPIC",),
    "Geor": ("GEORGIAN",),
    "Grek": ("GREEK",),
    "Gujr": ("GUJARATI",),
    "Guru": ("GURMUKHI",),
    "Hans": ("CJK",),
    "Hant": ("CJK",),
    "Hebr": ("HEBREW",),
    "Jpan": ("HIRAGANA", "KATAKANA", "CJK"),
    "Knda": ("KANNADA",),
    "Kore": ("HANGUL",),
    "Latn": ("LATIN",),
    "Mlym": ("MALAYALAM",),
    "Taml": ("TAMIL",),
    "Telu": ("TELUGU",),
    "Thai": ("THAI",),
}

_OWN_LETTERS = {  # without any of these no text of the language can be written
    "cs": "řěů",
    "da": "æø",
    "de": "äöüß",
    "es": "ñáéíóú",
    "fi": "ä",
    "fr": "éèêàç",
    "hu": "őű",
    "nb": "æø",
    "pl": "łąę",
    "pt": "ãõç",
    "ro": "ăâîșț",
    "sv": "åäö",
    "tr": "ışğ",
    "vi": "đơư",
}


def check_names(names: Iterable[Name], facts: Facts) -> Iterator[Finding]:
    """Yields what names claim wrongly: each claim once, however many names make it."""
    seen: set[tuple[str, str]] = set()
    for name in names:
        for finding in _wrong_claims(name, facts):
            if (finding.rule.id, finding.what) not in seen:
                seen.add((finding.rule.id, finding.what))
                yield finding


def _wrong_claims(name: Name, facts: Facts) -> Iterator[Finding]:
    inside = facts.architecture
    words = {word.casefold() for word in _WORD.findall(name.text)}

    def wrong(rule: Rule, claimed: str, found: str) -> Finding:
        said = name.where if claimed == name.text else f"{name.where} {name.text!r}"
        return rule.finding(f"the {said} says {claimed}, the checkpoint holds {found}")

    for precision, spellings in _PRECISIONS.items():
        if facts.weights and facts.weights.dtype and precision != facts.weights.dtype:
            for word in words & set(spellings):
                yield wrong(rules.PRECISION_AS_NAMED, word, f"{facts.weights.dtype} weights")
    if inside is None:
        return
    for word in sorted(words & _ARCHITECTURES.keys()):
        if not _ARCHITECTURES[word](inside):
            yield wrong(rules.ARCHITECTURE_AS_NAMED, word, f"a {inside.family} with {' and '.join(inside.heads)}")
    for match in _RATE.finditer(name.text):
        if inside.sample_rate and int(float(match[1])) != inside.sample_rate // 1000:
            yield wrong(rules.SAMPLE_RATE_AS_NAMED, match[0], f"a model for {inside.sample_rate} Hz")
    for language in [name.text] if name.language else _languages(name.text):
        if inside.tokens:
            yield from (wrong(rule, language, found) for rule, found in _wrong_language(language, inside.tokens))


def _languages(text: str) -> list[str]:
    regional = [f"{match[1]}-{match[2]}" for match in _LANGUAGE.finditer(text)]
    return regional or [match[1] for match in _TASK_LANGUAGE.finditer(text)]


def _wrong_language(code: str, tokens: Tokens) -> Iterator[tuple[Rule, str]]:
    import langcodes

    if not langcodes.tag_is_valid(code):
        return
    language = langcodes.Language.get(code).maximize()
    others = [name for name in tokens.languages if langcodes.tag_is_valid(name)]
    if others and all(langcodes.Language.get(name).language != language.language for name in others):
        yield rules.LANGUAGE_AS_NAMED, f"a tokenizer of {', '.join(others)}"
    expected = _SCRIPTS.get(language.script or "", ())
    if expected and tokens.scripts and not set(expected) & set(tokens.scripts):
        written = ", ".join(script.capitalize() for script in tokens.scripts)
        yield rules.LANGUAGE_AS_NAMED, f"tokens in {written} letters"
    own = _OWN_LETTERS.get(language.language or "", "")
    if own and tokens.scripts == ("LATIN",) and not set(own) & set(tokens.letters):
        yield rules.ALPHABET_AS_NAMED, f"tokens without {' '.join(own)}"
