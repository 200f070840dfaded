"""What every room checks of its options: names, languages, ranges and files. Each check yields sentences."""

import re
from collections.abc import Iterator

from pipelines.build_options import files_of
from pipelines.cli.flags import flags_of, spell, value_of

__all__ = ["file_problems", "language_problems", "name_problems", "range_problems"]

_TRITON_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")  # a folder name, with room for prefix and suffix
_POSITIVE = ("chunk_size", "batch_size", "max_streams")


def language_problems(code: str) -> Iterator[str]:
    """What is wrong with a language code: requests must repeat it exactly, so there is one spelling of each."""
    import langcodes

    if not langcodes.tag_is_valid(code):
        yield f"--language_code={code} is not a BCP-47 language code such as en-US"
        return
    known, standard = langcodes.Language.get(code, normalize=False), langcodes.Language.get(code)
    # the same subtags in another spelling, a territory that is none (UK for GB), or letters that are no region (USA)
    proper = standard.to_tag() if known.territory != standard.territory else known.to_tag()
    if standard.extlangs:
        yield f"--language_code={code}: {standard.extlangs[0].upper()} is not a region; a region has two letters"
    elif code != proper:
        yield f"--language_code={code} should be written {proper}: requests must repeat it exactly"


def name_problems(name: str) -> Iterator[str]:
    """What is wrong with the name of a pipeline: it becomes a folder and a Triton model."""
    if not _TRITON_NAME.fullmatch(name):
        yield (
            f"--name={name} cannot name a Triton model: letters, digits, '.', '_' and '-' only, "
            "a letter or digit first, at most 128"
        )


def range_problems(options: object) -> Iterator[str]:
    """Which numbers are outside the range that their unit or name implies."""
    for option in flags_of(type(options)):
        value = value_of(options, option)
        if value is None or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if option.metavar == "0..1" and not 0 <= value <= 1:
            yield f"--{option.name}={spell(value)} is not between 0 and 1"
        elif option.path[-1].endswith(_POSITIVE) and value <= 0:
            yield f"--{option.name}={spell(value)} must be positive"
        elif option.metavar in ("MS", "SECONDS") and value < 0:
            yield f"--{option.name}={spell(value)} must not be negative"


def file_problems(options: object) -> Iterator[str]:
    """Which files that options name are not there."""
    for name, path in files_of(options).items():
        if not path.is_file():
            yield f"--{name}={path}: there is no such file"
