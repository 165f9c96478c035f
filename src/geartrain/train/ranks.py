"""``--ranks``: start the processes that train together, and go on from the last checkpoint if one of them dies."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from geartrain import mpi
from geartrain.train import checkpoint
from geartrain.train.errors import CheckpointError, UsageError
from geartrain.train.interrupt import CtrlC

OWN = (0, 1, 2, 130)
"""The exit codes of a command that ended by itself, well or not: see ``geartrain.cli``."""


def started(ranks: int, restarts: int, arguments: Sequence[str], out: Path, say: Callable[[str], None]) -> int:
    """Run ``geartrain *arguments`` on so many ranks, in the run folder ``out``, and return the exit code.

    If a rank dies (out of memory, ``kill -9``, a node that is gone) MPI ends them all. Then ``say`` is told what was
    kept and how to go on; after at most ``restarts`` such deaths the run goes on by itself from its last checkpoint,
    each time on one rank fewer, down to one. The result is the same to rounding.

    Raises:
        UsageError: there is no ``mpiexec``, or this process was itself started by one.
    """
    beside = Path(sys.executable).with_name("mpiexec")
    mpiexec = str(beside) if beside.exists() else shutil.which("mpiexec")
    if mpi.launched():
        raise UsageError("--ranks starts mpiexec, and this process was started by one: leave out one of the two")
    if mpiexec is None:
        raise UsageError("--ranks needs mpiexec: pip install 'geartrain[mpi]'")
    again = list(arguments)
    while True:
        code = _run([mpiexec, "-n", str(ranks), sys.executable, "-m", "geartrain", *again])
        if code in OWN:
            return code
        there = (out / "config.json").exists()
        if there and "--resume" not in again:
            again.append("--resume")
        say(f"A process died (exit code {code}); there were {ranks}. {_kept(out)}")
        if not restarts:
            say(f"Go on, with any number of processes, by: geartrain {' '.join(again)} --ranks {ranks}")
            return 1
        restarts -= 1
        ranks = max(1, ranks - 1)
        left = f"{restarts} more restart{'s' if restarts != 1 else ''} after this one"
        say(f"{'Going on' if there else 'Starting again'} with {ranks} process{'es' if ranks > 1 else ''}; {left}.")


def _run(command: list[str]) -> int:
    """The exit code of a command, which gets Ctrl-C as this process does, and is left to end by itself."""
    with subprocess.Popen(command) as process, CtrlC():
        return process.wait()


def _kept(out: Path) -> str:
    with contextlib.suppress(CheckpointError, KeyError):
        facts = checkpoint.read(out / "checkpoint.safetensors")[1]
        return f"The last checkpoint is of step {facts['step']:,}, epoch {facts['epoch'] + 1}: {out}."
    return "There is no checkpoint yet."
