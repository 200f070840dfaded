"""Evaluation data: recordings, texts and manifest, as the guide advises for data to judge or train a model."""

from pipelines.errors import UnfitEvaluation
from pipelines.verdict.findings import Outcome, Rule

__all__ = [
    "AUDIO_READABLE",
    "DURATION_AS_STATED",
    "DURATION_USUAL",
    "LANGUAGE_AS_DECLARED",
    "LOSSLESS",
    "MANIFEST_VALID",
    "NOT_RESAMPLED",
    "PUNCTUATION_ONLY",
    "RECORDED_ONCE",
    "SAME_TRANSCRIPT",
    "SAMPLE_RATE",
    "SILENCE_USUAL",
    "SPEECH_AUDIBLE",
    "SPEED_USUAL",
    "TEXTS_VARIED",
    "TRANSCRIPT_IN_VOCABULARY",
]

_MANIFESTS = "https://docs.nvidia.com/nemo-framework/user-guide/latest/nemotoolkit/asr/datasets.html"
_ADVICE = "https://docs.nvidia.com/deeplearning/riva/archives/180-b/user-guide/docs/best-practices.html"

MANIFEST_VALID = Rule(
    id="evaluation-manifest-valid",
    title="Every line of the evaluation manifest is what NeMo's manifests are",
    outcome=Outcome.FAILS,
    why="a line that is skipped is an utterance that nobody is judged on",
    fix='write a JSON object a line: {"audio_filepath": ..., "duration": seconds, "text": what is said}',
    link=_MANIFESTS,
    error=UnfitEvaluation,
)
AUDIO_READABLE = Rule(
    id="evaluation-audio-readable",
    title="Every recording that the manifest names is there, and is mono audio",
    outcome=Outcome.FAILS,
    why="the judgement would stop there, after everything has been exported, built and deployed",
    fix="put the recording there as mono FLAC or WAV, or take the line out of the manifest",
    link=_MANIFESTS,
    error=UnfitEvaluation,
)
LOSSLESS = Rule(
    id="evaluation-audio-lossless",
    title="Recordings are in a lossless format",
    outcome=Outcome.FAILS,
    why="a lossy codec removes what the model listens to, and the figures would measure the codec",
    fix="go back to the original recording and store it as FLAC or 16-bit WAV; re-encoding a lossy file does not help",
    link=_ADVICE,
    error=UnfitEvaluation,
)
SAMPLE_RATE = Rule(
    id="evaluation-sample-rate",
    title="Recordings have at least 16 kHz, or the model's own rate where that is lower",
    outcome=Outcome.FAILS,
    why="the model was trained on frequencies that such a recording does not hold",
    fix="record at 16 kHz or more; converting the file upwards does not bring the frequencies back",
    link=_ADVICE,
    error=UnfitEvaluation,
)
NOT_RESAMPLED = Rule(
    id="evaluation-not-resampled",
    title="Recordings hold sound up to their own sample rate: they were not converted from a lower one",
    outcome=Outcome.FAILS,
    why="above half of the old rate such a file holds nothing, or a mirror image: the model hears a telephone",
    fix="go back to the original recording, or judge a model that was trained for the lower rate",
    link=_ADVICE,
    error=UnfitEvaluation,
)
TRANSCRIPT_IN_VOCABULARY = Rule(
    id="evaluation-transcript-in-vocabulary",
    title="The model has a token for every letter of the transcripts",
    outcome=Outcome.FAILS,
    why="the model can never write it, so each such word counts as an error of the model",
    fix="write the words as they are spoken (5 -> five), in the model's alphabet",
    link=_ADVICE,
    error=UnfitEvaluation,
)
SPEECH_AUDIBLE = Rule(
    id="evaluation-speech-audible",
    title="Where there is a transcript there is sound, and the other way round",
    outcome=Outcome.FAILS,
    why="words that cannot be heard count as errors of the model",
    fix="replace the recording, or correct the transcript",
    link=_ADVICE,
    error=UnfitEvaluation,
)
DURATION_AS_STATED = Rule(
    id="evaluation-duration-as-stated",
    title="A recording is as long as the manifest says",
    outcome=Outcome.FAILS,
    why="the recording was cut or replaced after the manifest was written; its transcript may be another's",
    fix="write the manifest again from the recordings, and listen to those that differ",
    link=_MANIFESTS,
    error=UnfitEvaluation,
)
SAME_TRANSCRIPT = Rule(
    id="evaluation-same-transcript",
    title="One recording has one transcript",
    outcome=Outcome.FAILS,
    why="at least one of the transcripts is wrong, and the model is punished for it",
    fix="listen to the recording and take the wrong line out",
    link=_MANIFESTS,
    error=UnfitEvaluation,
)
LANGUAGE_AS_DECLARED = Rule(
    id="evaluation-language-as-declared",
    title="Language tags of the manifest are those of the pipeline",
    outcome=Outcome.FAILS,
    why="a pipeline is registered under one language, and would be judged on another",
    fix="correct the tag, or `language` of pipeline.yaml",
    link="https://github.com/NVIDIA-NeMo/Speech/issues/4889",
    error=UnfitEvaluation,
)
PUNCTUATION_ONLY = Rule(
    id="evaluation-punctuation-only",
    title="A punctuated text differs from its plain text by punctuation and capitals alone",
    outcome=Outcome.FAILS,
    why="a punctuation model adds no words and takes none away, so it can never give this text",
    fix="correct the text, or its punctuated form",
    link="https://docs.nvidia.com/nemo-framework/user-guide/24.12/nemotoolkit/nlp/punctuation_and_capitalization_models.html",
    error=UnfitEvaluation,
)
RECORDED_ONCE = Rule(
    id="evaluation-recorded-once",
    title="Every utterance is there once",
    outcome=Outcome.WORKS,
    why="what is there twice counts twice",
    fix="take one of the lines out",
    link=_MANIFESTS,
    error=UnfitEvaluation,
)
TEXTS_VARIED = Rule(
    id="evaluation-texts-varied",
    title="The transcripts say different things",
    outcome=Outcome.WORKS,
    why="an error rate over few sentences says little about others",
    fix="add utterances of other sentences",
    link=_MANIFESTS,
    error=UnfitEvaluation,
)
DURATION_USUAL = Rule(
    id="evaluation-duration-usual",
    title="A recording is about as long as the others",
    outcome=Outcome.WORKS,
    why="very short ones are often cut off, very long ones hold more than the transcript says",
    fix="listen to it",
    link=_MANIFESTS,
    error=UnfitEvaluation,
)
SPEED_USUAL = Rule(
    id="evaluation-speed-usual",
    title="The transcript is as long as what is said in that time usually is",
    outcome=Outcome.WORKS,
    why="a transcript that is much too long or too short is often another recording's",
    fix="listen to it and correct the transcript",
    link=_MANIFESTS,
    error=UnfitEvaluation,
)
SILENCE_USUAL = Rule(
    id="evaluation-silence-usual",
    title="A recording holds no more silence than the others",
    outcome=Outcome.WORKS,
    why="long silence hides a recording that failed, and makes a server look faster than it is",
    fix="listen to it, and cut the silence off",
    link=_MANIFESTS,
    error=UnfitEvaluation,
)
