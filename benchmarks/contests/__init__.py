"""The contests, one module each: ``CONTEST`` says who does what. See :mod:`benchmarks.contest`."""
