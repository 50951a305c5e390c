"""Which pickles are recognised as flat, and so read by Python's fast reader: only such that can do no harm."""

import pickle
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.pickles import plain_pickle
from hpsearch.pickles.flat_pickle import is_flat_list
from hpsearch.pickles.plain_pickle import load_plain_pickle

MOST_MAKING = 1_000_000
NUMBER = st.integers(-(2**63), 2**63 - 1)
TEXT_OR_NUMBER = st.none() | st.booleans() | NUMBER | st.floats(allow_nan=False) | st.text(max_size=300)
DICTS = st.lists(st.dictionaries(st.text(), TEXT_OR_NUMBER | st.lists(TEXT_OR_NUMBER, max_size=3), max_size=5))


@settings(max_examples=100)
@given(DICTS, st.sampled_from([3, 4, 5]))
def test_a_list_of_dicts_is_recognised_and_read(dicts: list[dict[str, object]], protocol: int) -> None:
    content = pickle.dumps(dicts, protocol)
    assert is_flat_list(content, MOST_MAKING)
    assert load_plain_pickle(content) == dicts


def test_the_commands_of_a_long_search_are_recognised() -> None:
    dicts = [{"lr": 0.1, "units": k, "out_dir": f"out/sim_20260101000000_{k:05d}"} for k in range(2_000)]
    assert is_flat_list(pickle.dumps(dicts, 3), MOST_MAKING)


BEGUN = b"\x80\x04]"
#: Another value at the end, values left over, and containers that get what belongs into others, or nothing.
NOT_AS_PICKLERS_WRITE = [
    *(b"K\x01.", b"].", b"K\x01]a.", b"(K\x01.", b"]s.", b"(K\x05eK\x00K\x07s.", b"(K\x05e(K\x00K\x07u."),
    *(b"(u.", b"K\x01(ea.", b"}K\x01aa.", b"}(K\x01ua.", b"}(K\x01sa.", b"(a.", b"e.", b"h\x00."),
]


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps([len]),
        pickle.dumps([(1, 2)]),
        pickle.dumps([{1}]),
        pickle.dumps([b"ab"]),
        pickle.dumps({"x": 1}),
        BEGUN + b"cos\nsystem\nVtrue\n\x85Ra.",
        BEGUN + b"V\n\x93a.",
        BEGUN + b"\x82\x01a.",
        BEGUN + b"Pabc\na.",
        BEGUN + b"}b.",
        BEGUN + b"\x96\xff\xff\xff\x7f\x00\x00\x00\x00a.",
        BEGUN + b"K\x01r\xff\xff\xff\x7fa.",
        BEGUN + b"X\xff\xff\xff\xffab.",
        BEGUN + b"\x8c\xffab",
        pickle.dumps([2**64]),
        *(BEGUN + each for each in NOT_AS_PICKLERS_WRITE),
        BEGUN,
        b"",
        b"K\x01K\x02.",
    ],
)
def test_anything_else_is_left_to_the_careful_reader(content: bytes) -> None:
    assert not is_flat_list(content, MOST_MAKING)


@pytest.mark.parametrize("operation", [b"]a", b"}a", b"(e", b"N\x94a", b"Nq\x01a", b"Nr\x01\x00\x00\x00a"])
def test_what_makes_more_than_it_may_is_not_flat(operation: bytes) -> None:
    content = BEGUN + operation * 100 + b"."
    assert is_flat_list(content, 101)
    assert not is_flat_list(content, 100)


@pytest.mark.parametrize(
    "content, problem",
    [
        (BEGUN + b"q\x00h\x00a.", "contains itself"),
        (BEGUN + b"]" * 300 + b"a" * 300 + b".", "nested more than"),
        (BEGUN + b"h\x07a.", "not a readable pickle"),
        (b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"].", "not a readable pickle"),
        (BEGUN + b"X\xa0\x86\x01\x00" + b"a" * 100_000 + b"q\x00a(" + b"h\x00" * 50_000 + b"e.", "far more data"),
    ],
)
def test_a_flat_pickle_made_by_hand_is_refused_as_any_other(content: bytes, problem: str) -> None:
    assert is_flat_list(content, MOST_MAKING)
    with pytest.raises(ValueError, match=problem):
        load_plain_pickle(content)


OPERATIONS = [
    *(bytes([code]) for code in b"](}aeusN\x88\x94"),
    *(b"K\x01", b"M\x01\x01", b"J\x01\x00\x00\x00", b"\x8c\x01a", b"X\x01\x00\x00\x00b", b"\x8a\x01\x05"),
    *(b"q\x00", b"h\x00", b"r\x01\x00\x00\x00", b"j\x01\x00\x00\x00", b"G" + bytes(8)),
]


def as_read(content: bytes) -> str:
    """Return what a pickle holds, or that it is refused."""
    try:
        return repr(load_plain_pickle(content))
    except ValueError as error:
        assert str(error)
        return "refused"


@settings(max_examples=100)
@given(st.lists(st.sampled_from(OPERATIONS), max_size=30))
def test_no_flat_operations_break_the_reader(operations: list[bytes]) -> None:
    content = BEGUN + b"".join(operations) + b"."
    found = as_read(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_pickle, "is_flat_list", lambda *_: False)
        assert found == as_read(content)


@pytest.mark.parametrize("operations", NOT_AS_PICKLERS_WRITE)
def test_the_fast_reader_never_judges_otherwise_than_the_careful_one(
    operations: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = as_read(BEGUN + operations)
    monkeypatch.setattr(plain_pickle, "is_flat_list", lambda *_: False)
    assert found == as_read(BEGUN + operations)
