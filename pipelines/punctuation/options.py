"""Every option of `riva-build punctuation`, declared once; help, validation, README and RMIR derive from it.

NVIDIA documents two, `--language_code` and `--name`. `None` stands for "not given": `settle` in `settling.py` and
`riva-deploy` fill in what depends on the language or on the checkpoint.
"""

from dataclasses import dataclass

from pipelines.build_options import Evidence, Origin, executed

__all__ = ["COMPONENTS", "PunctuationOptions"]

GUIDE = Origin("NLP customisation page of the Riva user guide", Evidence.DOCUMENTED)
LOG = Origin("model names in server logs and in NVIDIA's clients", Evidence.LOGGED)
ANALOGY = Origin("by analogy with speech_recognition", Evidence.INFERRED)
OURS = Origin("riva-ci; NeMo has it as an argument of add_punctuation_capitalization", Evidence.OURS)
CASE = Origin("riva-ci; Hugging Face has it as an argument of BertTokenizer", Evidence.OURS)


@dataclass(frozen=True, kw_only=True)
class PunctuationOptions:
    """The options of `riva-build punctuation`."""

    name: str | None = executed(
        None,
        "name of the pipeline: of its Triton model, and of NLPModelParams.model_name; riva-punctuation-<language_code> "
        "if None",
        LOG,
    )
    language_code: str = executed(
        "en-US",
        "BCP-47 code of the language that the model was trained on; speech recognition uses the punctuator whose code "
        "equals the request's",
        GUIDE,
        metavar="BCP-47",
        default_of="Riva, not confirmed",
    )
    max_batch_size: int = executed(32, "largest batch of windows of text that the network gets", ANALOGY)
    max_seq_length: int = executed(64, "word pieces of a window, with [CLS] and [SEP]", OURS)
    step: int = executed(8, "word pieces from the start of a window to the start of the next one", OURS)
    margin: int = executed(
        16, "word pieces next to a border inside a text that decide nothing, for want of context", OURS
    )
    do_lower_case: bool | None = executed(
        None,
        "whether the network knows lower-case letters without accents only; if None, whether its vocabulary has no "
        "other",
        CASE,
    )


COMPONENTS = {"": "pipeline"}
