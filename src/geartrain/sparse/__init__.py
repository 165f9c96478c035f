"""Sparse derivatives, for a push for each colour.

``pattern`` says which entries can differ from zero, ``colour`` which columns can be moved together, and ``derivative``
makes Jacobians and Hessians of both.
"""
