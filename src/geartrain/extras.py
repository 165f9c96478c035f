"""The one place of the engine that asks for optional packages: by name, when they are needed, with what to install."""

import importlib
from typing import Any

from geartrain.errors import MissingPackage, teach

__all__ = ["need"]


def need(module: str, extra: str, who: str) -> Any:
    """Import and return ``module`` of a package that the extra ``extra`` of geartrain has; ``who`` is asking for it.

    Raises:
        MissingPackage: it cannot be imported; the text says what to install.

    >>> need("scipy_but_misspelt.sparse", "scipy", "jacobian")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    geartrain.errors.MissingPackage: [jacobian] this needs the package scipy_but_misspelt, which is not installed.
    ...
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        what = f"this needs the package {package}, which is not installed."
        raise MissingPackage(teach(who, what, f"pip install 'geartrain[{extra}]'")) from error
