"""Where a checkpoint will work: its class and its NeMo, against the compatibility table, for each Riva and target."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipelines.compatibility import ModelClass, RivaVersion, compatibility, holds, riva_versions
from pipelines.registry import supported_classes, why_unsupported
from pipelines.verdict.findings import Finding, Outcome, worst
from pipelines.verdict.rules import compatibility as rules
from pipelines.verdict.rules.graph import GRAPH_LOADABLE
from pipelines.verdict.rules.model import CLASS_SUPPORTED
from pipelines.verdict.waivers import Waiver, waiver_for

__all__ = [
    "CPU",
    "TARGETS",
    "Support",
    "check_compatibility",
    "check_graph",
    "check_l4t",
    "check_packages",
    "check_pairs",
    "recipe_of",
    "support",
]

CPU, JETSON = "cpu", "jetson"
TARGETS = (CPU, "x86-gpu", JETSON)
"""`cpu` is this repository's own runtime; the others are NVIDIA's images."""


@dataclass(frozen=True, kw_only=True)
class Support:
    """What is to be expected of a checkpoint on one Riva version and target.

    Args:
        riva: The version.
        target: One of `TARGETS`.
        how: How it is exported for that.
        findings: What stands against it, or why nothing is known; empty where it works.
    """

    riva: str
    target: str
    how: str
    findings: tuple[Finding, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The worst that a finding says."""
        return worst(finding.rule.outcome for finding in self.findings)


def support(obj_cls: str, nemo_version: str, waivers: Sequence[Waiver] = (), *, l4t: str = "") -> tuple[Support, ...]:
    """Says for every Riva version and target whether a checkpoint will work there, and why.

    Args:
        obj_cls: Its class as Riva's schemas spell it.
        nemo_version: The NeMo that saved it; empty if unknown.
        waivers: What was declared about advisories.
        l4t: The L4T line of the Jetson that will serve it, such as 36.3; empty if that is not known.
    """
    return tuple(
        Support(
            riva=riva.version,
            target=target,
            how="here" if target == CPU and obj_cls in supported_classes() else recipe_of(obj_cls),
            findings=(
                *check_compatibility(obj_cls, nemo_version, riva, target, waivers),
                *(check_l4t(riva, l4t) if target == JETSON and l4t else ()),
            ),
        )
        for riva in riva_versions().values()
        for target in TARGETS
    )


def check_compatibility(
    obj_cls: str, nemo_version: str, riva: RivaVersion, target: str, waivers: Sequence[Waiver] = ()
) -> Iterator[Finding]:
    """Yields what stands against a checkpoint on one Riva version and target, or why nothing is known."""
    if target == CPU:
        yield from _exported_here(obj_cls, nemo_version, riva)
    else:
        yield from _taken_by_nvidia(obj_cls, riva)
        yield from _image_known(riva, target)
    yield from _advisories(riva, waivers)


def check_pairs(facts: Mapping[str, str]) -> Iterator[Finding]:
    """Yields the rows of known bad pairs that match.

    Args:
        facts: `class`, `saved-by`, `nemo`, `torch`, `riva`; those that are known.
    """
    for pair in compatibility().known_bad:
        if pair.matches(facts):
            versions = ", ".join(f"{name} {facts[name]}" for name in pair.when)
            yield rules.PAIR_WORKS.finding(
                f"{pair.what} ({versions})",
                where=f"known_bad.{pair.id}",
                why=f"{pair.source}: {pair.link}",
                fix=pair.fix,
            )


def check_graph(riva: RivaVersion, *, opset: int, ir_version: int = 0) -> Iterator[Finding]:
    """Yields a finding for each version of an exported graph that is above what a Riva loads.

    Args:
        riva: The version; of ceilings that are unknown nothing is said.
        opset: Of the graph's default domain.
        ir_version: Of its file; not compared if it is not known yet.
    """
    pinned = f"onnx{riva.onnx.value}" if riva.onnx.value else "an onnx as old as that Riva"
    for what, found, ceiling in (("ONNX IR version", ir_version, riva.onnx_ir), ("opset", opset, riva.onnx_opset)):
        if ceiling.value is not None and found > ceiling.value:
            yield GRAPH_LOADABLE.finding(
                f"the graph has {what} {found}, Riva {riva.version} takes {ceiling.value}",
                where=f"versions.{riva.version}",
                why=f"{ceiling.evidence}: {ceiling.source}: {ceiling.link}",
                fix=f"export with a lower --onnx-opset and {pinned}, which decides about the IR version; or name a "
                "newer Riva with --riva-version",
            )


def check_l4t(riva: RivaVersion, l4t: str) -> Iterator[Finding]:
    """Yields a finding if containers of a Riva version do not run on a Jetson with this L4T line, such as 36.3."""
    built_for = riva.platforms[JETSON].l4t
    if built_for is not None and built_for.value is not None and _line(l4t) != _line(built_for.value):
        yield rules.L4T_LINE.finding(
            f"the Jetson runs L4T {l4t}, the image of Riva {riva.version} is for L4T {built_for.value}",
            where=f"versions.{riva.version}.platforms.{JETSON}.l4t",
            why=f"{built_for.evidence}: {built_for.source}: {built_for.link}",
        )


def _line(l4t: str) -> tuple[int, bool]:
    """The lines that run each other's containers: those of one major version, where 36.4 begins another."""
    major, _, minor = l4t.partition(".")
    return int(major), int(major) == 36 and int(minor.partition(".")[0] or 0) >= 4


def check_packages(installed: Mapping[str, str]) -> Iterator[Finding]:
    """Yields packages of an export that were not tried together with the others.

    Args:
        installed: Versions of `nemo`, `torch`, `onnx`, `numpy`; those that are installed.
    """
    for name, cell in compatibility().open_runtime.items():
        if name in installed and not holds(cell.value, installed[name]):
            what = f"{name} {installed[name]} is installed, tried was {cell.value}"
            yield rules.ENVIRONMENT_LOCKED.finding(what, where=f"open_runtime.{name}")


def recipe_of(obj_cls: str) -> str:
    """The command that NVIDIA's tools want for a class; empty if no source says one."""
    row = compatibility().classes.get(obj_cls)
    return row.command if row else ""


def _exported_here(obj_cls: str, nemo_version: str, riva: RivaVersion) -> Iterator[Finding]:
    table = compatibility()
    if not obj_cls:  # rule class-named says so
        return
    if obj_cls not in supported_classes():
        reason = why_unsupported(obj_cls)
        yield CLASS_SUPPORTED.finding(
            f"a {obj_cls} cannot be exported here: {reason.what}",
            where="model_config.yaml: target",
            why=f"supported are {', '.join(supported_classes())}",
            fix=reason.fix,
        )
        return
    covered = table.open_runtime["saved_by"]
    if not holds(covered.value, nemo_version, released=True):
        yield rules.NEMO_COVERED.finding(
            f"saved by NeMo {nemo_version or 'of unknown version'}; covered are releases {covered.value}",
            where="model_config.yaml: nemo_version",
        )
    nemo, torch = (table.open_runtime[name].value.removeprefix("==") for name in ("nemo", "torch"))
    yield from check_pairs(
        {"class": obj_cls, "saved-by": nemo_version, "nemo": nemo, "torch": torch, "riva": riva.version}
    )


def _taken_by_nvidia(obj_cls: str, riva: RivaVersion) -> Iterator[Finding]:
    row = compatibility().classes.get(obj_cls)
    if row is not None and row.works is not None and row.works.value and holds(row.works.value, riva.version):
        return
    if row is not None and row.fails is not None and holds(row.fails.value, riva.version):
        yield _refused(row, riva)
        return
    yield rules.CLASS_DOCUMENTED.finding(
        f"no source says whether Riva {riva.version} takes a {obj_cls or 'class without a name'}",
        where=f"classes.{obj_cls}" if row else "classes",
    )


def _refused(row: ModelClass, riva: RivaVersion) -> Finding:
    assert row.fails is not None
    name = row.obj_cls.rpartition(".")[2]
    fix = row.command if row.recipe == "head" else f"choose Riva {row.works.value}" if row.works else ""
    return rules.CLASS_TAKEN.finding(
        f"Riva {riva.version} does not take a {name}",
        where=f"classes.{row.obj_cls}",
        why=f"{row.fails.source}: {row.fails.link}",
        fix=fix,
    )


def _image_known(riva: RivaVersion, target: str) -> Iterator[Finding]:
    server = riva.platforms[target].server
    if server.value is None:
        yield rules.IMAGE_KNOWN.finding(
            f"no source names the server image of Riva {riva.version} for {target}",
            where=f"versions.{riva.version}.platforms.{target}.server",
            why=f"looked at: {server.source}: {server.link}",
        )


def _advisories(riva: RivaVersion, waivers: Sequence[Waiver]) -> Iterator[Finding]:
    for advisory in riva.advisories:
        waiver = waiver_for(advisory, waivers)
        where = f"Riva {riva.version}"
        if waiver is not None and waiver.expired():
            what = f"the waiver of {advisory.id} expired on {waiver.expires} ({waiver.reason})"
            yield rules.WAIVER_IN_DATE.finding(what, where=where, why=str(advisory))
        elif waiver is not None:
            what = f"{advisory.id} is waived until {waiver.expires}: {waiver.reason}"
            yield rules.ADVISORY_WAIVED.finding(what, where=where, why=str(advisory), fix="nothing until then")
        else:
            yield rules.ADVISORY_WAIVED.finding(f"{advisory.id} is about this version", where=where, why=str(advisory))
