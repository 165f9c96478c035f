"""The half of the native entry that reads: fetches arguments out of their containers, checks and unpacks them."""

import sys
from typing import Final

from geartrain.backends.cpu.emit import F64, I8, I32, I64, PTR, VOID, Function, Module, Value
from geartrain.backends.cpu.entry_words import (
    ARRAY,
    AT_COPIES,
    AT_IN,
    AT_SLOTS,
    BOOL,
    C_CONTIGUOUS,
    COMPLEX,
    DATA,
    DESCR,
    DICT,
    DIMS,
    EQUAL,
    FLAGS,
    FLOAT,
    FROM,
    FROM_ARGS,
    FROM_DICT,
    FROM_FIELD,
    FROM_LIST,
    GIVEN_AWAY,
    INDEX,
    IS,
    KIND,
    LIST,
    N_READ,
    NBYTES,
    NDIM,
    NDIMS,
    NEED,
    NUMPY,
    PARENT,
    READ,
    READ_SIZE,
    SAME,
    SHAPE,
    SIZE,
    SLOT,
    STEPS,
    STRIDES,
    TUPLE,
    TYPE,
    WRITEABLE,
)

__all__ = ["write"]


_REFS: Final = sys.version_info >= (3, 13)
"""Whether there are ways to read lists and dicts that are safe without a GIL."""


def write(module: Module) -> None:
    """Write ``gt_fetch``, ``gt_match`` and ``gt_same_names``, and what they need."""
    _fetch(module)
    _scalar(module)
    _copied(module)
    _array(module)
    _same_keys(module)
    _same_names(module)
    _match(module)
    _apart(module)


def _owned(f: Function, borrowed: Value) -> None:
    with f.when(borrowed.is_null().equals(0)):
        f.call("Py_IncRef", VOID, borrowed)
    f.give(borrowed)


def _fetch(module: Module) -> None:
    """``gt_fetch(how, parent, index)``: a new reference to an item of a container, or null, maybe with an error."""
    f = module.function("gt_fetch", PTR, how=I64, parent=PTR, index=I64)
    how, parent, index = f["how"], f["parent"], f["index"]
    with f.when(how.equals(FROM_DICT)):
        key = index.as_pointer()
        if _REFS:
            found = f.reserve(PTR)
            f.store(found, 0, f.null())
            f.call("PyDict_GetItemRef", I32, parent, key, found)
            f.give(f.load(found, 0, PTR))
        else:
            _owned(f, f.call("PyDict_GetItemWithError", PTR, parent, key))
    with f.when(how.equals(FROM_LIST)):
        if _REFS:
            f.give(f.call("PyList_GetItemRef", PTR, parent, index))
        else:
            _owned(f, f.call("PyList_GetItem", PTR, parent, index))
    with f.when(how.equals(FROM_FIELD)):
        f.give(f.call("PyObject_GetAttr", PTR, parent, index.as_pointer()))
    _owned(f, f.call("PyTuple_GetItem", PTR, parent, index))


def _copied(module: Module) -> None:
    """``gt_copied(array, need, copies)``: the data of a copy in C order, aligned; null if it is not to be copied.

    The copy is put behind the others, to be let go after the call.
    """
    f = module.function("gt_copied", PTR, x=PTR, need=I32, copies=PTR)
    x, copies = f["x"], f["copies"]
    with f.when((f["need"] & WRITEABLE).differs(0)):  # it was given away: the result is to lie in it
        f.give(f.null())
    descr = f.load(x, DESCR, PTR)
    f.call("Py_IncRef", VOID, descr)  # the next call takes it
    made = f.call("PyArray_FromArray", PTR, x, descr, f["need"])
    with f.when(made.is_null(), likely=False):
        f.give(made)
    n = f.load(copies, 0, I64) + 1
    f.store(copies, n * 8, made)
    f.store(copies, 0, n)
    f.give(f.load(made, DATA, PTR))


def _array(module: Module) -> None:
    """``gt_array(object, instruction, copies)``: the data of an ndarray of just this dtype, shape and strides, or null.

    What is not in C order, or not aligned, is copied.
    """
    f = module.inline("gt_array", PTR, x=PTR, ins=PTR, copies=PTR)
    x, ins = f["x"], f["ins"]
    ndim, need = f.load(ins, NDIMS, I64), f.load(ins, NEED, I64).narrow(I32)

    def unless(condition: Value) -> None:
        with f.when(condition.equals(0), likely=False):
            f.give(f.null())

    unless(f.load(x, DESCR, PTR).equals(f.load(ins, SIZE, PTR)))
    unless(f.load(x, NDIM, I32).widen(I64).equals(ndim))
    dims, shape = f.load(x, DIMS, PTR), f.load(ins, SHAPE, PTR)
    with f.count(ndim) as axis:
        unless(f.load(dims, axis * 8, I64).equals(f.load(shape, axis * 8, I64)))
    flags, strides = f.load(x, FLAGS, I32), f.load(ins, STRIDES, PTR)
    with f.when(strides.is_null()):
        unless((flags & C_CONTIGUOUS).differs(0))
    with f.when(strides.is_null().equals(0), likely=False):
        steps = f.load(x, STEPS, PTR)
        with f.count(ndim) as axis:
            unless(f.load(steps, axis * 8, I64).equals(f.load(strides, axis * 8, I64)))
    with f.when((flags & need).differs(need), likely=False):
        f.give(f.call("gt_copied", PTR, x, need, f["copies"]))
    f.give(f.load(x, DATA, PTR))


def _scalar(module: Module) -> None:
    """``gt_scalar(object, kind, slot)``: put the value of a scalar, of the right type, into a slot; 0 if too big."""
    f = module.inline("gt_scalar", I64, x=PTR, kind=I64, slot=PTR)
    x, kind, slot = f["x"], f["kind"], f["slot"]
    with f.when(kind.equals(FLOAT)):
        f.store(slot, 0, f.call("PyFloat_AsDouble", F64, x))
        f.give(1)
    with f.when(kind.equals(NUMPY)):
        f.call("PyArray_ScalarAsCtype", VOID, x, slot)
        f.give(1)
    with f.when(kind.equals(COMPLEX)):
        f.store(slot, 0, f.call("PyComplex_RealAsDouble", F64, x))
        f.store(slot, 8, f.call("PyComplex_ImagAsDouble", F64, x))
        f.give(1)
    with f.when(kind.equals(BOOL)):
        f.store(slot, 0, x.equals(f.symbol("_Py_TrueStruct")).select(f.const(1, I8), f.const(0, I8)))
        f.give(1)
    overflow = f.reserve(I32)
    f.store(slot, 0, f.call("PyLong_AsLongLongAndOverflow", I64, x, overflow))
    f.give(f.load(overflow, 0, I32).equals(0).select(f.const(1), f.const(0)))


def _same_keys(module: Module) -> None:
    """``gt_same_keys(dict, keys, n)``: whether the dict goes through just these keys in this order.

    A key is the very object, or equal text: no code of Python's runs meanwhile.
    """
    f = module.function("gt_same_keys", I64, x=PTR, keys=PTR, n=I64)
    at, key, value = f.reserve(I64), f.reserve(PTR), f.reserve(PTR)
    f.store(at, 0, 0)
    with f.count(f["n"]) as i:
        with f.when(f.call("PyDict_Next", I32, f["x"], at, key, value).equals(0), likely=False):
            f.give(0)
        have, want = f.load(key, 0, PTR), f.load(f["keys"], i * 8, PTR)
        with f.when(have.equals(want).equals(0), likely=False):
            text = f.symbol("PyUnicode_Type")
            for each in (have, want):
                with f.when(f.load(each, TYPE, PTR).equals(text).equals(0), likely=False):
                    f.give(0)
            with f.when(f.call("PyObject_RichCompareBool", I32, have, want, f.const(2, I32)).differs(1)):
                f.give(0)
    f.give(1)


def _same_names(module: Module) -> None:
    """``gt_same_names(names, wanted, n)``: whether the names of a call are these, in this order."""
    f = module.function("gt_same_names", I64, names=PTR, wanted=PTR, n=I64)
    with f.count(f["n"]) as i:
        have, want = f.call("PyTuple_GetItem", PTR, f["names"], i), f.load(f["wanted"], i * 8, PTR)
        with f.when(have.differs(want), likely=False):
            with f.when(f.load(have, TYPE, PTR).differs(f.symbol("PyUnicode_Type"))):
                f.give(0)
            with f.when(f.call("PyObject_RichCompareBool", I32, have, want, f.const(2, I32)).differs(1)):
                f.give(0)
    f.give(1)


def _match(module: Module) -> None:
    """``gt_match(words, args, scratch)``: read and check all arguments; 1 if they are what the program expects.

    The objects read are put at the start of the scratch, null where one could not be had.
    """
    f = module.inline("gt_match", I64, words=PTR, args=PTR, scratch=PTR)
    words, scratch = f["words"], f["scratch"]
    inputs, slots = scratch.at(f.load(words, AT_IN, I64)), scratch.at(f.load(words, AT_SLOTS, I64))
    code, copies = f.load(words, READ, PTR), scratch.at(f.load(words, AT_COPIES, I64))
    wrong = f.var(0)

    def unless(condition: Value) -> None:
        with f.when(condition.equals(0), likely=False):
            f.give(0)

    with f.count(f.load(words, N_READ, I64)) as i:
        ins = code.at(i * READ_SIZE)
        how, index = f.load(ins, FROM, I64), f.load(ins, INDEX, I64)
        cell = scratch.at(i * 8)
        direct = how.equals(FROM_ARGS)
        with f.when(direct):
            f.store(cell, 0, f.load(f["args"], index * 8, PTR))
        with f.when(direct.equals(0)):
            parent = f.load(scratch, f.load(ins, PARENT, I64) * 8, PTR)
            f.store(cell, 0, f.call("gt_fetch", PTR, how, parent, index))
        x = f.load(cell, 0, PTR)
        unless(x.is_null().equals(0))
        unless(f.load(x, TYPE, PTR).equals(f.load(ins, IS, PTR)))
        kind, slot = f.load(ins, KIND, I64), f.load(ins, SLOT, I64)
        with f.when(kind.equals(ARRAY)):
            data = f.call("gt_array", PTR, x, ins, copies)
            unless(data.is_null().equals(0))
            f.store(inputs, slot * 8, data)
        with f.when((kind >= FLOAT) & (kind <= NUMPY)):
            place = slots.at(slot * 16)
            unless(f.call("gt_scalar", I64, x, kind, place).differs(0))
            f.store(inputs, slot * 8, place)
        with f.when((kind >= TUPLE), likely=False):
            size = f.load(ins, SIZE, I64)
            for what, function in ((TUPLE, "PyTuple_Size"), (LIST, "PyList_Size"), (DICT, "PyDict_Size")):
                with f.when(kind.equals(what)):
                    wrong.set(f.call(function, I64, x) - size)
            with f.when(kind.equals(DICT) & wrong.get().equals(0)):
                wrong.set(f.call("gt_same_keys", I64, x, f.load(ins, SHAPE, PTR), size) - 1)
            with f.when(kind.equals(SAME)):
                wrong.set(x.equals(size.as_pointer()).select(f.const(0), f.const(1)))
            with f.when(kind.equals(EQUAL)):
                same = f.call("PyObject_RichCompareBool", I32, x, size.as_pointer(), f.const(2, I32))
                wrong.set(same.widen(I64) - 1)
            unless(wrong.get().equals(0))
    with f.when(f.load(words, GIVEN_AWAY, I64).differs(0)):
        f.give(f.call("gt_apart", I64, words, scratch))
    f.give(1)


def _apart(module: Module) -> None:
    """``gt_apart(words, scratch)``: whether no input that was given away shares memory with another one."""
    f = module.function("gt_apart", I64, words=PTR, scratch=PTR)
    words, scratch = f["words"], f["scratch"]
    inputs, code = scratch.at(f.load(words, AT_IN, I64)), f.load(words, READ, PTR)
    n = f.load(words, N_READ, I64)

    def extent(ins: Value) -> tuple[Value, Value]:
        start = f.make(I64, f"ptrtoint ptr {f.load(inputs, f.load(ins, SLOT, I64) * 8, PTR).text} to i64")
        return start, start + f.load(ins, NBYTES, I64)

    with f.count(n) as i, f.when((f.load(code, i * READ_SIZE + NEED, I64) & WRITEABLE).differs(0)):
        begin, end = extent(code.at(i * READ_SIZE))
        with f.count(n) as j:
            other = code.at(j * READ_SIZE)
            with f.when(f.load(other, KIND, I64).equals(ARRAY) & i.differs(j)):
                first, last = extent(other)
                with f.when((first < end) & (begin < last)):
                    f.give(0)
    f.give(1)
