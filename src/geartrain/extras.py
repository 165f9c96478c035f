"""The one place that asks for optional packages: by name, when they are needed, with what to install."""

import importlib
import sys
from typing import Any

from geartrain.errors import MissingPackage

__all__ = ["need"]


def need(module: str, extra: str, who: str) -> Any:
    """Import and return ``module`` of a package that the extra ``extra`` of geartrain has; ``who`` is asking for it.

    Raises:
        MissingPackage: it cannot be imported; the text is one line and says what to install.

    >>> need("scipy_but_misspelt.sparse", "scipy", "jacobian")
    Traceback (most recent call last):
    ...
    geartrain.errors.MissingPackage: [jacobian] this needs scipy_but_misspelt, which is not installed: \
pip install 'geartrain[scipy]'
    """
    loaded = sys.modules.get(module)
    if loaded is not None and not getattr(loaded.__spec__, "_initializing", False):  # another thread may be at it
        return loaded
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = (error.name or module).partition(".")[0]
        what = f"this needs {package}, which is not installed"
        raise MissingPackage(f"[{who}] {what}: pip install 'geartrain[{extra}]'") from error
    except (ImportError, RuntimeError, OSError) as error:  # it is there, but a library below it is not
        what = f"{module} cannot be loaded ({' '.join(str(error).split())})"
        raise MissingPackage(f"[{who}] {what}: pip install 'geartrain[{extra}]'") from error
