"""What grouping gives: steps in order, and where each value lies."""

from typing import Final, NamedTuple

from geartrain.ir.aval import Array
from geartrain.ir.node import Node
from geartrain.ir.op import Op
from geartrain.ir.views import View
from geartrain.passes.loops import Loop
from geartrain.schedule.indexing import Indexing

__all__ = [
    "AFTER",
    "COPY",
    "FACTORS",
    "MOST_MEMBERS",
    "TRANSFORMS",
    "Call",
    "Group",
    "Grouping",
    "Home",
    "Matrix",
    "Patches",
    "Place",
    "Product",
    "Rolled",
    "Routine",
    "Unrollable",
    "dense",
]

MOST_MEMBERS = 200
MOST_OPERANDS = 28

FACTORS: Final = 2
TRANSFORMS: Final = 3
"""What a backend may say of ``products``: it has the routines of ``factors.py`` and ``scans.py`` too; and those of
``fourier.py``."""


class Unrollable(Exception):
    """A loop whose body needs steps that only NumPy can do."""


def _same(x: Array) -> Array:
    return x


COPY = Op(name="copy", fn=_same)
"""A value of its own memory: what makes a view lie in C order."""


def _first(x: Array, _: Array) -> Array:
    return x


AFTER = Op(name="after", fn=_first)
"""Its first operand, but not to be used before the second one is there."""


class Home(NamedTuple):
    """Where a value lies: a view of the buffer that belongs to ``root``."""

    root: Node
    view: View


class Place(NamedTuple):
    """A group stores ``value`` at ``home`` in somebody else's buffer; at the places that ``arrays`` choose, if any."""

    value: Node
    home: Home
    arrays: tuple[Node, ...] = ()
    how: Indexing | None = None
    add: bool = False


class Group:
    """A kernel in the making: pointwise ``members`` and ``folds`` over one ``space``.

    ``bases``: buffers to be filled just before, ``(root, base)``: ``root`` is ``base`` with a part replaced.
    """

    __slots__ = ("bases", "folds", "members", "places", "pos", "reads", "space")

    def __init__(self, space: tuple[int, ...], pos: int) -> None:
        self.space = space
        self.pos = pos
        self.members: list[Node] = []
        self.folds: list[Node] = []
        self.places: list[Place] = []
        self.bases: list[tuple[Node, Node]] = []
        self.reads: set[Node] = set()

    def full(self, more: int) -> bool:
        return len(self.members) >= MOST_MEMBERS or len(self.reads) + len(self.places) + more > MOST_OPERANDS


class Call(NamedTuple):
    """A step that NumPy (or a library) computes: ``node.op.fn`` on the operands."""

    node: Node
    pos: int


class Matrix(NamedTuple):
    """An operand of a product as a library takes it.

    Rows are ``ld`` elements apart, or, if it is ``turned``, columns; matrices of a stack ``step`` elements.
    """

    home: Home
    ld: int
    turned: bool
    step: int


def dense(view: View) -> tuple[int, bool] | None:
    """How far rows are apart; or columns, and ``True``; ``None`` where neither lie side by side."""
    _, rows, columns = view.shape
    _, row, column = view.strides
    if columns == 1 or column == 1:
        ld = row if rows > 1 else columns
        if ld >= columns:
            return max(ld, 1), False
    if rows == 1 or row == 1:
        ld = column if columns > 1 else rows
        if ld >= rows:
            return max(ld, 1), True
    return None


class Patches(NamedTuple):
    """The first operand of a product as offsets, in elements: (r, k) is at ``rows[r] + terms[k]`` of each image.

    Images are ``step`` elements apart. The result has ``rows`` for each image; or, with ``groups``, rows that are sums
    over ``each`` images, for each of so many groups.
    """

    rows: tuple[int, ...]
    terms: tuple[int, ...]
    images: int
    step: int
    groups: int = 0

    @property
    def each(self) -> int:
        return -(-self.images // self.groups) if self.groups else 1


class Product(NamedTuple):
    """A step that multiplies ``many`` matrices (m, k) by (k, n); with ``patches``, ``a`` is but the buffer of these."""

    node: Node
    pos: int
    a: Matrix
    b: Matrix
    m: int
    n: int
    k: int
    many: int
    patches: Patches | None = None


class Routine(NamedTuple):
    """A step that is no loop nest, ``many`` times: ``factors.py`` and ``scans.py`` have the names.

    ``inputs`` are side by side in C order. ``outs`` are the buffers of its results; then come those that it works in.
    """

    node: Node
    pos: int
    name: str
    inputs: tuple[Home, ...]
    outs: tuple[Node, ...]
    many: int
    sizes: tuple[int, ...]


class Rolled(NamedTuple):
    """A step that is a loop over a program of its own. ``outs`` are the buffers of its results.

    A result of which only the last value is wanted, and which the next repetition reads, has two places by turns.
    Arrays that change are no ``inputs``: in ``bases`` are their buffers, one of ``outs``, and what is there at first.
    """

    node: Node
    pos: int
    inputs: tuple[Home, ...]
    outs: tuple[Node, ...]
    bases: tuple[tuple[Node, Node], ...] = ()

    @property
    def loop(self) -> Loop:
        return self.node.params[0]


class Grouping(NamedTuple):
    """The steps in order, where each value lies, which group members are stored, and whose buffer each output is."""

    steps: list[Group | Call | Product | Routine | Rolled]
    homes: dict[Node, Home]
    stored: set[Node]
    outputs: list[Node]
