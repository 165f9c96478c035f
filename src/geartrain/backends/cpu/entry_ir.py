"""The native half of ``entry``: functions that read arguments, call a plan and build its results, written in LLVM IR.

They are generic: what a program expects is data, an array of words that ``entry.Program`` fills in. So a new signature
costs no compilation. Python is reached through its exported functions alone, but for two things that its own macros, in
every extension module, read in place too: the type of an object, and the fields of an ndarray, whose layout NumPy 2
promises to keep. ``entry.unusable`` compares both with what Python says before any of this is used.
"""

from geartrain.backends.cpu import entry_read
from geartrain.backends.cpu.emit import F64, I8, I32, I64, PTR, VOID, Module
from geartrain.backends.cpu.entry_words import (
    APPLY,
    ARENA,
    ARRAY,
    AT_COPIES,
    AT_IN,
    AT_MADE,
    AT_OUT,
    AT_SLOTS,
    AT_STACK,
    BOOL,
    BUILD,
    BUILD_KEYS,
    BUILD_N,
    BUILD_OP,
    BUILD_SIZE,
    BUSY,
    CALLS,
    COMPLEX,
    CONTEXT,
    DATA,
    DONE,
    FAILED,
    FLOAT,
    FROM,
    FROM_ARGS,
    FROM_LIST,
    GIVEN,
    HOLDS,
    KEPT,
    MAKE_DICT,
    MAKE_LIST,
    MAKE_TUPLE,
    N_ARGS,
    N_BUILD,
    N_NAMES,
    N_OUT,
    N_READ,
    NAMES,
    NO_MATCH,
    NUMPY,
    OUT,
    OUT_DESCR,
    OUT_GIVEN,
    OUT_NDIM,
    OUT_SHAPE,
    OUT_SIZE,
    PLAN,
    PUSH_CONSTANT,
    PUSH_OUT,
    READ,
    READ_SIZE,
    RELEASE,
    SCRATCH,
)

__all__ = ["EXPORTS", "write"]

EXPORTS = ("gt_call", "gt_call_always")


def write(module: Module, guarded: bool = False) -> None:
    """Write the functions into a module: ``EXPORTS``. ``guarded``: with the arenas of ``guard``, never kept."""
    entry_read.write(module)
    _rooms(module)
    _leaf(module)
    _build(module)
    _run(module, guarded)
    _try(module)
    _slow(module)
    _call_always(module)
    _call(module)


def _rooms(module: Module) -> None:
    """``gt_rooms(words, scratch)``: make fresh arrays for the outputs, and slots for scalars; 0 if memory is short."""
    f = module.inline("gt_rooms", I64, words=PTR, scratch=PTR)
    words, scratch = f["words"], f["scratch"]
    outputs, made = scratch.at(f.load(words, AT_OUT, I64)), scratch.at(f.load(words, AT_MADE, I64))
    slots = scratch.at(f.load(words, AT_SLOTS, I64))
    code, n = f.load(words, OUT, PTR), f.load(words, N_OUT, I64)
    null, zero = f.null(), f.const(0, I32)
    with f.count(n) as j:
        f.store(made, j * 8, null)
    with f.count(n) as j:
        ins = code.at(j * OUT_SIZE)
        kind = f.load(ins, 0, I64)
        place = f.var(slots.at((f.load(ins, OUT_GIVEN, I64)) * 16))
        with f.when(kind.equals(ARRAY)):
            descr = f.load(ins, OUT_DESCR, PTR)
            f.call("Py_IncRef", VOID, descr)  # the next call takes it
            ndim, shape = f.load(ins, OUT_NDIM, I64).narrow(I32), f.load(ins, OUT_SHAPE, PTR)
            array_type = f.symbol("PyArray_Type")
            array = f.call("PyArray_NewFromDescr", PTR, array_type, descr, ndim, shape, null, null, zero, null)
            with f.when(array.is_null(), likely=False):
                f.give(0)
            f.store(made, j * 8, array)
            place.set(f.load(array, DATA, PTR))
        with f.when(kind.equals(GIVEN)):
            array = f.load(scratch, f.load(ins, OUT_GIVEN, I64) * 8, PTR)
            f.call("Py_IncRef", VOID, array)
            f.store(made, j * 8, array)
            place.set(f.load(array, DATA, PTR))
        f.store(outputs, j * 8, place.get())
    f.give(1)


def _leaf(module: Module) -> None:
    """``gt_leaf(words, scratch, j)``: output j as an object; null with an error if there is no memory."""
    f = module.inline("gt_leaf", PTR, words=PTR, scratch=PTR, j=I64)
    words, scratch, j = f["words"], f["scratch"], f["j"]
    ins = f.load(words, OUT, PTR).at(j * OUT_SIZE)
    kind = f.load(ins, 0, I64)
    made = scratch.at(f.load(words, AT_MADE, I64)).at(j * 8)
    array = f.load(made, 0, PTR)
    with f.when(array.is_null().equals(0)):
        f.store(made, 0, f.null())
        f.give(array)
    slot = f.load(scratch.at(f.load(words, AT_OUT, I64)), j * 8, PTR)
    with f.when(kind.equals(FLOAT)):
        f.give(f.call("PyFloat_FromDouble", PTR, f.load(slot, 0, F64)))
    with f.when(kind.equals(NUMPY)):
        f.give(f.call("PyArray_Scalar", PTR, slot, f.load(ins, OUT_DESCR, PTR), f.null()))
    with f.when(kind.equals(COMPLEX)):
        f.give(f.call("PyComplex_FromDoubles", PTR, f.load(slot, 0, F64), f.load(slot, 8, F64)))
    with f.when(kind.equals(BOOL)):
        f.give(f.call("PyBool_FromLong", PTR, f.make(I64, f"zext i8 {f.load(slot, 0, I8).text} to i64")))
    f.give(f.call("PyLong_FromLongLong", PTR, f.load(slot, 0, I64)))


def _build(module: Module) -> None:
    """``gt_build(words, scratch)``: the result, as the container that it is to be; null with an error."""
    f = module.inline("gt_build", PTR, words=PTR, scratch=PTR)
    words, scratch = f["words"], f["scratch"]
    stack, code = scratch.at(f.load(words, AT_STACK, I64)), f.load(words, BUILD, PTR)
    top = f.var(0)
    with f.count(f.load(words, N_BUILD, I64)) as i:
        ins = code.at(i * BUILD_SIZE)
        op, n = f.load(ins, BUILD_OP, I64), f.load(ins, BUILD_N, I64)
        made = f.var(f.null())
        with f.when(op.equals(PUSH_OUT)):
            made.set(f.call("gt_leaf", PTR, words, scratch, n))
        with f.when(op.equals(PUSH_CONSTANT)):
            made.set(n.as_pointer())
            f.call("Py_IncRef", VOID, n.as_pointer())
        for what, kind in ((MAKE_TUPLE, "PyTuple"), (MAKE_LIST, "PyList")):
            with f.when(op.equals(what)):
                made.set(f.call(f"{kind}_New", PTR, n))
                with f.when(made.get().is_null().equals(0)):
                    top.set(top.get() - n)
                    with f.count(n) as j:  # the container takes the reference
                        f.call(f"{kind}_SetItem", I32, made.get(), j, f.load(stack, (top.get() + j) * 8, PTR))
        with f.when(op.equals(MAKE_DICT)):
            made.set(f.call("PyDict_New", PTR))
            with f.when(made.get().is_null().equals(0)):
                top.set(top.get() - n)
                keys = f.load(ins, BUILD_KEYS, PTR)
                with f.count(n) as j:
                    value = f.load(stack, (top.get() + f.load(keys, j * 16 + 8, I64)) * 8, PTR)
                    f.call("PyDict_SetItem", I32, made.get(), f.load(keys, j * 16, PTR), value)
                    f.call("Py_DecRef", VOID, value)
        with f.when(op.equals(APPLY)):
            top.set(top.get() - 1)
            value = f.load(stack, top.get() * 8, PTR)
            made.set(f.call("PyObject_CallFunctionObjArgs", PTR, n.as_pointer(), value, f.null(), variadic=True))
            f.call("Py_DecRef", VOID, value)
        with f.when(made.get().is_null(), likely=False):
            with f.count(top.get()) as j:
                f.call("Py_DecRef", VOID, f.load(stack, j * 8, PTR))
            f.give(f.null())
        f.store(stack, top.get() * 8, made.get())
        top.set(top.get() + 1)
    f.give(f.load(stack, 0, PTR))


def _run(module: Module, guarded: bool) -> None:
    """``gt_run(words, scratch)``: call the plan, with an arena, without the GIL; what it returned, or FAILED."""
    allocate, free = ("gt_guarded_allocate", "gt_guarded_free") if guarded else ("gt_allocate", "gt_free")
    f = module.inline("gt_run", I64, words=PTR, scratch=PTR)
    words, scratch = f["words"], f["scratch"]
    inputs, outputs = scratch.at(f.load(words, AT_IN, I64)), scratch.at(f.load(words, AT_OUT, I64))
    size, kept = f.load(words, ARENA, I64), f.load(words, KEPT, PTR)
    arena = f.var(f.null())
    with f.when(size > 0):
        # The arena of the last call, if no other thread has it.
        arena.set(f.atomic_swap(kept, 0, f.null()))
        with f.when(arena.get().is_null(), likely=False):
            arena.set(f.call(allocate, PTR, f.const(64), size))
            with f.when(arena.get().is_null()):
                f.call("PyErr_NoMemory", PTR)
                f.give(FAILED)
    plan, release = f.load(words, PLAN, PTR), f.load(words, RELEASE, I64).differs(0)
    thread = f.var(f.null())
    with f.when(release):
        thread.set(f.call("PyEval_SaveThread", PTR))
    context = f.load(words, CONTEXT, PTR)
    status = f.call_at(plan, I32, inputs, outputs, arena.get(), context).widen(I64)
    with f.when(size > 0):
        before = arena.get() if guarded else f.atomic_swap(kept, 0, arena.get())
        with f.when(before.is_null().equals(0), likely=False):
            f.call(free, VOID, before)
    with f.when(release):
        f.call("PyEval_RestoreThread", VOID, thread.get())
    f.give(status)


def _try(module: Module) -> None:
    """``gt_try(words, args, result)``: run a program if the arguments are what it expects.

    The scratch holds: the objects read; pointers to inputs and outputs; slots of 16 bytes for scalars; the arrays made;
    the stack on which the result is built; how many copies of inputs there are, and these.
    """
    f = module.inline("gt_try", I64, words=PTR, args=PTR, result=PTR)
    words, args, result = f["words"], f["args"], f["result"]
    size, n_read = f.load(words, SCRATCH, I64), f.load(words, N_READ, I64)
    large = size > 32768
    scratch = f.room(large.select(f.const(16), size))
    where = f.var(scratch)
    with f.when(large, likely=False):
        where.set(f.call("PyMem_RawMalloc", PTR, size))
        with f.when(where.get().is_null()):
            f.call("PyErr_NoMemory", PTR)
            f.store(result, 0, f.null())
            f.give(FAILED)
    scratch = where.get()
    holds = f.load(words, HOLDS, I64).differs(0)
    with f.when(holds):
        f.call("memset", PTR, scratch, f.const(0, I32), n_read * 8)
    copies = scratch.at(f.load(words, AT_COPIES, I64))
    f.store(copies, 0, 0)
    status = f.var(NO_MATCH)
    f.store(result, 0, f.null())
    with f.when(f.call("gt_match", I64, words, args, scratch).differs(0)):
        status.set(FAILED)
        with f.when(f.call("gt_rooms", I64, words, scratch).differs(0)):
            status.set(f.call("gt_run", I64, words, scratch))
        with f.when(status.get().equals(DONE)):
            built = f.call("gt_build", PTR, words, scratch)
            f.store(result, 0, built)
            status.set(built.is_null().select(f.const(FAILED), f.const(DONE)))
        with f.when(status.get().differs(DONE), likely=False):
            made = scratch.at(f.load(words, AT_MADE, I64))
            with f.count(f.load(words, N_OUT, I64)) as j:
                array = f.load(made, j * 8, PTR)
                with f.when(array.is_null().equals(0)):
                    f.call("Py_DecRef", VOID, array)
    code = f.load(words, READ, PTR)
    with f.when(holds), f.count(n_read) as i:
        x = f.load(scratch, i * 8, PTR)
        with f.when(x.is_null().equals(0) & f.load(code, i * READ_SIZE + FROM, I64).differs(FROM_ARGS)):
            f.call("Py_DecRef", VOID, x)
    with f.count(f.load(copies, 0, I64)) as i:
        f.call("Py_DecRef", VOID, f.load(copies, (i + 1) * 8, PTR))
    with f.when(large, likely=False):
        f.call("PyMem_RawFree", VOID, scratch)
    f.give(status.get())


def _slow(module: Module) -> None:
    """``gt_slow(cell, which, status, args, n, names)``: call the first item of the cell, in Python."""
    f = module.function("gt_slow", PTR, cell=PTR, which=I64, status=I64, args=PTR, n=I64, names=PTR)
    names, null = f["names"], f.null()
    named = f.var(0)
    with f.when(names.is_null().equals(0)):
        named.set(f.call("PyTuple_Size", I64, names))
    total = f["n"] + named.get()
    given = f.call("PyTuple_New", PTR, total)
    with f.when(given.is_null()):
        f.give(null)
    with f.count(total) as i:
        each = f.load(f["args"], i * 8, PTR)
        f.call("Py_IncRef", VOID, each)
        f.call("PyTuple_SetItem", I32, given, i, each)
    slow = f.call("gt_fetch", PTR, f.const(FROM_LIST), f["cell"], f.const(0))
    which, status = (f.call("PyLong_FromLongLong", PTR, f[name]) for name in ("which", "status"))
    last = names.is_null().select(f.symbol("_Py_NoneStruct"), names)
    result = f.call("PyObject_CallFunctionObjArgs", PTR, slow, which, status, given, last, null, variadic=True)
    for each in (slow, which, status, given):
        f.call("Py_DecRef", VOID, each)
    f.give(result)


def _call_always(module: Module) -> None:
    """``gt_call_always(cell, args, n, names)``, a METH_FASTCALL | METH_KEYWORDS function.

    The cell is a list: what to call in Python, then the programs. They are tried in turn.
    """
    f = module.function("gt_call_always", PTR, cell=PTR, args=PTR, n=I64, names=PTR)
    cell, args, n, names = f["cell"], f["args"], f["n"], f["names"]
    result = f.reserve(PTR)
    which, status, named = f.var(0), f.var(NO_MATCH), f.var(0)
    with f.when(names.is_null().equals(0), likely=False):
        named.set(f.call("PyTuple_Size", I64, names))
    with f.count(f.call("PyList_Size", I64, cell), 1) as i:
        # A reference of our own: while the GIL is released, another thread may put other programs into the cell.
        program = f.call("gt_fetch", PTR, f.const(FROM_LIST), cell, i)
        f.leave_if(program.is_null())
        words = f.call("PyBytes_AsString", PTR, f.call("PyTuple_GetItem", PTR, program, f.const(0)))
        now = f.var(NO_MATCH)
        fits = f.load(words, N_ARGS, I64).equals(n) & f.load(words, N_NAMES, I64).equals(named.get())
        same = f.var(fits.select(f.const(1), f.const(0)))
        with f.when(fits & named.get().differs(0), likely=False):
            same.set(f.call("gt_same_names", I64, names, f.load(words, NAMES, PTR), named.get()))
        with f.when(same.get().differs(0)):
            now.set(f.call("gt_try", I64, words, args, result))
            with f.when(now.get().equals(DONE), likely=True):
                calls = f.load(words, CALLS, PTR)
                f.store(calls, 0, f.load(calls, 0, I64) + 1)
        f.call("Py_DecRef", VOID, program)
        with f.when(now.get().equals(DONE) | now.get().equals(FAILED), likely=True):
            f.give(f.load(result, 0, PTR))
        with f.when(now.get().differs(NO_MATCH)):
            which.set(i)
            status.set(now.get())
        f.call("PyErr_Clear", VOID)
    f.give(f.call("gt_slow", PTR, cell, which.get(), status.get(), args, n, names))


def _call(module: Module) -> None:
    """``gt_call(cell, args, n, names)``: the same, but while any thread traces, Python says what is to be done.

    The one that traces has to see inside of the function.
    """
    f = module.function("gt_call", PTR, cell=PTR, args=PTR, n=I64, names=PTR)
    cell, args, n, names = (f[name] for name in ("cell", "args", "n", "names"))
    with f.when(f.load(f.symbol("gt_tracing"), 0, I64).differs(0), likely=False):
        f.give(f.call("gt_slow", PTR, cell, f.const(0), f.const(BUSY), args, n, names))
    f.give(f.call("gt_call_always", PTR, cell, args, n, names))
