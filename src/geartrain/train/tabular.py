"""Tables from CSV files: what kind each column is, which rows cannot be used and why, and rows as numbers."""

import csv
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geartrain.train.atomic import reason
from geartrain.train.errors import UsageError

MISSING = {"", "na", "n/a", "nan", "null", "none", "?"}
MOSTLY = 0.9  # this share of a column must be numbers for the rest to be mistakes
CATEGORIES = 50  # the most common ones; all others look alike
FEW = 20  # a target with at most so many different whole numbers is a set of classes


class Column(NamedTuple):
    """A column: with ``categories`` (most common first) it is a choice, without it is a number.

    Numbers are brought to mean 0 and deviation 1 by ``mean`` and ``deviation``; a missing one is the mean.
    """

    name: str
    categories: tuple[str, ...] = ()
    mean: float = 0.0
    deviation: float = 1.0

    def encode(self, cells: Sequence[str]) -> NDArray[np.float32]:
        """The cells as numbers: one column, or one for each category.

        >>> Column("colour", ("red", "blue")).encode(["blue", "green"])
        array([[0., 1.],
               [0., 0.]], dtype=float32)
        """
        if self.categories:
            place = {category: i for i, category in enumerate(self.categories)}
            encoded = np.zeros((len(cells), len(self.categories)), np.float32)
            for row, cell in enumerate(cells):
                if (i := place.get(cell.strip())) is not None:
                    encoded[row, i] = 1
            return encoded
        values = [self.mean if is_missing(cell) else float(cell) for cell in cells]
        return ((np.array(values) - self.mean) / self.deviation).astype(np.float32)[:, None]


class Bad(NamedTuple):
    """A row that cannot be used: the line on which it begins, and why.

    >>> str(Bad(3, "2 cells, expected 4"))
    'line 3: 2 cells, expected 4'
    """

    line: int
    why: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.why}"


class Rows(NamedTuple):
    """The rows of a file: ``names`` of the columns, ``cells``, the ``lines`` they begin on, and what is ``bad``."""

    names: list[str]
    cells: list[list[str]]
    lines: list[int]
    bad: list[Bad]


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is nothing.

    >>> is_missing(" NA "), is_missing("0")
    (True, False)
    """
    return cell.strip().lower() in MISSING


def read(path: Path) -> Rows:
    """The rows of a CSV file whose first line has the names.

    A row with too few or too many cells, with quotes that do not match, or that is not UTF-8 is bad.

    Raises:
        UsageError: the file cannot be read, or has no names, or the same name twice, or names that cannot be read.
    """
    found = records(path)
    _, names = next(found, (1, list[str]()))
    if isinstance(names, str):
        raise UsageError(f"{path} is not a table of comma-separated values in UTF-8: {names} in its first line")
    names = [name.strip() for name in names]
    rows = Rows(names, [], [], [])
    for line, cells in found:
        if isinstance(cells, str):
            rows.bad.append(Bad(line, cells))
        elif len(cells) != len(names):
            rows.bad.append(Bad(line, f"{len(cells)} cells, expected {len(names)}"))
        else:
            rows.cells.append(cells)
            rows.lines.append(line)
    twice = [name for name, times in Counter(names).items() if times > 1]
    if not names or twice:
        raise UsageError(f"{path}: the first line must name the columns" + (f"; twice: {twice[0]!r}" if twice else ""))
    return rows


def records(path: Path) -> Iterator[tuple[int, list[str] | str]]:
    """The rows of a CSV file that are not empty: the line each begins on, and its cells, or why there are none.

    Where quotes do not match, the line alone is lost on which that row begins.

    Raises:
        UsageError: the file cannot be read.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            lines = file.readlines()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {reason(error)}") from None
    begin = 0
    while begin < len(lines):
        reader, offset = csv.reader(islice(lines, begin, None), strict=True), begin
        try:
            for cells in reader:
                if any(not cell.isprintable() and _not_text(cell) for cell in cells):
                    yield begin + 1, "not UTF-8"
                elif cells:
                    yield begin + 1, cells
                begin = offset + reader.line_num
        except csv.Error as error:
            yield begin + 1, f"quotes do not match ({error})"
            begin += 1


def _not_text(cell: str) -> bool:
    """Whether a cell has bytes that are not UTF-8, which reading has left as surrogates."""
    return any("\ud800" <= character <= "\udfff" for character in cell)


def columns_of(rows: Rows) -> list[Column]:
    """What each column is, from its cells: a number if nearly all that is there is one."""
    columns: list[Column] = []
    for i, name in enumerate(rows.names):
        there = [cells[i].strip() for cells in rows.cells if not is_missing(cells[i])]
        numbers = [number for cell in there if (number := as_number(cell)) is not None]
        if there and len(numbers) >= MOSTLY * len(there):
            deviation = float(np.std(numbers))
            columns.append(Column(name, (), float(np.mean(numbers)), deviation if deviation > 0 else 1.0))
        else:
            common = [category for category, _ in Counter(there).most_common(CATEGORIES)]
            columns.append(Column(name, tuple(common) or ("",)))
    return columns


def as_number(cell: str) -> float | None:
    """The finite number that a cell says, or None.

    >>> as_number(" 1e3 "), as_number("inf"), as_number("three")
    (1000.0, None, None)
    """
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def without_mistakes(rows: Rows, columns: Sequence[Column], target: int | None) -> Rows:
    """The rows that can be used; one with a word where a number should be, or without a target, is bad."""
    good = Rows(rows.names, [], [], list(rows.bad))
    for cells, line in zip(rows.cells, rows.lines, strict=True):
        wrong = next(
            (
                f"{column.name} is {cell.strip()!r}, not a number"
                for cell, column in zip(cells, columns, strict=True)
                if not column.categories and not is_missing(cell) and as_number(cell) is None
            ),
            None,
        )
        if wrong is None and target is not None and is_missing(cells[target]):
            wrong = f"{rows.names[target]} is missing"
        if wrong is not None:
            good.bad.append(Bad(line, wrong))
            continue
        good.cells.append(cells)
        good.lines.append(line)
    good.bad.sort()
    return good


def encode(rows: Rows, columns: Sequence[Column]) -> NDArray[np.float32]:
    """The columns of ``rows`` named in ``columns``, as numbers side by side."""
    place = {name: i for i, name in enumerate(rows.names)}
    return np.concatenate([c.encode([cells[place[c.name]] for cells in rows.cells]) for c in columns], axis=1)


def to_json(columns: Sequence[Column]) -> list[Any]:
    """The columns for JSON."""
    return [column._asdict() for column in columns]


def from_json(columns: Sequence[Any]) -> list[Column]:
    """The columns that ``to_json`` wrote."""
    return [Column(c["name"], tuple(c["categories"]), c["mean"], c["deviation"]) for c in columns]
