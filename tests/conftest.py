"""What all tests stand on: the code of native calls is there before the first of them, whatever is on disk.

Where it is not, a program compiles it meanwhile, and its first calls are Python's: right, but not what is counted here.
"""

import pytest

from geartrain.backends import llvm
from geartrain.backends.cpu import runtime


@pytest.fixture(scope="session", autouse=True)
def native_calls() -> None:
    if llvm.installed():
        runtime.entries()
