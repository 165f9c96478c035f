"""``autograd.scipy.stats.gamma``: the functions of SciPy's distribution."""

from typing import Any

from geartrain.extras import need

OWN = need("scipy.stats", "scipy", "autograd.scipy").gamma


def __getattr__(name: str) -> Any:
    return getattr(OWN, name)


def __dir__() -> list[str]:
    return dir(OWN)
