"""HIPS autograd's public names, done by geartrain: a program is carried over by changing its imports.

    from geartrain.compat import autograd                    # from  import autograd
    import geartrain.compat.autograd.numpy as np             # from  import autograd.numpy as np
    from geartrain.compat.autograd import grad, jacobian     # from  from autograd import grad, jacobian

The answers are the same, and so are the errors and warnings that programs rely on; ``docs/from-autograd.md`` lists
what differs. The ``numpy`` here is NumPy itself, and what autograd refuses works: assignment, ``out=``, plain NumPy.

>>> grad(lambda x: x**2)(3.0)
6.0
"""

from geartrain.compat.autograd import numpy
from geartrain.compat.autograd.builtins import dict, isinstance, list, tuple, type
from geartrain.compat.autograd.differential_operators import (
    checkpoint,
    deriv,
    elementwise_grad,
    grad,
    grad_and_aux,
    grad_named,
    hessian,
    hessian_tensor_product,
    hessian_vector_product,
    holomorphic_grad,
    jacobian,
    make_ggnvp,
    make_hvp,
    make_jvp,
    make_vjp,
    multigrad_dict,
    tensor_jacobian_product,
    value_and_grad,
    vector_jacobian_product,
)
from geartrain.compat.autograd.extend import primitive

__all__ = [
    "checkpoint",
    "deriv",
    "dict",
    "elementwise_grad",
    "grad",
    "grad_and_aux",
    "grad_named",
    "hessian",
    "hessian_tensor_product",
    "hessian_vector_product",
    "holomorphic_grad",
    "isinstance",
    "jacobian",
    "list",
    "make_ggnvp",
    "make_hvp",
    "make_jvp",
    "make_vjp",
    "multigrad_dict",
    "numpy",
    "primitive",
    "tensor_jacobian_product",
    "tuple",
    "type",
    "value_and_grad",
    "vector_jacobian_product",
]
