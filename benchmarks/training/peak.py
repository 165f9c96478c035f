"""``python -m benchmarks.training.peak CASE CONTENDER`` prints the peak of memory and what imports take, in MB."""

import importlib
import sys

from benchmarks.training.contest import CONTENDERS, resident


def main() -> None:
    """Take a few steps in this process."""
    name, who = sys.argv[1:]
    package, make = CONTENDERS[who]
    importlib.import_module(package)
    case = importlib.import_module(f"benchmarks.training.{name}").case()
    before = resident("VmRSS")
    run = make(case)
    for _ in range(5):
        run()
    print(resident("VmHWM"), before)


if __name__ == "__main__":
    main()
