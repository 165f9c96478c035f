"""The text form of a graph, one node a line, which reads back as the identical graph.

::

    %0 = input : f64[3]
    %1 = const 3
    %2 = multiply %1 %0 : f64[3]
    %3 = sum %2 {axes=(0,)} : f64[]
    return %3

A line defines a node: its operation, its operands, its parameters in braces if it has any, and its aval (several in
parentheses for an operation with several results; ``~`` marks a Python scalar). The inputs come first, ``return`` with
the outputs last. ``#`` begins a comment. Values are written as in :mod:`geartrain.ir.literal`.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from geartrain.ir.aval import Aval
from geartrain.ir.cursor import Cursor, TextError
from geartrain.ir.graph import Graph
from geartrain.ir.literal import dtype_text, literal_text, read_dtype, read_literal, read_shape
from geartrain.ir.node import CONST, INPUT, Node
from geartrain.ir.op import Op

__all__ = ["TextError", "aval_text", "graph_text", "read_graph"]

_NODE = re.compile(r"%(\d+)")
_NAME = re.compile(r"[A-Za-z_<][\w.<>]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_PARAM = re.compile(r"([A-Za-z_]\w*) *=")


# Writing.


def graph_text(graph: Graph) -> str:
    """The text form of ``graph``.

    >>> import numpy as np
    >>> from geartrain.ir.node import Table
    >>> table, square = Table(), Op(name="square", fn=np.square)
    >>> x = table.input(Aval((2, 3), np.dtype("f4")))
    >>> print(graph_text(Graph.of([x], [table.node(square, (x,), (), x.value)])))
    %0 = input : f32[2,3]
    %1 = square %0 : f32[2,3]
    return %1

    Raises:
        TextError: a parameter or constant has no text form, such as a function or an array of objects.
    """
    numbers: dict[Node, int] = {}
    lines: list[str] = []
    for node in (*graph.inputs, *graph.nodes):
        numbers[node] = len(lines)
        lines.append(f"%{len(lines)} = {_definition(node, numbers)}")
    lines.append(" ".join(["return", *(f"%{numbers[node]}" for node in graph.outputs)]))
    return "\n".join(lines)


def _definition(node: Node, numbers: Mapping[Node, int]) -> str:
    if node.op is CONST:
        return f"const {literal_text(node.value)}"
    words = [node.op.name if _NAME.fullmatch(node.op.name) else json.dumps(node.op.name)]
    words += [f"%{numbers[x]}" for x in node.inputs]
    if node.params:
        words.append(f"{{{_params(node)}}}")
    return f"{' '.join(words)} : {_result_text(node)}"


def _result_text(node: Node) -> str:
    value: Aval | tuple[Aval, ...] = node.value
    if isinstance(value, Aval) or type(value) is not tuple:
        return aval_text(node.aval)
    return f"({', '.join(map(aval_text, value))})"


def _params(node: Node) -> str:
    texts = [literal_text(value) for value in node.params]
    if len(texts) == len(node.op.params):
        texts = [f"{name}={text}" for name, text in zip(node.op.params, texts, strict=True)]
    return ", ".join(texts)


def aval_text(aval: Aval) -> str:
    """Shape and dtype, ``f32[2,3]``; ``~`` for a Python scalar.

    >>> import numpy as np
    >>> aval_text(Aval((), np.dtype(float), weak=True))
    'f64[]~'
    """
    return f"{dtype_text(aval.dtype)}[{','.join(map(str, aval.shape))}]{'~' if aval.weak else ''}"


# Reading.


def read_graph(text: str, ops: Mapping[str, Op]) -> Graph:
    """The graph that :func:`graph_text` wrote.

    ``ops`` has the operations by name; the table of the engine is ``geartrain.ops.table.ROWS``.

    >>> import numpy as np
    >>> graph = read_graph("%0 = input : f64[]\\n%1 = sin %0 : f64[]\\nreturn %1", {"sin": Op(name="sin", fn=np.sin)})
    >>> graph.nodes[0].op.fn(0.0)
    np.float64(0.0)

    Raises:
        TextError: the text is not that of a graph; says the line and column, and what was expected there.
    """
    nodes: dict[int, Node] = {}
    outputs: list[Node] | None = None
    number = 0
    for number, line in enumerate(text.splitlines(), 1):
        cursor = Cursor(line.rstrip(), number)
        cursor.space()
        if cursor.at == len(cursor.text) or cursor.accept("#"):
            continue
        if outputs is not None:
            cursor.fail("a line after the return")
        if cursor.accept("return"):
            outputs = _operands(cursor, nodes)
            _end(cursor)
        else:
            _define(cursor, nodes, ops)
    if outputs is None:
        raise TextError(f"[text] line {number + 1}: the text ends without a return")
    defined = list(nodes.values())
    inputs = tuple(node for node in defined if node.op is INPUT)
    return Graph(inputs, tuple(defined[len(inputs) :]), tuple(outputs))


def _define(cursor: Cursor, nodes: dict[int, Node], ops: Mapping[str, Op]) -> None:
    """Read one line, ``%3 = multiply %1 %2 : f64[3]``, and add its node."""
    target = cursor.take(_NODE)
    if target is None:
        cursor.fail("expected a node such as %0, or return")
    if int(target[1]) in nodes:
        cursor.at = target.start()
        cursor.fail(f"{target[0]} is defined twice")
    cursor.expect("=")
    cursor.space()
    start = cursor.at
    name = _op_name(cursor)
    if name == "const":
        node = Node(CONST, (), (), read_literal(cursor))
    elif name == "input":
        if any(node.op is not INPUT for node in nodes.values()):
            cursor.at = start
            cursor.fail("the inputs come first")
        cursor.expect(":")
        node = Node(INPUT, (), (), _aval(cursor))
    else:
        if name not in ops:
            cursor.at = start
            cursor.fail(f"there is no operation {name!r} in the table")
        op = ops[name]
        inputs = tuple(_operands(cursor, nodes))
        params = _read_params(cursor, op) if cursor.accept("{") else ()
        cursor.expect(":")
        node = Node(op, inputs, params, _avals(cursor) if cursor.accept("(") else _aval(cursor))
    _end(cursor)
    nodes[int(target[1])] = node


def _end(cursor: Cursor) -> None:
    if not cursor.accept("#"):
        cursor.end()


def _op_name(cursor: Cursor) -> str:
    if quoted := cursor.take(_STRING):
        return json.loads(quoted[0])
    name = cursor.take(_NAME)
    if name is None:
        cursor.fail("expected the name of an operation")
    return name[0]


def _operands(cursor: Cursor, nodes: Mapping[int, Node]) -> list[Node]:
    found: list[Node] = []
    while reference := cursor.take(_NODE):
        if int(reference[1]) not in nodes:
            cursor.at = reference.start()
            cursor.fail(f"{reference[0]} is not defined above")
        found.append(nodes[int(reference[1])])
    return found


def _read_params(cursor: Cursor, op: Op) -> tuple[Any, ...]:
    values: list[Any] = []
    named = 0
    while not cursor.accept("}"):
        if name := cursor.take(_PARAM):
            if len(values) >= len(op.params) or name[1] != op.params[len(values)]:
                cursor.at = name.start()
                cursor.fail(f"the parameters of {op.name} are: {', '.join(op.params) or 'none'}")
            named += 1
        values.append(read_literal(cursor))
        if not cursor.accept(","):
            cursor.expect("}")
            break
    if named and len(values) != len(op.params):
        cursor.fail(f"{op.name} has the parameters {', '.join(op.params)}")
    return tuple(values)


def _aval(cursor: Cursor) -> Aval:
    dtype = read_dtype(cursor)
    shape = read_shape(cursor)
    return Aval(shape, dtype, weak=cursor.accept("~"))


def _avals(cursor: Cursor) -> Any:
    found: list[Aval] = []
    while not cursor.accept(")"):
        found.append(_aval(cursor))
        if not cursor.accept(","):
            cursor.expect(")")
            break
    return tuple(found)
