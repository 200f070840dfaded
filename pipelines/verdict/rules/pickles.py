"""The weights: a torch archive whose pickle builds a state dict and can do nothing else."""

from pipelines.errors import UnsafeCheckpoint
from pipelines.verdict.findings import Outcome, Rule

__all__ = [
    "PICKLE_CALLS",
    "PICKLE_GLOBALS",
    "PICKLE_LIMITS",
    "PICKLE_MEMBERS",
    "PICKLE_OPCODES",
    "STATE_DICT",
    "TENSOR_BOUNDS",
    "WEIGHTS_FORMAT",
    "WEIGHTS_RECORDS",
    "WEIGHTS_ZIP",
]

_DO_NOT_LOAD = "do not load this file anywhere; ask its maker for the checkpoint that NeMo's save_to() wrote"
_SAVE_AGAIN = "restore the model where it was trained and save it again with NeMo's save_to()"
_PICKLE_CVE = "https://raw.githubusercontent.com/CVEProject/cvelistV5/main/cves/2025/23xxx/CVE-2025-23249.json"
_WEIGHTS_ONLY_CVE = "https://safeguard.sh/resources/blog/pytorch-cve-2025-32434-torch-load-weights-only-bypass"
_SERIALIZATION = "https://docs.pytorch.org/docs/stable/notes/serialization.html"

WEIGHTS_FORMAT = Rule(
    id="weights-format",
    title="The weights are a torch archive (a zip file, as torch.save writes since 1.6)",
    outcome=Outcome.UNREADABLE,
    why="only the zip format keeps the pickle apart from the numbers, so that it can be read without loading it",
    fix=_SAVE_AGAIN,
    link=_SERIALIZATION,
)
WEIGHTS_ZIP = Rule(
    id="weights-zip",
    title="The zip of the weights says the same to every reader: stored records, one after the other, once each",
    outcome=Outcome.UNSAFE,
    why="a zip that two programs read differently shows a scanner one pickle and torch another",
    fix=_DO_NOT_LOAD,
    link="https://www.sentinelone.com/vulnerability-database/cve-2025-1716/",
    error=UnsafeCheckpoint,
)
WEIGHTS_RECORDS = Rule(
    id="weights-records",
    title="The weights hold the records of a state dict and no others: no second pickle, no TorchScript",
    outcome=Outcome.UNSAFE,
    why="torch runs other records of its archives, and nothing in a state dict needs them",
    fix=_DO_NOT_LOAD,
    link=_SERIALIZATION,
    error=UnsafeCheckpoint,
)
PICKLE_GLOBALS = Rule(
    id="pickle-globals",
    title="The pickle names only the functions and classes that a state dict needs",
    outcome=Outcome.UNSAFE,
    why="loading a pickle imports and calls whatever it names: this is code that runs on the machine that loads it",
    fix=_DO_NOT_LOAD,
    link=_PICKLE_CVE,
    error=UnsafeCheckpoint,
)
PICKLE_OPCODES = Rule(
    id="pickle-opcodes",
    title="The pickle consists of the opcodes that torch.save writes",
    outcome=Outcome.UNSAFE,
    why="other opcodes reach functions by ways that scanners overlook",
    fix=_DO_NOT_LOAD,
    link="https://arxiv.org/html/2508.19774v1",
    error=UnsafeCheckpoint,
)
PICKLE_CALLS = Rule(
    id="pickle-calls",
    title="The pickle calls and builds only as torch.save does, with the arguments that it gives",
    outcome=Outcome.UNSAFE,
    why="a harmless function with chosen arguments has broken torch's own safe loading before",
    fix=_DO_NOT_LOAD,
    link=_WEIGHTS_ONLY_CVE,
    error=UnsafeCheckpoint,
)
PICKLE_MEMBERS = Rule(
    id="pickle-members",
    title="No member besides the weights is a pickle, or anything else that a program would execute",
    outcome=Outcome.UNSAFE,
    why="NeMo has loaded tokenizers and other parts from pickles, and runs what they hold",
    fix=_DO_NOT_LOAD,
    link="https://raw.githubusercontent.com/CVEProject/cvelistV5/main/cves/2026/65xxx/CVE-2026-65179.json",
    error=UnsafeCheckpoint,
)
PICKLE_LIMITS = Rule(
    id="pickle-limits",
    title="The pickle is whole and no larger than the names and shapes of a model need",
    outcome=Outcome.UNREADABLE,
    why="a pickle of a few bytes can ask its reader for any amount of memory and time",
    fix=_SAVE_AGAIN,
    link=_PICKLE_CVE,
)
STATE_DICT = Rule(
    id="state-dict",
    title="The weights are a flat mapping of names to tensors",
    outcome=Outcome.FAILS,
    why="NeMo restores a state dict and nothing else; a training checkpoint (.ckpt) holds it one level deeper",
    fix="load the training checkpoint with NeMo and save it with save_to()",
    link="https://docs.nvidia.com/nemo-framework/user-guide/latest/nemotoolkit/core/core.html#save-and-restore",
)
TENSOR_BOUNDS = Rule(
    id="tensor-bounds",
    title="Every tensor lies within its storage, and every storage is as large as its record",
    outcome=Outcome.UNSAFE,
    why="torch has read and written outside its memory for tensors that claim more than they hold",
    fix=_DO_NOT_LOAD,
    link="https://www.sentinelone.com/vulnerability-database/cve-2026-24747",
    error=UnsafeCheckpoint,
)
