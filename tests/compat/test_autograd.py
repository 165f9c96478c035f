"""The same program, with HIPS autograd and with us: the same answers, errors and warnings."""

import importlib
import warnings
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain import tree
from geartrain.compat import autograd as ours
from geartrain.compat.autograd import extend, test_util, tracer
from tests.compat.programs import ERRORS, IMPORTS, KINKS, PROGRAMS, WARNINGS

pytest.importorskip("autograd")

PACKAGES = {
    "theirs": ("autograd", "import autograd"),
    "ours": ("geartrain.compat.autograd", "from geartrain.compat import autograd"),
}


def run(package: str, text: str) -> dict[str, Any]:
    """The names that a program leaves behind."""
    name, itself = PACKAGES[package]
    names: dict[str, Any] = {}
    exec((IMPORTS + text).replace("{autograd}", name).replace("{itself}", itself), names)
    return names


def compare(ours: Any, theirs: Any) -> None:
    a, a_def = tree.flatten(ours)
    b, b_def = tree.flatten(theirs)
    assert a_def == b_def
    for x, y in zip(a, b, strict=True):
        if isinstance(y, str):
            assert x == y
        else:
            np.testing.assert_allclose(x, y, rtol=1e-7, atol=1e-10)
            assert np.shape(x) == np.shape(y)


def test_the_same_at_kinks() -> None:
    with np.errstate(all="ignore"):
        compare(run("ours", KINKS)["out"], run("theirs", KINKS)["out"])


def error(package: str, text: str) -> Exception:
    try:
        run(package, text)
    except Exception as error:
        return error
    raise AssertionError("no error")


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_answers(name: str) -> None:
    theirs = run("theirs", PROGRAMS[name])["out"]
    compare(run("ours", PROGRAMS[name])["out"], theirs)


@pytest.mark.parametrize("name", ERRORS)
def test_the_same_errors(name: str) -> None:
    theirs = error("theirs", ERRORS[name])
    with pytest.raises(type(theirs)) as ours:
        run("ours", ERRORS[name])
    if "applies to" in str(theirs) or "not defined" in str(theirs):
        assert str(ours.value)[:24] == str(theirs)[:24]


@pytest.mark.parametrize("name", WARNINGS)
def test_the_same_warnings(name: str) -> None:
    with warnings.catch_warnings(record=True) as theirs:
        warnings.simplefilter("always")
        want = run("theirs", WARNINGS[name])["out"]
    with warnings.catch_warnings(record=True) as ours:
        warnings.simplefilter("always")
        got = run("ours", WARNINGS[name])["out"]
    assert [(w.category, str(w.message)) for w in ours] == [(w.category, str(w.message)) for w in theirs]
    compare(got, want)


MODULES = ("", ".extend", ".test_util", ".misc", ".misc.flatten", ".misc.optimizers", ".misc.fixed_points")
INSIDE = {"JVPNode", "VJPNode", "SparseObject", "np", "dot"}
"""What works on autograd's own tape, and what leaks from its modules: see docs/from-autograd.md."""


@pytest.mark.parametrize("module", MODULES)
def test_the_same_names(module: str) -> None:
    theirs, ours = (importlib.import_module(package + module) for package in ("autograd", "geartrain.compat.autograd"))
    names = {n for n, v in vars(theirs).items() if not n.startswith("_") and callable(v)} - INSIDE
    public = module in ("", ".extend")  # these gather what other modules define
    own = {n for n in names if public or getattr(vars(theirs)[n], "__module__", "") == theirs.__name__}
    assert {n for n in own if not hasattr(ours, n)} - HELPERS == set()


HELPERS = {"unary_to_nary", "get_name", "wraps", "make_numerical_jvp", "fixed_point_vjp"}
"""Private ones that happen to be visible in a module."""


def test_the_numpy_is_numpy() -> None:
    names: dict[str, Any] = {}
    exec("from geartrain.compat.autograd.numpy import *", names)
    assert names["tanh"] is np.tanh
    assert set(np.__all__) - names.keys() == set()
    for module in ("linalg", "fft", "random"):
        ours = importlib.import_module(f"geartrain.compat.autograd.numpy.{module}")
        assert all(getattr(ours, name) is getattr(getattr(np, module), name) for name in ours.__all__)


def test_what_autograd_refuses_works() -> None:
    def f(x: Any) -> Any:
        y = np.zeros(3)
        y[0] = x
        y[1:] += np.sin(y[0])
        return np.sum(y**2)

    assert ours.grad(f)(0.5) == gt.grad(f)(0.5)
    assert ours.grad(lambda x: np.sum([x, x * x]))(2.0) == 5.0


def test_gradients_by_name() -> None:
    found = ours.multigrad_dict(lambda a, b=2.0, *, c: a * b**2 + c)(3.0, c=1.0)
    assert list(found.items()) == [("a", 4.0), ("b", 12.0), ("c", 1.0)]


def test_a_primitive_takes_containers_and_keeps_its_name() -> None:
    @ours.primitive
    def total(parts: Any, scale: float = 1.0) -> Any:
        """The sum of the parts."""
        return scale * float(sum(parts))

    extend.defvjp(total, lambda ans, parts, scale=1.0: lambda g: [g * scale] * len(parts))
    assert ours.grad(lambda x: total([x, x * x], scale=2.0))(3.0) == 14.0
    assert (total.__name__, total.__doc__) == ("total", "The sum of the parts.")


def test_checks() -> None:
    @ours.primitive
    def wrong(x: Any) -> Any:
        return np.sin(x)

    extend.defvjp(wrong, lambda ans, x: lambda g: 1.1 * g * np.cos(x))
    test_util.check_grads(lambda x, y: np.sin(x) * y**2, (0, 1), order=3)(0.3, 2.0)
    with pytest.raises(AssertionError):
        test_util.check_grads(wrong, modes=["rev"], order=1)(0.5)
    test_util.combo_check(np.sum, (0,), ["rev"], 1)([np.ones((2, 3)), np.zeros((1, 2))], axis=[0, 1])
    test_util.check_vjp(np.sin, 0.3)
    test_util.check_jvp(np.sin, 0.3)
    test_util.check_equivalent([1.0, np.ones(2)], [1.0, np.ones(2)])
    with pytest.raises(AssertionError, match="Value mismatch"):
        test_util.check_equivalent(1.0, 2.0)
    with pytest.raises(AssertionError, match="VSpace mismatch"):
        test_util.check_equivalent(np.ones(2), np.ones(3))


def test_refusals_say_what_to_do() -> None:
    with pytest.raises(TypeError, match=r"sin was not made by primitive.*sin = primitive\(sin\)"):
        extend.defvjp(np.sin, None)
    for kind in (extend.VSpace, extend.Box):
        with pytest.raises(NotImplementedError, match="Use a dataclass"):
            kind.register(type("Own", (), {}))
    with pytest.raises(Exception, match="Bad VJP"):
        extend.defvjp(ours.primitive(lambda x: x), 3)
    with pytest.raises(Exception, match="Bad JVP"):
        extend.defjvp(ours.primitive(lambda x: x), "other")


def test_boxes_are_asked_for() -> None:
    seen: list[Any] = []

    def f(x: Any) -> Any:
        seen.append((extend.Box.__instancecheck__(x), isinstance(x, tracer.Box), tracer.getval(x), ours.type(x)))
        return x * x

    ours.grad(f)(3.0)
    assert seen == [(True, True, 3.0, float)]
    assert not tracer.isbox(3.0)
