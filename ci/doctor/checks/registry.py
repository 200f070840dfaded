"""NGC, where NVIDIA's images are."""

from collections.abc import Iterator

from ci.doctor.facts import Host
from ci.doctor.findings import Finding, Outcome, Rule
from ci.doctor.job import Job
from ci.doctor.observe import REGISTRY

__all__ = ["NGC_REACHABLE", "check"]

NGC_REACHABLE = Rule(
    id="ngc-reachable",
    title="NGC can be reached",
    outcome=Outcome.NOTE,
    why="images and models that are not here cannot be fetched",
    fix="behind a proxy: https_proxy and no_proxy in the runner's .env file, and the same for dockerd, then start both "
    "again; offline: `docker load`, or a mirror and --image-prefix",
    link="https://docs.github.com/actions/hosting-your-own-runners/using-a-proxy-server-with-self-hosted-runners",
)


def check(host: Host, job: Job) -> Iterator[Finding]:
    """Yields whether NGC answers; that it does not is no fault by itself."""
    answer = host.registry
    if answer is None:
        yield NGC_REACHABLE.note("not asked (--offline)")
        return
    through = f" through the proxy {answer.proxy}" if answer.proxy else ""
    if not answer.complaint:
        yield NGC_REACHABLE.kept(f"{REGISTRY} answers{through}")
    elif job.containers and not job.image_prefix:
        yield NGC_REACHABLE.broken(f"{REGISTRY} does not answer{through}: {answer.complaint}")
    else:
        yield NGC_REACHABLE.note(f"offline{through} ({answer.complaint}); this job needs nothing from NGC")
