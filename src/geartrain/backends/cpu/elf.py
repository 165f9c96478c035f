"""Object code put together into an image, by ourselves: what LLVM's own linker does, for the objects that we make.

LLVM's objects (ELF, x86-64) ask for a few kinds of relocation. Most are distances inside of the image, so they are
settled here; addresses of other functions are read from a table, which is filled in when the image is loaded. A call of
such a function goes through a jump of ours. Objects of another kind are LLVM's to link.

Source: System V Application Binary Interface, AMD64 Architecture Processor Supplement, 4.4.1 and 3.5.4.
"""

import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from geartrain.backends.cpu.image import PAGE, Image

__all__ = ["link"]

_X86_64 = 62
_ALLOCATED, _WRITEABLE = 2, 1
_SYMBOLS, _RELOCATIONS, _NO_BYTES, _UNWINDING = 2, 4, 8, 0x70000001
_UNDEFINED, _SPECIAL = 0, 0xFF00
_LOCAL = 0
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QQq")

# S is the symbol's address, A an addend, P the place, GOT the table and G the place in it of the symbol's address.
_ABSOLUTE, _FROM_PLACE, _FROM_TABLE, _IN_TABLE, _TABLE = 1, 24, 25, 27, 29  # S+A, S+A-P, S+A-GOT, G+A, GOT+A-P
_NEAR, _CALL = 2, 4  # S+A-P, of 32 bits
_ENTRY = (9, 41, 42)  # G+GOT+A-P, of 32 bits
_JUMP = b"\xff\x25"  # jmp *[next instruction + 32 bits]
_JUMP_SIZE = 8


class _Section(NamedTuple):
    name: str
    kind: int
    flags: int
    offset: int
    size: int
    link: int
    info: int
    align: int


class _Unknown(Exception):
    """Something in an object that only LLVM knows how to link."""


def link(objects: Sequence[bytes]) -> Image | None:
    """One image of some objects, which may call one another; ``None`` where LLVM has to link them."""
    try:
        return _Linker(objects).image()
    except _Unknown:
        return None


class _Linker:
    def __init__(self, objects: Sequence[bytes]) -> None:
        self.objects = objects
        self.sections = [_sections(each) for each in objects]
        self.where: dict[tuple[int, int], int] = {}  # (object, section) -> place in the image
        self.global_: dict[str, int] = {}
        self.symbols: list[list[int | str]] = [
            [] for _ in objects
        ]  # of each object: a place, or the name of what is somewhere else
        self.table: dict[int | str, int] = {}  # the same -> its place in the table
        self.jumps: dict[str, int] = {}  # a function somewhere else -> where there is a jump to it

    def image(self) -> Image:
        text, end = self._lay(writeable=False, start=0)
        most = self._most_symbols()
        self.at_jumps = -(-end // 8) * 8
        self.at_table = self.at_jumps + _JUMP_SIZE * most
        at_data = -(-(self.at_table + 8 * most) // PAGE) * PAGE
        data, stop = self._lay(writeable=True, start=at_data)
        for i, data_of in enumerate(self.objects):
            self._name(i, data_of)
        memory = bytearray(stop)
        for (i, k), at in (*text, *data):
            section = self.sections[i][k]
            if section.kind != _NO_BYTES:
                memory[at : at + section.size] = self.objects[i][section.offset : section.offset + section.size]
        inside: list[tuple[int, int]] = []
        outside: list[tuple[int, str]] = []

        def put(at: int, what: int | str) -> None:
            if isinstance(what, int):
                inside.append((at, what))
            else:
                outside.append((at, what))

        for i in range(len(self.objects)):
            self._relocate(i, memory, put)
        for name, at in self.jumps.items():
            memory[at : at + 6] = _JUMP + struct.pack("<i", self._entry(name) + self.at_table - at - 6)
        for what, at in self.table.items():
            put(self.at_table + at, what)
        code = bytes(memory).rstrip(b"\0")
        return Image(code, at_data, len(memory), tuple(inside), tuple(outside), dict(self.global_))

    def _most_symbols(self) -> int:
        return 2 + sum([s.size // _SYMBOL.size for each in self.sections for s in each if s.kind == _SYMBOLS])

    def _lay(self, writeable: bool, start: int) -> tuple[list[tuple[tuple[int, int], int]], int]:
        """Give each section a place; the places, and where they end."""
        found: list[tuple[tuple[int, int], int]] = []
        at = start
        for i, sections in enumerate(self.sections):
            for k, section in enumerate(sections):
                wanted = section.flags & _ALLOCATED and section.kind != _UNWINDING and section.name != ".eh_frame"
                if not wanted or bool(section.flags & _WRITEABLE) is not writeable:
                    continue
                if section.align > PAGE:
                    raise _Unknown
                at = -(-at // max(section.align, 1)) * max(section.align, 1)
                self.where[i, k] = at
                found.append(((i, k), at))
                at += section.size
        return found, at

    def _name(self, i: int, data: bytes) -> None:
        """Where the symbols of an object are."""
        for table in self.sections[i]:
            if table.kind != _SYMBOLS:
                continue
            names = self.sections[i][table.link].offset
            for at in range(table.offset, table.offset + table.size, _SYMBOL.size):
                name_at, info, _, section, value, _ = _SYMBOL.unpack_from(data, at)
                name = _text(data, names + name_at)
                if section == _UNDEFINED:
                    self.symbols[i].append(name)
                elif section >= _SPECIAL or (i, section) not in self.where:
                    self.symbols[i].append("")  # a file's name, or a part that is left out: nobody may want it
                else:
                    self.symbols[i].append(self.where[i, section] + value)
                    if info >> 4 != _LOCAL:
                        if name in self.global_:
                            raise _Unknown
                        self.global_[name] = self.where[i, section] + value

    def _relocate(self, i: int, memory: bytearray, put: Callable[[int, int | str], None]) -> None:
        data = self.objects[i]
        for section in self.sections[i]:
            if section.kind != _RELOCATIONS or (i, section.info) not in self.where:
                continue
            start = self.where[i, section.info]
            for at in range(section.offset, section.offset + section.size, _RELOCATION.size):
                place, info, addend = map(int, _RELOCATION.unpack_from(data, at))
                place, kind = start + place, info & 0xFFFFFFFF
                symbol = self._found(self.symbols[i][info >> 32])
                if kind == _ABSOLUTE:
                    put(place, self._inside(symbol) + addend)
                elif kind in (_NEAR, _CALL, *_ENTRY):
                    if kind in _ENTRY:
                        symbol = self._entry(symbol) + self.at_table
                    elif kind == _CALL and isinstance(symbol, str):
                        symbol = self._jump(symbol)
                    struct.pack_into("<i", memory, place, self._inside(symbol) + addend - place)
                else:
                    struct.pack_into("<q", memory, place, self._distance(kind, symbol, place) + addend)

    def _distance(self, kind: int, symbol: int | str, place: int) -> int:
        """The value of a relocation of 64 bits, but for its addend."""
        if kind == _TABLE:
            return self.at_table - place
        if kind == _IN_TABLE:
            return self._entry(symbol)
        if kind == _FROM_TABLE:
            return self._inside(symbol) - self.at_table
        if kind == _FROM_PLACE:
            return self._inside(symbol) - place
        raise _Unknown

    def _found(self, symbol: int | str) -> int | str:
        """The place of a name that another object has."""
        return self.global_.get(symbol, symbol) if isinstance(symbol, str) else symbol

    def _inside(self, symbol: int | str) -> int:
        if isinstance(symbol, str):
            raise _Unknown
        return symbol

    def _jump(self, name: str) -> int:
        if not name:
            raise _Unknown
        return self.jumps.setdefault(name, self.at_jumps + _JUMP_SIZE * len(self.jumps))

    def _entry(self, symbol: int | str) -> int:
        if symbol == "":
            raise _Unknown
        return self.table.setdefault(symbol, 8 * len(self.table))


def _sections(data: bytes) -> list[_Section]:
    if data[:6] != b"\x7fELF\2\1" or struct.unpack_from("<H", data, 18)[0] != _X86_64:
        raise _Unknown
    (start,) = struct.unpack_from("<Q", data, 40)
    size, many, names = struct.unpack_from("<HHH", data, 58)
    if size != _SECTION.size:
        raise _Unknown
    raw = [_SECTION.unpack_from(data, start + i * size) for i in range(many)]
    found: list[_Section] = []
    for name, kind, flags, _, offset, length, link_, info, align, _ in raw:
        found.append(_Section(_text(data, raw[names][4] + name), kind, flags, offset, length, link_, info, align))
    return found


def _text(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode()
