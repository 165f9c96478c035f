"""From a graph to a plan: which nodes make one kernel, where values live, in which order things run.

``views`` says how a value lies in a buffer, ``loops`` what a kernel is, ``element`` what one node does to one element,
``joining`` and ``group`` put nodes into kernels, ``build`` makes loop nests of them, ``strips`` puts together what goes
over the same rows, ``arena`` places buffers, ``plan`` is the result.
Nothing here knows a target: any backend prints the same loop nests.
"""
