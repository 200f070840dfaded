"""The configuration: plain data that names known classes and members of the archive, and nothing outside it."""

from pipelines.errors import UnsafeCheckpoint
from pipelines.verdict.findings import Outcome, Rule

__all__ = [
    "CLASSES_KNOWN",
    "CONFIGURATION_PLAIN",
    "DATA_COMMANDS",
    "HYDRA_KEYS",
    "INTERPOLATIONS_PLAIN",
    "NOTHING_FETCHED",
    "NO_REMOTE_CODE",
    "REFERENCES_INSIDE",
]

_HYDRA_CVE = "https://nvd.nist.gov/vuln/detail/CVE-2025-23304"
_ASK = "ask its maker what this is for; do not restore this file anywhere"

CONFIGURATION_PLAIN = Rule(
    id="configuration-plain",
    title="The configuration is plain data, without objects of other types",
    outcome=Outcome.UNSAFE,
    why="a YAML tag names a type, and some readers make an object of it: code runs while the file is read",
    fix=_ASK,
    link="https://github.com/yaml/pyyaml/wiki/PyYAML-yaml.load(input)-Deprecation",
    error=UnsafeCheckpoint,
)
CLASSES_KNOWN = Rule(
    id="classes-known",
    title="The configuration names only classes of speech models (`_target_`, `target`, `cls`)",
    outcome=Outcome.UNSAFE,
    why="NeMo imports and calls whatever stands there, with arguments that stand beside it",
    fix=_ASK,
    link=_HYDRA_CVE,
    error=UnsafeCheckpoint,
)
HYDRA_KEYS = Rule(
    id="hydra-keys",
    title="The configuration gives Hydra no instructions beyond the class (`_args_`, `_partial_`, ...)",
    outcome=Outcome.UNSAFE,
    why="no checkpoint that NeMo saved has them; they change what is called, and with what",
    fix=_ASK,
    link="https://github.com/hydra-ecosystem/hydra/issues/3258",
    error=UnsafeCheckpoint,
)
INTERPOLATIONS_PLAIN = Rule(
    id="interpolations-plain",
    title="Interpolations refer to other values of the configuration and to nothing else",
    outcome=Outcome.UNSAFE,
    why="a resolver such as oc.env reads the environment of whoever restores the model, or runs what was registered",
    fix="save the configuration resolved, as NeMo does",
    link="https://omegaconf.readthedocs.io/en/latest/custom_resolvers.html",
    error=UnsafeCheckpoint,
)
NO_REMOTE_CODE = Rule(
    id="no-remote-code",
    title="Nothing asks for code from a model hub (`trust_remote_code`, `auto_map`)",
    outcome=Outcome.UNSAFE,
    why="the hub's code would run here, and may be another tomorrow",
    fix="remove the key and save the model again with its own tokenizer",
    link="https://github.com/NVIDIA/NeMo/issues/15599",
    error=UnsafeCheckpoint,
)
NOTHING_FETCHED = Rule(
    id="nothing-fetched",
    title="The checkpoint is complete: no URL and no name of a model on a hub",
    outcome=Outcome.UNSAFE,
    why="restoring it would load something over the network that nobody has checked",
    fix="save the model with everything it needs inside the archive",
    link="https://github.com/NVIDIA/NeMo/issues/15599",
    error=UnsafeCheckpoint,
)
REFERENCES_INSIDE = Rule(
    id="references-inside",
    title="File names in the configuration lead to members of the archive and nowhere else",
    outcome=Outcome.UNSAFE,
    why="NeMo opens the file and packs it into what it saves: a key of this machine would be published",
    fix="save the model again with NeMo's save_to(), which packs its files; set what it does not need to null",
    link="https://raw.githubusercontent.com/CVEProject/cvelistV5/main/cves/2025/23xxx/CVE-2025-23360.json",
    error=UnsafeCheckpoint,
)
DATA_COMMANDS = Rule(
    id="data-commands",
    title="The sections about training data hold no commands",
    outcome=Outcome.UNSAFE,
    why="NeMo's data loaders hand such values to a shell; these sections never reach it here, but the maker tried",
    fix=_ASK,
    link="https://raw.githubusercontent.com/CVEProject/cvelistV5/main/cves/2026/65xxx/CVE-2026-65178.json",
    error=UnsafeCheckpoint,
)
