"""Packages that only the training job needs: rich, scikit-learn, matplotlib, safetensors."""

import importlib
import sys
from typing import Any

from geartrain.train.errors import MissingExtra
from geartrain.train.interrupt import CtrlC

MODULES = ("rich", "sklearn", "matplotlib", "safetensors")


def need(module: str) -> Any:
    """Import and return ``module``, a module of a package of the ``examples`` extra.

    Raises:
        MissingExtra: it cannot be imported; the text is one line and says what to install.

    >>> need("sklearn_but_misspelt")
    Traceback (most recent call last):
    ...
    geartrain.train.errors.MissingExtra: the package sklearn_but_misspelt is not installed: \
pip install 'geartrain[examples]'
    """
    if (loaded := sys.modules.get(module)) is not None:
        return loaded
    try:
        with CtrlC() as ctrl_c:  # an import cut short can pass for a package that is not there
            found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = (error.name or module).partition(".")[0]
        raise MissingExtra(f"the package {package} is not installed: pip install 'geartrain[examples]'") from error
    except ImportError as error:
        reason = " ".join(str(error).split())
        raise MissingExtra(f"{module} cannot be imported ({reason}): pip install 'geartrain[examples]'") from error
    if ctrl_c.requested:
        raise KeyboardInterrupt
    return found


def need_all() -> None:
    """Import every package of the extra now, so that a missing one is reported before any training."""
    for module in MODULES:
        need(module)
