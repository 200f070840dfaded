"""What the processes of an export say about a small network that agrees with its checkpoint."""

from pipelines.export.job import Comparison, NemoExport
from pipelines.export.sandbox import Isolation

__all__ = ["COMPARISON", "EXPORT", "ISOLATION"]

EXPORT = NemoExport(
    device="cpu",
    autocast=False,
    max_batch=1,
    max_dim=256,
    parameters=7,
    subsampling=4,
    facts={"stride_ms": 40},
    versions={"torch": "2"},
    notes=[],
)

COMPARISON = Comparison(
    ir_version=8,
    opset=16,
    inputs=[],
    outputs=[],
    single_error=1e-6,
    equal_error=1e-6,
    padded_error=1e-6,
    lengths=[[90, 23], [311, 78]],
    versions={},
)

ISOLATION = Isolation(network=True, layers=("system calls",), missing=("namespaces: Operation not permitted",))
