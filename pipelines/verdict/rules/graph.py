"""The exported graph: whole, young enough for the server, and computing what the checkpoint computes."""

from pipelines.errors import ExportFailed, GraphDiffers, GraphTooNew, SchemaViolated
from pipelines.verdict.findings import Outcome, Rule

__all__ = ["GRAPH_AGREES", "GRAPH_LENGTHS", "GRAPH_LOADABLE", "GRAPH_RUNS", "GRAPH_SCHEMA", "GRAPH_WHOLE"]

GRAPH_LOADABLE = Rule(
    id="graph-loadable",
    title="The graph's IR version and opset are ones that the chosen Riva loads",
    outcome=Outcome.FAILS,
    why="riva-build and riva-deploy accept a graph that is too new; the server refuses it at its start",
    fix="export with a lower --onnx-opset, or name a newer Riva with --riva-version",
    link="https://github.com/nvidia-riva/nemo2riva/issues/36",
    error=GraphTooNew,
)
GRAPH_WHOLE = Rule(
    id="graph-whole",
    title="Every file of weights that the graph refers to lies beside it",
    outcome=Outcome.FAILS,
    why="a model beyond 2 GB is exported as a small graph and loose files of weights, and one of them was lost",
    fix="free some disk and export again; nothing was written",
    link="https://github.com/NVIDIA-NeMo/Speech/issues/10580",
    error=ExportFailed,
)
GRAPH_RUNS = Rule(
    id="graph-runs",
    title="ONNX Runtime loads the graph and runs it on inputs of several lengths, one by one and in a batch",
    outcome=Outcome.FAILS,
    why="ONNX's own checker passes graphs that no runtime executes; a server would fail at its start",
    fix="try another --onnx-opset",
    link="https://github.com/NVIDIA-NeMo/Speech/issues/5513",
    error=ExportFailed,
)
GRAPH_AGREES = Rule(
    id="graph-agrees",
    title="ONNX Runtime computes from the graph what NeMo computes from the checkpoint",
    outcome=Outcome.FAILS,
    why="the exporter translated an operation wrongly, or fixed a value that depends on the input",
    fix="try another --onnx-opset, or --autocast False on a GPU; report it to NeMo with the model's class",
    link="https://github.com/NVIDIA-NeMo/Speech/issues/1879",
    error=GraphDiffers,
)
GRAPH_LENGTHS = Rule(
    id="graph-lengths",
    title="The graph gives as many outputs for an input as its subsampling says",
    outcome=Outcome.FAILS,
    why="the times of words, and where chunks of a stream meet, are counted in outputs",
    fix="report it to NeMo with the model's class",
    link="https://github.com/NVIDIA-NeMo/Speech/issues/5513",
    error=GraphDiffers,
)
GRAPH_SCHEMA = Rule(
    id="graph-schema",
    title="The archive holds what the schema of its class asks for",
    outcome=Outcome.FAILS,
    why="the schema is for another class, or the checkpoint lacks something",
    fix="name the right --schema, or save the checkpoint again; nothing was written",
    link="https://github.com/nvidia-riva/nemo2riva/tree/main/nemo2riva/validation_schemas",
    error=SchemaViolated,
)
