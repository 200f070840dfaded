"""A pickle is walked on stand-ins: nothing runs, and nothing takes longer than its opcodes."""

import collections
import pickle
import time

import pytest

from pipelines.verdict.firewall import pickles
from pipelines.verdict.firewall.pickles import Global, OrderedMapping, mentioned_globals, walk
from pipelines.verdict.firewall.refusal import Refusal
from tests.torch_archives import call, integer, name, pickled, text, tuple_of

CALLS = {"collections.OrderedDict": lambda arguments: OrderedMapping(), "torch.FloatStorage": None}


def walked(data: bytes) -> object:
    return walk(data, CALLS, persistent=lambda identity: ("persistent", identity), where="data.pkl")


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1, "b": [1, 2, (3, 4.5, None)], "c": {"d": True}},
        [],
        (1 << 40, -1, 255, 65535, 1 << 31),
        "ü",
        [[], {}, ()],
    ],
)
def test_plain_values_come_out_as_python_reads_them(value: object) -> None:
    """What Python's own unpickler makes of plain data in protocol 2 is what the walk returns."""
    assert walked(pickle.dumps(value, 2)) == value


def test_shared_values_are_walked_once() -> None:
    """Values that a pickle refers to again, by short and long references, are the same stand-in."""
    shared = ["x"] * 3
    value = [shared, [str(number) for number in range(300)], shared]

    found = walked(pickle.dumps(value, 2))

    assert isinstance(found, list)
    assert found == value
    assert found[0] is found[2]


def test_ordered_dictionaries_keep_their_attributes() -> None:
    """What a pickle hangs on an OrderedDict is kept apart from its items."""
    value = collections.OrderedDict(a=1)
    value.extra = "x"  # type: ignore[attr-defined]

    found = walked(pickle.dumps(value, 2))

    assert isinstance(found, OrderedMapping)
    assert (dict(found), found.attributes) == ({"a": 1}, {"extra": "x"})


def test_names_stay_names() -> None:
    """A class that may be named is not looked up, and a persistent id is handed on."""
    found = walked(b"\x80\x02" + tuple_of(text("storage"), name("torch", "FloatStorage")) + b"Q.")

    assert found == ("persistent", ("storage", Global("torch.FloatStorage")))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (pickled({"a": call(name("os", "system"), text("ls"))}), "names 'os.system'"),
        (pickled({"a": name("torch", "FloatStorage") + b")R"}), "calls 'torch.FloatStorage'"),
        (pickled({"a": text("os.system") + b")R"}), "calls a str"),
        (pickled({"a": name("collections", "OrderedDict") + b"]R"}), "calls 'collections.OrderedDict'"),
        (pickled({"a": b"}" + b"}b"}), "sets the state of a dict"),
        (pickled({"a": b"}" + b")" + b"Ns"}), "uses a tuple as a key"),
        (pickled({"a": b"}" + text("k") + b"N" + b"s" + text("k") + b"Ns"}), "uses 'k' as a key, or uses it twice"),
        (pickled({"a": b")" + b"Na"}), "appends to a tuple"),
        (pickled({"a": b"X\1\0\0\0\xff"}), "not UTF-8"),
        (pickled({"a": b"\x80\x02N"}), "says protocol 2"),
        (b"\x80\x03N.", "says protocol 3"),
        (b"\x80\x02NN.", "leaves 1 values"),
        (b"\x80\x02(N.", "leaves 0 values"),
        (b"\x80\x02N.N.", "and 2 bytes after its end"),
        (b"\x80\x02c" + b"a" * 300 + b"\nb\n.", "a name of more than 200 bytes"),
        (b"\x80\x02\x82\x01.", r"uses EXT1 \(0x82\)"),
        (b"\x80\x02\xff.", "uses no opcode"),
    ],
)
def test_everything_else_stops_the_walk(data: bytes, problem: str) -> None:
    """A name, call, key or opcode that no state dict needs is refused with its place."""
    with pytest.raises(Refusal, match=problem):
        walked(data)


def test_every_cut_is_refused() -> None:
    """A pickle that ends anywhere before its end is refused and never crashes the walk."""
    whole = pickle.dumps({"a": [1, "x", (2.5, None)], "b": collections.OrderedDict(c=1 << 40)}, 2)

    for end in range(len(whole)):
        with pytest.raises(Refusal, match="ends early or is damaged"):
            walked(whole[:end])


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02" + b"}" * 2_000_000 + b".",
        b"\x80\x02" + b"N" * (9 << 20),
        b"\x80\x02" + b")" + b"\x85" * 500_000 + b"0.",
        b"\x80\x02" + b"(" * 900_000 + b".",
        b"\x80\x02)q\x00" + b"h\x00h\x00\x86q\x00" * 60 + b"}h\x00Ns.",
        b"\x80\x02X\xff\xff\xff\xff.",
    ],
    ids=["many", "large", "deep", "marks", "doubling_key", "long_text"],
)
def test_exploding_pickles_are_refused_soon(data: bytes) -> None:
    """Pickles that would fill the memory or the day of torch's own reader end within seconds of computing."""
    begin = time.process_time()

    with pytest.raises(Refusal):
        walked(data)

    assert time.process_time() - begin < 5


def test_the_limits_leave_room_for_large_models() -> None:
    """Ten thousand tensors, three times as many as a model of a billion parameters has, stay below the limits."""
    many = {f"encoder.layers.{number}.weight": integer(number) + b"q\x00" * 30 for number in range(10_000)}

    assert len(pickled(many)) < pickles.PICKLE_LIMIT
    assert isinstance(walked(pickled(many)), dict)


def test_names_are_mentioned_where_they_can_be_seen() -> None:
    """A finding about something else still says which functions the pickle wants, but not torch's own."""
    data = pickle.dumps([time.sleep, collections.OrderedDict], 4) + pickled({"a": name("os", "system")})

    assert mentioned_globals(data) == ["'time.sleep'", "'os.system'"]
    assert mentioned_globals(b"\x80\x02\xff") == []
