"""The observer: it reads what the engine did and shows it. Nothing in the engine knows of it.

``tape`` is one run with its source lines, ``sweep`` the run of the chain rule from its end, edge by edge, ``work`` the
counts of multiplications, ``formula`` writes what an operation computes and its local rate. ``explain`` puts them
together, ``page`` prints that as plain text; ``cost`` counts; ``expression`` reads a typed formula; ``nan`` finds where
a NaN was born.

The picture: ``record`` runs a program and looks at every local product, ``measures`` has the definitions, ``scopes``
folds what repeats, ``trace_file`` writes it all as ``geartrain-trace/1``. Everything that draws reads that: ``still``
as SVG, ``document`` as a page of one file (built from ``viewer/``), ``see`` as one object with four bodies. ``quiz``
asks, ``lesson`` teaches, ``server`` serves.
"""
