"""Word errors: the cheapest way to turn the recognised words into the spoken ones, and the alignment that shows it."""

from collections.abc import Sequence

__all__ = ["Alignment", "align"]

Alignment = tuple[tuple[str, str], ...]
"""Pairs of (reference word, recognised word); a deletion has no recognised word, an insertion no reference word."""


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> tuple[int, Alignment]:
    """Levenshtein distance in words, and one of the alignments that reach it."""
    costs = [list(range(len(hypothesis) + 1))]
    for row, said in enumerate(reference, 1):
        costs.append([row])
        for column, heard in enumerate(hypothesis, 1):
            swap = costs[row - 1][column - 1] + (said != heard)
            costs[row].append(min(swap, costs[row - 1][column] + 1, costs[row][column - 1] + 1))
    pairs: list[tuple[str, str]] = []
    row, column = len(reference), len(hypothesis)
    while row or column:
        swapped = row and column and reference[row - 1] != hypothesis[column - 1]
        if row and column and costs[row][column] == costs[row - 1][column - 1] + bool(swapped):
            row, column = row - 1, column - 1
            pairs.append((reference[row], hypothesis[column]))
        elif row and costs[row][column] == costs[row - 1][column] + 1:
            row -= 1
            pairs.append((reference[row], ""))
        else:
            column -= 1
            pairs.append(("", hypothesis[column]))
    return costs[-1][-1], tuple(reversed(pairs))
