"""docs/coverage.md is what the tables say, and nothing public falls through the classes."""

import runpy
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def coverage() -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "coverage.py"))


def test_the_page_is_up_to_date(coverage: dict[str, Any]) -> None:
    want = coverage["page"]()
    assert (DOCS / "coverage.md").read_text(encoding="utf-8") == want, "run: python docs/coverage.py"


def test_the_promise(coverage: dict[str, Any]) -> None:
    """At least 95 % of NumPy's functions that have a derivative."""
    numpy = coverage["np"]
    for module in (numpy, numpy.linalg, numpy.fft):
        there, of = coverage["share"](coverage["rows_of"](module))
        assert there >= 0.95 * of, module.__name__
    there, of = coverage["share"](coverage["methods"]())
    assert there >= 0.95 * of
