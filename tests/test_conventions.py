"""Every row of the tables in docs/derivatives.md is computed: forward, backward, compiled."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain import nn

PAGE = Path(__file__).parents[1] / "docs" / "derivatives.md"
NAMES: dict[str, Any] = {"np": np, "nn": nn, "nan": np.nan, "inf": np.inf}
ROW = re.compile(r"\| `(.+?)` \| `(.+?)` \| `(.+?)` \|(?: `(.+?)` \|)?")


def tables() -> list[list[tuple[str, str, str, str | None]]]:
    """The rows of each table: a function, where, and its derivatives."""
    found: list[list[Any]] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| function of x"):
            found.append([])
        elif line.startswith("| `"):
            row = ROW.match(line)
            assert row is not None, f"a row that cannot be read: {line}"
            found[-1].append(row.groups())
    return found


CONVENTIONS = [row for table in tables() for row in table if row[3] is None]
SAFE = [row for table in tables() for row in table if row[3] is not None]


def number(text: str) -> Any:
    value = np.asarray(eval(text, NAMES))
    return value if value.ndim else value[()]


def function(text: str) -> Any:
    def f(x: Any) -> Any:
        return eval(text, NAMES, {"x": x})

    return f


def test_the_page_has_its_tables() -> None:
    assert len(tables()) == 5
    assert len(CONVENTIONS) >= 45
    assert len(SAFE) >= 6


@pytest.mark.parametrize("row", CONVENTIONS, ids=lambda row: f"{row[0]} at {row[1]}")
def test_convention(row: tuple[str, str, str, None]) -> None:
    f, x, want = function(row[0]), number(row[1]), number(row[2])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(gt.grad(f)(x), want, rtol=1e-12, atol=0)
        if np.asarray(x).dtype.kind == "f":
            np.testing.assert_allclose(gt.jacfwd(f)(x), want, rtol=1e-12, atol=0)
        if "max(x" not in row[0].replace("np.max(x", "").replace(
            "argmax(x", ""
        ):  # decided in Python on 0-d arrays, too
            np.testing.assert_allclose(gt.jit(gt.grad(f))(x), want, rtol=1e-12, atol=0)


@pytest.mark.parametrize("row", SAFE, ids=lambda row: f"{row[0]} at {row[1]}")
def test_nan_safe(row: tuple[str, str, str, str]) -> None:
    f, x = function(row[0]), number(row[1])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(gt.grad(f, nan_safe=True)(x), number(row[2]))
        np.testing.assert_allclose(gt.grad(f)(x), number(row[3]))
        np.testing.assert_allclose(gt.jit(gt.grad(f, nan_safe=True))(x), number(row[2]))
