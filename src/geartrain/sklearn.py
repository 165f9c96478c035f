"""Networks as scikit-learn estimators: ``Classifier`` and ``Regressor``, for pipelines, grids and cross-validation.

Needs scikit-learn (``pip install 'geartrain[examples]'``). The features are brought to mean 0 and deviation 1.
"""

from typing import Any

import numpy as np

from geartrain.nn import softmax
from geartrain.train import table_mlp
from geartrain.train.extras import need

__all__ = ["Classifier", "Regressor"]

_base: Any = need("sklearn.base")
_validation: Any = need("sklearn.utils.validation")
_multiclass: Any = need("sklearn.utils.multiclass")


class _Network(_base.BaseEstimator):
    """What both have in common."""

    def __init__(
        self,
        hidden: int = 64,
        epochs: int = 100,
        batch_size: int = 32,
        learning_rate: float = 3e-3,
        random_state: Any = None,
    ) -> None:
        self.hidden = hidden
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state

    def _train(self, x: Any, y: Any, outputs: int) -> None:
        rng = need("sklearn.utils").check_random_state(self.random_state)
        self.mean_ = x.mean(axis=0)
        deviation = x.std(axis=0)
        self.deviation_ = np.where(deviation > 0, deviation, 1.0)
        self._outputs = outputs
        fitted = table_mlp.train(
            (x - self.mean_) / self.deviation_, y, outputs,
            hidden=self.hidden, epochs=self.epochs, batch_size=self.batch_size, learning_rate=self.learning_rate,
            seed=int(rng.randint(2**31 - 1)),
        )  # fmt: skip
        self.params_ = fitted.params
        self.history_ = fitted.records
        self.n_iter_ = len(fitted.records)

    def _scores(self, X: Any) -> Any:
        _validation.check_is_fitted(self)
        x = _validation.validate_data(self, X, dtype=np.float64, reset=False)
        return table_mlp.scores(self.params_, (x - self.mean_) / self.deviation_, self.hidden, self._outputs)


class Classifier(_base.ClassifierMixin, _Network):
    """A network with two hidden layers that tells classes apart.

    After ``fit``: ``classes_``, ``params_`` (the tree of parameters), ``history_`` (a record for each epoch).

    >>> X = np.array([[0.0], [0.2], [0.9], [1.0]])
    >>> Classifier(epochs=60, random_state=0).fit(X, ["low", "low", "high", "high"]).predict([[0.1], [0.95]])
    array(['low', 'high'], dtype='<U4')
    """

    def fit(self, X: Any, y: Any) -> "Classifier":
        """Train on rows ``X`` of shape ``(n, features)`` and their classes ``y`` of shape ``(n,)``."""
        x, y = _validation.validate_data(self, X, y, dtype=np.float64)
        _multiclass.check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"Classifier can't train when only one class is present: {self.classes_[0]}")
        self._train(x, codes, len(self.classes_))
        return self

    def predict_proba(self, X: Any) -> Any:
        """The share of each class for each row, ``(n, classes)``."""
        return softmax(self._scores(X))

    def predict(self, X: Any) -> Any:
        """The most likely class of each row, ``(n,)``."""
        scores = self._scores(X)  # which first sees whether there was a fit
        return self.classes_[np.argmax(scores, axis=1)]


class Regressor(_base.RegressorMixin, _Network):
    """A network with two hidden layers that predicts a number.

    After ``fit``: ``params_`` (the tree of parameters), ``history_`` (a record for each epoch).

    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> round(float(Regressor(random_state=0).fit(X, 3 * X[:, 0]).predict([[0.5]])[0]), 1)
    1.5
    """

    def fit(self, X: Any, y: Any) -> "Regressor":
        """Train on rows ``X`` of shape ``(n, features)`` and their numbers ``y`` of shape ``(n,)``."""
        x, y = _validation.validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        self.target_mean_, deviation = float(y.mean()), float(y.std())
        self.target_deviation_ = deviation if deviation > 0 else 1.0
        self._train(x, (y - self.target_mean_) / self.target_deviation_, 0)
        return self

    def predict(self, X: Any) -> Any:
        """The number of each row, ``(n,)``."""
        scores = self._scores(X)
        return scores * self.target_deviation_ + self.target_mean_
