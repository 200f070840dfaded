"""Configurations are messages; their text is only how they are kept."""

import pytest
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInput

from pipelines.errors import NotARepository
from pipelines.triton.model_config import parameter_values, read_config, set_parameters, write_config


def test_what_is_written_is_read(tmp_path):
    """Every field survives, text outside ASCII and quotes too."""
    config = ModelConfig(name="komödie", max_batch_size=4, input=[ModelInput(name="a", dims=[-1, 2])])
    set_parameters(config, {"quote": 'say "ja" \\ ✓', "flag": True, "number": 0.16})

    write_config(config, tmp_path)

    assert read_config(tmp_path / "config.pbtxt") == config
    assert parameter_values(read_config(tmp_path / "config.pbtxt")) == {
        "quote": 'say "ja" \\ ✓',
        "flag": "True",
        "number": "0.16",
    }


@pytest.mark.parametrize("text", ["name: riva", 'nam: "riva"', 'name: "riva'], ids=["type", "field", "cut off"])
def test_a_broken_configuration_is_told_with_its_line(tmp_path, text):
    """An edit by hand that does not parse is refused with file and line."""
    path = tmp_path / "config.pbtxt"
    path.write_text(f"max_batch_size: 1\n{text}")

    with pytest.raises(NotARepository, match=r"config\.pbtxt.* 2:"):
        read_config(path)
