"""The trace file: what is written reads back, and what is damaged is told."""

import copy
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geartrain.errors import InputError
from geartrain.view import trace_file
from geartrain.view.record import record
from geartrain.view.scopes import fold
from geartrain.view.trace_file import TraceFileError, check, read, to_trace, write
from tests.view.programs import arrays, scalars


def layer(x: Any, w: Any) -> Any:
    return np.tanh(x @ w)


def network(weights: Any, x: Any) -> Any:
    for w in weights:
        x = layer(x, w)
    return np.sum(x)


def trace_of_network(layers: int = 12) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return to_trace(record(network, [rng.standard_normal((3, 3)) for _ in range(layers)], rng.standard_normal((2, 3))))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ["t.json", "t.json.gz"])
def test_it_reads_back(seed: int, name: str, tmp_path: Path) -> None:
    program, args = scalars(seed) if seed % 2 else arrays(seed)
    trace = to_trace(record(program, *args))
    write(trace, tmp_path / name)
    assert read(tmp_path / name) == trace


def test_single_numbers_are_kept_in_full() -> None:
    trace = to_trace(record(lambda x: np.sin(x) / 3, 0.1))
    assert trace["value"]["at"][-1] == math.sin(0.1) / 3


def test_what_is_not_finite_has_a_name() -> None:
    with np.errstate(all="ignore"):
        trace = to_trace(record(lambda x: np.sum(np.log(x)), np.array([0.0, 1.0, -1.0])))
    json.dumps(trace, allow_nan=False)
    check(trace)
    rows = trace["value"]["arrays"]
    log = rows["node"].index(1)
    assert (rows["nan"][log], rows["inf"][log]) == (1, 1)
    assert trace["value"]["at"][-1] == "nan"


def test_statistics_of_an_array() -> None:
    rows = to_trace(record(lambda x: np.sum(x), np.array([[0.0, 3.0], [0.0, -4.0]])))["value"]["arrays"]
    assert (rows["rms"][0], rows["min"][0], rows["max"][0], rows["zeros"][0]) == (2.5, -4, 3, 0.5)
    assert rows["dead"][0] == 1  # the first column is zero for each row
    assert sum(rows["hist"][0]) == 2
    assert rows["hist"][0][16] == 2  # both are between 1 and 10


def test_calls_are_groups_and_repeated_ones_fold() -> None:
    groups = trace_of_network()["groups"]
    assert (groups[0]["name"], groups[0]["kind"]) == ("network", "program")
    repeats = [g for g in groups if g["kind"] == "repeat"]
    assert [(g["name"], g["count"]) for g in repeats] == [("layer ×12", 12)]
    assert sum(g["kind"] == "call" for g in groups) == 12


def test_turns_of_a_loop_fold_and_loops_in_loops_too() -> None:
    def program(x: Any) -> Any:
        for _ in range(5):
            for _ in range(4):
                x = np.sin(x)
            x = x * 2
        return x

    groups = to_trace(record(program, 0.5))["groups"]
    counts = [g["count"] for g in groups if g["kind"] == "repeat"]
    assert sorted(counts) == [4, 4, 4, 4, 4, 5]


def test_groups_nest_and_cover_each_node() -> None:
    trace = trace_of_network()
    groups = trace["groups"]
    for group in groups[1:]:
        parent = groups[group["parent"]]
        assert parent["first"] <= group["first"] < group["last"] <= parent["last"]
    for i, g in enumerate(trace["nodes"]["group"]):
        assert groups[g]["first"] <= i < groups[g]["last"]


def test_nothing_folds_where_nothing_repeats() -> None:
    groups, inside = fold([None] * 4, ["a", "b", "c", "d"])
    assert len(groups) == 1
    assert inside == [0] * 4


def test_a_huge_count_is_exact() -> None:
    def doubled(x: Any) -> Any:
        for _ in range(20_000):
            x = x - x  # the derivative is zero, and there are paths all the same
        return x

    paths = to_trace(record(doubled, 1.0))["work"]["paths"]
    assert int(paths, 16) == 2**20_000


def test_the_source_can_be_left_out() -> None:
    seen = record(network, [np.eye(2)], np.ones((1, 2)))
    assert any(line["text"] for line in to_trace(seen)["lines"])
    assert not any(line["text"] for line in to_trace(seen, source=False)["lines"])


def test_a_name_that_ends_a_script_is_just_a_name() -> None:
    trace = to_trace(record(lambda x: x * 2, 1.0, title="</script><script>alert(1)</script>"))
    check(trace)


# What is not a trace.


def damaged(change: Any) -> dict[str, Any]:
    trace = copy.deepcopy(to_trace(record(lambda x: (3 * x + 1) ** 2, 1.0)))
    change(trace)
    return trace


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.update(format="geartrain-trace/9"), "geartrain-trace/9"),
        (lambda t: t.update(format="something"), "format"),
        (lambda t: t.pop("kappa"), "kappa"),
        (lambda t: t["nodes"]["op"].append(0), "nodes"),
        (lambda t: t["nodes"]["op"].__setitem__(0, 99), "outside of ops"),
        (lambda t: t["nodes"]["inputs"].__setitem__(0, 5), "does not stand before"),
        (lambda t: t["edges"]["gain"].pop(), "edges.gain"),
        (lambda t: t["value"]["at"].__setitem__(0, "none"), "value.at"),
        (lambda t: t["value"].__setitem__("at", 3), "value.at"),
        (lambda t: t["outputs"].append(-1), "outputs"),
        (lambda t: t["outputs"].append(99), "not among the nodes"),
        (lambda t: t["work"].pop("paths"), "paths"),
    ],
)
def test_damage_is_told(change: Any, said: str) -> None:
    with pytest.raises(TraceFileError, match=said):
        check(damaged(change))


@pytest.mark.parametrize(
    "data", [b"", b"[1, 2", b"\x1f\x8bnonsense", b"null", b"[]", b'"geartrain-trace/1"', b"\xff\xfe"]
)
def test_what_is_no_trace_at_all_is_told(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_bytes(data)
    with pytest.raises(TraceFileError):
        read(tmp_path / "t.json")


@pytest.mark.parametrize("args", [(1,), ("text",), (np.arange(3),)])
def test_nothing_to_differentiate_in_is_told(args: Any) -> None:
    with pytest.raises(InputError, match="no argument"):
        record(lambda x: 2.0, *args)


def test_a_result_that_does_not_depend_is_told() -> None:
    with pytest.raises(InputError, match="does not depend"):
        record(lambda x: 2.0, 1.0)


def test_the_schema_is_a_schema() -> None:
    schema = json.loads((Path(trace_file.__file__).parent / "trace.schema.json").read_text(encoding="utf-8"))
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert schema["title"] == trace_file.FORMAT


def test_a_near_miss_is_noted_and_an_ordinary_step_is_not() -> None:
    near = to_trace(record(lambda x: 1 / x + np.sqrt(x) + np.log(x), 1e-8))["near"]
    assert [n["message"].split(" is ")[0] for n in near] == ["the rate of divide", "the rate of log"]
    assert to_trace(record(lambda x: 1 / x + np.sqrt(x), 0.5))["near"] == []
