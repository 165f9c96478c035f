"""NumPy as rules call it: array-likes in, array-likes out.

NumPy's type stubs describe ndarrays. Rules and expressions hand it tracers as well, which the stubs cannot know; so to
a type checker each function here is one of array-likes (``Any``). It is the same module.
"""

from typing import Any

import numpy as np

__all__ = ["numpy"]

numpy: Any = np
