"""`ci.conformance.outcome`: the tree of results."""

from ci.conformance.outcome import CaseResult, Outcome, ResultTree


def result(address: str, outcome: Outcome) -> CaseResult:
    return CaseResult(address, "title", outcome)


def test_a_folder_is_as_bad_as_its_worst_case() -> None:
    """Skip, pass, known, fail, error: in this order."""
    tree = ResultTree.grow(
        [
            result("room/a/x", Outcome.PASS),
            result("room/a/y/offline", Outcome.KNOWN),
            result("room/b/x", Outcome.ERROR),
            result("room/b/y", Outcome.FAIL),
            result("room/c/x", Outcome.SKIP),
        ]
    )

    (room,) = tree.children
    assert [(child.name, child.outcome) for child in room.children] == [
        ("room/a", Outcome.KNOWN),
        ("room/b", Outcome.ERROR),
        ("room/c", Outcome.SKIP),
    ]
    assert tree.outcome is Outcome.ERROR
    assert [each.address for each in tree.walk()] == [
        "room/a/x",
        "room/a/y/offline",
        "room/b/x",
        "room/b/y",
        "room/c/x",
    ]
    assert tree.count() == dict.fromkeys(Outcome, 1)


def test_an_empty_tree_is_skipped() -> None:
    """Nothing judged is not a pass."""
    assert ResultTree.grow([]).outcome is Outcome.SKIP
