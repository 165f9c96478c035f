"""The page's interpreter is the engine's twin: same values, same cotangents, on random graphs. And it is built."""

import gzip
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geartrain.view import document
from geartrain.view.expression import parse_expression
from geartrain.view.labels import labels
from geartrain.view.optable import COMPUTED, op_table
from geartrain.view.program import flat
from geartrain.view.quiz import quiz
from geartrain.view.record import record
from geartrain.view.see import see
from geartrain.view.trace_file import to_trace
from tests.view.programs import arrays, scalars
from tests.view.test_quiz import FUNCTIONS

ROOT = Path(__file__).parents[2]
VIEWER = ROOT / "viewer"


def case(program: Any, args: Any) -> dict[str, Any]:
    seen = record(program, *args)
    trace = to_trace(seen)
    assert trace["program"] is not None, trace["program_missing"]
    return {
        "trace": trace,
        "values": [flat(v) for v in seen.values],
        "bars": [None if b is None else flat(b) for b in seen.bars],
    }


def each_op() -> list[dict[str, Any]]:
    """Each op that the page computes, by itself, at points where it is smooth and at some where it is not."""
    table = op_table()
    cases: list[dict[str, Any]] = []
    for name in sorted(COMPUTED - {"float_power", "copysign"}):
        if not table[name] or table[name] == [None]:
            continue
        f = getattr(np, name)
        low = 1.2 if name == "arccosh" else 0.15
        x = np.linspace(low, low + 0.8, 7)
        if len(table[name]) == 1:
            cases.append(case(lambda x, f=f: np.sum(f(x) * np.arange(1.0, 8.0)), (x,)))
        else:
            y = x[::-1].copy()
            cases.append(case(lambda x, y, f=f: np.sum(f(x, y) * np.arange(1.0, 8.0)), (x, y)))
    return cases


def typed() -> list[dict[str, Any]]:
    """Expressions with what Python says of them: value, derivative, label, and the mistakes of a quiz."""
    out: list[dict[str, Any]] = []
    for f in (*FUNCTIONS, "x**3 - 2*x", "-x**2", "2**x", "sqrt(x + 1) * log(x + 2)", "maximum(x, 1.2)", "x/(1 + x*x)"):
        for x in (0.5, 1.0, 2.5):
            expression = parse_expression(f)
            seen = record(expression, x, names=expression.variables)
            bar = seen.bars[0]
            out.append(
                {
                    "f": f, "x": x, "value": float(seen.values[-1]), "derivative": 0.0 if bar is None else float(bar),
                    "label": labels(seen)[-1],
                    "mistakes": {m.name: float(f"{m.value:.9g}") for m in quiz(expression, x).mistakes},
                }
            )  # fmt: skip
    return out


def test_the_page_computes_what_the_engine_computes(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node to run the page's interpreter")
    cases = [case(*scalars(seed)) for seed in range(60)] + [case(*arrays(seed)) for seed in range(60)] + each_op()
    (tmp_path / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    (tmp_path / "typed.json").write_text(json.dumps({"typed": typed()}), encoding="utf-8")
    ended = subprocess.run(
        [node, "--test", str(VIEWER / "test" / "twin.test.mjs")],
        env={**os.environ, "CASES": str(tmp_path / "cases.json"), "TYPED": str(tmp_path / "typed.json")},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"compared {len(cases)} programs" in ended.stdout


def test_the_table_of_operations_is_fresh() -> None:
    have = json.loads((VIEWER / "src" / "optable.json").read_text(encoding="utf-8"))
    assert have == json.loads(json.dumps(op_table())), "run: make viewer"


def test_the_bundle_is_fresh() -> None:
    assert document.asset("source.sha256").strip() == document.source_hash(VIEWER / "src"), "run: make viewer"


def test_budgets_of_size() -> None:
    viewer = (document.asset("see.js") + document.asset("style.css")).encode()
    assert len(gzip.compress(viewer)) <= 60_000
    page = see(lambda x: x * 2.0, 1.0).html()
    assert len(page.encode()) <= 250_000
