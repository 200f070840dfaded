"""Everything that can go wrong, with its exit code.

    RivaError
    |-- UsageError             64  the command line cannot be understood
    |-- InternalError          70  a fault of this program
    |-- InputError
    |   |-- NotAnArchive       10  not a tar archive, or another kind than the one asked for
    |   |-- TruncatedArchive   11  the archive ends too early or a member's digest is wrong
    |   |-- WrongKey           12  the key is missing or wrong
    |   |-- MissingInput       13  a file that was named is not there
    |   |-- TamperedArchive    14  the key is right, and the encrypted bytes were changed
    |   |-- ForeignArchive     15  an archive of NVIDIA's own tools, which only they read
    |   |-- UnfitEvaluation    16  an evaluation set is not what a model can be judged on
    |   |-- NgcMissing         17  NVIDIA's ngc command or its key is missing
    |   `-- DownloadFailed     18  ngc did not deliver a model
    |-- CheckpointError
    |   |-- UnsupportedCheckpoint 30  its class is not one that can be exported here
    |   |-- BrokenCheckpoint      31  a part is missing or damaged: configuration, tokenizer, weights
    |   |-- ExportFailed          32  NeMo could not restore or export it
    |   |-- UnsafeCheckpoint      36  a part of it could run code or write elsewhere when it is loaded
    |   `-- ExportLimited         29  the export needs more memory or time than it may have
    |-- WaiverNeeded         37  a chosen version carries a published advisory that nobody waived
    |-- GraphError
    |   |-- GraphDiffers          33  the exported graph does not compute what the checkpoint computes
    |   |-- GraphTooNew           34  the chosen Riva version cannot load the graph
    |   `-- SchemaViolated        35  --validate found something missing
    |-- BuildError
    |   |-- PipelineMissing    38  the pipeline is one of Riva's, but cannot be built here yet
    |   `-- WrongClass         39  the .riva holds a model that the pipeline does not serve
    |-- DeployError
    |   |-- NotDeployable         40  an option or a part of the model that this runtime does not execute
    |   |-- EngineFailed          41  the network does not run, or is not the one that was declared
    |   `-- NameClash             42  two pipelines of one repository want the same model name
    |-- TritonError
    |   |-- TritonMissing         43  the binary, its Python backend or the interpreter's shared library is missing
    |   |-- NotARepository        44  a folder holds no model, or a configuration that does not parse
    |   |-- ModelsNotLoaded       45  Triton refused a model
    |   `-- TritonNotReady        46  Triton ended early or took too long
    |-- ServeError
    |   |-- PortTaken          50  somebody else listens on the address
    |   `-- ProcessDied        51  Triton or the API server ended by itself
    |-- MachineTooSmall      60  this machine has less memory or disk than the stages need
    `-- OutputError
        |-- OutputExists       20  refused to overwrite without --force
        |-- OutputBusy         21  another process is writing the same output
        `-- OutputFailed       22  disk full, no permission

A message has three parts: what happened (with the values), why that is likely, what to do next.
"""

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pipelines.verdict.findings import Finding


class RivaError(Exception):
    """Base of every error that a user can do something about.

    Args:
        what: What happened, with the values.
        why: The likely reason; left out where `what` says it all.
        fix: What to do next.

    Attributes:
        finding: What the error was made of where a rule of the verdict is broken, otherwise None.
    """

    exit_code: ClassVar[int] = 70
    finding: "Finding | None" = None

    def __init__(self, what: str, why: str = "", fix: str = "") -> None:
        self.what, self.why, self.fix = what, why, fix
        super().__init__("\n".join(part for part in (what, why, fix) if part))


class UsageError(RivaError):
    """The command line cannot be understood (EX_USAGE of sysexits.h)."""

    exit_code = 64


class InternalError(RivaError):
    """A fault of this program (EX_SOFTWARE of sysexits.h)."""

    exit_code = 70


class InputError(RivaError):
    """Something that was handed in cannot be used."""


class NotAnArchive(InputError):
    """A file is not the kind of archive that was asked for."""

    exit_code = 10


class TruncatedArchive(InputError):
    """An archive ends too early, or a member is not what the manifest says."""

    exit_code = 11


class WrongKey(InputError):
    """The key is missing or wrong; a changed salt or key check looks the same."""

    exit_code = 12


class MissingInput(InputError):
    """A file that was named is not there."""

    exit_code = 13


class TamperedArchive(InputError):
    """The key is right, and the encrypted bytes are not those that were written."""

    exit_code = 14


class ForeignArchive(InputError):
    """An archive of NVIDIA's own tools (EFF), which only they read."""

    exit_code = 15


class UnfitEvaluation(InputError):
    """An evaluation set is not what a model can be judged on."""

    exit_code = 16


class NgcMissing(InputError):
    """Models are to come from NGC, and NVIDIA's `ngc` command or its key is not here."""

    exit_code = 17


class DownloadFailed(InputError):
    """NVIDIA's `ngc` command ended with an error, or what it brought is no model."""

    exit_code = 18


class CheckpointError(RivaError):
    """A checkpoint cannot become a `.riva`."""


class UnsupportedCheckpoint(CheckpointError):
    """The checkpoint is sound, but its class cannot be exported here."""

    exit_code = 30


class BrokenCheckpoint(CheckpointError):
    """A part of the checkpoint is missing, damaged or unsafe to unpack."""

    exit_code = 31


class ExportFailed(CheckpointError):
    """NeMo could not restore or export the checkpoint."""

    exit_code = 32


class UnsafeCheckpoint(CheckpointError):
    """A part of the checkpoint could run code, or read or write elsewhere, when it is loaded."""

    exit_code = 36


class ExportLimited(CheckpointError):
    """The export needs more memory or time than it may have."""

    exit_code = 29


class WaiverNeeded(RivaError):
    """A chosen version carries a published security advisory, and no waiver of it is valid."""

    exit_code = 37


class GraphError(RivaError):
    """An export was refused because of what it holds."""


class GraphDiffers(GraphError):
    """The exported graph does not compute what the checkpoint computes."""

    exit_code = 33


class GraphTooNew(GraphError):
    """The chosen Riva version cannot load a graph as new as this one."""

    exit_code = 34


class SchemaViolated(GraphError):
    """The archive lacks something that its class's schema asks for."""

    exit_code = 35


class BuildError(RivaError):
    """An RMIR cannot be built from what was handed in."""


class PipelineMissing(BuildError):
    """The pipeline is one of Riva's, but has no room here yet."""

    exit_code = 38


class WrongClass(BuildError):
    """A `.riva` holds a model of a class that the pipeline does not serve."""

    exit_code = 39


class DeployError(RivaError):
    """An RMIR cannot become a model repository."""


class NotDeployable(DeployError):
    """The RMIR asks for something that changes results and is not executed here."""

    exit_code = 40


class EngineFailed(DeployError):
    """The network does not run on the target, or is not the one that the RMIR declares."""

    exit_code = 41


class NameClash(DeployError):
    """Two pipelines of one repository want the same model name."""

    exit_code = 42


class TritonError(RivaError):
    """Triton cannot serve a model repository."""


class TritonMissing(TritonError):
    """The Triton binary, its Python backend or the interpreter's shared library is not installed."""

    exit_code = 43


class NotARepository(TritonError):
    """A folder holds no model that Triton could load, or a configuration does not parse."""

    exit_code = 44


class ModelsNotLoaded(TritonError):
    """Triton refused a model of the repository."""

    exit_code = 45


class TritonNotReady(TritonError):
    """Triton ended before it was ready, or took too long."""

    exit_code = 46


class ServeError(RivaError):
    """The server cannot start, or cannot go on."""


class PortTaken(ServeError):
    """Somebody else listens on the address, or it is not this machine's."""

    exit_code = 50


class ProcessDied(ServeError):
    """Triton or the API server ended by itself; the other was stopped."""

    exit_code = 51


class MachineTooSmall(RivaError):
    """The machine has less memory or disk than the stages need for a checkpoint."""

    exit_code = 60


class OutputError(RivaError):
    """Something could not be written; whatever stood there before is untouched."""


class OutputExists(OutputError):
    """An output exists and --force was not given."""

    exit_code = 20


class OutputBusy(OutputError):
    """Another process is writing the same output."""

    exit_code = 21


class OutputFailed(OutputError):
    """The operating system refused a write: disk full, no permission."""

    exit_code = 22
