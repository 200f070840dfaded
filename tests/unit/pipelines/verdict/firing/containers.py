"""Files that are no checkpoints."""

from tests.nemo_checkpoints import write_nemo
from tests.unit.pipelines.verdict.firing import Firing, judged

FIRING: dict[str, Firing] = {
    "readable": judged(lambda folder: write_nemo(folder / "a.nemo", without=("model_config.yaml",))),
}
