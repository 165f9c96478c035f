"""What to do about a NaN or an infinity, by the op that made it."""

__all__ = ["BACKWARD", "FORWARD", "MASKED"]

_LOG = "keep the operand above 0, as in np.log(np.maximum(x, 1e-300)); for log(1 + u) write np.log1p(u)"
_EXP = "it overflows: subtract the largest exponent first (np.logaddexp, scipy.special.logsumexp), or clip the operand"
_UNIT = "rounding may leave the domain: np.clip(x, -1.0, 1.0)"
_QUOTIENT = "keep the denominator away from 0: a / np.where(b == 0, 1.0, b), inside np.where"
_SCALE = "it overflows: scale the operands, or work with logarithms"
_SINGULAR = "the matrix is singular or nearly so: add a small multiple of the identity, or use np.linalg.pinv or lstsq"

FORWARD = {
    **dict.fromkeys(("log", "log2", "log10", "log1p"), _LOG),
    **dict.fromkeys(("exp", "exp2", "expm1", "sinh", "cosh"), _EXP),
    **dict.fromkeys(("arcsin", "arccos", "arctanh"), _UNIT),
    **dict.fromkeys(("divide", "reciprocal", "remainder", "fmod"), _QUOTIENT),
    **dict.fromkeys(("multiply", "square", "add", "subtract", "sum", "matmul", "einsum", "cumsum"), _SCALE),
    **dict.fromkeys(("solve", "inv", "det", "logabsdet", "cholesky"), _SINGULAR),
    "sqrt": "keep the operand from falling below 0: np.sqrt(np.maximum(x, 0.0))",
    "power": "a negative base has no real power with a fraction for its exponent, and 0 none below 0: guard the base",
    "arccosh": "keep the operand from falling below 1: np.maximum(x, 1.0)",
}
"""For values, by the name of the op."""

BACKWARD = {
    "sqrt": "its slope at 0 is infinite: np.linalg.norm for a length, np.sqrt(x + 1e-12), or leave the root out",
    "power": "its slope at 0 is infinite for an exponent below 1: guard the base, as in (x + 1e-12) ** p",
    "cbrt": "its slope at 0 is infinite: guard the operand",
    "hypot": "it has no slope at (0, 0): np.linalg.norm has 0 there",
    "arctan2": "it has no slope at (0, 0): guard one of the operands",
    "exp": "it overflows where its value is divided by: write 1 / (1 + exp(x)) as scipy.special.expit(-x)",
    **dict.fromkeys(("arcsin", "arccos", "arccosh", "arctanh"), "its slope at the end of the domain is infinite: clip"),
    **dict.fromkeys(("divide", "reciprocal"), _QUOTIENT),
    **dict.fromkeys(("log", "log2", "log10", "log1p"), _LOG),
    **dict.fromkeys(
        ("eigh", "eig", "svd"),
        "vectors of equal values (or of a singular value 0) are one choice of many and have no slope: use what is the"
        " same for each choice, as (v * f(w)) @ v.T of one call; or tell the values apart by adding a matrix",
    ),
    "sum": "scale the program, so that its derivatives fit the dtype",
}
"""For derivatives, by the name of the op; "sum" is for cotangents that overflow when they meet."""

MASKED = "pass nan_safe=True to the transformation, or keep the operand away from there: {op}(np.where(ok, x, 1))"
