"""What can go wrong around the stages and while judging a server, with exit codes.

    RivaError (pipelines.errors)
    `-- CIError
        |-- BadYaml              80  a YAML file is unreadable or breaks its schema
        |-- BadKnownFailing      81  the list of known failures is malformed or names nothing
        |-- BadEvaluation        82  the evaluation set is missing or not what a manifest should be
        |-- EnvironmentFailed    90  an environment could not be set up
        |-- LockFailed           91  the locks could not be made
        |-- UnknownCheckpoint    92  a checkpoint was named that is not there
        |-- BadCheckpoint        93  a checkpoint's file is missing, a Git LFS pointer, or not what its digest says
        |-- StageFailed          94  the command line of a stage ended with an error
        |-- WrongAnswer          95  what was to be timed answers something else than its baseline
        `-- ServerUnreachable    69  nothing answers at the address (EX_UNAVAILABLE of sysexits.h)

A judged server that fails cases is a finding, not an error: `riva-conformance` ends with 1 then.
"""

from pipelines.errors import RivaError


class CIError(RivaError):
    """Base of the errors of this package."""


class BadYaml(CIError):
    """A YAML file cannot be read, or breaks its schema; the message names file, line and key."""

    exit_code = 80


class BadKnownFailing(CIError):
    """A line of the list of known failures has no reason, or a pattern matches no case."""

    exit_code = 81


class BadEvaluation(CIError):
    """An evaluation set is missing, empty, or a line of its manifest is wrong."""

    exit_code = 82


class ServerUnreachable(CIError):
    """Nothing answered at the address within the time limit."""

    exit_code = 69


class EnvironmentFailed(CIError):
    """An environment could not be set up; the message ends in what the installer said."""

    exit_code = 90


class LockFailed(CIError):
    """No set of versions satisfies pyproject.toml on both architectures, or the package index cannot be reached."""

    exit_code = 91


class UnknownCheckpoint(CIError):
    """A checkpoint was named for which there is no folder with a pipeline.yaml."""

    exit_code = 92


class BadCheckpoint(CIError):
    """A checkpoint file is missing, is a Git LFS pointer, or is not what its digest says."""

    exit_code = 93


class StageFailed(CIError):
    """The command line of a stage ended with an error; its own exit code is in the message."""

    exit_code = 94


class WrongAnswer(CIError):
    """What was to be timed does not answer as its baseline does, so its speed says nothing."""

    exit_code = 95
