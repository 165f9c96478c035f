"""What a bare installation can do: NumPy is there, and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"

BARE = f"""
import sys
import warnings

ALONE = sys.stdlib_module_names | {{"numpy", "geartrain"}}

class OnlyNumPy:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in ALONE:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
        return None

sys.meta_path.insert(0, OnlyNumPy())
sys.path.insert(0, {str(SOURCE)!r})
warnings.simplefilter("error")

import numpy as np
import geartrain as gt

def f(x):
    return np.sum(np.exp(-np.tanh(x)) @ np.ones((3, 2)) + x[0]) if x[0] > 0 else np.sum(x[x < 2] ** 2)
"""

PROGRAMS = {
    "jit": """
g = gt.jit(gt.value_and_grad(f))
for x in [np.array([1.0, 2.0, 3.0]), np.array([-1.0, 2.0, 1.0])] * 4:
    for ours, plain in zip(g(x), gt.value_and_grad(f)(x)):
        assert np.allclose(ours, plain, rtol=1e-14), (ours, plain)
h = gt.jit(gt.grad(lambda x: (3 * x + 1) ** 2))
assert h(1.0) == 24.0
assert "NumPy" in h.lower().llvm + h.lower().plan, h.lower()
""",
    "transformations": """
x = np.array([1.0, 2.0, 3.0])
assert gt.hessian(f)(x).shape == (3, 3)
assert gt.vmap(np.sin)(x).shape == (3,)
gt.check_derivatives(f, x)
""",
    "view": """
assert "24" in str(gt.see(lambda x: (3 * x + 1) ** 2, 1.0))
assert "24" in str(gt.explain(lambda x: (3 * x + 1) ** 2, 1.0))
""",
    "refusals": """
asked = [
    lambda: gt.minimize(f, np.ones(3)),
    lambda: gt.mpi.allreduce(1.0),
    lambda: gt.jacobian(np.sin, sparse=True)(np.ones(3)),
]
for ask in asked:
    try:
        ask()
    except ImportError as error:
        assert "pip install 'geartrain[" in str(error), error
    else:
        raise AssertionError("it worked without what it needs")
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_bare_installation(name: str) -> None:
    run = subprocess.run([sys.executable, "-c", BARE + PROGRAMS[name]], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
