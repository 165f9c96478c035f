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

``lbfgs`` is the exception: it sees all of the data in every step, and minimises at once.
"""

from geartrain.optim._adam import AdamState, NAdamState, adam, adamw, nadam
from geartrain.optim._adaptive import (
    AdafactorState,
    AdagradState,
    RMSPropState,
    adafactor,
    adagrad,
    rmsprop,
)
from geartrain.optim._combine import (
    AccumulatedState,
    AveragedState,
    accumulate,
    averaged,
    chain,
    clip_by_norm,
    clip_by_value,
    decay_weights,
    matrices,
    norm,
    partition,
)
from geartrain.optim._lbfgs import lbfgs
from geartrain.optim._optimizer import Optimizer, Transform
from geartrain.optim._schedules import constant, cosine, exponential, one_cycle, piecewise, warm_up
from geartrain.optim._sgd import SGDState, sgd
from geartrain.optim._signs import MomentumState, lion, muon
from geartrain.optim._storage import stored

__all__ = [
    "AccumulatedState",
    "AdafactorState",
    "AdagradState",
    "AdamState",
    "AveragedState",
    "MomentumState",
    "NAdamState",
    "Optimizer",
    "RMSPropState",
    "SGDState",
    "Transform",
    "accumulate",
    "adafactor",
    "adagrad",
    "adam",
    "adamw",
    "averaged",
    "chain",
    "clip_by_norm",
    "clip_by_value",
    "constant",
    "cosine",
    "decay_weights",
    "exponential",
    "lbfgs",
    "lion",
    "matrices",
    "muon",
    "nadam",
    "norm",
    "one_cycle",
    "partition",
    "piecewise",
    "rmsprop",
    "sgd",
    "stored",
    "warm_up",
]
