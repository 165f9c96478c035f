"""LLVM from text to addresses."""

import ctypes
import subprocess
import sys

import pytest

from geartrain.backends import llvm

pytestmark = pytest.mark.skipif(not llvm.installed(), reason="llvmlite is not installed")

TWICE = """
declare double @outside(double)
define double @twice_and_one(double %x) {
  %y = call double @outside(double %x)
  %z = fadd double %y, 1.0
  ret double %z
}
"""


def test_code_is_found_and_calls_what_it_was_given() -> None:
    unary = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
    twice, thrice = unary(lambda x: 2 * x), unary(lambda x: 3 * x)
    code = llvm.compile_ir(TWICE)
    for outside, expected in ((twice, 7.0), (thrice, 10.0)):
        address = ctypes.cast(outside, ctypes.c_void_p).value
        assert address
        loaded = llvm.load([code], ["twice_and_one"], {"outside": address})
        assert unary(loaded["twice_and_one"])(3.0) == expected


def test_what_does_not_parse_says_so() -> None:
    with pytest.raises(RuntimeError, match="expected"):
        llvm.compile_ir("define nonsense")


def test_a_symbol_that_nobody_gave_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="twice_and_one"):
        llvm.load([llvm.compile_ir(TWICE)], ["twice_and_one"])


def test_importing_geartrain_loads_no_llvm_and_starts_no_thread() -> None:
    program = (
        "import threading, sys, geartrain, geartrain.backends.llvm; "
        "assert 'llvmlite' not in sys.modules and 'scipy_openblas32' not in sys.modules; "
        "assert threading.active_count() == 1"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
