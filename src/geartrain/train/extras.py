"""Packages that the training jobs need: rich, scikit-learn, matplotlib, safetensors."""

from typing import Any

from geartrain import extras
from geartrain.train.interrupt import CtrlC

MODULES = ("rich", "sklearn", "matplotlib", "safetensors")


def need(module: str, extra: str = "examples") -> Any:
    """Import and return ``module``, a module of a package of the extra.

    Raises:
        MissingPackage: it cannot be imported; the text is one line and says what to install.

    >>> need("sklearn_but_misspelt")
    Traceback (most recent call last):
    ...
    geartrain.errors.MissingPackage: [train] this needs sklearn_but_misspelt, which is not installed: \
pip install 'geartrain[examples]'
    """
    with CtrlC() as ctrl_c:  # an import cut short can pass for a package that is not there
        found = extras.need(module, extra, "train")
    if ctrl_c.requested:
        raise KeyboardInterrupt
    return found


def need_all() -> None:
    """Import every package of the extra now, so that a missing one is reported before any training."""
    for module in MODULES:
        need(module)
