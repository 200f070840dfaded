"""The model card: what a person should know of a released model, from facts alone; what nobody declared is said so."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ci import github
from ci.release.manifest import Manifest, ReleasedFile
from pipelines.sizes import in_words

__all__ = ["model_card", "release_notes"]


def model_card(manifest: Manifest) -> str:
    """The card of one version of a model, as Markdown."""
    data = manifest.data
    lines = [f"# {manifest.model} {manifest.version}", "", _sentence(data), ""]
    for target, entry in data["targets"].items():
        lines += [f"## On {target}", "", *_target(target, entry, manifest), ""]
    lines += ["## Made of", "", *_table(("file", "sha256"), [(n, e["sha256"]) for n, e in data["inputs"].items()]), ""]
    if data["parameters"]:
        lines += [f"The network has {data['parameters']:,} parameters; its class is `{data['class']}`.", ""]
    lines += ["## Licences", "", f"- Model: {data['licenses']['model'] or 'not declared'}"]
    lines += [f"- Tools that made it: {data['licenses']['tools']}", ""]
    lines += ["## Not known", "", "- Training data and intended use: nothing in this release says."]
    lines += [f"- {target}: not built for this release." for target in data["not_built"]]
    lines += ["", "## Use it", "", *_commands(manifest), ""]
    return "\n".join(lines)


def release_notes(manifests: Sequence[Manifest]) -> str:
    """The text of the release's page: a table, and how to install."""
    rows = [
        (m.model, m.version, target, _counts(entry), "; ".join(f"{k} {v}" for k, v in _rates(entry).items()))
        for m in manifests
        for target, entry in m.data["targets"].items()
    ]
    lines = _table(("model", "version", "target", "conformance", "accuracy (measured of limit)"), rows)
    lines += ["", *_commands(manifests[0]), "", "The model cards (`*.md`) among the assets say what each is made of."]
    return "\n".join(lines) + "\n"


def _sentence(data: Mapping[str, Any]) -> str:
    beside = ", ".join(f"{each['model']} {each['version']}" for each in data["served_with"])
    sentence = f"A model for the Riva pipeline `{data['pipeline']}` in {data['language']}, released as `{data['tag']}`"
    return sentence + (f"; judged while {beside} was served beside it." if beside else ".")


def _target(target: str, entry: Mapping[str, Any], manifest: Manifest) -> Iterator[str]:
    yield from _table(("file", "size", "sha256"), [_row(each) for each in manifest.files[target]])
    yield ""
    judged = entry["conformance"]
    yield f"Conformance: {judged['outcome']} ({_counts(entry)}), judged {judged['judged_at']}."
    yield ""
    yield from _table(("measured", ""), list(entry["accuracy"].items()))
    yield ""
    yield "Made with " + ", ".join(f"{name} {version}" for name, version in entry["tools"].items()) + "."


def _row(file: ReleasedFile) -> tuple[str, str, str]:
    parts = f" ({len(file.parts)} parts)" if file.is_split else ""
    return f"`{file.asset}`{parts}", in_words(file.size), f"`{file.sha256}`"


def _counts(entry: Mapping[str, Any]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in entry["conformance"]["counts"].items() if count)


def _rates(entry: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in entry["accuracy"].items() if "rate" in name}


def _commands(manifest: Manifest) -> list[str]:
    source = github.repository() or "OWNER/REPOSITORY"
    install = f"./scripts/nox -s release -- install {source} --model {manifest.model} --version {manifest.version}"
    return ["```", f"{install} --into DIR", "deploy_all_models DIR/rmir DIR/models", "```"]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]
    return lines if rows else ["Nothing is recorded."]
