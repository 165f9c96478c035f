"""Every error that teaches: its kind, the op it names, its words, the user's own line, the way out; and no trace left.

Each program below fails on the line that ends in ``# <-``.
"""

import collections
import inspect
import math
import os
import pickle
import statistics
import threading
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import geartrain as gt
from geartrain.errors import GeartrainError, InputError, LeakError, RuleError, ShapeError, TraceError
from geartrain.trace.level import active
from geartrain.trace.tracer import Tracer

X: Any = np.array([1.0, 2.0, 3.0])
TABLE: Any = np.zeros(3)
"""An array that was made outside of every traced function."""

mpl.use("Agg")
OBJECTS: Any = np.array([1, 2, 3], object)
MASKED: Any = np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False])
SQUARE: Any = np.eye(3).view(np.matrix)
PLOT: Any = plt
NAMES = {name: vars(np)[name] for name in ("zeros", "array", "asarray", "mean", "concatenate")}


class Case(NamedTuple):
    program: Callable[[], Any]
    kind: type[GeartrainError]
    op: str
    words: tuple[str, ...]


CASES: list[Case] = []


def raises(kind: type[GeartrainError], op: str, *words: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    def enter(program: Callable[[], Any]) -> Callable[[], Any]:
        CASES.append(Case(program, kind, op, words))
        return program

    return enter


# A traced value turned into a bare number.


@raises(TraceError, "float", "a traced Python float", "drops its derivative", "Leave float() out")
def float_of_a_number() -> None:
    gt.grad(lambda x: float(x) * x)(2.0)  # <-


@raises(TraceError, "float", "a traced f64[]", "Leave float() out")
def float_of_an_element() -> None:
    def f(x: Any) -> Any:
        y = x * 2.0
        return float(y[0]) * y[1]  # <-

    gt.grad(f)(X)


@raises(TraceError, "float", "a traced Python float", "call a function of math by its name")
def a_function_of_math_kept_in_a_tuple() -> None:
    functions = (math.sin, math.cos)
    gt.grad(lambda x: functions[0](x))(2.0)  # <-


@raises(TraceError, "complex", "a traced Python float", "Leave complex() out")
def complex_of_a_number() -> None:
    gt.grad(lambda x: complex(x).real)(2.0)  # <-


@raises(TraceError, "np.asarray", "a traced Python float", "x.astype(float)")
def a_numpy_scalar_of_a_number() -> None:
    gt.grad(lambda x: np.float64(x) * x)(2.0)  # <-


@raises(TraceError, "np.asarray", "a traced f64[3]", "gt.custom_rule", "gt.stop_gradient")
def bytes_of_an_array() -> None:
    gt.grad(lambda x: len(x.tobytes()) * x[0])(X)  # <-


@raises(TraceError, "float", "a bare number")
def a_library_of_python() -> None:
    gt.grad(lambda x: statistics.fmean(x))(X)  # <-


@raises(TraceError, "foreign code", "not a traced one", "gt.custom_rule")
def an_array_of_cython() -> None:
    def typed(x: Any) -> Any:
        raise TypeError(f"Argument 'x' has incorrect type (expected numpy.ndarray, got {type(x).__name__})")  # <-

    gt.grad(typed)(X)


@raises(TraceError, "foreign code", "not a traced one", "gt.custom_rule")
def a_buffer_of_an_array() -> None:
    gt.grad(lambda x: np.frombuffer(x)[0])(X)  # <-


@raises(TraceError, "hash", "no key of a dict", "functools.cache")
def a_key_of_a_dict() -> None:
    gt.grad(lambda x: {x: 1.0}[x])(1.0)  # <-


@raises(TraceError, "pickle", "cannot be pickled", "Return it")
def pickle_of_a_number() -> None:
    gt.grad(lambda x: pickle.dumps(x) and x)(1.0)  # <-


@raises(InputError, "view", "another dtype", "x.astype(dtype)")
def the_bits_of_an_array() -> None:
    gt.grad(lambda x: x.view(np.int64).sum())(X)  # <-


@raises(InputError, "resize", "in place", "np.resize(x, shape)")
def a_resize_in_place() -> None:
    gt.grad(lambda x: x.resize(4) or x.sum())(X)  # <-


# Inputs that have no derivative, or cannot be traced.


@raises(InputError, "grad", "a Python int", "3.0", "argnums")
def an_integer() -> None:
    gt.grad(lambda x: x * x)(3)  # <-


@raises(InputError, "vjp", "i64[3] (of integers)", "x.astype(float)")
def integers() -> None:
    gt.vjp(lambda x: x * x, np.arange(3))  # <-


@raises(InputError, "jvp", "a Python bool", "Pass floats")
def a_truth_value() -> None:
    gt.jvp(lambda x: x * 1.0, (True,), (1.0,))  # <-


@raises(InputError, "value_and_grad", "bool[3]", "Pass floats")
def truth_values() -> None:
    gt.value_and_grad(np.sum)(np.ones(3, bool))  # <-


@raises(InputError, "grad", "an array of Python objects", "Pass floats")
def objects() -> None:
    gt.grad(np.sum)(np.array([1.0, 2.0], object))  # <-


@raises(InputError, "multiply", "an array of Python objects", "x.astype(float)")
def objects_that_are_met_inside() -> None:
    gt.grad(lambda x: np.sum(x * OBJECTS))(X)  # <-


@raises(InputError, "grad", "<U1[1]", "has no derivative")
def text() -> None:
    gt.grad(lambda x: 1.0)(np.array(["a"]))  # <-


@raises(InputError, "jit", "an array of Python objects", "objects in a closure")
def objects_for_jit() -> None:
    gt.jit(lambda x: x * 2)(np.array([1, None], object))  # <-


@raises(InputError, "jit", "<U1[2]", "text as strings")
def text_for_jit() -> None:
    gt.jit(lambda x: x == "a")(np.array(["a", "b"]))  # <-


@raises(InputError, "jit", "neither traced nor compared", "set")
def a_set_for_jit() -> None:
    gt.jit(lambda x, names: x)(1.0, {1, 2})  # <-


@raises(InputError, "grad", "a MaskedArray", "x.filled(0.0)")
def a_masked_array() -> None:
    gt.grad(np.sum)(MASKED)  # <-


@raises(InputError, "grad", "a matrix", "np.asarray(x)")
def a_matrix() -> None:
    gt.grad(np.sum)(SQUARE)  # <-


@raises(InputError, "multiply", "a MaskedArray", "x.filled(0.0)")
def a_masked_array_that_is_met_inside() -> None:
    gt.grad(lambda x: np.sum(x * MASKED))(X)  # <-


@raises(InputError, "multiply", "a matrix", "np.asarray(x)")
def a_matrix_that_is_met_inside() -> None:
    gt.grad(lambda x: np.sum(x * SQUARE))(X)  # <-


@raises(TraceError, "np.asarray", "by numpy.ma.core.MaskedArray.__mul__", "np.where(mask, 0.0, x)")
def a_masked_array_from_the_left() -> None:
    gt.grad(lambda x: np.sum(MASKED * x))(X)  # <-


@raises(InputError, "view", "a matrix", "np.asarray(x)")
def a_matrix_from_the_left() -> None:
    gt.grad(lambda x: np.sum(SQUARE * x))(X)  # <-


@raises(TraceError, "np.asarray", "by numpy.ma.core.array", "np.where(mask, 0.0, x)")
def a_masked_array_that_is_made_inside() -> None:
    gt.grad(lambda x: np.ma.array(x, mask=[False, True, False]).sum())(X)  # <-


@raises(TraceError, "np.asarray", "by numpy.ma.core.MaskedArray.__add__", "cannot be traced")
def a_sum_with_a_masked_array() -> None:
    gt.grad(lambda x: (MASKED + x[0]).sum())(X)  # <-


@raises(InputError, "dot", "a matrix", "np.asarray(x)")
def a_matrix_that_a_function_takes() -> None:
    gt.grad(lambda x: np.dot(SQUARE, x).sum())(X)  # <-


@raises(TraceError, "np.asarray", "by numpy.matrixlib", "use arrays and @")
def a_matrix_of_a_list() -> None:
    gt.grad(lambda x: np.matrix([[x[0], x[1]]]).sum())(X)  # <-


@raises(InputError, "astype", "Python objects", "Leave dtype=object out")
def objects_made_of_traced_values() -> None:
    gt.grad(lambda x: np.array([x[0], x[1]], dtype=object).sum())(X)  # <-


@raises(TraceError, "np.asarray", "by matplotlib.pyplot.plot", "gt.stop_gradient(x)")
def a_picture() -> None:
    gt.grad(lambda x: PLOT.plot(x) and x[0])(X)  # <-


@raises(TraceError, "out", "a random generator", "b[...] = rng.normal(size=n)")
def a_generator_that_fills_an_array() -> None:
    gt.grad(lambda x: np.random.default_rng(0).standard_normal(out=np.zeros(3)) @ x)(X)  # <-


@raises(TraceError, "np.asarray", "a traced f64[]", "drops its derivative")
def a_generator_that_takes_a_traced_value() -> None:
    gt.grad(lambda x: np.random.default_rng(0).normal(x[0]))(X)  # <-


@raises(InputError, "grad", "holds a Counter", "Make it a dict")
def a_dict_of_another_kind() -> None:
    gt.grad(lambda d: d["a"] * 2)(collections.Counter(a=1))  # <-


@raises(InputError, "grad", "no number to differentiate in", "a dataclass is one")
def an_object_of_the_users_own() -> None:
    gt.grad(lambda o: 1.0)(object())  # <-


@raises(InputError, "jacobian", "a Python int", "Pass floats")
def an_integer_for_a_jacobian() -> None:
    gt.jacobian(lambda x: x * x)(3)  # <-


@raises(InputError, "hessian", "a real scalar", "f64[3]")
def a_hessian_of_an_array() -> None:
    gt.hessian(lambda x: x * X)(1.0)  # <-


@raises(InputError, "hvp", "shape (4,)", "(3,)")
def a_vector_of_another_length() -> None:
    gt.hvp(lambda x: np.sum(x * x), X, np.ones(4))  # <-


@raises(RuleError, "np.linalg.qr", "mode='raw'", "mode='reduced'")
def what_lapack_keeps() -> None:
    gt.grad(lambda x: np.linalg.qr(np.outer(x, x), mode="raw")[0].sum())(X)  # <-


@raises(RuleError, "np.pad", "mode is a function", "np.concatenate")
def padding_by_a_function() -> None:
    gt.grad(lambda x: np.pad(x, 1, mode=lambda *_: None).sum())(X)  # <-


@raises(InputError, "getitem", "one truth value", "x[None, ...]")
def a_truth_value_among_indices() -> None:
    gt.grad(lambda x: x[True, 0].sum())(X)  # <-


# Traced values written where they would be lost.


@raises(TraceError, "setitem", "a traced Python float", "made outside", "np.zeros, np.array, np.copy")
def an_element_outside() -> None:
    def f(x: Any) -> Any:
        TABLE[0] = x  # <-
        return TABLE.sum()

    gt.grad(f)(1.0)


@raises(TraceError, "setitem", "a traced f64[3]", "made outside")
def a_slice_outside() -> None:
    def f(x: Any) -> Any:
        TABLE[:] = x  # <-
        return TABLE.sum()

    gt.grad(f)(X)


@raises(TraceError, "setitem", "a traced Python float", "made outside")
def several_elements_outside() -> None:
    def f(x: Any) -> Any:
        TABLE[[0, 1]] = [x, x]  # <-
        return TABLE.sum()

    gt.grad(f)(1.0)


@raises(TraceError, "setitem", "a traced f64[]", "made outside")
def an_addition_to_an_element_outside() -> None:
    def f(x: Any) -> Any:
        TABLE[1] += x  # <-
        return TABLE.sum()

    gt.grad(f)(1.0)


@raises(TraceError, "add", "made outside", "a = a + t for a += t")
def an_addition_to_a_slice_outside() -> None:
    def f(x: Any) -> Any:
        TABLE[:2] += x  # <-
        return TABLE.sum()

    gt.grad(f)(1.0)


@raises(TraceError, "multiply", "made outside", "a = a + t for a += t")
def a_product_in_place_outside() -> None:
    table = TABLE

    def f(x: Any) -> Any:
        nonlocal table
        table *= x  # <-
        return table.sum()

    gt.grad(f)(1.0)


@raises(TraceError, "float", "make an array that is filled with it inside the function")
def a_fill_outside() -> None:
    def f(x: Any) -> Any:
        TABLE.fill(x)  # <-
        return TABLE.sum()

    gt.grad(f)(1.0)


@raises(TraceError, "setitem", "made outside")
def an_element_of_the_flat_array_outside() -> None:
    def f(x: Any) -> Any:
        TABLE.flat[0] = x  # <-
        return TABLE.sum()

    gt.grad(f)(1.0)


@raises(TraceError, "setitem", "a traced Python float", "an array of int64", "np.array(values, dtype=float)")
def a_float_into_integers() -> None:
    def f(x: Any) -> Any:
        b = np.arange(3)
        b[0] = x  # <-
        return b.sum() * 1.0

    gt.grad(f)(1.0)


@raises(TraceError, "add", "float64", "int64", "x.astype(float64)")
def a_float_added_to_integers() -> None:
    def f(x: Any) -> Any:
        b = np.arange(3)
        b += x  # <-
        return b.sum() * 1.0

    gt.grad(f)(1.0)


@raises(TraceError, "setitem", "a traced Python complex", "an array of float64", "dtype=complex")
def a_complex_number_into_floats() -> None:
    def f(x: Any) -> Any:
        b = np.zeros(3)
        b[0] = x * 1j  # <-
        return b.sum()

    gt.grad(f)(1.0)


@raises(TraceError, "setitem", "under vmap or checkpoint", "Return the value")
def a_checkpoint_that_writes_outside() -> None:
    def f(x: Any) -> Any:
        b = np.zeros(3)

        def block(t: Any) -> Any:
            b[0] = t  # <-
            return t * 2

        return gt.checkpoint(block)(x) + b.sum()

    gt.grad(f)(1.0)


@raises(InputError, "checkpoint", "no number", "Return numbers")
def a_checkpoint_that_returns_text() -> None:
    gt.grad(lambda x: gt.checkpoint(lambda t: (t, "a"))(x)[0])(1.0)  # <-


# Leaks.


def leak(f: Callable[[Any], Any] = lambda x: x, at: Any = 1.0) -> Any:
    """What ``f`` makes of a traced value, kept until after the end."""
    kept: list[Any] = []
    gt.grad(lambda x: kept.append(f(x)) or np.sum(x))(at)
    return kept[0]


@raises(LeakError, "add", "after the transformation that made it has ended", "Return it")
def a_leaked_number() -> None:
    _ = leak() + 1.0  # <-


@raises(LeakError, "sin", "has ended", "a list, a global or an attribute")
def a_function_of_a_leaked_number() -> None:
    np.sin(leak())  # <-


@raises(LeakError, "sum", "has ended")
def a_sum_of_a_leaked_array() -> None:
    leak(at=X).sum()  # <-


@raises(LeakError, "getitem", "has ended")
def a_part_of_a_leaked_array() -> None:
    leak(at=X)[1:]  # <-


@raises(LeakError, "setitem", "has ended")
def an_assignment_to_a_leaked_array() -> None:
    leak(at=X)[0] = 1.0  # <-


@raises(LeakError, "multiply", "has ended")
def a_leaked_number_in_another_trace() -> None:
    kept = leak()
    gt.grad(lambda x: x * kept)(1.0)  # <-


@raises(LeakError, "grad", "has ended")
def a_leaked_number_as_an_input() -> None:
    gt.grad(lambda x: x * x)(leak())  # <-


@raises(LeakError, "multiply", "by another thread", "a function of its own")
def a_number_of_another_thread() -> None:
    def f(x: Any) -> Any:
        def work() -> None:
            try:
                errors.append(x * x)  # <-
            except LeakError as error:
                errors.append(error)

        errors: list[Any] = []
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        raise errors[0]

    gt.grad(f)(1.0)


# Results that have no gradient.


@raises(InputError, "grad", "a real scalar", "f64[3]", "Sum or average it", "gt.jacobian")
def an_array() -> None:
    gt.grad(lambda x: x * 2)(X)  # <-


@raises(InputError, "grad", "a complex number", "y.real")
def a_complex_number() -> None:
    gt.grad(lambda x: x * 1j)(1.0)  # <-


@raises(InputError, "grad", "a Python int", "Return a float")
def a_whole_number() -> None:
    gt.grad(lambda x: 3)(1.0)  # <-


@raises(InputError, "value_and_grad", "a Python bool", "Return a float")
def a_comparison() -> None:
    gt.value_and_grad(lambda x: x > 0)(1.0)  # <-


@raises(InputError, "grad", "a str", "Return one number")
def a_string() -> None:
    gt.grad(lambda x: "a")(1.0)  # <-


@raises(InputError, "grad", "a NoneType", "Return one number")
def nothing() -> None:
    gt.grad(lambda x: None)(1.0)  # <-


@raises(InputError, "grad", "a tuple", "has_aux=True")
def a_pair() -> None:
    gt.grad(lambda x: (x, x))(1.0)  # <-


@raises(InputError, "grad", "has_aux=True", "a Python float", "no pair", "Return (value, aux)")
def one_number_where_a_pair_is_due() -> None:
    gt.grad(lambda x: x, has_aux=True)(1.0)  # <-


@raises(InputError, "vjp", "f64[3]", "no pair")
def one_array_where_a_pair_is_due() -> None:
    gt.vjp(lambda x: x * 2, X, has_aux=True)  # <-


@raises(InputError, "jvp", "a tuple", "no pair")
def three_where_a_pair_is_due() -> None:
    gt.jvp(lambda x: (x, 1, 2), (1.0,), (1.0,), has_aux=True)  # <-


@raises(InputError, "jacobian", "complex", "y.real, y.imag")
def a_complex_jacobian() -> None:
    gt.jacobian(lambda x: x * 1j)(X)  # <-


# Shapes that do not fit.


@raises(ShapeError, "add", "f64[3] and f64[4]", "print x.shape")
def a_sum() -> None:
    gt.grad(lambda x: np.sum(x + np.ones(4)))(X)  # <-


@raises(ShapeError, "multiply", "f64[4] and f64[3]", "Make the shapes fit")
def a_product_from_the_right() -> None:
    other = np.ones(4)
    gt.grad(lambda x: np.sum(other * x))(X)  # <-


@raises(ShapeError, "maximum", "f64[3] and f64[2,4]", "Make the shapes fit")
def a_maximum() -> None:
    gt.grad(lambda x: np.sum(np.maximum(x, np.ones((2, 4)))))(X)  # <-


@raises(ShapeError, "matmul", "f64[3] and f64[4,2]", "Make the shapes fit")
def a_product_of_matrices() -> None:
    gt.grad(lambda x: np.sum(x @ np.ones((4, 2))))(X)  # <-


@raises(ShapeError, "matmul", "f64[3] and f64[4]")
def a_dot_product() -> None:
    gt.grad(lambda x: np.dot(x, np.ones(4)))(X)  # <-


@raises(ShapeError, "einsum", "f64[3] and f64[4]")
def an_einsum() -> None:
    gt.grad(lambda x: np.einsum("i,i", x, np.ones(4)))(X)  # <-


@raises(ShapeError, "solve", "f64[2,2] and f64[3]")
def a_system() -> None:
    gt.grad(lambda x: np.sum(np.linalg.solve(np.eye(2), x)))(X)  # <-


@raises(ShapeError, "concatenate", "f64[3] and f64[2,2]")
def parts_in_a_row() -> None:
    gt.grad(lambda x: np.sum(np.concatenate([x, np.ones((2, 2))])))(X)  # <-


@raises(ShapeError, "stack", "f64[3] and f64[2]")
def parts_on_a_stack() -> None:
    gt.grad(lambda x: np.sum(np.stack([x, np.ones(2)])))(X)  # <-


@raises(ShapeError, "where", "bool[4] and f64[3] and Python float")
def a_choice() -> None:
    gt.grad(lambda x: np.sum(np.where(np.ones(4, bool), x, 0.0)))(X)  # <-


@raises(ShapeError, "broadcast", "(3,)", "(2,4)")
def a_broadcast() -> None:
    gt.grad(lambda x: np.sum(np.broadcast_to(x, (2, 4))))(X)  # <-


@raises(ShapeError, "reshape", "size 3", "(2,2)")
def a_reshape() -> None:
    gt.grad(lambda x: np.sum(x.reshape(2, 2)))(X)  # <-


@raises(ShapeError, "setitem", "(3,)", "(2,)", "Make both shapes equal")
def an_assignment() -> None:
    def f(x: Any) -> Any:
        b = np.zeros(4)
        b[1:3] = x  # <-
        return b.sum()

    gt.grad(f)(X)


@raises(ShapeError, "add", "f64[2] and f64[3]")
def an_addition_in_place() -> None:
    def f(x: Any) -> Any:
        b = np.zeros(2)
        b += x  # <-
        return b.sum()

    gt.grad(f)(X)


@raises(ShapeError, "array", "() and (2,)", "rows of one length")
def a_ragged_list() -> None:
    gt.grad(lambda t: np.array([t, [t, t]]).sum())(1.0)  # <-


@raises(ShapeError, "array", "(1,) and (2,)", "rows of one length")
def ragged_rows() -> None:
    gt.grad(lambda t: np.array([[1.0, 2.0], [t]]).sum())(1.0)  # <-


# Functions without a rule.


@raises(RuleError, "np.packbits", "no derivative rule", "gt.custom_rule", "gt.stop_gradient")
def a_function_without_a_rule() -> None:
    gt.grad(lambda x: np.packbits(x).sum() * 1.0)(X)  # <-


@raises(RuleError, "np.save", "no derivative rule", "gt.stop_gradient")
def a_function_that_saves() -> None:
    gt.grad(lambda x: np.save(os.devnull, x) or x.sum())(X)  # <-


@raises(RuleError, "twice (vectorized)", "no derivative rule")
def a_ufunc_of_python() -> None:
    def twice(a: Any) -> Any:
        return 2 * a

    gt.grad(lambda x: np.frompyfunc(twice, 1, 1)(x).sum())(X)  # <-


# Tangents, cotangents, argument numbers.


@raises(InputError, "vjp", "shape (4,)", "(3,)", "Make them alike")
def a_cotangent_of_another_shape() -> None:
    gt.vjp(lambda x: x * 2, X)[1](np.ones(4))  # <-


@raises(InputError, "vjp", "[*, *]", "(*, *)", "each * is a number or an array")
def a_cotangent_in_another_container() -> None:
    gt.vjp(lambda x: (x, x), X)[1]([X, X])  # <-


@raises(InputError, "vjp", "a Python complex", "a Python float", "a real number for a real one")
def a_complex_cotangent() -> None:
    gt.vjp(lambda x: x, 1.0)[1](1j)  # <-


@raises(InputError, "vjp", "a str", "a Python float")
def a_cotangent_that_is_text() -> None:
    gt.vjp(lambda x: x, 1.0)[1]("a")  # <-


@raises(InputError, "jvp", "shape (4,)", "(3,)", "Make them alike")
def a_tangent_of_another_shape() -> None:
    gt.jvp(lambda x: x * 2, (X,), (np.ones(4),))  # <-


@raises(InputError, "jvp", "(*, *)", "(*)", "Make them alike")
def a_tangent_too_many() -> None:
    gt.jvp(lambda x: x * 2, (X,), (X, X))  # <-


@raises(InputError, "jvp", "c128[3]", "f64[3]", "a real number for a real one")
def a_complex_tangent() -> None:
    gt.jvp(lambda x: x * 2, (X,), (X * 1j,))  # <-


@raises(InputError, "jvp", "the arguments are given as f64[3]", "gt.jvp(f, (x,), (x_dot,))")
def arguments_without_a_tuple() -> None:
    gt.jvp(lambda x: x * 2, X, X)  # <-


@raises(InputError, "grad", "argnums=1", "1 positional", "by position")
def an_argument_that_is_not_there() -> None:
    gt.grad(lambda x: x, argnums=1)(1.0)  # <-


@raises(InputError, "jacobian", "argnums=(0, 2)", "2 positional")
def one_argument_too_many() -> None:
    gt.jacobian(lambda x, y: x * y, argnums=(0, 2))(1.0, 2.0)  # <-


@raises(InputError, "grad", "argnums=0", "0 positional")
def an_argument_by_name() -> None:
    gt.grad(lambda x: x)(x=1.0)  # <-


@raises(InputError, "grad", "argnums='x'", "Give an integer")
def an_argument_number_that_is_a_name() -> None:
    argnums: Any = "x"
    gt.grad(lambda x: x, argnums=argnums)(1.0)  # <-


# Batches.


@raises(TraceError, "vmap", "bool()", "np.where(condition, a, b)")
def a_branch_in_a_batch() -> None:
    gt.vmap(lambda x: x if x > 0 else -x)(X)  # <-


@raises(TraceError, "vmap", "int()", "loop over the examples")
def an_integer_in_a_batch() -> None:
    gt.vmap(lambda x: int(x) * x)(X)  # <-


@raises(TraceError, "vmap", "shape depends on a value", "np.where")
def a_mask_in_a_batch() -> None:
    gt.vmap(lambda x: x[x > 0])(np.ones((2, 3)))  # <-


@raises(TraceError, "setitem", "under vmap or checkpoint", "Return the value")
def a_batch_that_writes_outside() -> None:
    def f(x: Any) -> Any:
        b = np.zeros(3)

        def one(t: Any) -> Any:
            b[0] = t  # <-
            return t

        return np.sum(gt.vmap(one)(x)) + b.sum()

    gt.grad(f)(X)


@raises(InputError, "vmap", "in_axes=3", "shape (3,)", "in_axes=None")
def an_axis_that_is_not_there() -> None:
    gt.vmap(lambda x: x, in_axes=3)(X)  # <-


@raises(InputError, "vmap", "in_axes=(0,)", "1 parts for 2", "Give one axis for each")
def an_axis_too_few() -> None:
    gt.vmap(lambda x, y: x, in_axes=(0,))(X, X)  # <-


@raises(InputError, "vmap", "in_axes is None for all", "same number of examples")
def no_axis_at_all() -> None:
    gt.vmap(lambda x: x, in_axes=None)(X)  # <-


@raises(InputError, "vmap", "1.5, which is no axis", "an integer or None")
def an_axis_that_is_no_integer() -> None:
    gt.vmap(lambda x: x, in_axes=(1.5,))(X)  # <-


@raises(InputError, "vmap", "the keys ['a', 'b']", "an axis for each key")
def axes_of_other_keys() -> None:
    gt.vmap(lambda p: p["a"], in_axes=({"a": 0, "c": 0},))({"a": X, "b": X})  # <-


@raises(InputError, "vmap", "a str", "in_axes=None")
def a_batch_of_text() -> None:
    gt.vmap(lambda x: x)("abc")  # <-


@raises(InputError, "vmap", "[3, 4] examples", "same number of examples")
def batches_of_two_sizes() -> None:
    gt.vmap(lambda x, y: x * y)(X, np.ones(4))  # <-


@raises(InputError, "vmap", "out_axes=3", "0 for the first")
def a_place_that_is_not_there() -> None:
    gt.vmap(lambda x: x, out_axes=3)(X)  # <-


@raises(InputError, "vmap", "out_axes is None", "0 for the first")
def no_place_for_what_differs() -> None:
    gt.vmap(lambda x: x, out_axes=None)(X)  # <-


@raises(InputError, "vmap", "out_axes=(0, 0, 0)", "3 parts for 2")
def a_place_too_many() -> None:
    gt.vmap(lambda x: (x, x), out_axes=(0, 0, 0))(X)  # <-


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.program.__name__)
def test_the_error_teaches_and_leaves_no_trace(case: Case) -> None:
    warnings.simplefilter("ignore", PendingDeprecationWarning)  # np.matrix announces its end
    source, first = inspect.getsourcelines(case.program)
    line = first + next(i for i, text in enumerate(source) if text.rstrip().endswith("# <-"))
    with pytest.raises(case.kind) as caught:
        case.program()
    what, where, *way_out = str(caught.value).split("\n")
    assert what.startswith(f"[{case.op}] ")
    assert where.startswith(f"  at {os.path.relpath(__file__)}:{line}: ")
    assert way_out, "no way out"
    for word in case.words:
        assert word in str(caught.value)
    assert active.trace is None
    assert {name: vars(np)[name] for name in NAMES} == NAMES
    assert not TABLE.any(), "a traced program wrote its values outside"


OUTSIDE: dict[str, Callable[[Any], Any]] = {
    "sin": lambda x: np.sin(x, out=TABLE),
    "sum": lambda x: np.sum(x, axis=0, out=TABLE[:1].reshape(())),
    "cumsum": lambda x: np.cumsum(x, out=TABLE),
    "copyto": lambda x: np.copyto(TABLE, x),
    "put": lambda x: np.put(TABLE, [0, 1, 2], x),
    "place": lambda x: np.place(TABLE, TABLE == 0, x),
    "putmask": lambda x: np.putmask(TABLE, TABLE == 0, x),
    "put_along_axis": lambda x: np.put_along_axis(TABLE, np.arange(3), x, 0),
    "fill_diagonal": lambda x: np.fill_diagonal(TABLE.reshape(1, 3), x),
    "add.at": lambda x: np.add.at(TABLE, [0, 0, 1], x),
    "multiply.at": lambda x: np.multiply.at(TABLE, [0, 0, 1], x),
}


@pytest.mark.parametrize("op", OUTSIDE)
def test_no_function_writes_a_traced_value_into_an_array_outside(op: str) -> None:
    with pytest.raises(TraceError, match="made outside") as caught:
        gt.grad(lambda x: OUTSIDE[op](x) or x.sum())(X)
    assert str(caught.value).startswith(f"[{op}] a traced ")
    assert not TABLE.any()


def test_an_error_of_the_users_own_passes_unchanged() -> None:
    class Mine(ValueError):
        pass

    def f(x: Any) -> Any:
        try:
            TABLE[:] = x
        except TraceError as error:
            raise Mine("setting an array element with a sequence") from error

    def fails(x: Any) -> Any:
        raise ValueError("mine")

    with pytest.raises(Mine, match=r"^setting an array element with a sequence$"):
        gt.grad(f)(X)
    with pytest.raises(ValueError, match=r"^mine$") as caught:
        gt.grad(lambda x: np.piecewise(x, [x > 0], [fails]).sum())(X)
    assert type(caught.value) is ValueError


def test_what_depends_on_nothing_may_outlive_its_trace() -> None:
    """A table that a traced function put into a cache is an array like any other."""
    table = leak(lambda x: np.linspace(0.0, 1.0, 3))
    np.testing.assert_array_equal(table + 1.0, [1.0, 1.5, 2.0])
    np.testing.assert_array_equal(2.0 * table[1:], [1.0, 2.0])
    np.testing.assert_array_equal(gt.grad(lambda x: np.sum(x * table))(X), [0.0, 0.5, 1.0])
    np.testing.assert_array_equal(gt.grad(lambda x: table @ x)(X), [0.0, 0.5, 1.0])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(table)), [0.0, 0.5, 1.0])
    table[0] = 7.0
    np.testing.assert_array_equal(gt.grad(lambda x: np.dot(x, table))(X), [7.0, 0.5, 1.0])


def test_rounding_a_number_and_asking_for_its_floor_are_decisions() -> None:
    assert gt.grad(lambda x: round(x) * x)(2.7) == 3.0
    assert gt.grad(lambda x: math.floor(x) * x + math.ceil(x) * x + math.trunc(x) * x)(2.5) == 7.0


def test_what_is_plain_stays_so_in_masked_arrays_and_matrices() -> None:
    """They work inside of a traced function on what does not move."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        square = np.ones((2, 2))
        assert gt.grad(lambda x: x * np.ma.array(np.ones(2), mask=[False, True]).sum())(1.0) == 1.0
        assert gt.grad(lambda x: x * np.ma.sqrt(np.full(2, 4.0)).sum())(1.0) == 4.0
        assert gt.grad(lambda x: x * np.mean(MASKED))(1.0) == 2.0
        assert gt.grad(lambda x: x * (np.matrix(np.ones((2, 2))) * np.matrix(square)).sum())(1.0) == 8.0


def test_pandas_on_plain_values_works_and_a_traced_one_is_refused() -> None:
    pandas = pytest.importorskip("pandas")

    def f(x: Any) -> Any:
        table = pandas.DataFrame({"a": np.array([1.0, 1.0, 2.0]), "b": np.arange(3)})
        return x[0] * table.groupby("a").b.mean().iloc[0]

    np.testing.assert_array_equal(gt.grad(f)(X), [0.5, 0.0, 0.0])
    with pytest.raises(TraceError, match="by pandas"):
        gt.grad(lambda x: (pandas.Series(X) * x).sum())(X)


def test_an_object_array_of_the_users_own_holds_traced_values() -> None:
    def f(x: Any) -> Any:
        parts = np.empty(2, dtype=object)
        parts[0], parts[1] = x[0], x[1:]
        return parts[0] * parts[1].sum()

    np.testing.assert_array_equal(gt.grad(f)(X), [5.0, 1.0, 1.0])


def test_a_generator_cannot_take_a_traced_array_for_memory() -> None:
    """It reads flags where an ndarray has them: an address must stand there, and it must be even."""
    assert Tracer.__basicsize__ >= 72
    rng = np.random.default_rng(0)
    for fill in (rng.random, rng.standard_normal, rng.standard_exponential):
        with pytest.raises(TraceError, match="a random generator"):
            gt.grad(lambda x, fill=fill: fill(out=np.zeros(3)) @ x)(X)
