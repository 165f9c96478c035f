"""``autograd.scipy.stats.chi2``: the functions of SciPy's distribution."""

from typing import Any

from geartrain.extras import need

OWN = need("scipy.stats", "scipy", "autograd.scipy").chi2


def __getattr__(name: str) -> Any:
    return getattr(OWN, name)


def __dir__() -> list[str]:
    return dir(OWN)
