"""Measurements against peers, in one process and interleaved: ``python -m benchmarks`` or ``make bench``.

``measure`` times contenders in turns and keeps ratios, ``peers`` finds who is installed, ``programs`` has what they
differentiate, ``cases`` says what is measured and what must hold, ``__main__`` prints it.
"""
