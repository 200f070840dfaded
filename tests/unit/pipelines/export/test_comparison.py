"""A graph is compared with reference outputs by running it, and each way of differing is told apart."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from pipelines.errors import ExportFailed, GraphDiffers
from pipelines.export.comparison import compare
from tests.tiny_graphs import BANDS, FRAMES, write_graph, write_reference


def test_an_equal_graph_agrees(tmp_path: Path) -> None:
    """A graph that computes the same has no difference alone, in a batch and in a padded batch."""
    found = compare(write_graph(tmp_path / "g.onnx"), write_reference(tmp_path / "r.npz"), whole=True)

    assert max(found.single_error, found.equal_error, found.padded_error or 0) < 1e-5
    assert (found.ir_version, found.opset) == (8, 16)
    assert found.inputs == [{"name": "audio_signal", "dtype": "float32", "shape": [-1, BANDS, -1]}]
    assert found.lengths == [[frames, frames] for frames in FRAMES]


def test_a_difference_is_measured(tmp_path: Path) -> None:
    """The error is how far the worst output is off."""
    found = compare(write_graph(tmp_path / "g.onnx", offset=0.25), write_reference(tmp_path / "r.npz"), whole=True)

    assert found.single_error == pytest.approx(0.25, abs=1e-4)


def test_lost_masks_show_in_the_padded_batch_only(tmp_path: Path) -> None:
    """A graph that lets padding leak in is right alone and wrong in a padded batch."""
    reference = write_reference(tmp_path / "r.npz", mean_over_time=True)
    found = compare(write_graph(tmp_path / "g.onnx", mean_over_time=True), reference, whole=True)

    assert max(found.single_error, found.equal_error) < 1e-5
    assert found.padded_error is not None
    assert found.padded_error > 0.01


def test_other_shapes_are_an_error(tmp_path: Path) -> None:
    """An output of another shape is never compared by luck of broadcasting."""
    with pytest.raises(GraphDiffers, match=r"shape \[10, 3\] where the checkpoint gives \[9, 3\]"):
        compare(write_graph(tmp_path / "g.onnx"), write_reference(tmp_path / "r.npz", cut=1), whole=True)


def test_nan_is_a_difference(tmp_path: Path) -> None:
    """An output that is not a number is infinitely far off."""
    found = compare(write_graph(tmp_path / "g.onnx", offset=np.nan), write_reference(tmp_path / "r.npz"), whole=True)

    assert found.single_error == np.inf


@pytest.mark.parametrize("content", [b"", b"not a graph"])
def test_what_is_no_graph_cannot_be_loaded(tmp_path: Path, content: bytes) -> None:
    """A file that the checker or the runtime refuses ends in one message."""
    (tmp_path / "g.onnx").write_bytes(content)

    with pytest.raises(ExportFailed, match="cannot be loaded"):
        compare(tmp_path / "g.onnx", write_reference(tmp_path / "r.npz"), whole=True)


def test_missing_weights_are_found(tmp_path: Path) -> None:
    """A graph whose weights lie beside it is refused when they do not, and the file is named."""
    model = onnx.load(write_graph(tmp_path / "plain.onnx"))
    onnx.save(model, str(tmp_path / "g.onnx"), save_as_external_data=True, location="weights", size_threshold=0)
    assert compare(tmp_path / "g.onnx", write_reference(tmp_path / "r.npz"), whole=True).single_error < 1e-5
    (tmp_path / "weights").unlink()

    with pytest.raises(ExportFailed, match=r"should be in weights, which is not beside .* \[graph-whole\]"):
        compare(tmp_path / "g.onnx", tmp_path / "r.npz", whole=True)


def test_a_graph_that_takes_one_length_only_cannot_be_run(tmp_path: Path) -> None:
    """The exporter may fix a length that depends on the input; the message says with which shapes it was tried."""
    graph = write_graph(tmp_path / "g.onnx", fixed_frames=FRAMES[0])

    with pytest.raises(ExportFailed, match=r"cannot be run on audio_signal \[1, 4, 17\] \[graph-runs\]"):
        compare(graph, write_reference(tmp_path / "r.npz"), whole=True)
