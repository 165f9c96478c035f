"""Programs written for HIPS autograd, as text: only the imports differ between the two runs.

Each leaves its answers in ``out``. ``{autograd}`` is ``autograd`` or ``geartrain.compat.autograd``, and ``{itself}``
how that is imported by its own name.
"""

IMPORTS = """
import warnings
{itself}
import {autograd}.numpy as np
import {autograd}.numpy.random as npr
import {autograd}.numpy.linalg as npla
from {autograd} import *
from {autograd}.extend import primitive, defvjp, defjvp, defvjp_argnum, defvjp_argnums, defjvp_argnum, defjvp_argnums
from {autograd}.extend import def_linear, vspace, notrace_primitive
from {autograd}.misc.flatten import flatten, flatten_func
from {autograd}.misc.optimizers import adam, rmsprop, sgd
rs = npr.RandomState(0)
"""

PROGRAMS = {
    "tanh": """
def tanh(x):
    y = np.exp(-2.0 * x)
    return (1.0 - y) / (1.0 + y)
d_fun = elementwise_grad(tanh)
d2 = elementwise_grad(d_fun)
x = np.linspace(-2, 2, 5)
out = [tanh(x), d_fun(x), d2(x), grad(tanh)(0.5), grad(grad(grad(tanh)))(0.5)]
""",
    "logistic regression": """
def sigmoid(x): return 0.5 * (np.tanh(x / 2.) + 1)
inputs = np.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30], [0.74, -2.49, 1.39]])
targets = np.array([True, True, False, True])
def loss(weights):
    preds = sigmoid(np.dot(inputs, weights))
    probs = preds * targets + (1 - preds) * (1 - targets)
    return -np.sum(np.log(probs))
weights = np.array([0.0, 0.0, 0.0])
gradient = grad(loss)
for i in range(30):
    weights -= gradient(weights) * 0.05
out = [weights, loss(weights), hessian(loss)(weights)]
""",
    "neural net": """
def init(scale, sizes):
    return [(scale * rs.randn(m, n), scale * rs.randn(n)) for m, n in zip(sizes[:-1], sizes[1:])]
def predict(params, inputs):
    for W, b in params:
        outputs = np.dot(inputs, W) + b
        inputs = np.tanh(outputs)
    return outputs - np.log(np.sum(np.exp(outputs), axis=1, keepdims=True))
x, t = rs.randn(5, 4), np.eye(3)[[0, 1, 2, 0, 1]]
params = init(0.5, [4, 6, 3])
def objective(params, i):
    flat, _ = flatten(params)
    return 0.5 * np.dot(flat, flat) - np.sum(predict(params, x) * t)
heard = []
def hear(params, i, g): heard.append(objective(params, i))
optimized = adam(grad(objective), params, step_size=0.1, num_iters=5, callback=hear)
out = [objective(params, 0), grad(objective)(params, 0), optimized, heard, value_and_grad(objective)(params, 0)[0]]
""",
    "optimizers": """
def f(p, i): return np.sum((p["w"] - 1.0) ** 2) + p["b"] ** 2 + np.sum(p["l"][0] ** 2)
p = {"w": np.zeros(3), "b": 2.0, "l": [np.ones(2)]}
out = [sgd(grad(f), p, num_iters=7), rmsprop(grad(f), p, num_iters=7), adam(grad(f), p, num_iters=7)]
""",
    "flatten": """
value = {"b": [np.arange(4.0).reshape(2, 2), 3.0], "a": (np.ones(2), {"z": np.zeros(1)})}
flat, unflatten = flatten(value)
f, un, ex = flatten_func(lambda v, k: {"b": [v["b"][0] * k, v["b"][1]], "a": v["a"]}, value)
out = [flat, unflatten(flat * 2), f(ex, 3.0), un(f(ex, 3.0)), grad(lambda v: np.sum(flatten(v)[0] ** 2))(value)]
""",
    "operators": """
def f(x): return np.array([np.sum(x ** 2), x[0] * x[1], np.sin(x[2])])
def s(x): return np.sum(x ** 3) * x[0]
x, v, w = np.array([1.0, 2.0, 3.0]), np.array([0.5, -1.0, 2.0]), np.array([1.0, 1.0, -2.0])
vjp, ans = make_vjp(f)(x)
hvp, g = make_hvp(s)(x)
ggn = make_ggnvp(lambda x: np.array([x[0] * x[1], x[2] ** 2]))(x)
out = [vjp(w), ans, make_jvp(f)(x)(v), jacobian(f)(x), hvp(v), g, hessian_vector_product(s)(x, v),
       hessian_tensor_product(s)(x, v), vector_jacobian_product(f)(x, w), tensor_jacobian_product(f)(x, w), ggn(v),
       deriv(f)(x), value_and_grad(s)(x), hessian(s)(x)]
""",
    "argnums": """
def f(a, b, c=2.0, **kw): return np.sum(a * b ** 2) * c + kw.get("k", 0.0)
a, b = np.array([1.0, 2.0]), np.array([3.0, -1.0])
out = [grad(f)(a, b), grad(f, 1)(a, b), grad(f, (0, 1))(a, b), grad(f, [1, 0])(a, b, k=3.0), grad(f, -1)(a, b),
       jacobian(lambda a, b: a * b, 1)(a, b), elementwise_grad(lambda a, b: a * b, 1)(a, b), grad(f)(a, b, c=3.0),
       grad_named(f, "b")(a, b), grad(f).__name__]
""",
    "aux": """
out = [grad_and_aux(lambda x: (np.sum(x ** 2), {"kept": 2 * x}))(np.array([1.0, 2.0]))[0]]
""",
    "complex": """
z = 1.0 + 2.0j
zs = np.array([1.0 + 2.0j, -0.5j, 3.0 + 0.0j])
out = [grad(lambda z: np.abs(z) ** 2)(z), grad(lambda z: np.real(z * z))(z), holomorphic_grad(lambda z: z ** 3)(z),
       grad(lambda z: np.sum(np.abs(np.exp(z)) ** 2))(zs), grad(lambda z: np.imag(np.conj(z)))(z),
       grad(lambda x: np.real(np.sum(np.fft.fft(x) * np.array([1.0, 2.0j, 3.0]))))(np.array([1.0, 2.0, 3.0])),
       elementwise_grad(lambda z: np.real(z) * np.imag(z))(zs), grad(lambda x: np.abs(x * (1 + 2j)))(1.5)]
""",
    "linear algebra": """
a = rs.randn(4, 4); a = np.dot(a, a.T) + np.eye(4); b = rs.randn(4)
out = [grad(lambda a: npla.slogdet(a)[1])(a), grad(lambda a: npla.det(a))(a), grad(lambda a: np.sum(npla.inv(a)))(a),
       grad(lambda a: np.sum(npla.solve(a, b) ** 2))(a), jacobian(lambda b: npla.solve(a, b))(b),
       grad(lambda a: np.sum(npla.norm(a)))(a), grad(lambda a: np.sum(np.linalg.eigh(a + a.T)[0] ** 2))(a),
       grad(lambda a: np.sum(npla.svd(a, compute_uv=False)))(a), grad(lambda a: np.trace(npla.pinv(a)))(a)]
""",
    "shapes": """
x = rs.randn(3, 4)
def f(x):
    y = np.concatenate([x[1:, ::2].ravel(), np.ones(2)])
    z = np.stack([np.roll(x, 1, axis=0), np.transpose(x.T)]).reshape(2, -1)
    w = np.where(x > 0, x ** 2, -x) + np.tile(x[:, :1], (1, 4)) + np.expand_dims(np.diag(x[:, :3]), 1)
    v = np.einsum("ij,kj->ik", x, x) + np.outer(x[:, 0], x[:, 1]) + np.tensordot(x, x, ([1], [1]))
    return (np.sum(np.sin(y)) + np.sum(z ** 2) + np.sum(w) + np.sum(v) + np.max(x) + np.sort(x[0])[1]
            + np.mean(np.std(x, axis=1)) + np.prod(x[0]) + np.cumsum(x)[5] + np.pad(x, 1, "constant")[1, 1]
            + np.logaddexp(x[0, 0], x[0, 1]) + np.clip(x, -0.5, 0.5).sum() + np.dot(np.squeeze(x[:1]), x[1]))
out = [f(x), grad(f)(x), hessian(lambda u: f(u.reshape(3, 4)))(x.ravel())]
""",
    "indexing and control flow": """
def f(x):
    total = 0.0
    for i in range(len(x)):
        if x[i] > 0:
            total = total + x[i] ** (i + 1)
        else:
            total = total - np.sin(x[i])
    while total > 10.0:
        total = total / 2.0
    return total * len(x) + sum(x) + max(x)
x = np.array([1.5, -0.5, 2.0, -1.0])
out = [f(x), grad(f)(x), grad(lambda l: l[0] * l[1] + l[1])([2.0, 3.0]),
       grad(lambda d: d["a"] * d["b"])({"a": 2.0, "b": 3.0})]
""",
    "rk4": """
def f(t, y): return np.array([y[1], -np.sin(y[0]) - 0.1 * y[1]])
def solve(y):
    for i in range(20):
        k1 = f(0, y); k2 = f(0, y + 0.05 * k1); k3 = f(0, y + 0.05 * k2); k4 = f(0, y + 0.1 * k3)
        y = y + 0.1 / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y
y = np.array([1.0, 0.0])
out = [solve(y), jacobian(solve)(y), grad(lambda y: solve(y)[0])(y)]
""",
    "primitive": """
@primitive
def logsumexp(x):
    m = np.max(x)
    return m + np.log(np.sum(np.exp(x - m)))
def logsumexp_vjp(ans, x):
    shape = x.shape
    return lambda g: np.full(shape, g) * np.exp(x - np.full(shape, ans))
defvjp(logsumexp, logsumexp_vjp)
def example(y):
    z = y ** 2
    return np.sum(logsumexp(z) * y)
y = np.array([1.5, 6.7, 1e-10])
out = [example(y), grad(example)(y), hessian(lambda y: logsumexp(y))(y[:2])]
""",
    "primitive of several": """
@primitive
def scaled(x, y, power=2, name="n"):
    assert isinstance(name, str)
    return x ** power * np.sum(y)
defvjp(scaled, lambda ans, x, y, power=2, name="n": lambda g: np.sum(g) * power * x ** (power - 1) * np.sum(y)
       if np.ndim(x) == 0 else g * power * x ** (power - 1) * np.sum(y),
       lambda ans, x, y, power=2, name="n": lambda g: np.sum(g * x ** power) * np.ones(np.shape(y)))
defjvp(scaled, lambda g, ans, x, y, power=2, name="n": g * power * x ** (power - 1) * np.sum(y),
       lambda g, ans, x, y, power=2, name="n": x ** power * np.sum(g))
x, y = np.array([1.0, 2.0]), np.array([0.5, 1.5, 2.5])
@primitive
def linear(x, k): return 3.0 * x * k
defjvp(linear, "same", None)
@primitive
def first(x, y): return x + 0 * y
defvjp(first, lambda ans, x, y: lambda g: g, None)
@primitive
def both(x, y): return x * y
defvjp_argnums(both, lambda argnums, ans, args, kwargs: lambda g: tuple(g * args[1 - i] for i in argnums))
defjvp_argnums(both, lambda argnums, gs, ans, args, kwargs: sum(g * args[1 - i] for i, g in zip(argnums, gs)))
@primitive
def one(x, y): return x * y
defvjp_argnum(one, lambda argnum, ans, args, kwargs: lambda g: g * args[1 - argnum])
def_linear(one)
out = [grad(lambda x, y: np.sum(scaled(x, y, power=3)))(x, y), grad(lambda x, y: np.sum(scaled(x, y)), 1)(x, y),
       make_jvp(lambda x: scaled(x, y))(x)(np.array([1.0, -1.0])), make_jvp(lambda x: linear(x, 2.0))(x)(x),
       grad(lambda x: np.sum(first(x, x)))(x), grad(lambda x: np.sum(both(x, x)))(x),
       make_jvp(lambda x: both(x, x))(x)(x),
       grad(lambda x: np.sum(one(x, x) * x))(x), make_jvp(lambda x: one(x, x))(x)(x)]
""",
    "a primitive that broadcasts": """
from {autograd}.numpy.numpy_vjps import unbroadcast_f
product = primitive(lambda x, y: x * y)
defvjp(product, lambda ans, x, y: unbroadcast_f(x, lambda g: g * y),
       lambda ans, x, y: unbroadcast_f(y, lambda g: x * g))
x, y = np.arange(3.0), np.arange(6.0).reshape(2, 3)
out = [grad(lambda x: np.sum(product(x, y)))(x), grad(lambda y: np.sum(product(x, y) ** 2))(y), autograd.numpy.sin(1.0),
       grad(lambda x: np.sum(product(x, y)))(2.0)]
""",
    "checkpoint": """
def f(x): return np.sum(np.tanh(np.dot(x, x.T)))
x = rs.randn(3, 2)
out = [grad(checkpoint(f))(x), hessian(lambda v: checkpoint(lambda u: np.sum(np.sin(u) ** 2))(v))(x[0])]
""",
    "vspace": """
space = vspace({"a": np.zeros((2, 2)), "b": [1.0, np.ones(1)]})
out = [space.size, space.zeros(), space.ones(), list(vspace(np.zeros(2)).standard_basis()), vspace(1j).size,
       vspace(np.zeros((2, 3))).shape, vspace(1.0) == vspace(2.0), vspace(1.0) == vspace(np.zeros(2))]
""",
    "fixed point": """
from {autograd}.misc.fixed_points import fixed_point
def newton_sqrt(a): return lambda x: 0.5 * (x + a / x)
def distance(x, y): return np.abs(x - y)
def sqrt(a): return fixed_point(newton_sqrt, a, 1.0, distance, 1e-12)
out = [sqrt(2.0), grad(sqrt)(2.0), grad(grad(sqrt))(2.0)]
""",
    "const graph": """
from {autograd}.misc import const_graph
f = const_graph(lambda x, y: np.sum(np.sin(x) * y))
x = np.array([1.0, 2.0])
out = [f(x, x), f(x + 1, x), f(x + 2, x)]
""",
    "distributions": """
import {autograd}.scipy.stats.norm as norm
import {autograd}.scipy.stats.multivariate_normal as mvn
import {autograd}.scipy.stats.t as t
from {autograd}.scipy.stats import poisson, gamma, beta, chi2, dirichlet
x = np.array([0.3, 1.2])
c = np.array([[2.0, 0.3], [0.3, 1.0]])
out = [grad(lambda x: np.sum(norm.logpdf(x, 0.5, 2.0)))(x), grad(lambda s: np.sum(norm.cdf(x, 0.5, s)))(2.0),
       grad(lambda m: mvn.logpdf(x, m, c))(np.zeros(2)), grad(lambda c: mvn.logpdf(x, np.zeros(2), c))(c),
       grad(lambda x: np.sum(t.logpdf(x, 3.0, 0.5, 2.0)))(x),
       grad(lambda m: np.sum(poisson.logpmf(np.array([1, 2]), m)))(1.5),
       grad(lambda x: np.sum(gamma.logpdf(x, 2.0)))(x), grad(lambda x: np.sum(beta.logpdf(x, 2.0, 3.0)))(x / 2),
       grad(lambda x: np.sum(chi2.logpdf(x, 3.0)))(x)]
""",
    "special functions": """
from {autograd}.scipy.special import logsumexp, gammaln, erf, expit, beta, jn, digamma, logit
import {autograd}.scipy.special as sp
x = np.array([0.3, 1.2])
out = [grad(lambda x: logsumexp(x))(x), grad(lambda x: np.sum(gammaln(x) + erf(x) + expit(x) + digamma(x)))(x),
       grad(lambda x: np.sum(beta(x, 2.0) + sp.i0(x) + sp.j0(x)))(x), hessian(lambda x: np.sum(sp.gamma(x)))(x),
       grad(lambda x: np.sum(sp.logit(x / 2)))(x)]
""",
    "convolutions": """
from {autograd}.scipy.signal import convolve
A, B = rs.randn(2, 3, 6, 5), rs.randn(3, 4, 2, 3)
def valid(A, B): return convolve(A, B, axes=([2, 3], [2, 3]), dot_axes=([1], [0]), mode="valid")
def full(A, B): return convolve(A, B, axes=([2], [3]), dot_axes=([1], [0]))
out = [valid(A, B), grad(lambda A: np.sum(np.sin(valid(A, B))))(A), grad(lambda B: np.sum(np.sin(valid(A, B))))(B),
       full(A, B), grad(lambda A: np.sum(np.sin(full(A, B))))(A), convolve(np.arange(3.0), np.arange(4.0)),
       convolve(B[0, 0], A[0, 0], mode="valid"),
       grad(lambda x: np.sum(convolve(x, np.arange(3.0), mode="full") ** 2))(np.arange(4.0))]
""",
    "scipy linalg": """
import {autograd}.scipy.linalg as sla
a = rs.randn(3, 3); a = np.dot(a, a.T) + np.eye(3); b = rs.randn(3)
out = [grad(lambda b: np.sum(sla.solve_triangular(np.tril(a), b, lower=True)))(b),
       grad(lambda a: np.sum(sla.sqrtm(a)))(a),
       grad(lambda a: np.sum(sla.solve_triangular(a, b, lower=True)))(a)]
""",
    "minimize": """
from scipy.optimize import minimize
def rosenbrock(x): return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
found = minimize(value_and_grad(rosenbrock), x0=np.array([0.0, 0.0]), jac=True, method="CG")
out = [np.round(found.x, 3)]
""",
    "whole numbers": """
x = np.array([1, 2, 3])
out = [grad(lambda x: np.sum(x ** 2.0))(x), jacobian(lambda x: x * 2.0)(x)]
""",
    "types": """
seen = []
def f(x):
    seen.append(isinstance(x, float))
    y = np.sin(x)
    return y * x
out = [grad(f)(1.0), seen, grad(lambda l: sum([v ** 2 for v in l]))([1.0, 2.0, 3.0]),
       grad(lambda t: t[0] * t[1])((2.0, 3.0)), grad(lambda t: np.sum(tuple(t)[1]) * list(t)[0])((2.0, np.ones(2)))]
""",
}

KINKS = """
def tie(x): return np.max(x) + np.sum(np.sort(x) * np.arange(len(x)))
out = [grad(lambda x: np.maximum(x, 0.0))(0.0), grad(np.abs)(0.0), grad(np.sqrt)(np.float64(0.0)),
       grad(tie)(np.array([1.0, 1.0, 0.0])), grad(lambda x: np.sum(x * x))(np.ones(2, np.float32))]
"""

ERRORS = {
    "vector": "grad(lambda x: x * 2)(np.ones(3))",
    "value and vector": "value_and_grad(lambda x: x * 2)(np.ones(3))",
    "complex result": "grad(lambda x: x * 1j)(1.0)",
    "elementwise complex": "elementwise_grad(lambda x: x * 1j)(np.ones(2))",
    "an int": "grad(lambda x: x * 2.0)(3)",
    "a string": "grad(lambda x: x)('a')",
    "no vjp": "grad(primitive(lambda x: x ** 2))(1.0)",
    "no vjp of this argument": """
f = primitive(lambda x, y: x * y)
defvjp(f, lambda ans, x, y: lambda g: g * y)
grad(f, 1)(1.0, 2.0)
""",
    "too many dimensions": "grad(lambda x: np.dot(x, np.ones((2, 3))))(np.ones(5))",
}

WARNINGS = {
    "independent": "out = grad(lambda x: 3.0)(np.ones(2))",
    "independent jacobian": "out = jacobian(lambda x: np.ones(2))(np.ones(3))",
    "the old way": """
f = autograd.primitive(lambda x, y: x * y ** 2)
f.defvjp(lambda g, ans, vs, gvs, x, y: g * y ** 2)
f.defvjp(lambda g, ans, vs, gvs, x, y: g * x * 2 * y, argnum=1)
k = autograd.primitive(lambda x: x ** 3)
k.defgrad(lambda ans, x: lambda g: g * 3 * x ** 2)
h = autograd.primitive(lambda x: x * 0 + 2.0)
h.defvjp_is_zero()
out = [grad(f)(2.0, 3.0), grad(f, 1)(2.0, 3.0), grad(lambda x: h(x) * x)(3.0), grad(k)(2.0)]
""",
    "holomorphic of a real": "out = holomorphic_grad(lambda x: x ** 2)(2.0)",
}
