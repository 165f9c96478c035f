"""Running means over trees, which most optimisers are made of."""

from typing import Any

from geartrain import tree


def towards(keep: float, means: Any, values: Any) -> Any:
    """``keep * mean + (1 - keep) * value`` for each leaf.

    >>> towards(0.75, {"w": 4.0}, {"w": 8.0})
    {'w': 5.0}
    """

    def moved(mean: Any, value: Any) -> Any:
        return keep * mean + (1 - keep) * value

    return tree.map(moved, means, values)


def towards_square(keep: float, squares: Any, values: Any) -> Any:
    """``keep * square + (1 - keep) * value ** 2`` for each leaf.

    >>> towards_square(0.75, {"w": 4.0}, {"w": 2.0})
    {'w': 4.0}
    """

    def moved(square: Any, value: Any) -> Any:
        return keep * square + (1 - keep) * (value * value)

    return tree.map(moved, squares, values)


def added(totals: Any, values: Any) -> Any:
    """``total + value`` for each leaf.

    >>> added([1.0], [2.0])
    [3.0]
    """

    def sum_of(total: Any, value: Any) -> Any:
        return total + value

    return tree.map(sum_of, totals, values)


def scaled(factor: float, values: Any) -> Any:
    """``factor * value`` for each leaf.

    >>> scaled(2.0, [1.0])
    [2.0]
    """

    def times(value: Any) -> Any:
        return factor * value

    return tree.map(times, values)
