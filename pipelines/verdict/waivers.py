"""Waivers: a version with a published advisory is used knowingly, for a reason, and not for ever."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from pipelines.compatibility import Advisory
from pipelines.errors import UsageError, WaiverNeeded

__all__ = ["Waiver", "check_waived", "waiver_for"]


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """Somebody's word that a published advisory is acceptable for a while.

    Args:
        advisory: Its id, such as CVE-2025-23242.
        expires: The last day on which it counts.
        reason: Why it is acceptable.
    """

    advisory: str
    expires: date
    reason: str

    @classmethod
    def parse(cls, text: str) -> "Waiver":
        """Reads `ADVISORY:YYYY-MM-DD:REASON`, the form on a command line.

        Raises:
            UsageError: It has another form.
        """
        advisory, _, rest = text.partition(":")
        day, _, reason = rest.partition(":")
        try:
            expires = date.fromisoformat(day)
        except ValueError as error:
            raise UsageError(f"waiver {text!r}: {error}", fix="give ADVISORY:YYYY-MM-DD:REASON") from error
        if not advisory or not reason.strip():
            raise UsageError(f"waiver {text!r} lacks a part", fix="give ADVISORY:YYYY-MM-DD:REASON")
        return cls(advisory=advisory, expires=expires, reason=reason.strip())

    def __str__(self) -> str:
        return f"{self.advisory}:{self.expires}:{self.reason}"

    def expired(self, today: date | None = None) -> bool:
        """Whether its last day is over."""
        return (today or date.today()) > self.expires


def waiver_for(advisory: Advisory, waivers: Iterable[Waiver]) -> Waiver | None:
    """The waiver that names an advisory; of several, the one that lasts longest."""
    found = (waiver for waiver in waivers if waiver.advisory == advisory.id)
    return max(found, key=lambda waiver: waiver.expires, default=None)


def check_waived(
    product: str, version: str, advisories: Sequence[Advisory], waivers: Iterable[Waiver], *, today: date | None = None
) -> list[str]:
    """Returns a line for each advisory that is waived.

    Args:
        product: What has the advisories, for the message.
        version: Its version.
        advisories: Those that name this version.
        waivers: What was declared.
        today: The day that decides; the machine's by default.

    Raises:
        WaiverNeeded: An advisory has no waiver, or one that has expired. The message prints every such advisory.
    """
    waivers = tuple(waivers)
    refused, lines = [], []
    for advisory in advisories:
        waiver = waiver_for(advisory, waivers)
        if waiver is None:
            refused.append(f"{advisory}: no waiver")
        elif waiver.expired(today):
            refused.append(f"{advisory}: its waiver expired on {waiver.expires}")
        else:
            lines.append(f"{advisory}: waived until {waiver.expires}: {waiver.reason}")
    if refused:
        raise WaiverNeeded(
            f"{product} {version} carries {len(refused)} published advisories without a valid waiver",
            "\n".join(refused),
            "use a version without them, or add to pipeline.yaml, for each:\n"
            "waivers:\n"
            f"  - {{advisory: {advisories[0].id}, expires: YYYY-MM-DD, reason: why it is acceptable until then}}",
        )
    return lines
