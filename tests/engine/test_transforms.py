"""Every transformation inside every other, against closed forms."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import geartrain as gt

# d/dx, in each way that there is; f(x) is a scalar of a scalar.

DERIVATIVES: dict[str, Callable[[Any], Any]] = {
    "grad": gt.grad,
    "value_and_grad": lambda f: lambda x: gt.value_and_grad(f)(x)[1],
    "vjp": lambda f: lambda x: gt.vjp(f, x)[1](1.0)[0],
    "jvp": lambda f: lambda x: gt.jvp(f, (x,), (1.0,))[1],
    "jacfwd": gt.jacfwd,
    "jacrev": gt.jacrev,
    "jacobian": gt.jacobian,
    "vjp of jvp in the tangent": lambda f: lambda x: gt.vjp(lambda s: gt.jvp(f, (x,), (s,))[1], 2.0)[1](1.0)[0],
    "jvp of vjp in the cotangent": lambda f: lambda x: gt.jvp(lambda s: gt.vjp(f, x)[1](s)[0], (2.0,), (1.0,))[1],
}

WRAPPERS: dict[str, Callable[[Any], Any]] = {
    "jit": gt.jit,
    "checkpoint": gt.checkpoint,
    "vmap": lambda f: lambda x: gt.vmap(f)(x * np.ones(2))[1],
    "custom_rule": lambda f: gt.custom_rule(f, pull=lambda y_bar, y, xs: (y_bar * gt.grad(f)(xs[0]),)),
}


def at_three(f: Callable[[Any], Any], x: float) -> list[float]:
    return [f(x), f(x), f(x)]


def cubes(x: Any) -> Any:
    """x**5 by assignment, a branch and a product, so that its derivatives are 5 x**4, 20 x**3, 60 x**2."""
    b = np.zeros(2)
    b[0] = x**2
    b[1] = b[0] * x if np.ndim(x) == 0 else 0.0
    return b[0] * b[1]


FIFTH = [lambda x: x**5, lambda x: 5 * x**4, lambda x: 20 * x**3, lambda x: 60 * x**2, lambda x: 120 * x]


@pytest.mark.parametrize("inner", DERIVATIVES)
@pytest.mark.parametrize("outer", DERIVATIVES)
def test_second_derivatives(outer: str, inner: str) -> None:
    f = DERIVATIVES[outer](DERIVATIVES[inner](cubes))
    for g in (f, gt.jit(f), lambda x: gt.vmap(f)(np.array([0.5, x]))[1], gt.checkpoint(f)):
        np.testing.assert_allclose(at_three(g, 1.5), [20 * 1.5**3] * 3, rtol=1e-12)


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("outer", DERIVATIVES)
@pytest.mark.parametrize("inner", DERIVATIVES)
def test_wrapped_at_each_place(outer: str, wrapper: str, inner: str) -> None:
    wrap = WRAPPERS[wrapper]
    for f in (
        DERIVATIVES[outer](DERIVATIVES[inner](wrap(cubes))),
        DERIVATIVES[outer](wrap(DERIVATIVES[inner](cubes))),
        wrap(DERIVATIVES[outer](DERIVATIVES[inner](cubes))),
    ):
        np.testing.assert_allclose(f(1.5), 20 * 1.5**3, rtol=1e-12)


@pytest.mark.parametrize(
    "names",
    [
        ("jvp", "grad", "jvp"),
        ("grad", "jvp", "grad"),
        ("jacfwd", "jacrev", "grad"),
        ("vjp", "jvp", "jacfwd"),
        ("grad", "grad", "grad"),
        ("jvp", "jvp", "jvp"),
    ],
)
def test_third_derivatives(names: tuple[str, ...]) -> None:
    f: Any = cubes
    for name in reversed(names):
        f = DERIVATIVES[name](f)
    for g in (f, gt.jit(f)):
        np.testing.assert_allclose(at_three(g, 0.5), [60 * 0.25] * 3, rtol=1e-11)


def test_matrices_of_derivatives() -> None:
    x = np.array([1.0, 2.0, 3.0])
    a = np.array([[2.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 4.0]])

    def f(x: Any) -> Any:
        return 0.5 * x @ a @ x + np.sum(x**3)

    h = a + np.diag(6 * x)
    v = np.array([1.0, -1.0, 0.5])
    second = [
        gt.hessian(f),
        gt.jacfwd(gt.grad(f)),
        gt.jacrev(gt.grad(f)),
        gt.jacrev(gt.jacfwd(f)),
        gt.jacfwd(gt.jacfwd(f)),
        gt.jacobian(gt.jacobian(f)),
        gt.jit(gt.hessian(f)),
        gt.jit(gt.hessian(gt.jit(gt.checkpoint(f)))),
        lambda x: gt.vmap(lambda e: gt.hvp(f, x, e))(np.eye(3)),
        lambda x: gt.vmap(gt.vjp(gt.grad(f), x)[1])(np.eye(3))[0],
        lambda x: gt.vmap(gt.hessian(f))(np.stack([x, x]))[1],
    ]
    for g in second:
        np.testing.assert_allclose(g(x), h, rtol=1e-12)
    np.testing.assert_allclose(gt.hvp(f, x, v), h @ v)
    np.testing.assert_allclose(gt.jit(lambda x: gt.hvp(f, x, v))(x), h @ v)
    np.testing.assert_allclose(gt.grad(lambda x: np.sum(gt.hvp(f, x, v) ** 2))(x), 12 * v * (h @ v))
    third = gt.jacobian(gt.hessian(f))(x)
    np.testing.assert_allclose(third, 6 * np.einsum("ij,jk->ijk", np.eye(3), np.eye(3)))


# Perturbation confusion: an inner derivative sees its own argument and no other.


def pull_of_a_square(x: Any) -> Any:
    pull = gt.vjp(np.square, x)[1]
    return gt.grad(lambda s: pull(s * s)[0])(2.0)


CONFUSIONS: dict[str, tuple[Callable[[Any], Any], float, float]] = {
    "grad in grad": (gt.grad(lambda x: x * gt.grad(lambda y: x + y)(2.0)), 1.0, 1.0),
    "grad in grad, product": (gt.grad(lambda x: x * gt.grad(lambda y: x * y)(2.0)), 3.0, 6.0),
    "jvp in jvp": (
        lambda x: gt.jvp(lambda x: x * gt.jvp(lambda y: x + y, (2.0,), (1.0,))[1], (x,), (1.0,))[1],
        1.0,
        1.0,
    ),
    "jvp in grad": (gt.grad(lambda x: x * gt.jvp(lambda y: x * y * y, (2.0,), (x,))[1]), 1.0, 12.0),
    "grad in jvp": (lambda x: gt.jvp(lambda x: x * gt.grad(lambda y: x * y * y)(x), (x,), (1.0,))[1], 1.0, 6.0),
    "the same argument twice": (gt.grad(lambda x: gt.grad(lambda y: x * y)(x) * x), 3.0, 6.0),
    "three deep": (gt.grad(lambda x: gt.grad(lambda y: gt.grad(lambda z: x * y * z)(x) * y)(x)), 2.0, 8.0),
    "in a batch": (lambda x: gt.vmap(lambda a: gt.grad(lambda y: a * y * y)(2.0))(np.array([0.0, x]))[1], 3.0, 12.0),
    "through jit": (gt.grad(gt.jit(lambda x: x * gt.grad(gt.jit(lambda y: x * y))(2.0))), 3.0, 6.0),
    "a pull kept for later": (pull_of_a_square, 3.0, 24.0),
    "stop_gradient": (gt.grad(lambda x: x * gt.stop_gradient(x * x)), 3.0, 9.0),
    "stop_gradient of one, not of the other": (
        gt.grad(lambda x: gt.grad(lambda y: y * gt.stop_gradient(x))(x)),
        3.0,
        0.0,
    ),
}


@pytest.mark.parametrize("name", CONFUSIONS)
def test_no_confusion(name: str) -> None:
    f, x, want = CONFUSIONS[name]
    assert f(x) == pytest.approx(want)
    assert gt.jit(f)(x) == pytest.approx(want)


# Containers, arguments and results.


class Pair(NamedTuple):
    a: Any
    b: Any


@dataclasses.dataclass
class Model:
    w: Any
    name: str = "net"


def test_containers_come_back_as_they_came() -> None:
    p = {"list": [1.0, (2.0, None)], "pair": Pair(np.array([3.0]), "text"), "model": Model(np.ones((2, 2)))}

    def f(p: Any) -> Any:
        first, (second, _) = p["list"]
        return first * second * p["pair"].a[0] + np.sum(p["model"].w) ** 2

    for g in (gt.grad(f), gt.jit(gt.grad(f)), lambda p: gt.vjp(f, p)[1](1.0)[0]):
        got = g(p)
        assert got["list"] == [6.0, (3.0, None)]
        assert isinstance(got["pair"], Pair)
        assert got["pair"].b == "text"
        np.testing.assert_array_equal(got["pair"].a, [2.0])
        assert got["model"].name == "net"
        np.testing.assert_array_equal(got["model"].w, np.full((2, 2), 8.0))


def test_dicts_keep_their_order() -> None:
    layers = {f"layer{i}": float(i) for i in (2, 10, 1)}

    def f(layers: dict[str, Any]) -> Any:
        first, second, third = layers.values()
        return first * 100 + second * 10 + third

    other = {key: layers[key] for key in sorted(layers)}
    compiled = gt.jit(f)
    for d in (layers, other, layers):
        assert gt.value_and_grad(f)(d)[0] == f(d)
        assert list(gt.grad(f)(d)) == list(d)
        assert compiled(d) == f(d)
    assert gt.jvp(f, (layers,), (dict.fromkeys(other, 1.0),))[1] == 111.0


def test_arguments() -> None:
    def f(x: Any, y: Any, *more: Any, scale: float = 1.0) -> Any:
        return scale * x * y * y + sum(more)

    assert gt.grad(f)(2.0, 3.0) == 9.0
    assert gt.grad(f, 1)(2.0, 3.0, scale=2.0) == 24.0
    assert gt.grad(f, (1, 0))(2.0, 3.0) == (12.0, 9.0)
    assert gt.grad(f, [0])(2.0, 3.0) == (9.0,)
    assert gt.grad(f, -1)(2.0, 3.0, 4.0) == 1.0
    assert gt.value_and_grad(f, (0, 2))(2.0, 3.0, 1.0) == (19.0, (9.0, 1.0))
    assert gt.hessian(f, 1)(2.0, 3.0) == 4.0
    assert gt.jit(gt.grad(f, 1))(2.0, 3.0, scale=2.0) == 24.0
    for numbers in ((0, 0), (0, -2), 2, "x", 0.5):
        with pytest.raises(gt.errors.InputError, match="argnums"):
            gt.grad(f, numbers)(2.0, 3.0)  # type: ignore[arg-type]


def test_has_aux() -> None:
    def f(x: Any) -> Any:
        return x**2, {"twice": 2 * x, "text": "hi", "none": None}

    want = {"twice": 6.0, "text": "hi", "none": None}
    assert gt.grad(f, has_aux=True)(3.0) == (6.0, want)
    assert gt.value_and_grad(f, has_aux=True)(3.0) == ((9.0, want), 6.0)
    assert gt.jit(gt.value_and_grad(f, has_aux=True))(3.0) == ((9.0, want), 6.0)
    y, pull, aux = gt.vjp(f, 3.0, has_aux=True)
    assert (y, pull(1.0), aux) == (9.0, (6.0,), want)
    assert gt.jvp(f, (3.0,), (1.0,), has_aux=True) == (9.0, 6.0, want)
    assert gt.grad(lambda x: gt.grad(f, has_aux=True)(x)[1]["twice"] * x)(3.0) == 12.0


@pytest.mark.parametrize(
    "x",
    [
        2.0,
        np.float64(2.0),
        np.float32(2.0),
        np.float16(2.0),
        np.longdouble(2.0),
        np.array(2.0),
        np.array([2.0, 3.0], np.float32),
        np.array([2.0, 3.0], np.longdouble),
        np.array([2.0, 3.0], ">f8"),
        np.array([[2.0]]),
        np.zeros((0, 3)),
        2.0 + 1.0j,
        np.array([1.0 + 1.0j, 2.0]),
        np.array([1.0 + 1.0j], np.complex64),
    ],
    ids=lambda x: f"{type(x).__name__} {np.asarray(x).dtype}{np.shape(x)}",
)
def test_dtypes_and_shapes(x: Any) -> None:
    def f(x: Any) -> Any:
        return np.sum(np.real(x * x * x))

    for g in (gt.grad(f), lambda x: gt.vjp(f, x)[1](f(x) * 0 + 1)[0], gt.grad(gt.checkpoint(f))):
        got = g(x)
        assert type(got) is type(x)
        assert np.shape(got) == np.shape(x)
        assert np.asarray(got).dtype == np.asarray(x).dtype.newbyteorder("=")
        np.testing.assert_allclose(got, 3 * x * x, rtol=1e-6)
    got = gt.jit(gt.grad(f))(x)
    np.testing.assert_allclose(got, 3 * x * x, rtol=1e-6)
    assert np.asarray(got).dtype == np.asarray(x).dtype.newbyteorder("=")


def test_gradients_are_of_the_machines_byte_order() -> None:
    """Also where a trace around them is recorded."""
    x = np.array([2.0, 3.0], ">f8")
    for g in (gt.jacobian(np.sin), gt.jit(gt.grad(lambda x: np.sum(np.sin(x) ** 2))), gt.hessian(lambda x: x[0] ** 3)):
        for _ in range(2):
            assert g(x).dtype.isnative


def test_numpys_own_functions_and_odd_callables() -> None:
    assert gt.grad(np.sin)(0.0) == 1.0
    assert gt.vmap(np.dot)(np.ones((2, 3)), np.ones((2, 3))).tolist() == [3.0, 3.0]
    assert gt.grad(lambda x: x)(5.0) == 1.0
    assert gt.grad(lambda x: 7.0)(5.0) == 0.0
    assert (
        gt.vjp(
            lambda: (),
        )[0]
        == ()
    )
    assert gt.grad(Scale(3.0))(2.0) == 3.0
    assert gt.grad(Scale(3.0).times)(2.0) == 3.0


class Scale:
    def __init__(self, by: float) -> None:
        self.by = by

    def __call__(self, x: Any) -> Any:
        return self.by * x

    times = __call__


def test_complex_convention() -> None:
    """df/da - i df/db; for a holomorphic function the pull of 1 is its derivative."""
    z = 1.0 + 2.0j
    assert gt.grad(lambda z: z.real**2 + 3 * z.imag)(z) == 2.0 - 3.0j
    assert gt.grad(lambda z: np.abs(z) ** 2)(z) == pytest.approx(2 * np.conj(z))
    assert gt.vjp(lambda z: z**3, z)[1](1.0 + 0.0j)[0] == pytest.approx(3 * z**2)
    assert gt.jvp(lambda z: z**3, (z,), (1j,))[1] == pytest.approx(3j * z**2)
    assert gt.grad(lambda x: np.real(np.exp(1j * x)))(0.5) == pytest.approx(-np.sin(0.5))
    assert gt.grad(gt.grad(lambda x: np.abs(x + 1j * x) ** 2))(1.5) == pytest.approx(4.0)


def test_a_run_that_was_thrown_away_is_a_leak() -> None:
    """Values of a batch or of a checkpoint stand for something else outside of it: never a number, silently."""

    def kept(transform: Callable[..., Any]) -> Callable[[Any], Any]:
        def f(x: Any) -> Any:
            drawer: list[Any] = []
            transform(lambda y: drawer.append(y * 2) or y * x)(x * np.ones(2))
            return np.sum(x * drawer[0])

        return f

    for transform in (gt.vmap, gt.checkpoint):
        with pytest.raises(gt.errors.LeakError):
            gt.grad(kept(transform))(3.0)
    drawer: list[Any] = []
    gt.grad(lambda x: drawer.append(x) or x)(1.0)
    for use in (float, np.asarray, bool, lambda t: t + 1):
        with pytest.raises(gt.errors.LeakError):
            use(drawer[0])


def test_a_view_that_was_first_read_in_a_checkpoint_keeps_its_derivative() -> None:
    def f(x: Any) -> Any:
        v = (x * 1.0)[1:]
        inside = gt.checkpoint(lambda: np.sum(v**2))()
        return inside + np.sum(v**3)

    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(gt.grad(f)(x), [0.0, 16.0, 33.0])


def test_many_inner_gradients_keep_their_bits_apart() -> None:
    """One bit for each level under way, whatever ended before."""

    def f(x: Any) -> Any:
        y = x
        for _ in range(300):
            y = y + 0.01 * gt.grad(lambda u: np.sin(u) * x)(y)
        return y

    levels: list[int] = []

    def watched(x: Any) -> Any:
        y = f(x)
        levels.append(y.node.depends.bit_length())
        return y

    h = 1e-6
    assert gt.grad(watched)(0.3) == pytest.approx((f(0.3 + h) - f(0.3 - h)) / (2 * h), rel=1e-6)
    assert levels[0] < 8


def partly_batched(x: Any) -> Any:
    """Writes to one array, first of what is the same for all examples, then of what is not, also through views."""

    def inner(s: Any) -> Any:
        b = np.zeros((2, 3))
        b[0] = s * s
        v = b[:, 1:]
        v[1, 0] = x * s
        b.T[2] = s
        b[0, 0] *= x
        return np.sum(b * b)

    return gt.grad(inner)(2.0) + gt.jvp(inner, (2.0,), (x,))[1]


def test_an_array_that_is_written_by_a_batch_and_by_what_is_none() -> None:
    xs = np.array([0.5, 1.5, -2.0])
    np.testing.assert_allclose(gt.vmap(partly_batched)(xs), [partly_batched(x) for x in xs], rtol=1e-12)
    np.testing.assert_allclose(
        gt.jacobian(gt.vmap(partly_batched))(xs), np.diag([gt.grad(partly_batched)(x) for x in xs])
    )
