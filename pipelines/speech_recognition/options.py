"""Every option of `riva-build speech_recognition`, declared once; help, validation, README and RMIR derive from it.

The options are the union of what NVIDIA's guide and tutorials, public build scripts (2.3 to 2.19) and logs show. Where
the default of NVIDIA's closed tool is unknown, ours is marked so. `None` stands for "not given": `settle` in
`settling.py` fills in what depends on the mode or on the model.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines.build_options import Evidence, Origin, executed, ignored, refused
from pipelines.cli.flags import component

__all__ = ["COMPONENTS", "SpeechRecognitionOptions"]

RECIPE = Origin("recipes of the ASR pipeline configuration page", Evidence.DOCUMENTED)
GUIDE = Origin("Riva user guide", Evidence.DOCUMENTED)
TUTORIAL = Origin("nvidia-riva/tutorials r2.16.0", Evidence.DOCUMENTED)
SCRIPT = Origin("public build scripts", Evidence.LOGGED)
LOG = Origin("parameter names in server logs; the flag's spelling is inferred", Evidence.LOGGED)
NEWER = Origin("speech NIM pages and tutorials after 2.16", Evidence.NEWER)
ANALOGY = Origin("by analogy with other components", Evidence.INFERRED)
OURS = Origin("riva-ci", Evidence.OURS)

_NO_TENSORRT = "the network runs in ONNX Runtime; there is no TensorRT engine to tune"
_NO_LANGUAGE_MODEL = "greedy decoding consults neither lexicon nor language model"
_NO_FLASHLIGHT = "tunes the flashlight decoder, which is absent"
_NO_KALDI = "tunes the kaldi decoder, which is absent"
_NO_NEMO = "tunes the nemo decoder, which is absent"
_NO_VAD = "tunes the neural VAD, which is absent"
_ONE_MODEL = "features, endpointing and decoding run inside the pipeline's own model, batched with it"
_GREEDY = "build with --decoder_type=greedy"


@dataclass(frozen=True, kw_only=True)
class Featurizer:
    """How audio becomes mel features."""

    use_utterance_norm_params: bool = executed(
        False,
        "normalise features with the statistics of the stream so far (True) or of each window, which is left padding, "
        "chunk and right padding (False)",
        RECIPE,
    )
    precalc_norm_params: bool = refused(
        False,
        "normalise features with statistics computed beforehand",
        RECIPE,
        neutral=(False,),
        instead="build with --featurizer.precalc_norm_params=False",
    )
    precalc_norm_time_steps: int = refused(
        0,
        "time steps of audio from which the statistics are computed beforehand",
        RECIPE,
        neutral=(0,),
        instead="build with --featurizer.precalc_norm_time_steps=0",
    )
    max_batch_size: int | None = ignored(None, "largest batch of the featurizer", RECIPE, reason=_ONE_MODEL)
    max_execution_batch_size: int | None = ignored(
        None, "largest batch that the featurizer computes at once", RECIPE, reason=_ONE_MODEL
    )
    opt_batch_size: int | None = ignored(None, "preferred batch of the featurizer", SCRIPT, reason=_ONE_MODEL)


@dataclass(frozen=True, kw_only=True)
class AcousticModel:
    """How the engine of the acoustic model is built."""

    fp16_needs_obey_precision_pass: bool = ignored(
        False,
        "keep the precision constraints of layers when a TensorRT FP16 engine is built",
        RECIPE,
        reason=_NO_TENSORRT,
    )
    use_trt_fp32: bool = ignored(False, "build a TensorRT FP32 engine", TUTORIAL, reason=_NO_TENSORRT)
    opt_batch_size: int | None = ignored(None, "preferred batch of the TensorRT profile", SCRIPT, reason=_NO_TENSORRT)
    max_batch_size: int | None = ignored(None, "largest batch of the TensorRT profile", SCRIPT, reason=_NO_TENSORRT)
    use_onnx_runtime: bool = ignored(
        False, "run the network in ONNX Runtime", ANALOGY, reason="ONNX Runtime runs the network anyway"
    )
    trt_max_workspace_size: int | None = ignored(
        None, "memory TensorRT may use while it builds an engine", ANALOGY, reason=_NO_TENSORRT
    )


@dataclass(frozen=True, kw_only=True)
class Endpointing:
    """When an utterance starts and ends, from the blanks of the acoustic model; requests may override it."""

    start_history: int = executed(
        300,
        "window in which the start of an utterance is looked for",
        RECIPE,
        metavar="MS",
        default_of="Riva, not confirmed",
    )
    start_th: float = executed(
        0.2,
        "share of time steps in that window that must not be blank",
        GUIDE,
        metavar="0..1",
        default_of="Riva, not confirmed",
        aliases=("endpointing.start_threshold",),
    )
    stop_history: int = executed(
        800,
        "window in which the end of an utterance is looked for; 0 never ends one",
        GUIDE,
        metavar="MS",
        default_of="Riva, not confirmed",
    )
    stop_th: float = executed(
        0.98,
        "share of time steps in that window that must be blank",
        GUIDE,
        metavar="0..1",
        default_of="Riva, not confirmed",
        aliases=("endpointing.stop_threshold",),
    )
    stop_history_eou: int | None = executed(
        None,
        "shorter window of a first pass, whose result has stability 1 and may still change; off if None",
        GUIDE,
        metavar="MS",
        default_of="Riva",
    )
    stop_th_eou: float | None = executed(
        None,
        "share of blank time steps in the window of the first pass; off if None",
        GUIDE,
        metavar="0..1",
        default_of="Riva",
        aliases=("endpointing.stop_threshold_eou",),
    )
    residue_blanks_at_start: int | None = ignored(
        None,
        "blank time steps kept before an utterance",
        RECIPE,
        aliases=("vad.residue_blanks_at_start",),
        reason="blanks spell nothing in greedy decoding, whatever their number",
    )
    residue_blanks_at_end: int | None = ignored(
        None,
        "blank time steps kept after an utterance",
        GUIDE,
        aliases=("vad.residue_blanks_at_end",),
        reason="blanks spell nothing in greedy decoding, whatever their number",
    )
    min_batch_size: int | None = ignored(None, "smallest batch of the endpointer", SCRIPT, reason=_ONE_MODEL)
    max_batch_size: int | None = ignored(None, "largest batch of the endpointer", SCRIPT, reason=_ONE_MODEL)
    opt_batch_size: int | None = ignored(None, "preferred batch of the endpointer", SCRIPT, reason=_ONE_MODEL)


@dataclass(frozen=True, kw_only=True)
class GreedyDecoder:
    """The decoder that takes the best token of each time step."""

    asr_model_delay: int = refused(
        -1,
        "time steps by which word times are shifted; -1 none",
        RECIPE,
        neutral=(-1,),
        instead="build with --greedy_decoder.asr_model_delay=-1",
    )
    max_batch_size: int | None = ignored(None, "largest batch of the decoder", ANALOGY, reason=_ONE_MODEL)


@dataclass(frozen=True, kw_only=True)
class FlashlightDecoder:
    """The lexicon and language-model beam search."""

    asr_model_delay: int = ignored(-1, "time steps by which word times are shifted", RECIPE, reason=_NO_FLASHLIGHT)
    lm_weight: float | None = ignored(None, "weight of the language model", RECIPE, reason=_NO_FLASHLIGHT)
    word_insertion_score: float | None = ignored(None, "score of each word", RECIPE, reason=_NO_FLASHLIGHT)
    beam_size: int | None = ignored(None, "hypotheses kept", RECIPE, reason=_NO_FLASHLIGHT)
    beam_size_token: int | None = ignored(None, "tokens considered at a time step", SCRIPT, reason=_NO_FLASHLIGHT)
    beam_threshold: float | None = ignored(None, "score below the best that is kept", RECIPE, reason=_NO_FLASHLIGHT)
    num_tokenization: int | None = ignored(None, "tokenisations of a lexicon word", RECIPE, reason=_NO_FLASHLIGHT)
    use_lexicon_free_decoding: bool = ignored(
        False, "search without a lexicon, with a character language model", TUTORIAL, reason=_NO_FLASHLIGHT
    )
    min_batch_size: int | None = ignored(None, "smallest batch", SCRIPT, reason=_NO_FLASHLIGHT)
    max_batch_size: int | None = ignored(None, "largest batch", SCRIPT, reason=_NO_FLASHLIGHT)
    opt_batch_size: int | None = ignored(None, "preferred batch", SCRIPT, reason=_NO_FLASHLIGHT)
    max_execution_batch_size: int | None = ignored(
        None, "largest batch computed at once", SCRIPT, reason=_NO_FLASHLIGHT
    )
    blank_token: str | None = ignored(None, "spelling of the blank", LOG, reason=_NO_FLASHLIGHT)
    cased: bool | None = ignored(None, "whether the lexicon is cased", LOG, reason=_NO_FLASHLIGHT)
    decoder_num_worker_threads: int | None = ignored(None, "threads of the search", LOG, reason=_NO_FLASHLIGHT)
    forerunner_beam_size: int | None = ignored(None, "hypotheses kept for interim results", LOG, reason=_NO_FLASHLIGHT)
    forerunner_beam_size_token: int | None = ignored(
        None, "tokens considered for interim results", LOG, reason=_NO_FLASHLIGHT
    )
    forerunner_beam_threshold: float | None = ignored(
        None, "score threshold of interim results", LOG, reason=_NO_FLASHLIGHT
    )
    forerunner_use_lm: bool | None = ignored(
        None, "whether interim results use the language model", LOG, reason=_NO_FLASHLIGHT
    )
    log_add: bool | None = ignored(None, "add instead of maximise over paths", LOG, reason=_NO_FLASHLIGHT)
    max_supported_transcripts: int | None = ignored(None, "largest n-best list", LOG, reason=_NO_FLASHLIGHT)


@dataclass(frozen=True, kw_only=True)
class KaldiDecoder:
    """The WFST beam search."""

    asr_model_delay: int | None = ignored(
        None, "time steps by which word times are shifted", TUTORIAL, reason=_NO_KALDI
    )
    default_beam: float | None = ignored(None, "beam of the search", TUTORIAL, reason=_NO_KALDI)
    max_active: int | None = ignored(None, "largest number of active states", TUTORIAL, reason=_NO_KALDI)
    determinize_lattice: bool | None = ignored(None, "determinise the lattice", TUTORIAL, reason=_NO_KALDI)
    max_batch_size: int | None = ignored(None, "largest batch", TUTORIAL, reason=_NO_KALDI)


@dataclass(frozen=True, kw_only=True)
class NemoDecoder:
    """NeMo's own decoders (2.17 and newer)."""

    language_model_alpha: float | None = ignored(None, "weight of the language model", NEWER, reason=_NO_NEMO)
    language_model_file: Path | None = ignored(None, "language model of the nemo decoder", NEWER, reason=_NO_NEMO)
    use_stateful_decoding: bool | None = ignored(None, "keep the decoder's state over chunks", NEWER, reason=_NO_NEMO)


@dataclass(frozen=True, kw_only=True)
class NeuralVad:
    """The neural voice activity detector."""

    onset: float | None = ignored(None, "probability at which speech starts", NEWER, reason=_NO_VAD, metavar="0..1")
    offset: float | None = ignored(None, "probability at which speech ends", NEWER, reason=_NO_VAD, metavar="0..1")
    min_duration_on: float | None = ignored(None, "shortest speech", NEWER, reason=_NO_VAD, metavar="SECONDS")
    min_duration_off: float | None = ignored(None, "shortest pause", NEWER, reason=_NO_VAD, metavar="SECONDS")
    pad_onset: float | None = ignored(None, "speech added before a start", NEWER, reason=_NO_VAD, metavar="SECONDS")
    pad_offset: float | None = ignored(None, "speech added after an end", NEWER, reason=_NO_VAD, metavar="SECONDS")


@dataclass(frozen=True, kw_only=True)
class SpeechRecognitionOptions:
    """The options of `riva-build speech_recognition`."""

    name: str = executed(
        "riva-asr",
        "name of the pipeline: of its Triton model, and of RecognitionConfig.model",
        RECIPE,
        default_of="Riva",
    )
    language_code: str | None = executed(
        None, "BCP-47 code under which the pipeline is offered, for example en-US; required", RECIPE, metavar="BCP-47"
    )
    offline: bool = executed(False, "build for whole files (Recognize) instead of streams", RECIPE, default_of="Riva")
    streaming: bool | None = executed(None, "build for streams (StreamingRecognize); the opposite of --offline", SCRIPT)
    chunk_size: float | None = executed(
        None,
        "audio that one step of the model adds, a multiple of the time step; 0.16 streaming, 30 offline if None",
        RECIPE,
        metavar="SECONDS",
    )
    left_padding_size: float | None = executed(
        None, "audio before the chunk that the model sees again as context; 1.92 if None", RECIPE, metavar="SECONDS"
    )
    right_padding_size: float | None = executed(
        None, "audio after the chunk that the model waits for as context; 1.92 if None", RECIPE, metavar="SECONDS"
    )
    padding_size: float | None = executed(None, "both paddings at once (older spelling)", SCRIPT, metavar="SECONDS")
    ms_per_timestep: float | None = executed(
        None,
        "time step of the acoustic model's output: 20 QuartzNet and Jasper, 40 Conformer, 80 Citrinet and "
        "FastConformer; the model's own if None",
        RECIPE,
        metavar="MS",
    )
    decoder_chunk_size: float | None = ignored(
        None, "audio after which the decoder runs", NEWER, metavar="SECONDS", reason="the decoder runs after each chunk"
    )
    decoder_type: Literal["greedy", "flashlight", "os2s", "kaldi", "pass_through", "nemo"] = refused(
        "greedy",
        "how the network's output becomes text",
        RECIPE,
        neutral=("greedy",),
        instead=_GREEDY,
    )
    max_batch_size: int = executed(16, "largest batch of the acoustic model", RECIPE)
    max_streams: int | None = executed(
        None,
        "streams served at once; one more is told RESOURCE_EXHAUSTED; 16 streaming, 64 offline if None",
        OURS,
    )
    return_separate_utterances: bool | None = executed(
        None,
        "one result an utterance (True) or one in all (False) of a file; True offline, False streaming if None",
        RECIPE,
    )
    profane_words_file: Path | None = executed(
        None, "words that the profanity filter masks, one a line; a short English list if None", GUIDE
    )
    unified_acoustic_model: bool = refused(
        False,
        "the acoustic model itself writes punctuation and capitals",
        TUTORIAL,
        neutral=(False,),
        instead="leave it out: the transcript is what the model writes",
    )
    acoustic_model_name: str | None = ignored(
        None,
        "name of the acoustic model in the repository; pipelines that name the same one share it",
        GUIDE,
        reason="each pipeline has its own copy of the network, which costs memory and changes no result",
    )
    featurizer_name: str | None = ignored(
        None,
        "name of the featurizer in the repository; pipelines that name the same one share it",
        GUIDE,
        reason=_ONE_MODEL,
    )
    decoding_language_model_binary: Path | None = ignored(
        None, "language model, KenLM binary", RECIPE, reason=_NO_LANGUAGE_MODEL
    )
    decoding_language_model_arpa: Path | None = ignored(
        None, "language model, ARPA", TUTORIAL, reason=_NO_LANGUAGE_MODEL
    )
    decoding_language_model_fst: Path | None = ignored(
        None, "language model, WFST of the kaldi decoder", TUTORIAL, reason=_NO_LANGUAGE_MODEL
    )
    decoding_language_model_words: Path | None = ignored(None, "words of the WFST", TUTORIAL, reason=_NO_LANGUAGE_MODEL)
    decoding_vocab: Path | None = ignored(None, "words of the lexicon", RECIPE, reason=_NO_LANGUAGE_MODEL)
    decoding_lexicon: Path | None = ignored(None, "words with their tokenisations", ANALOGY, reason=_NO_LANGUAGE_MODEL)
    speech_hints_model: Path | None = ignored(
        None,
        "grammars of class words such as $FULLPHONENUM in speech hints",
        RECIPE,
        reason="speech hints bias the flashlight decoder only",
    )
    wfst_tokenizer_model: Path | None = refused(
        None,
        "inverse text normalisation: grammar of the tokenizer",
        RECIPE,
        instead="leave it out: transcripts then are verbatim, as with verbatim_transcripts=true",
    )
    wfst_verbalizer_model: Path | None = refused(
        None,
        "inverse text normalisation: grammar of the verbalizer",
        RECIPE,
        instead="leave it out: transcripts then are verbatim, as with verbatim_transcripts=true",
    )
    vad_model: Path | None = refused(
        None, "neural VAD, a .riva", NEWER, instead="leave it out: utterances end by --endpointing.stop_history"
    )
    vad_type: Literal["neural", "silero"] | None = refused(
        None, "kind of the VAD", NEWER, instead="leave it out: utterances end by --endpointing.stop_history"
    )
    endpointing_type: str | None = refused(
        None, "kind of the endpointer, for example niva", NEWER, instead="leave it out: CTC blanks end an utterance"
    )
    diarization_model: Path | None = refused(
        None, "speaker diarizer, a .riva", NEWER, instead="leave it out: words have no speaker_tag"
    )
    diarization_type: str | None = refused(
        None, "kind of the diarizer, for example sortformer", NEWER, instead="leave it out: words have no speaker_tag"
    )
    featurizer: Featurizer = component(Featurizer)
    nn: AcousticModel = component(AcousticModel)
    endpointing: Endpointing = component(Endpointing)
    greedy_decoder: GreedyDecoder = component(GreedyDecoder)
    flashlight_decoder: FlashlightDecoder = component(FlashlightDecoder)
    kaldi_decoder: KaldiDecoder = component(KaldiDecoder)
    nemo_decoder: NemoDecoder = component(NemoDecoder)
    neural_vad: NeuralVad = component(NeuralVad)


COMPONENTS = {
    "": "pipeline",
    "featurizer": "featurizer: how audio becomes features",
    "nn": "nn: how the engine of the acoustic model is built",
    "endpointing": "endpointing: when an utterance starts and ends",
    "greedy_decoder": "greedy_decoder",
    "flashlight_decoder": "flashlight_decoder: beam search with lexicon and language model",
    "kaldi_decoder": "kaldi_decoder: WFST beam search",
    "nemo_decoder": "nemo_decoder: NeMo's decoders, 2.17 and newer",
    "neural_vad": "neural_vad: voice activity detection",
}
