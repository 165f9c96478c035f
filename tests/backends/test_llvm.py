"""LLVM from text to addresses."""

import ctypes
import subprocess
import sys

import pytest

from geartrain.backends import libllvm, llvm
from geartrain.backends.cpu import elf, image

pytestmark = pytest.mark.skipif(not llvm.installed(), reason="llvmlite is not installed")

TWICE = """
declare double @outside(double)
define double @twice_and_one(double %x) {
  %y = call double @outside(double %x)
  %z = fadd double %y, 1.0
  ret double %z
}
"""


@pytest.mark.parametrize("ours", [True, False])
def test_code_is_found_and_calls_what_it_was_given(ours: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linked by us, and by LLVM."""
    if ours and not image.usable():
        pytest.skip("code is linked by LLVM here")
    monkeypatch.setattr(image, "usable", lambda: ours)
    unary = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
    twice, thrice = unary(lambda x: 2 * x), unary(lambda x: 3 * x)
    code = llvm.compile_ir(TWICE)
    for outside, expected in ((twice, 7.0), (thrice, 10.0)):
        address = ctypes.cast(outside, ctypes.c_void_p).value
        assert address
        loaded = llvm.load([code], ["twice_and_one"], {"outside": address})
        assert unary(loaded["twice_and_one"])(3.0) == expected


MANY = """
@numbers = constant [4 x double] [double 1.0, double 2.0, double 3.0, double 4.0]
@state = global i64 0
@table = global [2 x ptr] [ptr @numbers, ptr @state]
declare double @cos(double)
define double @inside(i64 %i) noinline {
  %p = getelementptr double, ptr @numbers, i64 %i
  %x = load double, ptr %p
  ret double %x
}
define double @count(i64 %i) {
  %n = load i64, ptr @state
  %m = add i64 %n, %i
  store i64 %m, ptr @state
  %x = call double @inside(i64 %m)
  %p = load volatile ptr, ptr @table
  %y = load double, ptr %p
  %z = fadd double %x, %y
  %c = call double @cos(double 0.0)
  %s = fadd double %z, %c
  ret double %s
}
"""


@pytest.mark.parametrize("model", ["small", "large"])
def test_tables_variables_and_functions_of_libm_are_linked(model: str) -> None:
    llvm.target_machine()  # makes LLVM ready
    machine = (
        llvm.need()
        .Target.from_triple(llvm.host().triple)
        .create_target_machine(cpu=llvm.host().cpu, opt=2, reloc="pic", codemodel=model, jit=True)
    )
    module = llvm.need().parse_assembly(MANY)
    module.triple = llvm.host().triple
    module.data_layout = str(machine.target_data)
    code = machine.emit_object(module)
    assert not image.usable() or elf.link([code]) is not None
    loaded = llvm.load([code], ["count"])
    count = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int64)(loaded["count"])
    assert [count(1), count(2), count(0)] == [4.0, 6.0, 6.0]


UNREACHED = """
define i64 @f(i1 %c) {
  br i1 %c, label %yes, label %end
yes:
  %x = add i64 1, 2
  br label %end
end:
  ret i64 %x
}
"""


@pytest.mark.skipif(libllvm.library() is None, reason="another version of llvmlite, or none")
def test_the_library_itself_is_asked_for_what_llvmlites_python_would_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    host = llvm.host()

    def made() -> tuple[bytes, ...]:
        codes = [llvm.compile_ir(MANY, level, libllvm.PASSES) for level in (0, 1, 2)]
        with pytest.raises(RuntimeError, match="expected"):
            llvm.compile_ir("define nonsense", 0, llvm.QUICK)
        with pytest.raises(RuntimeError, match="dominate"):
            llvm.compile_ir(UNREACHED, 0, llvm.QUICK)
        return *codes, llvm.assembly(MANY, 2, llvm.QUICK).encode()

    direct = made()
    monkeypatch.setattr(libllvm, "library", lambda: None)
    llvm.target_machine.cache_clear()
    assert made() == direct
    assert vars(llvm)["_asked"].__wrapped__() == host


def test_only_versions_that_were_looked_at_are_asked_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llvm.need("llvmlite"), "__version__", "0.9999.0")
    assert vars(libllvm)["_library"].__wrapped__() is None


def test_objects_of_another_kind_are_not_for_us() -> None:
    good = llvm.compile_ir(TWICE)
    assert elf.link([b"\xcf\xfa\xed\xfe" + bytes(100)]) is None
    assert elf.link([good, good]) is None, "two functions of one name"
    assert elf.link([good[:18] + b"\xb7\0" + good[20:]]) is None, "another processor"


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
