"""The text form of graphs: golden texts, the way back to the identical graph, and errors that say the line."""

import math
import re
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from geartrain.ir.aval import Aval
from geartrain.ir.cursor import Cursor
from geartrain.ir.graph import Graph
from geartrain.ir.literal import literal_text, read_literal
from geartrain.ir.node import CONST, INPUT, Node, Table
from geartrain.ir.op import Op
from geartrain.ir.text import TextError, graph_text, read_graph

F64 = np.dtype(float)


def nothing(*_: Any) -> Any:
    raise AssertionError("text is not run")


SIN = Op(name="sin", fn=np.sin)
MULTIPLY = Op(name="multiply", fn=np.multiply)
SUM = Op(name="sum", fn=np.sum, params=("axes",))
GETITEM = Op(name="getitem", fn=nothing, params=("index",))
PAIR = Op(name="my <own> pair", fn=nothing, params=("a", "b"))
OPS = {op.name: op for op in (SIN, MULTIPLY, SUM, GETITEM, PAIR)}


def same(a: Any, b: Any) -> bool:
    """Whether two values are the same in type and in every bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, slice):
        return same((a.start, a.stop, a.step), (b.start, b.stop, b.step))
    if isinstance(a, (np.ndarray, np.generic)):
        return a.dtype.str == b.dtype.str and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b)
    if isinstance(a, complex):
        return same((a.real, a.imag), (b.real, b.imag))
    return a == b


def identical(a: Graph, b: Graph) -> bool:
    """Whether two graphs have the same nodes in the same order."""
    number_a = {node: i for i, node in enumerate((*a.inputs, *a.nodes))}
    number_b = {node: i for i, node in enumerate((*b.inputs, *b.nodes))}
    if len(number_a) != len(number_b) or len(a.inputs) != len(b.inputs):
        return False
    for x, y in zip(number_a, number_b, strict=True):
        if x.op is not y.op or [number_a[n] for n in x.inputs] != [number_b[n] for n in y.inputs]:
            return False
        if not same(x.params, y.params) or not same(x.value, y.value):
            return False
    return [number_a[n] for n in a.outputs] == [number_b[n] for n in b.outputs]


def example() -> Graph:
    table = Table()
    x = table.input(Aval((2, 3), np.dtype("f4")))
    t = table.input(Aval((), F64, weak=True))
    three = table.const(np.array([0.1, -0.0, np.nan], "f4"))
    y = table.node(MULTIPLY, (three, x), (), x.aval)
    part = table.node(GETITEM, (y,), ((slice(None, None, -1), Ellipsis, None, "here", (0, (1,))),), Aval((3,), F64))
    both = table.node(PAIR, (part, t), ("axis\n", None), (Aval((), F64), Aval((4,), np.dtype(">i2"))))
    total = table.node(SUM, (part,), ((0,),), Aval((), F64))
    return Graph.of([x, t], [total, both, x, table.const(True), table.const(2)])


GOLDEN = """\
%0 = input : f32[2,3]
%1 = input : f64[]~
%2 = const f32[3](0.1 -0.0 nan)
%3 = multiply %2 %0 : f32[2,3]
%4 = getitem %3 {index=(slice(None, None, -1), Ellipsis, None, "here", (0, (1,)))} : f64[3]
%5 = sum %4 {axes=(0,)} : f64[]
%6 = "my <own> pair" %4 %1 {a="axis\\n", b=None} : (f64[], ">i2"[4])
%7 = const True
%8 = const 2
return %5 %6 %0 %7 %8"""


def test_golden() -> None:
    assert graph_text(example()) == GOLDEN


def test_the_golden_text_reads_back() -> None:
    read = read_graph(GOLDEN, OPS)
    assert identical(read, example())
    assert graph_text(read) == GOLDEN


def test_spaces_comments_and_numbers_are_the_writers_own() -> None:
    text = "\n# a comment\n  %7 = input : f64[]  # the angle\n\n%3=sin %7:f64[]\nreturn   %3\n# the end\n"
    assert graph_text(read_graph(text, OPS)) == "%0 = input : f64[]\n%1 = sin %0 : f64[]\nreturn %1"


def test_an_empty_graph() -> None:
    assert graph_text(read_graph("return", OPS)) == "return"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (True, "True"),
        (-0.0, "-0.0"),
        (1e300, "1e+300"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
        (struct.unpack("<d", bytes.fromhex("010000000000f8ff"))[0], "nan:0xfff8000000000001"),
        (complex(-0.0, math.inf), "complex(-0.0, inf)"),
        (None, "None"),
        (Ellipsis, "Ellipsis"),
        ("a 'b' \"c\" \u00e9", '"a \'b\' \\"c\\" \\u00e9"'),
        (b"\x0a\xff", 'bytes("0aff")'),
        (slice(1, None), "slice(1, None, None)"),
        ((), "()"),
        ((1,), "(1,)"),
        ([(1, [2.0])], "[(1, [2.0])]"),
        (np.float32(0.1), "f32(0.1)"),
        (np.float64(0.1), "f64(0.1)"),
        (np.bool_(True), "bool(True)"),
        (np.complex64(1 - 2j), "c64(1.0:-2.0)"),
        (np.array(3), "i64[](3)"),
        (np.zeros((2, 0)), "f64[2,0]()"),
        (np.array([True, False]), "bool[2](True False)"),
        (np.array([1, 255], np.uint8), "u8[2](1 255)"),
        (np.array([1.5, np.inf], ">f8"), '">f8"[2](base64 "P/gAAAAAAAB/8AAAAAAAAA==")'),
        (np.dtype("f4"), "dtype(f32)"),
        (np.dtype(">f4"), 'dtype(">f4")'),
    ],
)
def test_golden_values(value: Any, text: str) -> None:
    assert literal_text(value) == text
    assert same(read_literal(Cursor(text, 1)), value)


def test_many_elements_stand_as_bytes() -> None:
    many = np.arange(17, dtype="i2")
    text = literal_text(many)
    assert text.startswith('i16[17](base64 "')
    assert same(read_literal(Cursor(text, 1)), many)


def test_long_doubles_stand_as_bytes() -> None:
    third = np.ones(2, np.longdouble) / 3
    assert np.array_equal(read_literal(Cursor(literal_text(third), 1)), third)


def test_constants_that_are_read_cannot_be_changed() -> None:
    for text in ("f64[2](1.0 2.0)", literal_text(np.zeros(20)), "f64[0]()"):
        assert not read_literal(Cursor(text, 1)).flags.writeable


@pytest.mark.parametrize("value", [print, object(), {1: 2}, np.array([None]), np.zeros(2, [("a", "f8")]), np.str_("")])
def test_what_has_no_text_is_refused(value: Any) -> None:
    with pytest.raises(TextError, match="no place for"):
        literal_text(value)


# Round trips.

FLOATS = st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("d", struct.pack("Q", bits))[0])
NUMBERS = [st.booleans(), st.integers(), FLOATS, st.floats(), st.builds(complex, FLOATS, FLOATS)]
DTYPES = st.one_of(
    st.sampled_from(["?", "i1", "u2", "i4", "u8", "f2", "f4", "f8", "c8", "c16", "U3", "S2", "M8[ns]", ">f4", ">c16"]),
).map(np.dtype)


@st.composite
def arrays(draw: st.DrawFn) -> Any:
    """Any bits at all, in shapes with empty, size-one and no axes."""
    dtype = draw(DTYPES)
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5))
    size = math.prod(shape)
    if dtype.kind in "bU":  # not every pattern of bits is a value
        return (
            np.asarray(draw(st.lists(st.integers(0, 1), min_size=size, max_size=size)), int)
            .reshape(shape)
            .astype(dtype)
        )
    raw = draw(st.binary(min_size=size * dtype.itemsize, max_size=size * dtype.itemsize))
    return np.ndarray(shape, dtype, bytearray(raw))


def scalar(array: Any) -> Any:
    scalar = array.reshape(-1)[0] if array.size else np.float32(0)
    return scalar if scalar.itemsize else np.int8(1)  # a text of no characters


INDICES = st.one_of(st.none(), st.just(Ellipsis), st.builds(slice, *[st.none() | st.integers(-9, 9)] * 3))
LEAVES = st.one_of(*NUMBERS, INDICES, st.text(), st.binary(), arrays(), arrays().map(scalar))
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple))


@given(VALUES)
@settings(max_examples=300, deadline=None)
def test_every_value_reads_back_bit_for_bit(value: Any) -> None:
    cursor = Cursor(literal_text(value), 1)
    assert same(read_literal(cursor), value)
    cursor.end()


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Random programs; dead and repeated nodes as well, which a text must not lose."""
    avals = st.builds(Aval, st.lists(st.integers(0, 4), max_size=3).map(tuple), DTYPES, st.booleans())
    inputs = [Node(INPUT, (), (), draw(avals)) for _ in range(draw(st.integers(0, 3)))]
    nodes: list[Node] = []
    for _ in range(draw(st.integers(0, 8))):
        known = [*inputs, *nodes]
        if not known or draw(st.integers(0, 3)) == 0:
            nodes.append(Node(CONST, (), (), draw(st.one_of(*NUMBERS, arrays()))))
            continue
        op = draw(st.sampled_from(list(OPS.values())))
        operands = tuple(draw(st.lists(st.sampled_from(known), min_size=1, max_size=3)))
        params = tuple(draw(VALUES) for _ in op.params)
        result = draw(avals | st.lists(avals, min_size=1, max_size=3).map(tuple))
        nodes.append(Node(op, operands, params, result))
    outputs = draw(st.lists(st.sampled_from([*inputs, *nodes]), max_size=3)) if inputs or nodes else []
    return Graph(tuple(inputs), tuple(nodes), tuple(outputs))


@given(graphs())
@settings(max_examples=150, deadline=None)
def test_every_graph_reads_back(graph: Graph) -> None:
    text = graph_text(graph)
    assert identical(read_graph(text, OPS), graph)
    assert len(text.splitlines()) == len(graph.inputs) + len(graph.nodes) + 1


def test_a_long_chain_is_no_deeper_than_a_short_one() -> None:
    node = Node(INPUT, (), (), Aval((), F64))
    inputs, nodes = (node,), list[Node]()
    for _ in range(20_000):
        node = Node(SIN, (node,), (), Aval((), F64))
        nodes.append(node)
    text = graph_text(Graph(inputs, tuple(nodes), (node,)))
    assert graph_text(read_graph(text, OPS)) == text


# Errors.


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "ends without a return"),
        ("%0 = input : f64[]\n", 2, "ends without a return"),
        ("%0 = input : f64[]\nreturn %1", 2, "%1 is not defined above"),
        ("%0 = input : f64[]\n%1 = sine %0 : f64[]\nreturn %1", 2, "no operation 'sine'"),
        ("%0 = input : f64[]\n%0 = sin %0 : f64[]\nreturn %0", 2, "%0 is defined twice"),
        ("%0 = const 1\n%1 = input : f64[]\nreturn", 2, "inputs come first"),
        ("%0 = input : q64[]\nreturn", 1, "expected a dtype"),
        ("%0 = input : f63[]\nreturn", 1, "expected a dtype"),
        ("%0 = input : f64\nreturn", 1, "expected a shape"),
        ("%0 = input f64[]\nreturn", 1, "expected ':'"),
        ("%0 = sin : f64[] too\nreturn", 1, "end of the line"),
        ("return\n%0 = input : f64[]", 2, "after the return"),
        ("x = 3", 1, "expected a node"),
        ("%0 = %1", 1, "name of an operation"),
        ("%0 = const", 1, "expected a value"),
        ("%0 = const f64[3](1.0 2.0)\nreturn", 1, "do not make"),
        ("%0 = const f64[](1.0 2.0)\nreturn", 1, "do not make"),
        ("%0 = const f64(one)\nreturn", 1, "expected an element"),
        ("%0 = const u8[1](256)\nreturn", 1, "does not fit"),
        ("%0 = const bool[1](1)\nreturn", 1, "True or False"),
        ('%0 = const f64[1](base64 "????")\nreturn', 1, "not base64"),
        ("%0 = const f64[99999999999,0,99999999999]()\nreturn", 1, "do not make"),
        ("%0 = const nan:0x3ff0000000000000\nreturn", 1, "not the bits of a nan"),
        ("%0 = const nan:0xfffffffffffffffffff\nreturn", 1, "more bits"),
        ("%0 = const slice(1, 2)\nreturn", 1, "three parts"),
        ("%0 = const complex(1, 2)\nreturn", 1, "two floats"),
        ('%0 = const bytes("0g")\nreturn', 1, "hexadecimal"),
        ('%0 = const "\\q"\nreturn', 1, "cannot be read"),
        ("%0 = const dtype(object)\nreturn", 1, "expected a dtype"),
        ('%0 = const "|O"[1](base64 "AAAAAAAAAAA=")\nreturn', 1, "expected a dtype"),
        ("%0 = sum {axis=(0,)} : f64[]\nreturn", 1, "the parameters of sum are: axes"),
        ("%0 = getitem {index=1, other=2} : f64[]\nreturn", 1, "the parameters of getitem are: index"),
        ("%0 = sum {(0 1)} : f64[]\nreturn", 1, "expected ')'"),
        (f"%0 = const {'(' * 5000}\nreturn", 1, "nest deeper"),
    ],
)
def test_errors_say_the_line_and_what_was_expected(text: str, line: int, says: str) -> None:
    with pytest.raises(TextError, match=re.escape(says)) as error:
        read_graph(text, OPS)
    assert f"line {line}" in str(error.value)


def test_an_error_points_at_the_column() -> None:
    with pytest.raises(TextError) as error:
        read_graph("%0 = input : f64[]\n%1 = sine %0 : f64[]\nreturn %1", OPS)
    message, shown, caret = str(error.value).splitlines()
    assert message == "[text] line 2, column 6: there is no operation 'sine' in the table"
    assert shown[caret.index("^") :].startswith("sine")
