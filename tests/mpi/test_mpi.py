"""``gt.mpi``: the operations on several ranks, in both directions, to the second order; and what comes without it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.mpi.program import CHECKS
from tests.mpi.ranks import needs_mpi, run

PROGRAM = str(Path(__file__).with_name("program.py"))


@pytest.fixture(scope="module", params=[2, 4])
def found(request: pytest.FixtureRequest) -> Any:
    """What the checks found on so many ranks: one start for all of them."""
    return json.loads(run(request.param, PROGRAM).splitlines()[-1])


@needs_mpi
@pytest.mark.parametrize("check", CHECKS)
def test_holds_on_every_rank(check: str, found: Any) -> None:
    assert check in found["checks"]
    assert check not in found["failed"], found["failed"][check]


def test_nothing_of_it_is_loaded_before_it_is_asked_for() -> None:
    program = (
        "import sys, geartrain as gt; assert 'mpi' in dir(gt); gt.mpi.launched(); import geartrain.train;"
        "assert 'mpi4py' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_without_the_extra_an_error_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['mpi4py'] = None\n"
        "import geartrain as gt\n"
        "try: gt.mpi.allreduce(1.0)\n"
        "except ImportError as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert "pip install 'geartrain[mpi]'" in said
