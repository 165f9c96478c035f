"""Where things are: the fields of Python's and NumPy's objects, the words of a program, its instructions.

``program`` writes these words; the native code of ``entry_read`` and ``entry_ir`` reads them.
"""

from typing import Final

HEAD: Final = object.__basicsize__
"""The size of the part that all objects share; its last field is the type."""
TYPE: Final = HEAD - 8
DATA, NDIM, DIMS, STEPS, DESCR, FLAGS = (HEAD + offset for offset in (0, 8, 16, 24, 40, 48))
"""Fields of an ndarray (NumPy's ``PyArrayObject_fields``)."""

# The words of a program, as byte offsets.
PLAN, ARENA, KEPT, RELEASE, N_ARGS = range(0, 40, 8)
N_READ, READ, N_OUT, OUT, N_BUILD, BUILD = range(40, 88, 8)  # how many instructions of each sort, and where they are
SCRATCH, AT_IN, AT_OUT, AT_SLOTS, AT_MADE, AT_STACK = range(88, 136, 8)  # see _try
GIVEN_AWAY, HOLDS = 136, 144  # whether there are inputs that are given away; items of containers, held by references
CONTEXT, CALLS = 152, 160  # what the plan is given; where calls are counted
N_NAMES, NAMES = 168, 176  # how many of the arguments are given by which names, in this order; N_ARGS are the others
AT_COPIES = 184  # see _try
WORDS: Final = 24

# An instruction that reads an object and checks it.
FROM, PARENT, INDEX, KIND, IS, SIZE, NDIMS, SHAPE, NEED, SLOT, NBYTES, STRIDES = range(0, 96, 8)
READ_SIZE: Final = 96
C_CONTIGUOUS, ALIGNED, WRITEABLE = 0x1, 0x100, 0x400  # NumPy's flags
FROM_ARGS, FROM_TUPLE, FROM_LIST, FROM_DICT, FROM_FIELD = range(5)
(ARRAY, FLOAT, COMPLEX, INT, BOOL, NUMPY, TUPLE, LIST, DICT, OBJECT, SAME, EQUAL) = range(12)

# An instruction that makes room for an output: its kind, then
OUT_DESCR, OUT_NDIM, OUT_SHAPE, OUT_GIVEN = range(8, 40, 8)
OUT_SIZE: Final = 40
GIVEN: Final = 100  # the memory of an input that the caller gave away

# An instruction that builds the result, on a stack. The keys of a dict are in its order, each with its place.
BUILD_OP, BUILD_N, BUILD_KEYS = range(0, 24, 8)
BUILD_SIZE: Final = 24
PUSH_OUT, PUSH_CONSTANT, MAKE_TUPLE, MAKE_LIST, MAKE_DICT, APPLY = range(6)

NO_MATCH: Final = -1
FAILED: Final = -2  # a Python error is set
BUSY: Final = -3  # a trace runs, in this thread or another
DONE: Final = 0
