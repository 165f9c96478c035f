"""Functions of LLVM IR, written as one writes C: variables, loops, conditions, loads and stores at byte offsets.

For the small, hand-made part of the native code (the pool, the tiles of a matrix product, the call entry); kernels have
their own printer. Text in, text out: no package is needed to build it.

    f = module.function("sum_to", I64, n=I64)
    total, i = f.var(0), f.var(0)
    with f.loop():
        f.leave_if(i.get() >= f["n"])
        total.set(total.get() + i.get())
        i.set(i.get() + 1)
    f.give(total.get())
"""

import contextlib
import itertools
from collections.abc import Generator, Sequence
from typing import Final

__all__ = ["F32", "F64", "I1", "I8", "I16", "I32", "I64", "PTR", "VOID", "Function", "Module", "Value", "Var"]

I1: Final = "i1"
I8: Final = "i8"
I16: Final = "i16"
I32: Final = "i32"
I64: Final = "i64"
F32: Final = "float"
F64: Final = "double"
PTR: Final = "ptr"
VOID: Final = "void"

ALIGNED = {I8: 1, I16: 2, I32: 4, I64: 8, F32: 4, F64: 8, PTR: 8, "<2 x float>": 4, "<2 x double>": 8}
"""At what multiple of bytes a value lies at least."""


class Value:
    """A register or a constant of a function being written. Integers are signed; an int takes the type it meets."""

    __slots__ = ("function", "text", "type")

    def __init__(self, function: "Function", type_: str, text: str) -> None:
        self.function = function
        self.type = type_
        self.text = text

    def _two(self, op: str, other: "Value | int", result: str | None = None) -> "Value":
        right = other.text if isinstance(other, Value) else str(other)
        return self.function.make(result or self.type, f"{op} {self.type} {self.text}, {right}")

    def __add__(self, other: "Value | int") -> "Value":
        return self._two("add", other)

    def __sub__(self, other: "Value | int") -> "Value":
        return self._two("sub", other)

    def __mul__(self, other: "Value | int") -> "Value":
        return self._two("mul", other)

    def __floordiv__(self, other: "Value | int") -> "Value":
        """Toward zero, as C does; use it where nothing is negative."""
        return self._two("sdiv", other)

    def __mod__(self, other: "Value | int") -> "Value":
        return self._two("srem", other)

    def __and__(self, other: "Value | int") -> "Value":
        return self._two("and", other)

    def __or__(self, other: "Value | int") -> "Value":
        return self._two("or", other)

    def __lt__(self, other: "Value | int") -> "Value":
        return self._two("icmp slt", other, I1)

    def __le__(self, other: "Value | int") -> "Value":
        return self._two("icmp sle", other, I1)

    def __gt__(self, other: "Value | int") -> "Value":
        return self._two("icmp sgt", other, I1)

    def __ge__(self, other: "Value | int") -> "Value":
        return self._two("icmp sge", other, I1)

    def equals(self, other: "Value | int") -> "Value":
        """``self == other``, for integers and pointers."""
        return self._two("icmp eq", other, I1)

    def differs(self, other: "Value | int") -> "Value":
        """``self != other``, for integers and pointers."""
        return self._two("icmp ne", other, I1)

    def is_null(self) -> "Value":
        """Whether a pointer is null."""
        return self.function.make(I1, f"icmp eq ptr {self.text}, null")

    def select(self, yes: "Value", no: "Value") -> "Value":
        """``yes if self else no``; both are there already."""
        return self.function.make(yes.type, f"select i1 {self.text}, {yes.type} {yes.text}, {no.type} {no.text}")

    def at(self, offset: "Value | int") -> "Value":
        """The pointer ``offset`` bytes further."""
        moved = offset.text if isinstance(offset, Value) else str(offset)
        return self.function.make(PTR, f"getelementptr i8, ptr {self.text}, i64 {moved}")

    def widen(self, to: str) -> "Value":
        """Sign-extended to a longer integer type."""
        return self.function.make(to, f"sext {self.type} {self.text} to {to}")

    def narrow(self, to: str) -> "Value":
        """The low bits, as a shorter integer type."""
        return self.function.make(to, f"trunc {self.type} {self.text} to {to}")

    def as_pointer(self) -> "Value":
        """An address held in an i64, as a pointer."""
        return self.function.make(PTR, f"inttoptr i64 {self.text} to ptr")


class Var:
    """A local variable: a stack slot, which LLVM turns into registers."""

    def __init__(self, function: "Function", type_: str) -> None:
        self.slot = function.reserve(type_)
        self._function = function
        self._type = type_

    def get(self) -> Value:
        """What it holds now."""
        return self._function.load(self.slot, 0, self._type)

    def set(self, value: Value | int) -> None:
        """Let it hold ``value``."""
        self._function.store(self.slot, 0, value, self._type)


class Function:
    """One function being written, line by line."""

    def __init__(self, module: "Module", name: str, returns: str, parameters: dict[str, str], inline: bool) -> None:
        self.module = module
        self.name = name
        self.returns = returns
        self._parameters = parameters
        self._kind = ("internal ", "alwaysinline") if inline else ("", "noinline")
        self._first: list[str] = []
        self._lines: list[str] = []
        self._numbers = itertools.count()
        self._exits: list[str] = []
        self._ended = False

    def __getitem__(self, parameter: str) -> Value:
        return Value(self, self._parameters[parameter], f"%{parameter}")

    # Lines and values

    def line(self, text: str) -> None:
        """Write one instruction; after the end of a block nothing is reached, and nothing written."""
        if not self._ended:
            self._lines.append(f"  {text}")

    def make(self, type_: str, text: str) -> Value:
        """Write an instruction that gives a value."""
        name = f"%r{next(self._numbers)}"
        self.line(f"{name} = {text}")
        return Value(self, type_, name)

    def const(self, number: int, type_: str = I64) -> Value:
        """An integer constant."""
        return Value(self, type_, str(number))

    def null(self) -> Value:
        """The null pointer."""
        return Value(self, PTR, "null")

    def symbol(self, name: str) -> Value:
        """The address of a function or variable of this module, or of one given by name when the code is loaded."""
        if name not in self.module.defined:
            self.module.declared.setdefault(name, f"@{name} = external global i8")
        return Value(self, PTR, f"@{name}")

    def reserve(self, type_: str) -> Value:
        """A stack slot, made once at the start of the function."""
        name = f"%s{next(self._numbers)}"
        self._first.append(f"  {name} = alloca {type_}, align 8")
        return Value(self, PTR, name)

    def room(self, size: Value) -> Value:
        """``size`` bytes of stack, from here to the end of the function."""
        return self.make(PTR, f"alloca i8, i64 {size.text}, align 16")

    def var(self, start: Value | int, type_: str = I64) -> Var:
        """A local variable."""
        made = Var(self, start.type if isinstance(start, Value) else type_)
        made.set(start)
        return made

    # Memory

    def load(self, pointer: Value, offset: Value | int, type_: str) -> Value:
        """``*(type_ *)(pointer + offset)``."""
        where = pointer if offset == 0 else pointer.at(offset)
        return self.make(type_, f"load {type_}, ptr {where.text}, align {ALIGNED[type_]}")

    def store(self, pointer: Value, offset: Value | int, value: Value | int, type_: str = I64) -> None:
        """``*(type_ *)(pointer + offset) = value``."""
        where = pointer if offset == 0 else pointer.at(offset)
        kind, text = (value.type, value.text) if isinstance(value, Value) else (type_, str(value))
        self.line(f"store {kind} {text}, ptr {where.text}, align {ALIGNED[kind]}")

    def atomic_load(self, pointer: Value, offset: int, type_: str = I64) -> Value:
        """A load in the one order of all sequentially consistent operations."""
        return self.make(type_, f"load atomic {type_}, ptr {pointer.at(offset).text} seq_cst, align {ALIGNED[type_]}")

    def atomic_store(self, pointer: Value, offset: int, value: Value | int, type_: str = I64) -> None:
        """A store in that order."""
        text = value.text if isinstance(value, Value) else str(value)
        where = pointer.at(offset).text
        self.line(f"store atomic {type_} {text}, ptr {where} seq_cst, align {ALIGNED[type_]}")

    def atomic_add(self, pointer: Value, offset: int, amount: Value | int, type_: str = I64) -> Value:
        """Add, and return what was there before."""
        text = amount.text if isinstance(amount, Value) else str(amount)
        return self.make(type_, f"atomicrmw add ptr {pointer.at(offset).text}, {type_} {text} seq_cst")

    def atomic_swap(self, pointer: Value, offset: int, value: Value) -> Value:
        """Put ``value`` there, and return what was there before."""
        where = pointer.at(offset).text
        return self.make(value.type, f"atomicrmw xchg ptr {where}, {value.type} {value.text} seq_cst")

    def atomic_take(self, pointer: Value, offset: int, old: Value | int, new: Value | int, type_: str = I64) -> Value:
        """Replace ``old`` by ``new``; whether ``old`` was there."""
        before, after = (each.text if isinstance(each, Value) else str(each) for each in (old, new))
        where = pointer.at(offset).text
        pair = self.make("", f"cmpxchg ptr {where}, {type_} {before}, {type_} {after} seq_cst seq_cst")
        return self.make(I1, f"extractvalue {{ {type_}, i1 }} {pair.text}, 1")

    # Calls

    def call(self, name: str, returns: str, *arguments: Value, variadic: bool = False) -> Value:
        """Call a function by name: one of this module, of libc, or one that is given when the code is loaded."""
        kinds = [each.type for each in arguments]
        if name not in self.module.defined:
            self.module.declared.setdefault(
                name, f"declare {returns} @{name}({'...' if variadic else ', '.join(kinds)})"
            )
        return self._call(f"@{name}", f"{returns} (...)" if variadic else returns, returns, arguments)

    def call_at(self, pointer: Value, returns: str, *arguments: Value) -> Value:
        """Call the function at an address."""
        return self._call(pointer.text, returns, returns, arguments)

    def _call(self, callee: str, signature: str, returns: str, arguments: Sequence[Value]) -> Value:
        inside = ", ".join(f"{each.type} {each.text}" for each in arguments)
        if returns == VOID:
            self.line(f"call {signature} {callee}({inside})")
            return Value(self, VOID, "")
        return self.make(returns, f"call {signature} {callee}({inside})")

    # Control

    def _block(self, label: str) -> None:
        self._lines.append(f"{label}:")
        self._ended = False

    def _go(self, label: str) -> None:
        self.line(f"br label %{label}")
        self._ended = True

    def _label(self) -> str:
        return f"b{next(self._numbers)}"

    @contextlib.contextmanager
    def when(self, condition: Value, likely: bool | None = None) -> Generator[None]:
        """What is written inside runs if ``condition`` holds."""
        inside, after = self._label(), self._label()
        weights = "" if likely is None else f", !prof !{0 if likely else 1}"
        self.line(f"br i1 {condition.text}, label %{inside}, label %{after}{weights}")
        self._block(inside)
        yield
        self._go(after)
        self._block(after)

    @contextlib.contextmanager
    def loop(self) -> Generator[None]:
        """What is written inside runs again and again, until ``leave_if`` or ``give``."""
        inside, after = self._label(), self._label()
        self._go(inside)
        self._block(inside)
        self._exits.append(after)
        yield
        self._exits.pop()
        self._go(inside)
        self._block(after)

    @contextlib.contextmanager
    def count(self, end: Value | int, start: Value | int = 0) -> Generator[Value]:
        """``for (i = start; i < end; i++)``."""
        i = self.var(start)
        with self.loop():
            now = i.get()
            self.leave_if(now >= end)
            yield now
            i.set(now + 1)

    def leave_if(self, condition: Value) -> None:
        """Leave the innermost loop."""
        stay = self._label()
        self.line(f"br i1 {condition.text}, label %{self._exits[-1]}, label %{stay}")
        self._block(stay)

    def give(self, value: Value | int | None = None) -> None:
        """Return."""
        if value is None:
            self.line("ret void")
        else:
            self.line(f"ret {self.returns} {value.text if isinstance(value, Value) else value}")
        self._ended = True

    def __str__(self) -> str:
        parameters = ", ".join(f"{kind} %{name}" for name, kind in self._parameters.items())
        end = [] if self._ended else ["  unreachable" if self.returns != VOID else "  ret void"]
        body = "\n".join(["start:", *self._first, *self._lines, *end])
        linkage, attribute = self._kind
        return f"define {linkage}{self.returns} @{self.name}({parameters}) {attribute} {{\n{body}\n}}\n"


class Module:
    """Functions that are compiled together.

    A function stays one: compiling copies of it takes longer than calling it. Those begun by ``inline`` disappear.
    """

    def __init__(self) -> None:
        self.defined: dict[str, Function | str] = {}
        self.declared: dict[str, str] = {}

    def function(self, name: str, returns: str, **parameters: str) -> Function:
        """Begin a function; parameters are ``name=type``."""
        return self._begin(Function(self, name, returns, parameters, False))

    def inline(self, name: str, returns: str, **parameters: str) -> Function:
        """Begin a function that becomes part of those that call it."""
        return self._begin(Function(self, name, returns, parameters, True))

    def _begin(self, made: Function) -> Function:
        assert made.name not in self.defined, f"there are two functions {made.name}"
        self.defined[made.name] = made
        self.declared.pop(made.name, None)
        return made

    def zeros(self, name: str, size: int) -> None:
        """A variable of ``size`` bytes, all zero, on cache lines of its own."""
        self.defined[name] = f"@{name} = global [{size} x i8] zeroinitializer, align 128\n"

    def __str__(self) -> str:
        weights = '!0 = !{!"branch_weights", i32 99, i32 1}\n!1 = !{!"branch_weights", i32 1, i32 99}\n'
        declared = [text for name, text in self.declared.items() if name not in self.defined]
        return "\n".join([*declared, "", *map(str, self.defined.values()), weights])
