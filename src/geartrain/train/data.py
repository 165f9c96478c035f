"""Data sets by name, split into a part to learn from and a part held out."""

import difflib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geartrain.train.errors import UsageError
from geartrain.train.extras import need


class Dataset(NamedTuple):
    """Images are float32 of shape ``(n, pixels)`` in [0, 1], labels int64 of shape ``(n,)`` in 0..classes-1."""

    train_images: NDArray[Any]
    train_labels: NDArray[Any]
    test_images: NDArray[Any]
    test_labels: NDArray[Any]


def load(name: str, seed: int) -> Dataset:
    """The data set ``name``, with a fifth of every class held out for the test.

    Which samples are held out depends on ``seed`` alone.

    Raises:
        UsageError: nobody knows a data set of that name; the text lists those known.
        MissingPackage: scikit-learn, which ships the digits, is not installed.
    """
    check_known(name)
    images, labels = KNOWN[name]()
    held_out = stratified_fifth(labels, np.random.default_rng([seed, 0]))
    return Dataset(images[~held_out], labels[~held_out], images[held_out], labels[held_out])


def check_known(name: str, known: Iterable[str] = ()) -> None:
    """Refuse the name of a data set that nobody knows: ``UsageError``, with the names that are known.

    >>> check_known("digit")
    Traceback (most recent call last):
    ...
    geartrain.train.errors.UsageError: unknown data set 'digit'; did you mean digits? The known data sets: digits
    """
    known = sorted(known or KNOWN)
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]}? The" if close else "; the"
        raise UsageError(f"unknown data set {name!r}{hint} known data sets: {', '.join(known)}")


def stratified_fifth(labels: NDArray[Any], rng: np.random.Generator) -> NDArray[np.bool_]:
    """A mask over ``labels`` that picks a fifth of each class at random, rounded to the nearest whole number.

    >>> mask = stratified_fifth(np.repeat([0, 1], [100, 50]), np.random.default_rng(0))
    >>> int(mask[:100].sum()), int(mask[100:].sum())
    (20, 10)
    """
    mask = np.zeros(len(labels), dtype=np.bool_)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        mask[members[: round(len(members) / 5)]] = True
    return mask


def _digits() -> tuple[NDArray[Any], NDArray[Any]]:
    """1,797 handwritten digits of 8 x 8 pixels, as scikit-learn ships them (with pixels from 0 to 16).

    Source: Alpaydin and Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning Repository, 1998.
    """
    bunch = need("sklearn.datasets").load_digits()
    return (bunch.data / 16).astype(np.float32), bunch.target.astype(np.int64)


KNOWN: dict[str, Callable[[], tuple[NDArray[Any], NDArray[Any]]]] = {"digits": _digits}
"""Data sets by name: each a function that returns images and labels. Another data set is another entry."""
