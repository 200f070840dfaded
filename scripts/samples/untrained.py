"""`python -m scripts.samples.untrained SIZE OUT.nemo`: a Conformer with random weights, for measurements of speed.

2m is the shape of the sample in tests/assets, 13m that of NeMo's Conformer-CTC small. The decoder prefers blank as much
as a trained one does, so that what comes after the network has a realistic amount of text to work on.
"""

import argparse
import tempfile
from pathlib import Path

import torch
from nemo.collections.asr.models import EncDecCTCModelBPE

from scripts.samples.models import make_model, save_model

SIZES = {
    "2m": {},
    "13m": {"d_model": 176, "subsampling_conv_channels": 176, "n_layers": 16, "n_heads": 4, "conv_kernel_size": 31},
}
BLANK_SHARE = 0.8  # of the time steps of speech, about what trained models say


def make_untrained(size: str, work: Path) -> EncDecCTCModelBPE:
    """A model of `SIZES`, the same at every call; `work` keeps the tokenizer until the model is saved."""
    config = make_model("conformer", 0, work).cfg  # with its tokenizer, which `work` holds now
    config.encoder.update(SIZES[size])
    config.decoder.feat_in = config.encoder.d_model
    torch.manual_seed(0)
    model = EncDecCTCModelBPE(cfg=config).eval()
    for name, weight in model.named_parameters():
        if "norm" in name or "pos_bias" in name:  # made equal in all layers, which an export would share
            weight.data += 0.1 * torch.randn_like(weight)
    _prefer_blank(model)
    return model


def _prefer_blank(model: EncDecCTCModelBPE) -> None:
    features = torch.randn(4, model.cfg.preprocessor.features, 400)
    encoded, _ = model.encoder(audio_signal=features, length=torch.full((4,), 400))
    scores = model.decoder(encoder_output=encoded)
    lead = scores[..., :-1].amax(-1) - scores[..., -1]
    model.decoder.decoder_layers[0].bias.data[-1] += torch.quantile(lead.flatten(), BLANK_SHARE)


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes a Conformer with random weights.")
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work, torch.inference_mode():
        save_model(make_untrained(arguments.size, Path(work)), arguments.out)


if __name__ == "__main__":
    main()
