"""Making and saving the sample models through NeMo's own classes."""

from pathlib import Path
from typing import Literal, get_args

import sentencepiece
import torch
from nemo.collections.asr.models import EncDecCTCModel, EncDecCTCModelBPE
from omegaconf import DictConfig, OmegaConf

from scripts.samples import grammar

ModelName = Literal["ctc", "conformer"]
MODEL_NAMES: tuple[ModelName, ...] = get_args(ModelName)

CONF = Path(__file__).parent / "conf"
VOCAB_SIZE = 128


def _train_tokenizer(folder: Path, seed: int) -> None:
    """SentencePiece BPE over sentences of the grammar, in the file names that NeMo looks for."""
    rng = grammar.seeded(seed)
    source = grammar.sentences(rng)
    lines = [next(source) for _ in range(5000)]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_prefix=str(folder / "tokenizer"),
        model_type="bpe",
        vocab_size=VOCAB_SIZE,
        character_coverage=1.0,
        bos_id=-1,
        eos_id=-1,
        normalization_rule_name="identity",
        num_threads=1,
        minloglevel=2,
    )
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    pieces = [processor.id_to_piece(index) for index in range(1, processor.get_piece_size())]
    # NeMo's own script writes WordPiece-like marks, and leaves out <unk>.
    marked = [piece[1:] if piece.startswith("▁") else f"##{piece}" for piece in pieces]
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in marked if piece), encoding="utf-8")


def make_model(name: ModelName, seed: int, work: Path) -> EncDecCTCModel:
    """An untrained model of ``conf/<name>.yaml``; ``work`` keeps the tokenizer until the model is saved."""
    config = OmegaConf.load(CONF / f"{name}.yaml")
    assert isinstance(config, DictConfig)
    torch.manual_seed(seed)
    if name == "ctc":
        return EncDecCTCModel(cfg=config)
    folder = work / "tokenizer"
    folder.mkdir(parents=True, exist_ok=True)
    _train_tokenizer(folder, seed)
    config.tokenizer.dir = str(folder)
    return EncDecCTCModelBPE(cfg=config)


def save_model(model: EncDecCTCModel, out: Path) -> None:
    """Write ``out`` with NeMo's ``save_to``, without this machine's paths and ready for ``transcribe()``."""
    model.eval()
    if "tokenizer" in model.cfg:
        # NeMo keeps the maker's folder here; the restored model reads the archive's own members instead.
        model.cfg.tokenizer.dir = ""
    out.parent.mkdir(parents=True, exist_ok=True)
    model.save_to(str(out))
