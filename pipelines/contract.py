"""What a pipeline's room offers to the stages. Plain on purpose: it grows when a second room shows what is shared."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

__all__ = ["Pipeline"]

Options = TypeVar("Options")


@dataclass(frozen=True, kw_only=True)
class Pipeline(Generic[Options]):
    """One of the pipelines of `riva-build`.

    Args:
        name: Its name on the command line.
        serves: What it is for, in one line.
        options: The dataclass that declares its options.
        components: Title in help of each component of the options.
        classes: The `obj_cls` of the `.riva` archives it builds from.
        settle: Fills in options that depend on others or on the model, and checks them all; takes the options as typed,
            the names of those that were typed, and the manifests of the `.riva` archives. Raises `UsageError`.
    """

    name: str
    serves: str
    options: type[Options]
    components: Mapping[str, str]
    classes: tuple[str, ...]
    settle: Callable[[Options, Collection[str], Sequence[Mapping[str, Any]]], Options]
