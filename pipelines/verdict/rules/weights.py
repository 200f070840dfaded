"""The numbers: shapes that agree with the configuration, and values that are numbers."""

from pipelines.verdict.findings import Outcome, Rule

__all__ = ["RATES_AGREE", "SHAPES_AGREE", "WEIGHTS_FINITE"]

_SAVE_AGAIN = "restore the model where it was trained and save it again with NeMo's save_to()"

SHAPES_AGREE = Rule(
    id="shapes-agree",
    title="Shapes of the weights agree with the configuration: features, classes, vocabulary",
    outcome=Outcome.FAILS,
    why="NeMo cannot load weights of another shape; configuration and weights come from two models",
    fix=_SAVE_AGAIN,
    link="https://docs.nvidia.com/nemo-framework/user-guide/latest/nemotoolkit/core/core.html#save-and-restore",
)
RATES_AGREE = Rule(
    id="rates-agree",
    title="The configuration says one sample rate",
    outcome=Outcome.FAILS,
    why="features would be computed for another rate than the server resamples to, and transcripts get worse",
    fix="set sample_rate and preprocessor.sample_rate to the rate of the training data, and save the model again",
    link="https://docs.nvidia.com/deeplearning/riva/archives/2-16-0/public/asr/asr-overview.html",
)
WEIGHTS_FINITE = Rule(
    id="weights-finite",
    title="Every weight is a number: no NaN, no infinity",
    outcome=Outcome.FAILS,
    why="one of them is enough to turn every output into NaN; training diverged, or the file was damaged",
    fix="choose an earlier checkpoint of the training",
    link="https://docs.pytorch.org/docs/stable/generated/torch.isfinite.html",
)
