"""What runs a graph: ``numpy`` walks a plan with NumPy's own functions; ``cpu`` makes native code, through ``llvm``."""
