"""What can go wrong with one call, in Riva's words.

    CallError
    |-- RequestRejected        the client must change the request
    |   |-- UnavailableModel       no such (model, language, mode)
    |   |-- UnknownModel           no model of that name for language understanding
    |   |-- TooMuchText            more text than one call may bring
    |   |-- ConfigMissing          a stream that does not begin with its configuration
    |   |-- ConfigRepeated         a second configuration in the middle of a stream
    |   |-- FormatMismatch         the configuration contradicts the header of the audio
    |   |-- InvalidFormat          audio that cannot be read
    |   |-- ChannelCount           more than one channel
    |   |-- BitsPerSample          PCM that is neither 8 nor 16 bits
    |   |-- SeparateRecognition    one transcript a channel was asked for
    |   |-- OutOfRange             an option with an impossible value
    |   `-- UnsupportedOption      an option that this runtime does not execute
    |-- TooManyCalls           the server is at a limit; the same call may succeed later
    |-- StreamIdle             a stream stayed silent for longer than the limit
    `-- InferenceFailed        Triton refused or failed

These are answers to a client, not ends of a process, hence apart from `pipelines.errors`. Messages are those of the
Riva server, word for word where one is known, because clients compare them; what to do about it goes to `remedy`,
which travels in the details of the status.
"""

from collections.abc import Mapping


class CallError(Exception):
    """Base of everything that ends a call with a status other than OK.

    Args:
        message: What the client sees, starting with `Error: `.
        remedy: What the caller, or the operator, should do next.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        self.message, self.remedy = message, remedy
        super().__init__(message)


class RequestRejected(CallError):
    """The request cannot be served as it is."""


class UnavailableModel(RequestRejected):
    """Nothing deployed fits the request.

    Args:
        parameters: What was asked for, in the order in which it is shown.
        deployed: One description a deployed pipeline.
    """

    def __init__(self, parameters: Mapping[str, object], deployed: list[str]) -> None:
        asked = "".join(f"{key}={value}; " for key, value in parameters.items())
        there = ", ".join(deployed) if deployed else "no pipeline of this service at all"
        super().__init__(
            f"Error: Unavailable model requested given these parameters: {asked}",
            f"Deployed here: {there}. Ask for one of these, or build and deploy the missing pipeline.",
        )


class UnknownModel(RequestRejected):
    """Language understanding was asked of a model that is not there, or does something else.

    Args:
        name: What was asked for.
        deployed: One description a deployed pipeline.
    """

    def __init__(self, name: str, deployed: list[str]) -> None:
        super().__init__(
            f"Error: Model {name} is not a Riva API model, execution cannot be done",
            f"Deployed here: {', '.join(deployed) or 'no such pipeline at all'}. Leave model_name empty to choose by "
            "language_code.",
        )


class TooMuchText(RequestRejected):
    """A call brings more text than is read at once."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"Error: {size} bytes of text in one request, {limit} is the limit",
            "Send the text in parts, cut between two sentences. Answers past 4 MiB would reach no stock client anyway.",
        )


class ConfigMissing(RequestRejected):
    """The first message of a stream is not a configuration, or none came in time."""

    def __init__(self, remedy: str) -> None:
        super().__init__("Error: First StreamingRecognize request must contain RecognitionConfig", remedy)


class ConfigRepeated(RequestRejected):
    """A stream's configuration cannot change once audio flows."""

    def __init__(self) -> None:
        super().__init__(
            "Error: StreamingRecognize requests after the first must contain audio_content",
            "Open a new stream for a new configuration.",
        )


class FormatMismatch(RequestRejected):
    """The request declares another format than the audio carries in its header."""

    def __init__(self, *, what: str, declared: object, found: object) -> None:
        super().__init__(
            "Error: config format doesn't match with header format",
            f"The configuration says {what} {declared}, the header of the audio says {found}. "
            f"Leave {what} unset for audio with a header, or declare what the header says.",
        )


class InvalidFormat(RequestRejected):
    """The audio cannot be read; `remedy` says what was found and what is understood."""

    def __init__(self, remedy: str) -> None:
        super().__init__("Error: invalid format", remedy)


class ChannelCount(RequestRejected):
    """Only mono audio is recognised."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            "Error: channel count must be 1", f"Found {channels} channels. Mix the channels or send one call for each."
        )


class BitsPerSample(RequestRejected):
    """PCM must have 8 or 16 bits a sample."""

    def __init__(self, bits: int) -> None:
        super().__init__(
            "Error: bits per sample must be 8 or 16", f"Found {bits} bits per sample. Convert the audio to 16-bit PCM."
        )


class SeparateRecognition(RequestRejected):
    """One transcript for each channel was asked for."""

    def __init__(self) -> None:
        super().__init__(
            "Error: separate recognition per channel not yet supported",
            "Send one call for each channel and leave enable_separate_recognition_per_channel unset.",
        )


class OutOfRange(RequestRejected):
    """An option has a value that means nothing; `what` says which, and what was expected."""

    def __init__(self, what: str) -> None:
        super().__init__(f"Error: {what}", "Change the value, or leave it unset: the pipeline's own then counts.")


class UnsupportedOption(RequestRejected):
    """An option changes the result in a way that this runtime does not know."""


class TooManyCalls(CallError):
    """A limit of the server is reached."""


class StreamIdle(CallError):
    """Neither audio nor the end of the stream came for too long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"Error: no audio received for {seconds:g} seconds",
            "Close the stream when the speaker is done, or send audio (silence will do) while the microphone is open.",
        )


class InferenceFailed(CallError):
    """Triton, or the pipeline inside it, failed."""

    def __init__(self, reason: str, remedy: str = "See the log of Triton for the model that failed.") -> None:
        super().__init__(f"Error: Triton model failed during inference. Error message: {reason}", remedy)
