"""What every room in the registry must offer, whatever it does: who adds a room is told here what is missing."""

import ast
import importlib.util
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ci.conformance.case import load_suites
from pipelines import contract
from pipelines.archive.archive import Archive
from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.build_options import Runtime, facts_of
from pipelines.cli import riva_build, riva_deploy
from pipelines.cli.flags import Flag, flags_of, from_mapping, to_mapping
from pipelines.contract import Pipeline
from pipelines.option_tables import with_table
from pipelines.registry import rooms
from tests.counting.start_riva import StartRiva
from tests.rooms.goldens import GOLDEN, build, files_of, tiny

ROOMS = list(rooms())
MODULES: Mapping[str, type] = {
    "architecture": contract.ArchitectureModule,
    "checkpoint": contract.CheckpointModule,
    "network": contract.NetworkModule,
    "graph": contract.GraphModule,
    "handler": contract.HandlerModule,
}

each_room = pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)


def functions(source: str) -> dict[str, list[str]]:
    """The functions of a module with their parameters; read, not run, because a network's module imports torch."""
    return {
        node.name: [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
    }


def wanted(module: type) -> dict[str, list[str]]:
    """The functions that the contract asks of a module."""
    methods = {name: value for name, value in vars(module).items() if inspect.isfunction(value) and name[0] != "_"}
    return {name: list(inspect.signature(method).parameters)[1:] for name, method in methods.items()}


@each_room
@pytest.mark.parametrize("name", MODULES)
def test_modules_have_the_functions_of_the_contract(room: Pipeline[Any], name: str) -> None:
    """Each by the name and with the parameters that the stages and the server call it with."""
    found = functions((room.folder / f"{name}.py").read_text(encoding="utf-8"))

    for function, parameters in wanted(MODULES[name]).items():
        assert found.get(function) == parameters, f"{room.name}/{name}.py: {function}"


@each_room
def test_furniture_is_where_readers_look_for_it(room: Pipeline[Any]) -> None:
    """A room exports its pipeline and nothing else, and says in its README what it serves and what its files are."""
    readme = (room.folder / "README.md").read_text(encoding="utf-8")

    assert importlib.import_module(room.package).__all__ == ["PIPELINE"]
    assert readme.startswith(f"# {room.name}\n")
    for path in room.folder.glob("*.py"):
        assert f"`{path.name}`" in readme or path.name == "__init__.py", path.name


@each_room
def test_each_class_has_its_schema(room: Pipeline[Any]) -> None:
    """Every supported class has a schema of its own that exports one graph, and no other room supports it."""
    others = [name for other in ROOMS if other is not room for name in other.classes]

    for obj_cls in room.classes:
        schema = room.schema_of(obj_cls)
        assert schema.obj_cls == obj_cls
        assert [export.name for export in schema.exports] == ["model_graph.onnx"]
        assert obj_cls not in others
    assert room.checkpoint.why_unsupported("a.class.of.nobody") is None


# Options.


@each_room
def test_every_option_has_its_facts(room: Pipeline[Any]) -> None:
    """Meaning, origin and treatment are known of each; an option without effect says why, a refused one what else."""
    for option in flags_of(room.options):
        facts = facts_of(option)
        assert option.meaning, option.name
        assert facts.origin.text, option.name
        assert facts.default_of in ("Riva", "Riva, not confirmed", "ours"), option.name
        assert facts.reason or facts.runtime is Runtime.EXECUTED, option.name
        assert facts.runtime is not Runtime.REFUSED or option.default in facts.neutral, option.name


@each_room
def test_names_of_options_are_unique(room: Pipeline[Any]) -> None:
    """No two options share a name or an older spelling, and every component has a title."""
    options = flags_of(room.options)
    names = [name for option in options for name in (option.name, *option.aliases)]

    assert len(set(names)) == len(names)
    assert {".".join(option.path[:-1]) for option in options} == set(room.components)
    assert {"name", "language_code"} <= set(names)
    assert {option for flags in room.modes.values() for option in flags} <= set(names)


@each_room
def test_the_table_in_the_readme_is_current(room: Pipeline[Any]) -> None:
    """After a change of an option: `nox -s goldens`."""
    readme = (room.folder / "README.md").read_text(encoding="utf-8")

    assert readme == with_table(readme, room)


# From a tiny checkpoint to a server.


@pytest.fixture(scope="module")
def rmirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The RMIR of each room's tiny checkpoint."""
    folder = tmp_path_factory.mktemp("rmirs")
    return {room.name: build(room, folder) for room in ROOMS}


@each_room
def test_help_and_configurations_are_what_was_reviewed(room: Pipeline[Any]) -> None:
    """They are golden files; `nox -s goldens` writes them again, and the change is read like code."""
    folder = GOLDEN / room.name
    golden = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.suffix != ".yaml"}

    assert golden == files_of(room)


@each_room
def test_an_rmir_holds_what_the_riva_held(room: Pipeline[Any], rmirs: dict[str, Path]) -> None:
    """Every artifact byte for byte, and all options, which read back the same."""
    path = rmirs[room.name]
    with (
        Archive.open(EncryptedPath(path)) as rmir,
        Archive.open(EncryptedPath(path.with_suffix(".riva"))) as riva,
    ):
        assert {name: rmir.read(name) for name in rmir.names()} == {name: riva.read(name) for name in riva.names()}
        recorded = rmir.manifest["options"]
        options = from_mapping(room.options, recorded)
        assert to_mapping(options) == recorded
        assert set(recorded) == {option.name for option in flags_of(room.options)}
        assert rmir.manifest["pipeline"] == room.name
        assert set(rmir.manifest["options_set"]) == {_name(word, room) for word in tiny(room).OPTIONS}


@each_room
def test_a_key_protects_the_rmir(room: Pipeline[Any], rmirs: dict[str, Path], tmp_path: Path) -> None:
    """With a key behind its name it is encrypted as a whole, and deployed with that key only."""
    riva = rmirs[room.name].with_suffix(".riva")
    built = riva_build.main([room.name, f"{tmp_path}/a.rmir:secret", str(riva), *tiny(room).OPTIONS])

    assert built == 0
    assert b"manifest.yaml" not in (tmp_path / "a.rmir").read_bytes()
    assert riva_deploy.main([f"{tmp_path}/a.rmir:wrong", f"{tmp_path}/models"]) != 0
    assert riva_deploy.main([f"{tmp_path}/a.rmir:secret", f"{tmp_path}/models"]) == 0


@pytest.fixture(scope="module")
def server(rmirs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartRiva]:
    """start-riva on one repository with the tiny checkpoints of all rooms."""
    models = tmp_path_factory.mktemp("served") / "models"
    assert riva_deploy.main([*map(str, rmirs.values()), str(models)]) == 0
    it = StartRiva("--riva-uri=127.0.0.1:0", f"--model-repository={models}")
    yield it
    it.stop()


@pytest.mark.triton
@each_room
def test_the_server_answers(room: Pipeline[Any], server: StartRiva) -> None:
    """The stock client gets what the tiny network must answer, with all rooms served side by side."""
    assert tiny(room).ask(server.address) == tiny(room).ANSWER


# Conformance.


@each_room
def test_conformance_cases_load(room: Pipeline[Any]) -> None:
    """They stand below the room's name, are explained in a README, call every mode and measure every limit."""
    suites = load_suites([room.cases])
    cases = [case for suite in suites for case in suite.cases]
    readme = (room.cases / "README.md").read_text(encoding="utf-8")

    assert all(case.address.startswith(f"{room.name}/") for case in cases)
    assert all(f"`{suite.address.rpartition('/')[2]}.yaml`" in readme for suite in suites)
    assert set(room.modes) <= {step.call.mode for case in cases for step in case.steps}
    assert all(any(limit in str(case.expect) for case in cases) for limit in room.limits)


def _name(word: str, room: Pipeline[Any]) -> str:
    """The option that a word of a command line sets."""
    typed = word.lstrip("-").partition("=")[0]
    return next(option.name for option in flags_of(room.options) if typed in _spellings(option))


def _spellings(option: Flag) -> tuple[str, ...]:
    return (option.name, *option.aliases)
