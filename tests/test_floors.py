"""The house stands: imports only go down, by one table of floors, and there is no back door.

CONTRIBUTING.md draws the same map for a reader.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
PACKAGE = "geartrain"

FLOORS: dict[str, float] = {
    "errors": 0,
    "extras": 0,
    "kinds": 0,
    "recent": 0,
    "tree": 0,
    "ir": 1,
    "ops": 2,
    "trace": 3,
    "again": 4,
    "chain": 4,
    "templates": 4,
    "nodewise": 4,
    "batch": 4,
    "zero": 4,
    "passes": 5,
    "schedule": 6,
    "backends": 7,
    "run": 8,
    "recording": 8,
    "api": 8,
    "jacobians": 8,
    "jit": 8,
    "example": 8,
    "exporting": 8,
    "inspecting": 8,
    "cache": 8,
    "misses": 8,
    "drawing": 8,
    "path_report": 8,
    "paths": 8,
    "mapping": 8,
    "rules": 8,
    "solving": 8,
    "sparse": 8,
    "taylor": 8,
    "blame": 8,
    "check": 8,
    "slopes": 8,
    "minimizing": 8,
    "mpi": 8,
    "view": 8.5,  # an observer at the side: it may look into everything below, and no engine floor knows of it
    "nn": 9,
    "optim": 9,
    "train": 9,
    "sklearn": 9.5,
    "compat": 9.5,
    "__init__": 10,
    "cli": 11,
    "__main__": 12,
}
"""The floor of each module and package directly in ``geartrain``; a package is one floor, and inside it no circles."""

LONG = 450
LONG_FILES: dict[str, str] = {}
"""Files that may be longer than LONG lines, each with the reason why it is one concept."""

IMPORT_BY_NAME = {
    "__init__.py": "what a program that only differentiates does not need is loaded when it is asked for",
    "jit.py": "what tells a reader of a compiled function is loaded when somebody asks",
    "ops/later.py": "the tables for SciPy are loaded with SciPy",
    "backends/choose.py": "the compiler is loaded when the first graph is to be compiled",
    "backends/cpu/fourier.py": "what tries NumPy's transforms is loaded where a NumPy is new",
    "backends/cpu/vecmath/__init__.py": "a function that no kernel calls is not loaded",
    "backends/cpu/openblas.py": "what tries a matrix library is loaded where one is new",
    "backends/cpu/routines.py": "linear algebra, sorting and transforms are written where a program has some",
    "backends/cpu/runtime.py": "code that is on disk needs no compiler",
    "extras.py": "the one place that asks for optional packages, with what to install",
}
BUILT_ON = {"numpy"}
"""The packages that may be imported by a statement; those of the extras are asked for by ``extras.need``."""

FILES = {path.relative_to(SOURCE / PACKAGE).as_posix(): path for path in sorted((SOURCE / PACKAGE).rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8"), str(path)) for name, path in FILES.items()}
each_file = pytest.mark.parametrize("name", FILES)


def module(name: str) -> str:
    """``ir/node.py`` -> ``geartrain.ir.node``; ``ir/__init__.py`` -> ``geartrain.ir``."""
    parts = [PACKAGE, *name.removesuffix(".py").split("/")]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(name): name for name in FILES}


def unit(module_name: str) -> str:
    """What the table calls a module: ``geartrain.ir.node`` -> ``ir``, ``geartrain`` -> ``__init__``."""
    return module_name.split(".")[1] if "." in module_name else "__init__"


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The modules that a file imports, with the line; ``from a import b`` is ``a.b`` where that is a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            for alias in node.names:
                inside = f"{origin}.{alias.name}"
                yield node.lineno, inside if inside in MODULES else origin


def own_imports(name: str) -> set[tuple[int, str]]:
    return {(line, found) for line, found in imports(TREES[name]) if found.split(".")[0] == PACKAGE}


def test_every_file_stands_on_a_floor_and_every_floor_but_the_unbuilt_has_files() -> None:
    assert {unit(m) for m in MODULES} - FLOORS.keys() == set()
    unbuilt = FLOORS.keys() - {unit(m) for m in MODULES}
    assert unbuilt <= {"nn"}, "a name in the table that no file has"


@each_file
def test_imports_go_down(name: str) -> None:
    own = unit(module(name))
    for line, found in own_imports(name):
        assert found in MODULES, f"{name}:{line} imports {found}, which does not exist"
        assert FLOORS[unit(found)] <= FLOORS[own], f"{name}:{line} (floor {FLOORS[own]}) looks up to {found}"


def test_no_engine_floor_knows_the_view() -> None:
    for name in FILES:
        if FLOORS[unit(module(name))] < FLOORS["view"]:
            assert "view" not in {unit(found) for _, found in own_imports(name)}, name


def test_no_import_goes_in_a_circle() -> None:
    """Also within a floor, where the table has no order."""
    needs = {m: {found for _, found in own_imports(name)} - {m} for m, name in MODULES.items()}
    while needs:
        free = {m for m, below in needs.items() if not below & needs.keys()}
        assert free, f"a circle among {sorted(needs)}"
        needs = {m: below for m, below in needs.items() if m not in free}


@each_file
def test_imports_stand_at_the_top_and_are_absolute(name: str) -> None:
    for scope in ast.walk(TREES[name]):
        if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            hidden = [f"{name}:{line} {found}" for line, found in imports(scope)]
            assert not hidden, "imports inside a function or class"
        if isinstance(scope, ast.ImportFrom):
            assert scope.level == 0, f"{name}:{scope.lineno} is a relative import"


@each_file
def test_no_import_by_a_back_door(name: str) -> None:
    nodes = list(ast.walk(TREES[name]))
    called = {node.id for node in nodes if isinstance(node, ast.Name)}
    called |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    called |= {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert "__import__" not in called
    assert "import_module" not in called or name in IMPORT_BY_NAME


@each_file
def test_built_on_numpy_alone(name: str) -> None:
    roots = {found.split(".")[0] for _, found in imports(TREES[name])}
    assert roots - BUILT_ON - {PACKAGE} <= sys.stdlib_module_names


def test_long_files_are_few_and_have_a_reason() -> None:
    long = {name for name, path in FILES.items() if len(path.read_text(encoding="utf-8").splitlines()) > LONG}
    assert long - LONG_FILES.keys() == set(), f"over {LONG} lines: split by concept, or list with the reason"
    assert LONG_FILES.keys() - long == set(), "no longer long: take it off the list"
