"""``autograd.scipy.stats.norm``: the functions of SciPy's distribution."""

from typing import Any

from geartrain.extras import need

OWN = need("scipy.stats", "scipy", "autograd.scipy").norm


def __getattr__(name: str) -> Any:
    return getattr(OWN, name)


def __dir__() -> list[str]:
    return dir(OWN)
