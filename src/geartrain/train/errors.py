"""What can go wrong in a training job. Every text says what happened, where, and what to do; none needs a traceback."""

from geartrain.errors import GeartrainError


class TrainingError(GeartrainError):
    """A training job that cannot start or go on. ``exit_code`` is what the command line returns for it."""

    exit_code = 1


class UsageError(TrainingError):
    """The caller asked for something that cannot be: a setting out of range, a data set nobody knows."""

    exit_code = 2


class RunFolderError(UsageError):
    """The run folder cannot be used: taken, unreadable, unwritable, or in use by another process."""


class CheckpointError(UsageError):
    """A checkpoint was refused: truncated, damaged, foreign, or made for another run."""


class WriteError(TrainingError):
    """A file could not be written. What stood there before still stands."""


class NonFinite(TrainingError):
    """A NaN or an infinity appeared in the loss, in its gradient or in the parameters; the run stopped at that step."""
