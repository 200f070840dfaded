"""What can go wrong around the stages and while judging a server, with exit codes.

    RivaError (pipelines.errors)
    `-- CIError
        |-- BadYaml              80  a YAML file is unreadable or breaks its schema
        |-- BadKnownFailing      81  the list of known failures is malformed or names nothing
        |-- BadEvaluation        82  the evaluation set is missing or not what a manifest should be
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
