"""Files that are no checkpoints."""

from tests.nemo_checkpoints import write_nemo
from tests.unit.pipelines.verdict.firing import Firing

FIRING = {
    "readable": Firing(make=lambda folder: write_nemo(folder / "a.nemo", without=("model_config.yaml",))),
}
