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
        |-- NotAsHandedOver      96  what another job or machine made is missing or not what its digest says
        |-- NoRunner             97  no runner takes a job with these labels
        |-- TooManyJobs          98  a run would need more jobs than a matrix of GitHub takes
        |-- WrongEngine          99  a network would run on the CPU on a target that is to use its GPU
        |-- EngineUnavailable    71  no Docker engine answers, or it went away
        |-- EngineForbidden      72  this user may not use the Docker engine
        |-- ImageMissing         73  a registry has no such image, or no source names one
        |-- LoginRefused         74  a registry does not accept the user or the key
        |-- PullFailed           75  an image could not be pulled in three tries
        |-- ContainerFailed      76  the engine could not start a container
        |-- ContainerKilled      77  a container was killed from outside, or for memory
        |-- ImageFailed          79  an image of ours could not be made
        |-- MixedArchives        78  an archive was made by other tools than the image that is to read it
        |-- GitHubError
        |   |-- GitHubUnauthorized   100  401: GitHub does not know the token
        |   |-- GitHubForbidden      101  403: the token may not do this
        |   |-- GitHubNotFound       102  404: it is not there, or the token may not see it
        |   |-- GitHubRefused        103  422, 409: the request makes no sense as things stand, such as a name taken
        |   |-- GitHubLimited        104  the rate limit ends too late to wait for
        |   `-- GitHubUnavailable    105  no connection, or 5xx, again and again
        |-- ReleaseError
        |   |-- BadTag               106  a tag names no model, or another version than its pipeline.yaml
        |   |-- NotProven            107  bytes to be released did not pass conformance, or are missing
        |   |-- AlreadyPublished     108  a version of a model was published with other bytes
        |   |-- EngineFound          109  an asset holds an engine, which is of use on one kind of machine only
        |   |-- ReleaseDamaged       110  an asset is missing or not what the release says it is
        |   |-- NoSuchRelease        111  no release has what was asked for
        |   `-- AttestationFailed    112  the provenance of an asset cannot be proved
        |-- AdvisoriesUnknown    113  the database of published advisories cannot be asked
        |-- UnknownTemplate      114  nothing says from which commit of the template this repository was made
        |-- GitFailed            115  git ended with an error
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


class NotAsHandedOver(CIError):
    """Files that another job or machine made are missing, or are not what their digests say."""

    exit_code = 96


class NoRunner(CIError):
    """A job has waited for minutes, and no runner with its labels has taken it."""

    exit_code = 97


class TooManyJobs(CIError):
    """A run would need more jobs than a matrix of GitHub takes."""

    exit_code = 98


class WrongEngine(CIError):
    """A network of a model repository would run on the CPU, on a target that is to use its GPU."""

    exit_code = 99


class GitHubError(CIError):
    """GitHub's REST API did not do what it was asked to."""


class GitHubUnauthorized(GitHubError):
    """GitHub does not know the token, or wants one (401)."""

    exit_code = 100


class GitHubForbidden(GitHubError):
    """The token lacks a permission (403)."""

    exit_code = 101


class GitHubNotFound(GitHubError):
    """There is no such thing, or the token may not see it (404)."""

    exit_code = 102


class GitHubRefused(GitHubError):
    """The request makes no sense as things stand, such as a name that is taken (409, 422)."""

    exit_code = 103


class GitHubLimited(GitHubError):
    """The rate limit is used up, and ends later than is worth waiting for."""

    exit_code = 104


class GitHubUnavailable(GitHubError):
    """GitHub cannot be reached, or answers 5xx, after all retries."""

    exit_code = 105


class ReleaseError(CIError):
    """A release cannot be made, verified or installed."""


class BadTag(ReleaseError):
    """A tag has another form than `v1.2.3` or `<model>/v1.2.3`, or is not the version of its model."""

    exit_code = 106


class NotProven(ReleaseError):
    """A file to be released is not the one that passed conformance, or a target's results are missing."""

    exit_code = 107


class AlreadyPublished(ReleaseError):
    """A version of a model is already published, with other bytes."""

    exit_code = 108


class EngineFound(ReleaseError):
    """A file to be released holds an engine, which is of use on one kind of machine only."""

    exit_code = 109


class ReleaseDamaged(ReleaseError):
    """A part of a release is missing, or not what the release says it is."""

    exit_code = 110


class NoSuchRelease(ReleaseError):
    """No release has what was asked for, or there is none to go back to."""

    exit_code = 111


class AttestationFailed(ReleaseError):
    """The provenance of an asset cannot be proved."""

    exit_code = 112


class EngineUnavailable(CIError):
    """No Docker engine answers, or it went away in the middle of the work."""

    exit_code = 71


class EngineForbidden(CIError):
    """A Docker engine is there, but its socket is not this user's to open."""

    exit_code = 72


class ImageMissing(CIError):
    """A registry has no such image, or the compatibility table names none."""

    exit_code = 73


class LoginRefused(CIError):
    """A registry does not accept the user or the key, or wants one and got none."""

    exit_code = 74


class PullFailed(CIError):
    """An image could not be pulled in three tries; the message ends in what the engine said."""

    exit_code = 75


class ContainerFailed(CIError):
    """The engine refused to make or start a container."""

    exit_code = 76


class ContainerKilled(CIError):
    """A container was killed from outside, or by the kernel for its memory."""

    exit_code = 77


class ImageFailed(CIError):
    """An image of ours could not be made: no base, a package that cannot be had, or a refusal of the engine."""

    exit_code = 79


class MixedArchives(CIError):
    """An archive was made by other tools than those of the image that is to read it."""

    exit_code = 78


class AdvisoriesUnknown(CIError):
    """The database of published advisories cannot be reached, or its answer cannot be read."""

    exit_code = 113


class UnknownTemplate(CIError):
    """Nothing says which template this repository was made from, or from which of its commits."""

    exit_code = 114


class GitFailed(CIError):
    """git ended with an error; the message holds what it said."""

    exit_code = 115
