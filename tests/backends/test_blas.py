"""Matrix products and LAPACK through the private library. The numbers are small integers, so equal means equal."""

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from geartrain.backends import llvm, threads
from geartrain.backends.cpu import blas, lapack, openblas, openblas_trial, runtime
from geartrain.errors import RuleError, ShapeError

pytestmark = pytest.mark.skipif(not llvm.installed(), reason="llvmlite is not installed")

DTYPES = [np.float32, np.float64, np.complex64, np.complex128]
RANDOM = np.random.default_rng(5)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = threads.get_threads()
    yield
    threads.set_threads(before)


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "has_blas", lambda: False)
    monkeypatch.setattr(openblas, "library", lambda: None)


def draw(dtype: Any, *shape: int) -> NDArray[Any]:
    x = RANDOM.integers(-4, 5, shape).astype(dtype)
    return (x + 1j * RANDOM.integers(-4, 5, shape)).astype(dtype) if np.dtype(dtype).kind == "c" else x


def exact(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    return np.einsum("...ik,...kj->...ij", a, b)


def turned(x: NDArray[Any], way: bool) -> NDArray[Any]:
    """The same matrix, with its columns together in memory."""
    return np.ascontiguousarray(x.swapaxes(-1, -2)).swapaxes(-1, -2) if way else x


def test_there_is_a_library_here() -> None:
    assert runtime.has_blas(), openblas.why_not()
    assert "kernels" in blas.report()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ways", [*itertools.product([False, True], repeat=2)])
def test_products_of_all_shapes(dtype: Any, ways: tuple[bool, bool]) -> None:
    for m, k, n in itertools.product((0, 1, 2, 17, 70), (0, 1, 3, 65), (0, 1, 2, 33)):
        a, b = draw(dtype, m, k), draw(dtype, k, n)
        left, right = turned(a, ways[0]), turned(b, ways[1])
        garbage = np.full((m, n), np.nan, dtype)
        assert np.array_equal(blas.matmul(left, right, garbage), exact(a, b)), (m, k, n)
        c = draw(dtype, m, n)
        got = blas.matmul(left, right, c.copy(), alpha=2, beta=-1)
        assert np.array_equal(got, 2 * exact(a, b) - c), (m, k, n)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ways", [*itertools.product([False, True], repeat=4)])
def test_conjugates(dtype: Any, ways: tuple[bool, bool, bool, bool]) -> None:
    for m, k, n in ((5, 7, 9), (1, 7, 9), (5, 7, 1), (1, 7, 1)):
        a, b = draw(dtype, m, k), draw(dtype, k, n)
        got = blas.matmul(turned(a, ways[0]), turned(b, ways[1]), conjugate=ways[2:])
        assert np.array_equal(got, exact(a.conj() if ways[2] else a, b.conj() if ways[3] else b))


SHAPES = [
    (300, 500, 700),
    (32, 64, 256),
    (33, 250, 67),
    (1, 400, 3000),
    (3000, 400, 1),
    (1500, 30, 40),
    (1000, 1, 1000),
    (1025, 513, 17),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("shape", SHAPES)
def test_tiles_and_the_same_bits_for_any_number_of_threads(dtype: Any, shape: tuple[int, int, int]) -> None:
    m, k, n = shape
    a, b = draw(dtype, m, k), draw(dtype, k, n)
    real = [RANDOM.standard_normal(x.shape).astype(dtype) for x in (a, b)]
    bits: set[bytes] = set()
    expected = exact(a, b)
    for size in (1, 2, 3, 5):
        threads.set_threads(size)
        for ways in itertools.product([False, True], repeat=2):
            assert np.array_equal(blas.matmul(turned(a, ways[0]), turned(b, ways[1])), expected)
        for _ in range(3):
            bits.add(blas.matmul(*real).tobytes())
    assert len(bits) == 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_stacks(dtype: Any) -> None:
    for count, m, k, n in (
        (1, 2, 3, 4),
        (7, 5, 1, 6),
        (50, 20, 30, 10),
        (3, 1, 200, 300),
        (0, 2, 2, 2),
        (2, 300, 300, 300),
    ):
        a, b = draw(dtype, count, m, k), draw(dtype, count, k, n)
        for way in (False, True):
            assert np.array_equal(blas.matmul(turned(a, way), b), exact(a, b))
            assert np.array_equal(blas.matmul(a, turned(b, way)), exact(a, b))
        if count:
            assert np.array_equal(blas.matmul(a, b[0]), exact(a, b[0]))
            assert np.array_equal(blas.matmul(a[0], b), exact(a[0], b))
            assert np.array_equal(blas.matmul(a[::-1], b[::-1]), exact(a, b)[::-1])


def test_parts_of_larger_matrices_and_unusual_layouts() -> None:
    large = draw(np.float64, 40, 50)
    a, b = large[3:10, 5:25], large[10:30, 20:29]
    for x, y in (
        (a, b),
        (b.T, a.T),
        (a[:, ::2], b[::2]),
        (a[::2], b[:, ::-1]),
        (a.astype(">f8"), b.astype(">f8")),
        (np.broadcast_to(a[:1], a.shape), b),
    ):
        assert np.array_equal(blas.matmul(x, y), exact(x, y))


def test_infinities_and_nans_go_through() -> None:
    a, b = np.ones((3, 3)), np.ones((3, 3))
    a[1, 1], b[2, 0] = np.inf, np.nan
    assert np.array_equal(blas.matmul(a, b), np.matmul(a, b), equal_nan=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_without_a_library_numpy_multiplies(dtype: Any, no_library: None) -> None:
    a, b, c = draw(dtype, 2, 3, 4), draw(dtype, 4, 5), draw(dtype, 2, 3, 5)
    assert np.array_equal(blas.matmul(a, b), exact(a, b))
    got = blas.matmul(a, b, c.copy(), alpha=2, beta=-1, conjugate=(True, False))
    assert np.array_equal(got, 2 * exact(a.conj(), b) - c)
    assert blas.report().startswith("NumPy multiplies")
    assert lapack.symbols() == {}
    with pytest.raises(RuleError, match="there is no LAPACK"):
        lapack.int_dtype()


def test_operands_that_do_not_fit() -> None:
    a = np.ones((2, 3))
    for left, right in ((a, a), (a, np.ones((3, 2), np.float32)), (a, np.ones(3)), (np.ones((2, 3), int),) * 2):
        with pytest.raises(ShapeError, match=r"\[matmul\] operands of shapes \(2, 3\)"):
            blas.matmul(left, right)
    with pytest.raises(ShapeError, match="out is"):
        blas.matmul(a, a.T, np.ones((2, 3)))
    with pytest.raises(ShapeError, match="no out to keep"):
        blas.matmul(a, a.T, beta=1)


# The library and its kernels


@pytest.mark.parametrize(
    ("features", "chosen", "expected"),
    [
        ("+sse2,+avx2,+fma,+avx512f,+avx512bw,+avx512dq,+avx512vl,+avx512cd", "Haswell", "SkylakeX"),
        ("+sse2,+avx2,+fma,+avx512f,+avx512bw,+avx512dq,+avx512vl,+avx512cd", "Cooperlake", "Cooperlake"),
        ("+sse2,+avx2,+fma,+avx512f,-avx512bw,+avx512dq,+avx512vl,+avx512cd", "Haswell", "Haswell"),
        ("+sse2,+avx2,+fma", "Nehalem", "Haswell"),
        ("+sse2,+avx2,-fma", "Nehalem", "Nehalem"),
        ("+sse2,+avx2,+fma", "A name of the future", "A name of the future"),
        ("+neon,+sve", "NEOVERSEN1", "NEOVERSEN1"),
    ],
)
def test_kernels_go_by_instruction_sets(features: str, chosen: str, expected: str) -> None:
    assert openblas.best(features, chosen) == expected


def files() -> list[tuple[str, str]]:
    return list(openblas._files())  # pyright: ignore[reportPrivateUsage]


def test_each_library_here_is_right_with_one_thread_and_leaves_the_environment_alone() -> None:
    before = dict(os.environ)
    for origin, path in files():
        found = openblas.load(path, origin)
        assert openblas_trial.wrong(found) == ""
        tail = "64_" if found.suffix == "_64_" else ""
        count = getattr(found.handle, f"{found.prefix}openblas_get_num_threads{tail}")
        assert count() == 1
    assert dict(os.environ) == before


def test_a_library_that_multiplies_wrong_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # what was found out before is kept there
    monkeypatch.setattr(openblas_trial, "wrong", lambda found: "sgemm is wrong")
    search: Any = vars(openblas)["_search"]
    monkeypatch.setattr(openblas, "_search", search.__wrapped__)
    assert openblas.library() is None
    assert "sgemm is wrong" in openblas.why_not()


def test_a_wrong_product_is_noticed() -> None:
    found = openblas.library()
    assert found is not None
    mixed_up = found._replace(prefix=found.prefix.replace("scipy_", "") or "scipy_")
    assert mixed_up.address("no_such_routine") == 0

    class Swapped:
        """gemm of another type under each name."""

        def __getattr__(self, name: str) -> Any:
            return getattr(found.handle, name.replace("sgemm", "dgemm") if "sgemm" in name else name)

    assert "sgemm" in openblas_trial.wrong(found._replace(handle=Swapped()))


def test_the_environment_says_other_kernels_and_the_trial_is_remembered(tmp_path: Path) -> None:
    """Told old kernels, as some machines are for NumPy's sake: ours are tried elsewhere first, then used."""
    chosen = openblas.library()
    assert chosen is not None
    if openblas.tier(chosen.kernels) in (None, 0):
        pytest.skip("there are no older kernels than those of this processor")
    path = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
    told = {"OPENBLAS_CORETYPE": "Prescott", "XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": path}
    remembered = tmp_path / "geartrain" / "openblas.txt"

    def in_another_process() -> list[str]:
        program = "from geartrain.backends.cpu.openblas import library as l; print(l()); print(l().kernels)"
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, env=os.environ | told, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    text, kernels = in_another_process()
    assert "OPENBLAS_CORETYPE says Prescott" in text
    assert kernels == chosen.kernels
    known = dict([line.split("\t") for line in remembered.read_text().splitlines()])
    assert set(known.values()) == {""}
    (key,) = [key for key in known if "products by" not in key]
    remembered.write_text(
        "".join([f"{k}\t{v}\n" for k, v in (known | {key: "a test says that they are wrong"}).items()])
    )
    text, kernels = in_another_process()
    assert "but a test says that they are wrong" in text
    assert openblas.tier(kernels) == 0
    remembered.write_text("{ damaged")
    assert in_another_process()[1] == chosen.kernels


def test_a_trial_that_dies_or_has_no_such_kernels() -> None:
    assert "has none" in openblas_trial.trial(files()[0][1], "nonsense")
    assert "ended with" in openblas_trial.trial(__file__, "Haswell")


# LAPACK


@pytest.mark.parametrize("letter", "sdcz")
def test_solve_and_cholesky(letter: str) -> None:
    dtype = dict(zip("sdcz", DTYPES, strict=True))[letter]
    n = 30
    a, b = draw(dtype, n, n) + 40 * np.eye(n, dtype=dtype), draw(dtype, n, 3)
    factors, x, pivots = np.asfortranarray(a), np.asfortranarray(b), np.empty(n, lapack.int_dtype())
    assert lapack.call(f"{letter}getrf", n, n, factors, n, pivots) == 0
    assert lapack.call(f"{letter}getrs", "N", n, 3, factors, n, pivots, x, n) == 0
    assert np.allclose(a @ x, b, atol=1e-3)
    square = np.asfortranarray(a @ a.conj().T)
    lower = square.copy(order="F")
    assert lapack.call(f"{letter}potrf", "L", n, lower, n) == 0
    lower = np.tril(lower)
    assert np.allclose(lower @ lower.conj().T, square, rtol=1e-4, atol=1e-2)


def test_eigenvalues_and_info() -> None:
    a = draw(np.float64, 20, 20)
    a = a + a.T
    vectors, values = np.asfortranarray(a), np.empty(20)
    work, iwork = np.empty(2000), np.empty(200, lapack.int_dtype())
    assert lapack.call("dsyevd", "V", "L", 20, vectors, 20, values, work, 2000, iwork, 200) == 0
    assert np.allclose(a @ vectors, vectors * values)
    assert lapack.call("dpotrf", "L", 20, np.asfortranarray(-np.eye(20)), 20) == 1
    pivots = np.empty(2, lapack.int_dtype())
    assert lapack.call("dgetrf", 2, 2, np.zeros((2, 2), order="F"), 2, pivots) == 1
    with pytest.raises(RuleError, match="has no dnonsense"):
        lapack.call("dnonsense")


def test_routines_have_addresses_for_native_code() -> None:
    found = lapack.symbols()
    for routine in lapack.ROUTINES:
        letters = {"orgqr": "sd", "ungqr": "cz", "syevd": "sd", "heevd": "cz"}.get(routine, "sdcz")
        assert all(found[lapack.name_of(f"{letter}{routine}")] for letter in letters), routine
