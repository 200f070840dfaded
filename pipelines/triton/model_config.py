"""Triton's model configuration as typed protobuf messages, written as pbtxt and read back.

The messages are `inference.ModelConfig` of tritonclient (model_config.proto of the Triton core). A text that does not
parse back into the same message never reaches a model repository.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import InternalError, NotARepository

if TYPE_CHECKING:
    from tritonclient.grpc.model_config_pb2 import ModelConfig

__all__ = ["CONFIG_FILE", "parameter_values", "read_config", "set_parameters", "write_config"]

CONFIG_FILE = "config.pbtxt"


def write_config(config: "ModelConfig", folder: Path) -> None:
    """Writes `config.pbtxt` into a model's folder and reads it back.

    Raises:
        InternalError: What was read differs from what was meant.
    """
    from google.protobuf import text_format

    path = folder / CONFIG_FILE
    path.write_text(text_format.MessageToString(config, as_utf8=True), "utf-8")
    if read_config(path) != config:
        raise InternalError(f"{path}: the configuration of {config.name} does not survive being written")


def read_config(path: Path) -> "ModelConfig":
    """Reads a `config.pbtxt`.

    Raises:
        NotARepository: It does not parse; the message has the line and the column.
    """
    from google.protobuf import text_format
    from tritonclient.grpc.model_config_pb2 import ModelConfig

    config = ModelConfig()
    try:
        text_format.Parse(path.read_text("utf-8"), config)
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise NotARepository(
            f"{path} is not a Triton model configuration: {error}",
            "it was edited by hand or cut off",
            "make the model repository again with riva-deploy -f",
        ) from error
    return config


def set_parameters(config: "ModelConfig", values: Mapping[str, object]) -> None:
    """Adds parameters; Triton keeps them as strings, booleans spelled True and False as riva-build does."""
    for name, value in values.items():
        config.parameters[name].string_value = str(value)


def parameter_values(config: Any) -> dict[str, str]:
    """Returns the parameters of a configuration read from a file or from a running Triton."""
    return {name: parameter.string_value for name, parameter in config.parameters.items()}
