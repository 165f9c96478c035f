"""Optimisers as pairs of pure functions on trees: ``init(params)`` and ``update(params_bar, state, params)``.

>>> import numpy as np
>>> from geartrain import optim
>>> init, update = optim.sgd(learning_rate=0.25, momentum=0.5)
>>> params = {"x": np.array(8.0)}
>>> state = init(params)
>>> for _ in range(60):  # minimise x ** 2, whose gradient is 2 x
...     params, state = update({"x": 2 * params["x"]}, state, params)
>>> bool(abs(params["x"]) < 1e-6)
True
"""

from geartrain.optim._adam import AdamState, adam, adamw
from geartrain.optim._optimizer import Optimizer
from geartrain.optim._sgd import SGDState, sgd

__all__ = ["AdamState", "Optimizer", "SGDState", "adam", "adamw", "sgd"]
