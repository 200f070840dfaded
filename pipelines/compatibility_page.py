"""COMPATIBILITY.md, made from the compatibility table: `python -m pipelines.compatibility_page`."""

import sys
from collections.abc import Iterator
from pathlib import Path

from pipelines.compatibility import Cell, Platform, compatibility
from pipelines.generated import table, write_page
from pipelines.registry import supported_classes
from pipelines.verdict.compatibility import recipe_of

__all__ = ["PAGE", "main", "page"]

PAGE = Path(__file__).with_name("COMPATIBILITY.md")

_EVIDENCE = {"seen": "", "measured": ", measured", "inferred": ", inferred", "unknown": ""}
_PLATFORMS = {"x86-gpu": "x86-64 with a GPU", "jetson": "Jetson"}
_CONDITIONS = {
    "class": "class",
    "saved-by": "saved by NeMo",
    "nemo": "exported by NeMo",
    "torch": "torch",
    "riva": "Riva",
}


def page() -> str:
    """The text of the page."""
    parts = (_introduction(), _versions(), _images(), _here(), _classes(), _bad_pairs(), _advisories())
    return "".join(f"{line}\n" for part in parts for line in part)


def _introduction() -> Iterator[str]:
    yield "# What goes with which Riva"
    yield ""
    yield "Written by `python -m pipelines.compatibility_page` from [compatibility.yaml](compatibility.yaml), which"
    yield "every tool here reads. Each value links to its source. *Inferred* follows from the source and does not stand"
    yield "in it; **unknown** means that no public source was found, and links to where we looked. Nothing is guessed."


def _versions() -> Iterator[str]:
    known = compatibility()
    yield from _heading(
        "Versions", f"Used when none is named: {known.default}, the newest without published advisories."
    )
    rows = [
        (
            f"**{riva.version}**",
            _cell(riva.nemo),
            _cell(riva.onnx),
            _cell(riva.onnx_ir),
            _cell(riva.onnx_opset),
            _cell(riva.client),
            ", ".join(f"[{each.id}]({each.link})" for each in riva.advisories) or "none published",
        )
        for riva in known.versions.values()
    ]
    yield from table(
        ("Riva", "NeMo", "onnx of its nemo2riva", "ONNX IR at most", "opset at most", "client", "advisories"), rows
    )


def _images() -> Iterator[str]:
    for target, title in _PLATFORMS.items():
        platforms = [(riva.version, riva.platforms[target]) for riva in compatibility().versions.values()]
        yield from _heading(f"Images and software: {title} (`{target}`)")
        columns = [name for name in vars(platforms[0][1]) if getattr(platforms[0][1], name) is not None]
        rows = [
            (f"**{version}**", *(_of_platform(platform, name) for name in columns)) for version, platform in platforms
        ]
        yield from table(("Riva", *columns), rows)


def _of_platform(platform: Platform, name: str) -> str:
    cell: Cell = getattr(platform, name)
    return _cell(cell, code=name in {"server", "servicemaker"})


def _here() -> Iterator[str]:
    yield from _heading(
        "This repository's own runtime (`cpu`)", "What exports and serves here, without NVIDIA's images."
    )
    names = {
        "nemo": "NeMo of the export",
        "torch": "torch of the export",
        "onnx": "onnx of the export",
        "numpy": "numpy of the export",
        "client": "clients that its server understands",
        "saved_by": "NeMo that saved the checkpoint",
    }
    yield from table(
        ("what", "versions"), [(names[name], _cell(cell)) for name, cell in compatibility().open_runtime.items()]
    )


def _classes() -> Iterator[str]:
    intro = "How NVIDIA's tools take each class, in which Riva versions, and whether it runs here on a CPU."
    yield from _heading("Model classes", intro)
    rows = []
    for name, row in compatibility().classes.items():
        rows.append(
            (
                f"`{name.removeprefix('nemo.collections.')}`",
                recipe_of(name),
                _cell(row.works) if row.works else "none",
                _cell(row.fails) if row.fails else "",
                _cell(row.nemo) if row.nemo else "",
                "yes" if name in supported_classes() else "",
            )
        )
    yield from table(("class", "recipe", "Riva that takes it", "Riva that does not", "only from NeMo", "here"), rows)


def _bad_pairs() -> Iterator[str]:
    intro = "Reported not to work together. A fork adds a row to `known_bad` of the table; `riva-verdict` reads it."
    yield from _heading("Known bad pairs", intro)
    rows = [
        (
            f"`{pair.id}`",
            ", ".join(f"{_CONDITIONS[name]} `{asked}`" for name, asked in pair.when.items()),
            f"[{pair.what}]({pair.link})",
            pair.fix,
        )
        for pair in compatibility().known_bad
    ]
    yield from table(("row", "when", "what happens", "what to do"), rows)


def _advisories() -> Iterator[str]:
    yield from _heading("Advisories")
    yield "A pipeline that chooses an affected version is refused, unless its `pipeline.yaml` says"
    yield ""
    yield "```yaml"
    yield "waivers:"
    yield "  - {advisory: CVE-2025-23242, expires: 2027-01-31, reason: the server is reachable from this host only}"
    yield "```"
    yield ""
    yield "A waiver whose day is over is refused too. Commands typed by hand print the advisory and go on. Those of the"
    yield "container toolkit are about the machine: `riva-doctor` warns of them."
    yield ""
    rows = [
        (f"[{each.id}]({each.link})", each.product, f"`{each.affected}`", each.severity, each.what)
        for each in compatibility().advisories
    ]
    yield from table(("advisory", "product", "affected", "severity", "what"), rows)


def _heading(title: str, intro: str = "") -> Iterator[str]:
    yield from ("", f"## {title}", "")
    if intro:
        yield from (intro, "")


def _cell(cell: Cell, *, code: bool = False) -> str:
    if cell.value is None:
        return f"**[unknown]({cell.link})**"
    value = f"`{cell.value}`" if code or isinstance(cell.value, str) else str(cell.value)
    digest = f" `{cell.digest}`" if cell.digest else ""
    return f"[{value}]({cell.link}){digest}{_EVIDENCE[cell.evidence]}"


def main(argv: list[str] | None = None) -> int:
    """Writes the page."""
    return write_page(PAGE, page, argv)


if __name__ == "__main__":
    sys.exit(main())
