"""The counts of work are exact: against every path, listed."""

from hypothesis import given, settings
from hypothesis import strategies as st

from geartrain.view.work import big, count_work

Steps = list[tuple[int, tuple[int, ...]]]


@st.composite
def dags(draw: st.DrawFn) -> tuple[Steps, int]:
    """A small graph: inputs 0 .. n - 1, then steps on anything before them, once or more often."""
    inputs = draw(st.integers(1, 3))
    steps: Steps = []
    for i in range(draw(st.integers(0, 8))):
        known = st.integers(0, inputs + i - 1)
        steps.append((inputs + i, tuple(draw(st.lists(known, min_size=1, max_size=3)))))
    return steps, inputs


def all_paths(steps: Steps, inputs: int) -> list[int]:
    """The length of every path from an input to the last step, found one by one."""
    operands = dict(steps)
    found: list[int] = []

    def walk(value: int, length: int) -> None:
        if value < inputs:
            found.append(length)
        for operand in operands.get(value, ()):
            walk(operand, length + 1)

    walk(inputs + len(steps) - 1, 0)
    return found


@given(dags())
@settings(max_examples=300, deadline=None)
def test_counts_are_those_of_all_paths_listed(dag: tuple[Steps, int]) -> None:
    steps, inputs = dag
    output = inputs + len(steps) - 1
    lengths = all_paths(steps, inputs)
    used = {output}
    for step, operands in reversed(steps):
        if step in used:
            used.update(operands)
    edges = sum(len(operands) for step, operands in steps if step in used)
    work = count_work(steps, range(inputs), output, numbers=inputs)
    assert work.paths == len(lengths)
    assert work.by_path == sum(max(length - 1, 0) for length in lengths)
    assert work.edges == work.backprop == edges
    assert work.forward == inputs * edges


def test_a_hundred_doubled_steps() -> None:
    work = count_work([(i + 1, (i, i)) for i in range(100)], [0], 100, numbers=1)
    assert work.paths == 2**100
    assert work.by_path == 99 * 2**100
    assert work.edges == 200


def test_an_output_that_is_an_input_needs_nothing() -> None:
    assert count_work([], [0], 0, numbers=1) == (1, 0, 0, 1, 0, 0)


def test_ten_thousand_doubled_steps_can_be_counted_and_printed() -> None:
    work = count_work([(i + 1, (i, i)) for i in range(10_000)], [0], 10_000, numbers=1)
    assert work.paths == 2**10_000
    assert big(work.paths) == "about 2.0 × 10^3010"
    assert big(work.by_path) == "about 2.0 × 10^3014"


def test_large_numbers_are_rounded_well() -> None:
    assert big(0) == "0"
    assert big(10**15 - 1) == "999,999,999,999,999"
    assert big(10**15) == "about 1.0 × 10^15"
    assert big(99 * 10**29) == "about 9.9 × 10^30"
    assert big(9_999 * 10**27) == "about 1.0 × 10^31"
