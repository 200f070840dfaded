"""What each command of `nox -s release` does, in terms of the other modules, and what it tells."""

import shutil
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from ci import github, matrix
from ci.changes import Change
from ci.checksums import SUMS
from ci.errors import BadTag, NotProven
from ci.github_api import GitHub
from ci.release.assemble import assemble as assemble_folder
from ci.release.attestation import verify_attestation
from ci.release.folder import BUNDLE, AssetFolder
from ci.release.install import ModelDirectory
from ci.release.manifest import Manifest, manifest_name
from ci.release.offers import GitHubOffer, choose, download, offers
from ci.release.publish import publish as publish_folder
from ci.release.rehearse import rehearse
from ci.release.show import show
from ci.release.source import Source
from ci.release.tag import Tag, models_of
from ci.release.withdraw import roll_back_releases
from ci.targets import Targets
from pipelines.errors import UsageError
from pipelines.sizes import in_words

__all__ = ["assemble", "install", "plan", "publish", "rollback", "verify"]


def plan(options: Namespace) -> None:
    """Says what a tag releases, on which targets, and what of it is out already; sets outputs for the jobs."""
    tag = Tag.parse(options.tag)
    models = models_of(tag)
    made = _lanes(tag, secrets=options.secret)
    published = _published(options.repository)
    rows = []
    for model in models:
        out = published.get((model.name, model.version), "")
        note = f"published as {out}: only the same bytes will do" if out else ""
        lanes = [(lane.target.name, "") for lane in made.lanes if lane.checkpoint == model.name]
        lanes += [(skip.target, f"skipped: {skip.reason}") for skip in made.skips if skip.checkpoint == model.name]
        rows += [(model.name, model.version, target, reason or note) for target, reason in lanes]
    show(f"Release {tag.text}", ("model", "version", "target", ""), rows)
    outputs = {
        **made.outputs(),
        "tag": tag.text,
        "expected": " ".join(f"{lane.checkpoint}/{lane.target.name}" for lane in made.lanes),
    }
    for name, value in outputs.items():
        github.set_output(name, value)


def assemble(options: Namespace) -> None:
    """Makes the folder of assets from what the targets handed over."""
    tag = Tag.parse(options.tag)
    models = models_of(tag)
    expected: dict[str, list[str]] = {model.name: [] for model in models}
    for each in options.expect or [f"{lane.checkpoint}/{lane.target.name}" for lane in _lanes(tag).lanes]:
        model, _, target = each.partition("/")
        if model not in expected or not target:
            raise UsageError(f"--expect {each}: not a model of {tag.text} and a target, as MODEL/TARGET")
        expected[model].append(target)
    assemble_folder(tag, models, expected=expected, folder=options.source, into=options.into, limit=options.asset_limit)
    folder = AssetFolder.read(options.into)
    show(f"Assets of {tag.text} in {options.into}", ("asset", "size", "sha256"), _assets(folder))


def publish(options: Namespace) -> None:
    """Publishes a folder of assets, or says what would be done."""
    tag = Tag.parse(options.tag)
    if options.bundle:
        shutil.copyfile(options.bundle, options.source / BUNDLE)
    folder = AssetFolder.read(options.source)
    for manifest in folder.manifests:
        if manifest.data["tag"] != tag.text:
            raise BadTag(f"{manifest.name} was assembled for {manifest.data['tag']}, not {tag.text}")
    dry_run = github.event_name() != "push" if options.dry_run is None else options.dry_run
    if dry_run and not github.token():
        title = f"Dry run: {tag.text} could be published; without a token GitHub was not asked what it has"
        show(title, ("asset", "size", "sha256"), _assets(folder))
        return
    connection = GitHub.connect(options.repository)
    done = publish_folder(connection, folder, tag=tag.text, commit=github.sha(), dry_run=dry_run)
    rows = [(step.asset, in_words(step.size), step.sha256[:16], step.done) for step in done.steps]
    title = f"Dry run: nothing was sent; {tag.text} would have" if dry_run else f"Published {tag.text}: {done.page}"
    if done.before:
        title = f"{tag.text} is published already, with these RMIRs: {done.page}"
    show(title, ("asset", "size", "sha256", ""), rows)
    github.set_output("url", done.page)


def verify(options: Namespace) -> None:
    """Checks every byte of a release, and who built it."""
    source = Source.parse(options.source, tag=options.tag)
    if source.github is None:
        _tell_verified(AssetFolder.read(source.folder or Path()), options.source, options, repository=None)
        return
    release = source.release()
    with tempfile.TemporaryDirectory(prefix="riva-release-") as name:
        download(source.github, release, Path(name))
        folder = AssetFolder.read(Path(name))
        _tell_verified(folder, release.page, options, repository=source.github.repository)


def install(options: Namespace) -> None:
    """Installs a version of a model into a model directory."""
    source = Source.parse(options.source)
    offer = choose(source.offers(), model=options.model, version=options.version)
    directory = ModelDirectory(options.into)
    name = manifest_name(offer.model, offer.version)
    with offer.fetched([name]) as folder:
        if isinstance(offer, GitHubOffer) and not options.no_attestation:
            told = _provenance([folder / name], options, repository=offer.github.repository, folder=folder)
            print(f"provenance of the manifest, which names every digest: {told}", flush=True)
        manifest = Manifest.read(folder / name)
        installed = directory.install(offer, manifest, target=options.target)
    rows = [(name, sha256[:16], installed.target) for name, sha256 in installed.files.items()]
    show(f"Installed {offer.model} {installed.version} from {offer.where}", ("file", "sha256", "target"), rows)
    for beside in manifest.data["served_with"]:
        print(f"it was judged with {beside['model']} {beside['version']} beside it; install that too", flush=True)
    _tell_next(directory)


def rollback(options: Namespace) -> None:
    """Goes back: in a model directory, for everybody at GitHub, or as a rehearsal."""
    if options.rehearse:
        tried = rehearse(Source.parse(options.source), deploy=options.deploy)
        title = "Rollback rehearsal" if tried else "Rollback rehearsal: nothing is released yet"
        show(title, ("model", "target", ""), [(each.model, each.target, each.outcome) for each in tried])
        return
    if not options.model:
        raise UsageError("which model is to go back?", fix="--model NAME")
    if options.into:
        directory = ModelDirectory(options.into)
        was, now = directory.roll_back(options.model, version=options.version)
        rows = [(name, sha256[:16]) for name, sha256 in now.files.items()]
        show(f"{options.model}: back from {was.version} to {now.version}", ("file", "sha256"), rows)
        _tell_next(directory)
        return
    source = Source.parse(options.source)
    if source.github is None:
        raise UsageError("a folder of assets has nothing to go back to", fix="--into DIR, or a repository")
    done = roll_back_releases(source.github, options.model, version=options.version, dry_run=options.dry_run)
    rows = [(version, "would be withdrawn" if options.dry_run else "withdrawn") for version in done.withdrawn]
    show(
        f"{done.model}: {done.offered} is the newest that is offered",
        ("version", ""),
        [*rows, (done.offered, "offered")],
    )
    print(f"GitHub's mark of the latest release: {done.latest or 'left where it is'}", flush=True)


def _lanes(tag: Tag, *, secrets: Sequence[str] = ()) -> matrix.Plan:
    models = models_of(tag)
    change = Change(tuple(model.name for model in models), f"tag {tag.text}", touches_code=True)
    made = matrix.plan(change, declared=matrix.declarations(), targets=Targets.read(), secrets=secrets)
    for model in models:
        if model.name not in {lane.checkpoint for lane in made.lanes}:
            reasons = "; ".join(f"{skip.target}: {skip.reason}" for skip in made.skips if skip.checkpoint == model.name)
            raise NotProven(f"{model.name} can be judged on none of its targets: {reasons}")
    return made


def _published(repository: str | None) -> dict[tuple[str, str], str]:
    """The tag that released each version of each model, as far as there are a repository and a token to ask with."""
    if not github.token() or not (repository or github.repository()):
        return {}
    return {(each.model, each.version): each.release.tag for each in offers(GitHub.connect(repository))}


def _assets(folder: AssetFolder) -> list[tuple[str, str, str]]:
    return [
        (name, in_words((folder.path / name).stat().st_size), sha256[:16])
        for name, sha256 in sorted(folder.sums.items())
    ]


def _tell_verified(folder: AssetFolder, where: str, options: Namespace, *, repository: str | None) -> None:
    show(f"Verified {where}: every digest is right", ("asset", "size", "sha256"), _assets(folder))
    told = repository or options.repository
    attested = [folder.path / name for name in sorted(folder.sums) if name not in (SUMS, BUNDLE)]
    provenance = (
        _provenance(attested, options, repository=told, folder=folder.path)
        if told
        else "not verified: say with --repository who must have built it"
    )
    print(f"provenance: {provenance}", flush=True)
    github.summarise(f"Provenance: {provenance}")


def _provenance(files: Sequence[Path], options: Namespace, *, repository: str, folder: Path) -> str:
    return verify_attestation(
        files,
        repository=repository,
        folder=folder,
        signer=options.signer_workflow,
        required=options.require_attestation,
    )


def _tell_next(directory: ModelDirectory) -> None:
    print(f"deploy it: deploy_all_models {directory.rmir} {directory.path / 'models'}", flush=True)
