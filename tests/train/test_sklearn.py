"""The estimators keep scikit-learn's rules."""

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from geartrain.sklearn import Classifier, Regressor

FAST: list[Any] = [make(hidden=16, epochs=12, learning_rate=0.02) for make in (Classifier, Regressor)]


@parametrize_with_checks(FAST)
def test_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def test_in_a_pipeline_it_reads_digits() -> None:
    X, y = load_digits(return_X_y=True)
    pipeline = make_pipeline(MinMaxScaler(), Classifier(epochs=25, learning_rate=0.01, random_state=0))
    parts = StratifiedKFold(2, shuffle=True, random_state=0)
    assert cross_val_score(pipeline, X[:600], y[:600], cv=parts).mean() > 0.9


def test_the_same_seed_gives_the_same_numbers() -> None:
    X = np.random.default_rng(0).standard_normal((200, 5))
    y = X @ np.arange(5.0)
    first, second = (Regressor(epochs=5, random_state=3).fit(X, y).predict(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_one_class_is_refused() -> None:
    with pytest.raises(ValueError, match="only one class is present: a"):
        Classifier().fit(np.ones((3, 2)), ["a", "a", "a"])
