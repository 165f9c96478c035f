"""Native code for this processor: kernels, matrix products, a pool of workers, and the way in from Python.

``runtime`` compiles what every program shares (``pool``, ``gemm``, ``entry``) once; nothing here is loaded, and no
thread is started, before a program is compiled.
"""
