"""What a compiled function has recorded, as text: its signatures, its paths, and the decisions on each."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from geartrain.paths import Fork, Leaf, Paths

__all__ = ["PathReport", "Signature", "reported"]


class Signature(NamedTuple):
    """Arguments of one kind, as avals, and for each path its decisions, such as ``bool(greater) is True``.

    ``given_up``: calls with them are plain Python now.
    """

    arguments: str
    paths: tuple[tuple[str, ...], ...]
    given_up: bool


class PathReport(NamedTuple):
    """What :meth:`Jitted.paths` found. Print it to read it."""

    name: str
    most: int
    signatures: tuple[Signature, ...]

    @property
    def total(self) -> int:
        """How many paths there are, over all signatures."""
        return sum([len(signature.paths) for signature in self.signatures])

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.total} paths, at most {self.most} for arguments of one kind"]
        for arguments, paths, given_up in self.signatures:
            lines.append(f"  ({arguments}): {len(paths)} paths{', given up: plain Python' if given_up else ''}")
            for i, path in enumerate(paths, 1):
                lines.append(f"    {i}. {'; '.join(path) or 'no decision'}")
        return "\n".join(lines)


def reported(name: str, most: int, recorded: Iterable[Paths]) -> PathReport:
    """The report on what is recorded."""
    found: list[Signature] = []
    for paths in recorded:
        arguments = ", ".join([repr(node.aval) for node in paths.recording.inputs])
        found.append(Signature(arguments, tuple(_walks(paths.root)), paths.given_up))
    return PathReport(name, most, tuple(found))


def _walks(root: Fork | Leaf | None) -> Iterator[tuple[str, ...]]:
    """The decisions along each path, in the order in which they were met."""
    stack: list[tuple[Any, tuple[str, ...]]] = [] if root is None else [(root, ())]
    while stack:
        at, before = stack.pop()
        if isinstance(at, Leaf):
            yield before
            continue
        for answer, after in reversed(list(at.branches.items())):
            stack.append((after, (*before, f"{at.how}({at.node.op.name}) is {answer}")))
