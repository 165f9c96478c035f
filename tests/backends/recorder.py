"""Graphs for tests: a recorder that computes each value as it goes, and random programs."""

import random
from typing import Any

import numpy as np

from geartrain.ir.aval import aval_of
from geartrain.ir.graph import Graph
from geartrain.ir.node import Node, Table
from geartrain.ops.table import ROWS

FLOATS = ["f8", "f4"]
DTYPES = ["f8", "f8", "f8", "f4", "f4", "i8", "i4", "u1", "b1"]
SIZES = [0, 1, 1, 2, 3, 5, 7, 8, 13, 16, 17, 31, 33, 67]

UNARY = ["negative", "square", "absolute", "sign"]
FLOAT_UNARY = ["floor", "ceil", "trunc", "rint", "isnan", "isinf", "isfinite", "signbit"]
BINARY = ["add", "subtract", "multiply", "maximum", "minimum"]
ORDER = ["less", "less_equal", "greater", "greater_equal", "equal", "not_equal"]
LOGIC = ["logical_and", "logical_or", "logical_xor"]
MATH = ["exp", "tanh", "sin", "cos", "log1p", "arctan", "arcsinh"]


class Recorder:
    """``r.op(name, *operands, params=...)`` computes a row of the tables and notes the node."""

    def __init__(self) -> None:
        self.table = Table()
        self.values: dict[Node, Any] = {}
        self.inputs: list[Node] = []
        self.args: list[Any] = []

    def input(self, value: Any) -> Node:
        node = self.table.input(aval_of(value))
        self.inputs.append(node)
        self.args.append(value)
        self.values[node] = value
        return node

    def const(self, value: Any) -> Node:
        node = self.table.const(value)
        self.values[node] = node.value
        return node

    def op(self, name: str, *operands: Any, params: tuple[Any, ...] = ()) -> Node:
        nodes = tuple(x if isinstance(x, Node) else self.const(x) for x in operands)
        op = ROWS[name]
        with np.errstate(all="ignore"):
            value = op.fn(*[self.values[x] for x in nodes], *params)
        node = self.table.node(op, nodes, params, aval_of(value))
        self.values[node] = value
        return node

    def graph(self, outputs: list[Node]) -> Graph:
        return Graph.of(self.inputs, outputs)


class RandomProgram(Recorder):
    """A program drawn from a seed. ``exact``: only ops whose result is the same bits in any order of work.

    Values are small whole numbers then, with an occasional NaN or infinity, so that sums are exact.
    """

    def __init__(self, seed: int, exact: bool, length: int = 25) -> None:
        super().__init__()
        self.rng = random.Random(seed)
        self.exact = exact
        ndim = self.rng.randint(0, 3)
        self.shape = tuple(self.rng.choice(SIZES) for _ in range(ndim))
        if np.prod(self.shape) > 5000:
            self.shape = self.shape[:1]
        self.pool = [self.input(self.draw(self.some_shape(), self.dtype())) for _ in range(3)]
        for _ in range(length):
            self.grow()
        made = [n for n in self.pool if n.inputs]
        self.outputs = [self.rng.choice(self.pool) for _ in range(2)] + made[-3:]

    def dtype(self) -> str:
        return self.rng.choice(DTYPES if self.exact else FLOATS)

    def some_shape(self) -> tuple[int, ...]:
        kept = self.shape[self.rng.randint(0, len(self.shape)) if self.rng.random() < 0.3 else 0 :]
        return tuple(1 if self.rng.random() < 0.15 else n for n in kept)

    def draw(self, shape: tuple[int, ...], dtype: str) -> Any:
        rng = np.random.default_rng(self.rng.randrange(1 << 30))
        if dtype == "b1":
            return rng.random(shape) < 0.5 if shape else np.bool_(rng.random() < 0.5)
        if not self.exact:
            return rng.uniform(-1.5, 1.5, shape).astype(dtype) if shape else np.dtype(dtype).type(rng.uniform(-1, 1))
        values = rng.integers(0 if dtype[0] == "u" else -4, 5, shape).astype(dtype)
        if dtype[0] == "f" and shape and self.rng.random() < 0.2:
            values[rng.random(shape) < 0.05] = self.rng.choice([np.nan, np.inf, -np.inf, -0.0])
        return np.asarray(values)[()] if not shape else values

    def pick(self, kinds: str = "fiub") -> Node | None:
        found = [n for n in self.pool if self.values[n].dtype.kind in kinds]
        return self.rng.choice(found[-8:]) if found else None

    def alike(self, x: Node) -> list[Node]:
        """``x`` and another value made to fit it: by a cast, a broadcast, or a constant."""
        shape, dtype = np.shape(self.values[x]), self.values[x].dtype
        kind = self.rng.random()
        if kind < 0.15 and dtype.kind != "b":
            number = self.rng.choice([1, 2, 3]) if dtype.kind != "f" else self.rng.choice([0.5, 2.0, 1])
            return [x, self.const(number)]
        if kind < 0.25:
            lead = self.rng.randint(0, len(shape))
            return [x, self.const(self.draw(shape[lead:], dtype.str[1:]))]
        other = self.pick()
        assert other is not None
        if self.values[other].dtype != dtype:
            other = self.cast(other, dtype.str[1:])
        if np.shape(self.values[other]) != shape:
            try:
                wide = np.broadcast_shapes(np.shape(self.values[other]), shape)
            except ValueError:
                return [x, x]
            x, other = (
                y if np.shape(self.values[y]) == wide else self.op("broadcast", y, params=(wide,)) for y in (x, other)
            )
        return [x, other] if self.rng.random() < 0.7 else [other, x]

    def cast(self, x: Node, dtype: str) -> Node:
        value = self.values[x]
        if value.dtype.kind == "f" and dtype[0] in "iu":  # out of range is undefined: make it small first
            x = self.op("where", self.op("isfinite", x), x, np.zeros(np.shape(value), value.dtype))
            x = self.op("sign", x)
            x = self.op("absolute", x) if dtype[0] == "u" else x
        if value.dtype.kind == "i" and dtype[0] == "u":
            x = self.op("absolute", self.op("sign", x))
        return self.op("cast" if dtype[0] == "f" else "cast_constant", x, params=(np.dtype(dtype).str,))

    def grow(self) -> None:
        made = self.rng.choice(
            [self.unary, self.binary, self.binary, self.order, self.choice, self.view, self.view, self.fold, self.move]
        )()
        if made is not None and np.size(self.values[made]) < 20000:
            value = self.values[made]
            if self.exact and value.dtype.kind == "f" and np.size(value):
                finite = value[np.isfinite(value)] if np.ndim(value) else np.float64(0)
                if np.size(finite) and np.max(np.abs(finite)) > 1e6:
                    return
            self.pool.append(made)

    def unary(self) -> Node | None:
        if not self.exact:
            x = self.pick("f")
            return x and self.op(self.rng.choice(MATH), x)
        x = self.pick("fi")
        if x is None:
            return None
        if self.values[x].dtype.kind == "f" and self.rng.random() < 0.4:
            name = self.rng.choice(FLOAT_UNARY)
            return self.op(name, x)
        return self.op(self.rng.choice(UNARY), x)

    def binary(self) -> Node | None:
        x = self.pick("fiu")
        return x and self.op(self.rng.choice(BINARY if self.exact else BINARY[:3]), *self.alike(x))

    def order(self) -> Node | None:
        x = self.pick() if self.exact else None
        if x is None:
            return None
        return self.op(self.rng.choice(LOGIC if self.rng.random() < 0.3 else ORDER), *self.alike(x))

    def choice(self) -> Node | None:
        x = self.pick("fiu")
        if x is None:
            return None
        a, b = self.alike(x)
        b = self.fitted(b, a)
        shape = np.shape(self.values[a])
        return self.op("where", self.const(self.draw(shape, "b1")), a, b)

    def fitted(self, x: Node, like: Node) -> Node:
        """A constant operand with the dtype and shape of the other one."""
        value = self.values[like]
        if hasattr(self.values[x], "dtype") and np.shape(self.values[x]) == np.shape(value):
            return x
        return self.const(np.array(np.broadcast_to(self.values[x], np.shape(value)), value.dtype))

    def view(self) -> Node | None:
        x = self.pick()
        assert x is not None
        shape = np.shape(self.values[x])
        kind = self.rng.choice(["transpose", "reshape", "getitem", "getitem", "broadcast"])
        if kind == "transpose":
            axes = list(range(len(shape)))
            self.rng.shuffle(axes)
            return self.op(kind, x, params=(tuple(axes),))
        if kind == "reshape":
            size = int(np.prod(shape))
            split = [d for d in (2, 3, 4, 5, 8) if size % d == 0]
            if not split or self.rng.random() < 0.4:
                return self.op(kind, x, params=((size,),))
            d = self.rng.choice(split)
            return self.op(kind, x, params=((d, size // d) if self.rng.random() < 0.5 else (size // d, 1, d),))
        if kind == "broadcast":
            return self.op(kind, x, params=((2, *(3 if n == 1 else n for n in shape)),)) if len(shape) < 3 else None
        return self.op(kind, x, params=(self.index(shape),)) if shape else None

    def index(self, shape: tuple[int, ...]) -> tuple[Any, ...]:
        index: list[Any] = []
        for n in shape[: self.rng.randint(1, len(shape))]:
            kind = self.rng.randint(0, 5)
            if kind == 0 and n:
                index.append(self.rng.randrange(-n, n))
            elif kind == 1:
                index.extend([None, slice(None)])
            elif kind == 2:
                index.append(slice(None, None, self.rng.choice([-1, 2, -2])))
            else:
                index.append(slice(self.rng.choice([None, 1, 2]), self.rng.choice([None, -1])))
        dots = self.rng.random() < 0.2 and sum(part is not None for part in index) == len(shape)
        return (Ellipsis, *index) if dots else tuple(index)

    def fold(self) -> Node | None:
        name = self.rng.choice(["sum", "sum", "max", "min", "any", "all"] if self.exact else ["sum"])
        x = self.pick("fi" if name == "sum" else "fiub")
        shape = np.shape(self.values[x]) if x is not None else ()
        if x is None or not shape or (0 in shape and name in ("max", "min")):
            return None
        if name == "sum" and self.values[x].dtype == np.int32:
            x = self.cast(x, "i8")
        axes = tuple(sorted(self.rng.sample(range(len(shape)), self.rng.randint(1, len(shape)))))
        return self.op(name, x, params=(axes,))

    def by_arrays(self, x: Node) -> Node | None:
        """Gather, scatter and scatter-add by one or two integer arrays."""
        shape, dtype = np.shape(self.values[x]), self.values[x].dtype
        if 0 in shape:
            return None
        lead = self.rng.randrange(len(shape))
        count = self.rng.randint(1, min(2, len(shape) - lead))
        rng = np.random.default_rng(self.rng.randrange(1 << 30))
        where = [(self.rng.choice([1, 5, 18]),), (2, 1), (3,), (1, 7)][self.rng.randrange(4)]
        kind = self.rng.choice(["i8", "i4"])
        arrays = [rng.integers(-n, n, where).astype(kind) for n in shape[lead : lead + count]]
        indices = [self.input(a) if self.rng.random() < 0.5 else self.const(a) for a in arrays]
        template = (*[slice(None)] * lead, *["here"] * count)
        if self.rng.random() < 0.5:
            return self.op("getitem", x, *indices, params=(template,))
        hole = (*shape[:lead], *where, *shape[lead + count :])
        part = self.const(self.draw(hole, dtype.str[1:]))
        part = self.op(self.rng.choice(["negative", "square"]), part) if dtype.kind in "fi" else part
        name = "scatter" if self.rng.random() < 0.4 else "scatter_add"
        return self.op(name, x, part, *indices, params=(template,))

    def move(self) -> Node | None:
        x = self.pick("fiu")
        if x is None or not np.shape(self.values[x]):
            return None
        shape, dtype = np.shape(self.values[x]), self.values[x].dtype
        kind = self.rng.choice(["concatenate", "stack", "scatter", "scatter", "scatter_add", "cumsum"])
        if kind in ("concatenate", "stack"):
            others = [n for n in self.pool if np.shape(self.values[n]) == shape and self.values[n].dtype == dtype]
            return self.op(kind, x, self.rng.choice(others), x, params=(self.rng.randrange(len(shape)),))
        if kind == "cumsum":
            return self.op(kind, x, params=(self.rng.randrange(len(shape)),)) if dtype.kind == "f" else None
        if self.rng.random() < 0.4:
            return self.by_arrays(x)
        index = self.index(shape)
        hole = np.shape(self.values[x][index])
        part = self.op("getitem", x, params=(index,))
        part = self.op(self.rng.choice(["negative", "square"]), part) if dtype.kind in "fi" else part
        if self.rng.random() < 0.3:
            part = self.const(self.draw(hole, dtype.str[1:]))
        return self.op(kind, x, part, params=(index,))
