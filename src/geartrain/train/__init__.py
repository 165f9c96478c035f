"""A training job that leaves nothing to chance: exact resuming, files written all or nothing, and a measured report.

The model, ``digits_mlp.py``, is plain NumPy and knows nothing of the rest. The command line, ``geartrain train
digits``, is the usual way in; from Python it is ``RunFolder`` and ``train``. The packages of the ``examples`` extra are
needed to train.
"""

from geartrain.train.config import Config
from geartrain.train.data import Dataset, load
from geartrain.train.errors import (
    CheckpointError,
    NonFinite,
    RunFolderError,
    TrainingError,
    UsageError,
    WriteError,
)
from geartrain.train.evaluation import evaluate
from geartrain.train.fitting import Fitted, fit
from geartrain.train.job import prepare, train
from geartrain.train.loop import State, steps
from geartrain.train.rate_finder import RateFound, find_learning_rate
from geartrain.train.run import RunFolder
from geartrain.train.team import Team, team
from geartrain.train.tensorboard import TensorBoard

__all__ = [
    "CheckpointError",
    "Config",
    "Dataset",
    "Fitted",
    "NonFinite",
    "RateFound",
    "RunFolder",
    "RunFolderError",
    "State",
    "Team",
    "TensorBoard",
    "TrainingError",
    "UsageError",
    "WriteError",
    "evaluate",
    "find_learning_rate",
    "fit",
    "load",
    "prepare",
    "steps",
    "team",
    "train",
]
