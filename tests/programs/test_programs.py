"""Programs as people write them, run unchanged: their derivatives against differences, and compiled against run.

``scripts/`` has them as text, since ``from numpy import *`` and bare lambdas are how such programs look.
"""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geartrain as gt

SCRIPTS = Path(__file__).parent / "scripts"
SPACES: dict[str, dict[str, Any]] = {}
for _path in sorted(SCRIPTS.glob("*.txt")):
    SPACES[_path.stem] = {"__name__": f"script_{_path.stem}"}
    exec(compile(_path.read_text(encoding="utf-8"), str(_path), "exec"), SPACES[_path.stem])


def alike(kind: Any, names: str) -> dict[str, Any]:
    """Programs with an argument of one kind: the length of a vector, the shape of an array, or a value."""
    return dict.fromkeys(names.split(), kind)


FUNCTIONS: dict[str, Any] = {
    **alike(2, "himmelblau branin beale booth easom matyas six_hump_camel goldstein_price mccormick freudenstein_roth"),
    **alike(3, "helical_valley bard gaussian box_three_dimensional"),
    **alike(4, "powell_singular wood kowalik_osborne rosenbrock extended_rosenbrock ackley rastrigin levy griewank"),
    **alike(4, "schwefel michalewicz styblinski_tang zakharov dixon_price trid penalty variably_dimensioned"),
    **alike(5, "trigonometric brown_almost_linear broyden_tridiagonal discrete_boundary_value"),
    **alike(6, "biggs_exp6 watson"),
    "jennrich_sampson": np.array([0.26, 0.25]),
    "chebyquad": np.array([0.1, 0.3, 0.7]),
}
M = np.array([[2.0, 1.0, 0.4], [0.5, 3.0, -0.2], [0.3, -0.7, 2.5]])
METHODS: dict[str, Any] = {
    "kepler": np.array([1.2, 0.3]),
    "bisection": 3.1,
    "secant": 0.7,
    "simpson": 1.3,
    "adaptive_simpson": 1.4,
    "romberg": 0.8,
    **alike(M, "gauss_elimination lu cholesky_by_hand power_iteration jacobi_iteration gauss_seidel"),
    **alike(M * 0.5, "conjugate_gradient householder matrix_exponential"),
    "spectrum": 8,
    "runge_kutta_4": np.array([1.5, 0.2]),
    "adaptive_steps": 1.7,
    "natural_spline": 6,
    "heat_equation": 7,
    "wave_equation": 0.6,
    "n_body": np.array([1.0, 0.5, 0.3]),
    "neville": 4,
    "continued_fraction": 1.7,
    "shooting": 0.9,
}
MODELS: dict[str, Any] = {
    "kalman_filter": np.array([0.3, 0.5]),
    "hmm_forward": (3, 3),
    "viterbi": (4, 2),
    "ising_mean_field": np.array([0.8, 0.2]),
    "k_means": np.array([[0.8, 0.4], [-0.6, -0.5]]),
    "pca": np.array([[1.0, 0.2], [2.1, 0.9], [3.3, 0.8], [4.0, 2.2]]),
    "mixture_of_gaussians": {"logits": 2, "means": 2, "scales": 2},
    "logistic_regression": 3,
    "ridge": 0.4,
    "mlp": [(3, 4), (5, 2)],
    "lstm": (5, 8),
    "attention": (3, 4),
    "gaussian_process": SPACES["models"]["Kernel"](0.9, 1.1, 0.3),
    "black_scholes": SPACES["models"]["Option"](100.0, 95.0, 0.02, 0.25),
    "binomial_tree": np.array([95.0, 0.3]),
    "time_warping": np.array([0.1, 0.9, 1.7]),
    "soft_edit_distance": np.array([1.2, 0.8]),
    "page_rank": (3, 3),
    "epidemic": np.array([0.6, 0.1]),
    "logistic_map": 3.3,
    "lotka_volterra": {"birth": 1.1, "catch": 0.3, "death": 0.8},
    "relu_by_mask": np.array([0.4, -1.0, 2.2, 0.9]),
    "bilinear": (5, 5),
    "convolution": (4, 4),
    "ransac_like": np.array([0.1, 1.3, 0.7, 4.0, 2.2]),
    "physics_pendulum": 0.8,
    "elementwise": np.array([1.3, -0.4, 0.2]),
}
TABLE: list[tuple[str, str, Any]] = [
    (script, name, kind)
    for script, programs in (("functions", FUNCTIONS), ("methods", METHODS), ("models", MODELS))
    for name, kind in programs.items()
]


def drawn(kind: Any, rng: np.random.Generator) -> Any:
    """An argument: numbers are drawn where just a length or a shape is given."""
    if isinstance(kind, int):
        return rng.uniform(0.3, 1.4, kind)
    if type(kind) is tuple:
        return rng.normal(size=kind)
    if isinstance(kind, dict):
        return {name: drawn(part, rng) for name, part in kind.items()}
    return [drawn(part, rng) for part in kind] if isinstance(kind, list) else kind


def near(x: Any, rng: np.random.Generator) -> Any:
    """Another argument like ``x``."""
    return gt.tree.map(lambda v: v * (1 + 0.01 * rng.normal(size=np.shape(v))[()]), x)


def loss(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A number that depends on all results."""

    def total(x: Any) -> Any:
        results = [np.asarray(v) * 1.0 for v in gt.tree.leaves(f(x))]
        return np.sum(np.stack([np.sum(np.cos(v) * (1 + np.arange(v.size).reshape(v.shape))) for v in results]))

    return total


def close(got: Any, want: Any, rtol: float = 1e-9) -> None:
    for a, b in zip(gt.tree.leaves(got), gt.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-9)


@pytest.mark.parametrize(("script", "name", "kind"), TABLE, ids=[row[1] for row in TABLE])
def test_a_program_as_it_is(script: str, name: str, kind: Any) -> None:
    f: Callable[[Any], Any] = SPACES[script][name]
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    x = drawn(kind, rng)
    close(gt.vjp(f, x)[0], f(x), 1e-12)
    gt.check_derivatives(f, x, directions=1)
    both = gt.value_and_grad(loss(f))
    compiled = gt.jit(both)
    for at in (x, near(x, rng), x):
        close(compiled(at), both(at), 1e-7)


def test_every_program_of_the_scripts_is_in_the_table() -> None:
    """But for those that others call: what a script defines and the table does not name is called by its neighbours."""
    helpers = {"fft_by_recursion", "Network", "Kernel", "Option", "scaled"}
    for script, space in SPACES.items():
        source = (SCRIPTS / f"{script}.txt").read_text(encoding="utf-8")
        own = {line.split("(")[0].removeprefix("def ") for line in source.splitlines() if line.startswith("def ")}
        assert own - helpers == {name for of, name, _ in TABLE if of == script}
        assert own <= set(space)
