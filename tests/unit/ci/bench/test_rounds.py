"""Contenders are measured in turn."""

from ci.bench.rounds import run_rounds


def test_every_round_turns_the_order() -> None:
    """Nobody is always the first after a pause, nor always the one after the same other; times come round by round."""
    ran: list[str] = []
    times = iter([4.0, 1.0, 2.0, 5.0, 6.0, 3.0])

    def contender(name: str) -> float:
        ran.append(name)
        return next(times)

    seconds, cpu = run_rounds({name: lambda name=name: contender(name) for name in ("a", "b")}, rounds=3)

    assert ran == ["b", "a", "a", "b", "b", "a"]
    assert seconds == {"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0]}
    assert {name: len(each) for name, each in cpu.items()} == {"a": 3, "b": 3}
