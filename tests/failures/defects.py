"""A defect for each row of pipelines/verdict/failures.yaml that a rule stops, and the tool that must stop it.

Each function takes a folder of its own and the means to run tools, puts the defect there, and returns the phase at
which a tool found it and the ids of the rules that it named.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import pytest
import yaml

from ci import environments
from ci.errors import BadYaml, EnvironmentFailed
from ci.pipeline.checkpoint import Checkpoint
from pipelines import compatibility
from pipelines.cli import riva_build, riva_verdict
from pipelines.compatibility import riva_version
from pipelines.errors import RivaError
from pipelines.export.acceptance import check_content, check_versions
from pipelines.export.comparison import compare
from tests.exports import EXPORT
from tests.nemo_checkpoints import config, write_nemo
from tests.tiny_graphs import FRAMES, write_graph, write_reference
from tests.tones.archive import write_riva

__all__ = ["DEFECTS", "Found", "Tools"]

ASR = "nemo.collections.asr.models"
DECLARATION = {
    "checkpoint": {"path": "model.nemo"},
    "pipeline": "speech_recognition",
    "language": "en-US",
    "builds": {"streaming": {}},
    "version": "1.0.0",
}


@dataclass(frozen=True)
class Found:
    """What a tool said of a defect.

    Attributes:
        phase: Of the tool, P0 to P2.
        rules: Ids of the rules that it named.
        said: All that it said about them.
    """

    phase: str
    rules: frozenset[str]
    said: str


@dataclass(frozen=True)
class Tools:
    """What a defect needs of the test that seeds it."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def verdict(self, checkpoint: Path, *options: str) -> Found:
        """Runs `riva-verdict`."""
        riva_verdict.main([str(checkpoint), "--json", "--memory=any", "--disk=any", "--l4t=any", *options])
        (judged,) = json.loads(self.capsys.readouterr().out)["checkpoints"]
        findings = judged["findings"]
        return Found("P0", frozenset(each["rule"] for each in findings), json.dumps(findings))

    def build(self, *words: str) -> Found:
        """Runs `riva-build`."""
        riva_build.main(list(words))
        return _named("P2", self.capsys.readouterr().err)


Defect = Callable[[Path, Tools], Found]


def _named(phase: str, said: str) -> Found:
    """What an error says, which has the ids of its rules in brackets."""
    return Found(phase, frozenset(re.findall(r"\[([a-z0-9]+(?:-[a-z0-9]+)+)\]", said)), said)


def _graph_of_new_version(folder: Path, *, opset: int, ir_version: int, riva: str) -> Found:
    """What nemo2riva does with a graph: ONNX Runtime reads and runs it, then its versions are looked up."""
    graph = write_graph(folder / "graph.onnx", opset=opset, ir_version=ir_version)
    comparison = compare(graph, write_reference(folder / "reference.npz"), whole=True)
    return _refused(lambda: check_versions(comparison, riva_version(riva)))


def _refused(export: Callable[[], object]) -> Found:
    try:
        export()
    except RivaError as error:
        return _named("P1", str(error))
    return Found("P1", frozenset(), "")


def _ir_too_new(folder: Path, _tools: Tools) -> Found:
    return _graph_of_new_version(folder, opset=17, ir_version=9, riva="2.16")


def _ir_too_new_for_its_opset(folder: Path, _tools: Tools) -> Found:
    return _graph_of_new_version(folder, opset=16, ir_version=10, riva="2.19")


def _package_changed(name: str, version: str | None) -> Defect:
    """Somebody installed another version of a package into an environment of the stages, or took it away."""

    def defect(folder: Path, tools: Tools) -> Found:
        for constant, value in (("ROOT", folder), ("FOLDER", folder), ("LOCKS", folder)):
            tools.monkeypatch.setattr(environments, constant, value)
        tools.monkeypatch.setattr(environments, "ENVIRONMENTS", {"export": environments.Environment(("export",), "")})
        (folder / "export.txt").write_text(f"{name}==9.9.9 \\\n    --hash=sha256:00\n", encoding="utf-8")
        (folder / "pyproject.toml").touch()
        interpreter = environments.Interpreter.current() or environments.Interpreter.on_path()
        environment = environments._folder("export", interpreter)
        packages = environment / "lib" / "python3" / "site-packages"
        packages.mkdir(parents=True)
        if version is not None:
            (packages / f"{name}-{version}.dist-info").mkdir()
        (environment / "bin").mkdir()
        (environment / "bin" / "python").touch()
        (environment / "ready").write_text(environments._stamp(), encoding="utf-8")
        try:
            environments.ready("export")
        except EnvironmentFailed as error:
            return _named("P0", str(error))
        return Found("P0", frozenset(), "")

    return defect


def _jetson_of_line(l4t: str) -> Defect:
    return lambda folder, tools: tools.verdict(write_nemo(folder / "a.nemo"), "--target=jetson", f"--l4t={l4t}")


def _limit_without_mode(folder: Path, _tools: Tools) -> Found:
    declared = {**DECLARATION, "accuracy": {"offline": 0.02}}
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(declared), encoding="utf-8")
    try:
        Checkpoint.read(folder)
    except BadYaml as error:
        return _named("P0", str(error))
    return Found("P0", frozenset(), "")


def _no_language(folder: Path, tools: Tools) -> Found:
    riva = write_riva(folder / "a.riva")
    return tools.build("speech_recognition", str(folder / "a.rmir"), str(riva), "--decoder_type=greedy")


def _little_memory(folder: Path, tools: Tools) -> Found:
    return tools.verdict(write_nemo(folder / "a.nemo"), "--memory=1GB")


def _configured(*options: str, **changes: Any) -> Defect:
    """A checkpoint whose configuration has other values."""
    target = changes.pop("target", f"{ASR}.ctc_models.EncDecCTCModel")
    return lambda folder, tools: tools.verdict(write_nemo(folder / "a.nemo", config(target, **changes)), *options)


def _row_of_a_fork(folder: Path, tools: Tools) -> Found:
    """The fork's own row in the table of known bad pairs."""
    table = yaml.safe_load(compatibility.TABLE.read_text(encoding="utf-8"))
    table["known_bad"]["ours"] = {
        "when": {"class": "*EncDecCTCModel", "saved-by": "==1.21.*", "nemo": ">=3.0"},
        "what": "our models of that year do not export",
        "fix": "train again",
        "source": "hybrid-1.22",
    }
    (folder / "table.yaml").write_text(yaml.safe_dump(table), encoding="utf-8")
    tools.monkeypatch.setattr(compatibility, "TABLE", folder / "table.yaml")
    compatibility.compatibility.cache_clear()
    try:
        return tools.verdict(write_nemo(folder / "a.nemo", config(nemo_version="1.21.0")))
    finally:
        compatibility.compatibility.cache_clear()


def _wrong_output(folder: Path, _tools: Tools) -> Found:
    graph = write_graph(folder / "graph.onnx", offset=0.25)
    comparison = compare(graph, write_reference(folder / "reference.npz"), whole=True)
    return _refused(lambda: check_content(EXPORT, comparison))


def _one_length_only(folder: Path, _tools: Tools) -> Found:
    graph = write_graph(folder / "graph.onnx", fixed_frames=FRAMES[0])
    return _refused(lambda: compare(graph, write_reference(folder / "reference.npz"), whole=True))


def _weights_lost(folder: Path, _tools: Tools) -> Found:
    graph = write_graph(folder / "graph.onnx")
    onnx.save(onnx.load(graph), str(graph), save_as_external_data=True, location="weights", size_threshold=0)
    (folder / "weights").unlink()
    return _refused(lambda: compare(graph, write_reference(folder / "reference.npz"), whole=True))


DEFECTS: dict[int, tuple[Defect, ...]] = {
    1: (_ir_too_new,),
    2: (_ir_too_new_for_its_opset,),
    3: (_package_changed("onnx", "99.0"), _ir_too_new_for_its_opset),
    7: (_jetson_of_line("35.4.1"),),
    8: (_jetson_of_line("36.4.3"),),
    9: (_limit_without_mode,),
    14: (_no_language,),
    15: (_little_memory,),
    16: (_package_changed("numpy", "1.26.4"),),
    17: (_configured(nemo_version="1.18.0rc0"),),
    18: (_row_of_a_fork,),
    19: (_configured(nemo_version="9.0.0"),),
    20: (_configured("--riva-version=2.16", "--target=x86-gpu", target=f"{ASR}.rnnt_bpe_models.EncDecRNNTBPEModel"),),
    21: (_configured(target="nemo.collections.tts.models.tacotron2.Tacotron2Model"),),
    22: (
        _configured(target=f"{ASR}.rnnt_bpe_models.EncDecRNNTBPEModel"),
        _configured(target=f"{ASR}.hybrid_rnnt_ctc_bpe_models.EncDecHybridRNNTCTCBPEModel"),
    ),
    23: (_package_changed("nemo_toolkit", None),),
    24: (_wrong_output,),
    25: (_one_length_only,),
    26: (_weights_lost,),
    27: (_configured(text_parser={"_target_": "our_company.parsers.TextParser"}),),
    28: (_package_changed("torch", "99.0"),),
    30: (_package_changed("protobuf", "3.20.3"),),
}
"""The defects of each row; together they make its rules fire."""
