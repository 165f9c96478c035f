"""From a running NumPy program to nodes.

``level`` says which transformations are under way, ``tracer`` is the value that stands in for an ndarray, ``storage``
keeps assignment and views, ``spellings`` reads NumPy's calls, ``intercept`` swaps NumPy's creation functions while a
trace runs, ``record`` turns a finished trace into a pure graph.
"""
