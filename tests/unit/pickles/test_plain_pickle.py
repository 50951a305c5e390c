"""Untrusted pickles: plain data is read whatever wrote it, and nothing else is built or called."""

from __future__ import annotations

import pickle
import random
import resource
import struct
import subprocess
import sys
import time
from argparse import Namespace
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from project import ROOT

from hpsearch.core.conditions import IntUniform, LogUniform, Not, Uniform
from hpsearch.pickles import plain_pickle
from hpsearch.pickles.plain_pickle import load_plain_pickle
from hpsearch.store.classic_files import read_plain_pickle

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
SHARED = [1, (2, 3)]
PLAIN_DATA = {
    "grid": {"x": [1, -(2**70), 2.5, None, True, False, "a\u00e9\ud83d", b"\xff", b"", bytearray(b"ab"), bytearray()]},
    "more": [(), (1,), (1, 2, 3, 4), {2}, set(), frozenset({3}), frozenset(), 1j, range(3), slice(1, None)],
    "ordered": OrderedDict(a=1, b=[{}]),
    "twice": [SHARED, SHARED],
    "not": [({"x": Not([1, "a"])}, {(1, "key"): [2]})],
    "ranges": {"a": LogUniform(1e-5, 1), "b": Uniform(0, np.float64(2)), "c": IntUniform(1, 3)},
}
NUMPY_DATA = [
    np.float64(0.1),
    np.float32(0.5),
    np.float16(2),
    np.longdouble(0.5),
    np.int8(-1),
    np.uint64(2**63),
    np.bool_(True),
    np.complex64(1j),
    np.str_("a\u00e9"),
    np.str_(""),
    np.bytes_(b"xy"),
    np.array([[1, 2], [3, 4]]).T,
    np.arange(10)[::2],
    np.zeros((2, 3, 4)).transpose(1, 0, 2),
    np.array(5),
    np.array([]),
    np.zeros((0, 3)),
    np.array([True, False]),
    np.array(["a", "long"]),
    np.array([b"a", b"long"]),
    np.arange(3, dtype=">i4"),
    np.array(["a", "\U0001f600"], dtype=">U2"),
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_pickle_of_plain_data_is_read(protocol: int) -> None:
    assert repr(load_plain_pickle(pickle.dumps(PLAIN_DATA, protocol))) == repr(PLAIN_DATA)


def described(values: list[np.ndarray]) -> list[tuple[object, ...]]:
    return [(type(value), value.dtype, value.shape, value.tolist()) for value in values]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("core", [b"numpy._core", b"numpy.core"], ids=["numpy 2", "numpy 1"])
def test_numpy_data_of_any_version_is_read(protocol: int, core: bytes) -> None:
    content = pickle.dumps([NUMPY_DATA, list(NUMPY_DATA)], protocol)
    for name in (b".multiarray", b".numeric"):
        # In protocols 4 and 5 the length stands before the name.
        content = content.replace(
            bytes([len(b"numpy._core" + name)]) + b"numpy._core", bytes([len(core + name)]) + core
        )
    first, second = load_plain_pickle(content.replace(b"numpy._core", core))  # type: ignore[misc]
    assert described(first) == described(NUMPY_DATA)
    assert list(map(id, first)) == list(map(id, second))


def test_numbers_may_be_keys_of_usual_dicts() -> None:
    numbers = {"keys": dict.fromkeys(range(1_000)), "members": set(range(1_000)), "pairs": {(k, 1) for k in range(100)}}
    assert load_plain_pickle(pickle.dumps(numbers)) == numbers


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_namespace_is_read_where_one_is_expected(protocol: int) -> None:
    namespace = Namespace(a=1, b=[None, "x"], c=np.float64(2))
    content = pickle.dumps(namespace, protocol)
    assert load_plain_pickle(content, may_be_namespace=True) == namespace
    with pytest.raises(ValueError, match=r"it holds an object of the class argparse\.Namespace$"):
        load_plain_pickle(content)


def test_texts_of_python_2_are_read() -> None:
    assert load_plain_pickle(b"(dp0\nS'lr'\np1\n(lp2\nF0.5\naI1\nas.") == {"lr": [0.5, 1]}
    assert load_plain_pickle(b"\x80\x02}q\x00U\x02lrq\x01K\x03s.") == {"lr": 3}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_anything_else_is_refused_by_name(protocol: int) -> None:
    others = (eval, Path("x"), np.random.RandomState, np.float32, OrderedDict, Not)
    told = [refusal(pickle.dumps({"x": value}, protocol)).removesuffix(" where a value belongs") for value in others]
    names = ["eval", "PosixPath", "RandomState", "float32", "OrderedDict", "Not"]
    assert [text.rpartition(".")[2] for text in told] == names


def refusal(content: bytes) -> str:
    with pytest.raises(ValueError, match="it holds ") as refused:
        load_plain_pickle(content)
    return str(refused.value)


OBJECTS = np.array([None, 1], dtype=object)
FIELDS = np.zeros(2, dtype=[("a", "O"), ("b", "i8")])
INTEGERS = np.array([1, 2], "i8")


def called(name: str, arguments: bytes, more: bytes = b"") -> bytes:
    """Return a pickle that calls what it names, with operations that follow."""
    return f"c{name}\n".encode() + b"(" + arguments + b"tR" + more + b"."


def reconstructed(state: bytes, dtype: bytes = b"cnumpy\ndtype\n(S'i8'\nI0\nI1\ntR") -> bytes:
    """Return a pickle of an array with this state after its version: %s in there is its type."""
    return (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntC\x01btR(I1\n"
        + state.replace(b"%s", dtype)
        + b"tb."
    )


def dtype_with(state: bytes, code: bytes = b"i8") -> bytes:
    """Return the operations of a numpy type with this state."""
    return b"cnumpy\ndtype\n(S'" + code + b"'\nI0\nI1\ntR(" + state + b"tb"


def nested(levels: int) -> bytes:
    return b"]" + b"]" * levels + b"a" * levels + b"."


def doubled(levels: int, ending: bytes = b".") -> bytes:
    """Return a pickle of tuples of two, each holding the one before twice: 2 ** levels parts in few bytes."""
    return b"K\x01" + b"q\x00h\x00\x86" * levels + ending


EQUAL_HASHES = b"".join(b"I%d\n" % (factor * (2**61 - 1)) for factor in range(20_000))
COPY = b"c__builtin__\nbytearray\nh\x00\x85R"
HOSTILE = {
    "object code": pickle.dumps(INTEGERS, 2).replace(b"i8", b"O8"),
    "object code, protocol 5": pickle.dumps(INTEGERS, 5).replace(b"i8", b"O8"),
    "object scalar": pickle.dumps(INTEGERS[0], 2).replace(b"i8", b"O8"),
    "object array": pickle.dumps(OBJECTS),
    "fields": pickle.dumps(FIELDS),
    "fields, protocol 0": pickle.dumps(FIELDS, 0),
    "code |O": called("numpy\ndtype", b"S'|O'\nI0\nI1\n"),
    "code O": called("numpy\ndtype", b"S'O'\n"),
    "code object": called("numpy\ndtype", b"S'object'\n"),
    "code with comma": called("numpy\ndtype", b"S'i8,O'\n"),
    "code of a subarray": called("numpy\ndtype", b"S'(2,)O'\n"),
    "code with line end": called("numpy\ndtype", b"Vi8\\u000a\n"),
    "code of a list": called("numpy\ndtype", b"(lS'a'\naS'O'\na"),
    "void code": called("numpy\ndtype", b"S'V8'\n"),
    "state with other kind": reconstructed(b"(I1\nt%sI00\nC\x08AAAAAAAA", dtype_with(b"I3\nS'O'\nNNNI8\nI8\nI63\n")),
    "state with subarray": reconstructed(
        b"(I1\nt%sI00\nC\x08AAAAAAAA", dtype_with(b"I3\nS'<'\n(cnumpy\ndtype\n(S'O'\ntR(I1\nttNNI-1\nI-1\nI0\n")
    ),
    "state with fields": reconstructed(
        b"(I1\nt%sI00\nC\x08AAAAAAAA", dtype_with(b"I3\nS'<'\nN(S'a'\nt(dI-1\nI-1\nI0\n")
    ),
    "state with metadata": reconstructed(
        b"(I1\nt%sI00\nC\x08AAAAAAAA", dtype_with(b"I4\nS'<'\nNNNI-1\nI-1\nI0\n(dS'a'\nI1\ns")
    ),
    "array called": called("numpy\nndarray", b"(I1\ntcnumpy\ndtype\n(S'i8'\nI0\nI1\ntRC\x08AAAAAAAA"),
    "array as object": b"cnumpy\nndarray\n(I1\nt\x81.",
    "array class by itself": b"(lcnumpy\nndarray\na.",
    "array without content": b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntC\x01btR.",
    "array of another class": b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\n(I0\ntC\x01btR.",
    "too few bytes": reconstructed(b"(I9\nt%sI00\nC\x08AAAAAAAA"),
    "negative shape": reconstructed(b"(I-1\nI-1\nt%sI00\nC\x08AAAAAAAA"),
    "huge shape without elements": reconstructed(b"(I1000000000000\nI0\nt%sI00\nC\x00"),
    "many dimensions": reconstructed(b"(" + b"I1000\n" * 30 + b"I0\nt%sI00\nC\x00"),
    "elements without size": reconstructed(b"(I1000000000\nt%sI00\nC\x00", b"cnumpy\ndtype\n(S'U0'\ntR"),
    "forged character": reconstructed(b"(I1\nt%sI00\nC\x04\xff\xff\xff\xff", b"cnumpy\ndtype\n(S'U1'\ntR"),
    "forged truth": reconstructed(b"(I1\nt%sI00\nC\x01\x02", b"cnumpy\ndtype\n(S'b1'\ntR"),
    "content as text": reconstructed(b"(I1\nt%sI00\nVAAAAAAAA\n"),
    "content as list": reconstructed(b"(I1\nt%sI00\n(lI1\na"),
    "buffer of another kind": called(
        "numpy._core.numeric\n_frombuffer", b"S'AAAAAAAA'\ncnumpy\ndtype\n(S'i8'\ntR(I1\ntS'C'\n"
    ),
    "tuples as deep key": b"}" + b")" + b"\x85" * 300_000 + b"K\x01s.",
    "tuples as deep value": b")" + b"\x85" * 300_000 + b".",
    "lists in lists": nested(300_000),
    "tuples that double": doubled(60),
    "doubling key": b"}" + doubled(60, b"K\x01s."),
    "doubling member": b"\x8f(" + doubled(60, b"\x90."),
    "one long key again and again": b"((" + b"K\x01" * 15_000 + b"tq\x01}(" + b"h\x01K\x01" * 2_500 + b"ut.",
    "numbers with equal hashes": b"}(" + EQUAL_HASHES.replace(b"\n", b"\nN") + b"u.",
    "members with equal hashes": b"\x8f(" + EQUAL_HASHES + b"\x90.",
    "frozen members with equal hashes": b"(" + EQUAL_HASHES + b"\x91.",
    "pairs with equal hashes": b"\x8f(" + EQUAL_HASHES.replace(b"\n", b"\nN\x86") + b"\x90.",
    "many uses of one long text": b"(V" + b"a" * 100_000 + b"\nq\x00" + b"h\x00" * 300_000 + b"l.",
    "list in itself": b"]q\x00h\x00a.",
    "dict in itself": b"}q\x00K\x01h\x00s.",
    "huge bytearray": pickle.dumps(bytearray(1), 4).replace(b"C\x01\x00", b"J\xff\xff\xff\x7f"),
    "huge bytes": called("__builtin__\nbytes", b"I3000000000\n"),
    "bytearray again and again": b"(B\x00\x00\x10\x00" + bytes(2**20) + b"q\x00" + COPY * 9_000 + b"l.",
    "huge encoding": called("_codecs\nencode", b"Va\nVunicode_escape\n"),
    "decompressing encoding": called("_codecs\nencode", b"Va\nVbz2\n"),
    "range of other things": called("__builtin__\nrange", b"Va\n"),
    "memo that is not there": b"j\xff\xff\xff\x7f.",
    "text longer than the pickle": b"X\xff\xff\xff\xffab.",
    "bytes longer than the pickle": b"\x8e" + struct.pack("<Q", 2**62) + b"ab.",
    "frame longer than the pickle": b"\x80\x04\x95" + struct.pack("<Q", 2**62),
    "buffer out of band": pickle.dumps(pickle.PickleBuffer(b"ab"), 5, buffer_callback=lambda _: False),
    "extension": b"\x82\x01.",
    "persistent object": b"Pabc\n.",
    "instance of Python 2": b"(ios\nsystem\n.",
    "object of Python 2": b"(cos\nsystem\nS'true'\no.",
    "call with keywords": b"\x80\x04cargparse\nNamespace\n)}\x92.",
    "call of a value": b"K\x01)R.",
    "state of a list": b"]}b.",
    "state of a text": b"Va\n}b.",
    "range with more": b"chpsearch.core.conditions\nUniform\n)\x81}(Vlow\nK\x00Vhigh\nK\x01V_values\n]us.",
    "range again and again": b"(chpsearch.core.conditions\nUniform\n)\x81q\x00" + b"h\x00" * 9_000 + b"l.",
    "range of a class": b"chpsearch.core.conditions\nUniform\n)\x81}(Vlow\ncbuiltins\neval\nVhigh\nK\x01us.",
    "Not of a text": b"chpsearch.core.conditions\nNot\n)\x81}Vvalues\nVabc\nsb.",
    "many marks": b"(" * 150_000,
    "many sets": b"\x8f" * 150_000 + b"0.",
    "many notes": b"N" + b"\x94" * 150_000 + b".",
    "no end": b"K\x01",
    "two values": b"K\x01K\x02.",
    "nothing": b".",
    "no pickle": b"hello",
}
READ = """\
import resource, sys
sys.path.insert(0, {root!r})
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))
from hpsearch.pickles.plain_pickle import load_plain_pickle
for name in sys.argv[1:]:
    try:
        value = load_plain_pickle(open(name, "rb").read(), True)
    except ValueError as error:
        assert str(error)
    else:
        repr(value), value == value
    print("alive", flush=True)
"""


def survivors(contents: list[bytes], folder: Path) -> int:
    """Read pickles in a process of its own; return how many it survived."""
    names = []
    for number, content in enumerate(contents):
        path = folder / f"{number}.pickle"
        path.write_bytes(content)
        names.append(str(path))
    code = READ.format(root=str(ROOT))
    done = subprocess.run(
        [sys.executable, "-c", code, *names], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.stderr == ""
    return done.stdout.count("alive")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pickle_is_refused_at_once_and_in_little_memory(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # A tenth of what a pickle may stand for at any size, and so a tenth of the time until it is refused.
    monkeypatch.setattr(plain_pickle, "_BUDGET", plain_pickle._BUDGET // 10)
    memory_before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(ValueError, match=r"\w"):
        load_plain_pickle(HOSTILE[name], may_be_namespace=True)
    assert time.process_time() - begun < 3
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_before < 100_000


def test_pickles_changed_at_random_never_end_the_process(tmp_path: Path) -> None:
    chance = random.Random(1)
    whole = [pickle.dumps([PLAIN_DATA, value], protocol) for value in NUMPY_DATA for protocol in PROTOCOLS]
    whole += [content for content in HOSTILE.values() if len(content) < 10_000]
    changed = []
    for content in whole * 4:
        copy = bytearray(content)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(copy))
            copy[place : place + chance.randint(0, 2)] = chance.randbytes(chance.randint(0, 3))
            copy = copy or bytearray(b".")
        changed.append(bytes(copy))
    assert survivors(changed, tmp_path) == len(changed)


@settings(max_examples=100)
@given(st.binary())
def test_no_bytes_break_the_reader(content: bytes) -> None:
    try:
        load_plain_pickle(content)
    except ValueError as error:
        assert str(error)


OPERATIONS = [
    *(bytes([code]) for code in b"()]}tldaeusRb.N\x81\x85\x86\x87\x8f\x90\x91\x93\x94"),
    *(b"K\x01", b"Va\n", b"Vi8\n", b"VO8\n", b"VU1\n", b"C\x01b", b"C\x08AAAAAAAA", b"q\x00", b"h\x00"),
    *(b"J\xff\xff\xff\x7f", b"cnumpy\ndtype\n", b"cnumpy\nndarray\n", b"cnumpy.core.multiarray\nscalar\n"),
    *(b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy._core.numeric\n_frombuffer\n", b"cargparse\nNamespace\n"),
    *(b"c__builtin__\nset\n", b"c__builtin__\nbytearray\n", b"c__builtin__\nrange\n"),
]


@settings(max_examples=100)
@given(st.lists(st.sampled_from(OPERATIONS), max_size=30))
def test_no_operations_break_the_reader(operations: list[bytes]) -> None:
    try:
        repr(load_plain_pickle(b"".join(operations) + b".", may_be_namespace=True))
    except ValueError as error:
        assert str(error)


def test_what_is_no_file_or_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpsearch.store.classic_files.MOST_BYTES", 1000)
    (tmp_path / "large").write_bytes(bytes(1001))
    with pytest.raises(ValueError, match="it is 1,001 bytes long; at most 1,000 are read"):
        read_plain_pickle(tmp_path / "large")
    with pytest.raises(ValueError, match="expected a file, found something else"):
        read_plain_pickle(tmp_path)
