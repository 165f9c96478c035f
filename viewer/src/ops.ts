// What the page can compute. Values by the functions below; local rates by the table that Python generates from its rows.

import table from "./optable.json";

export type Expression = null | number | string | [string, ...Expression[]];
export const RATES = table as unknown as Record<string, Expression[]>;

const bool = (x: boolean) => (x ? 1 : 0);
const LN2 = Math.LN2;
const logaddexp = (a: number, b: number) => (a === b ? a + LN2 : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b))));
const copysign = (a: number, b: number) => (b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a));

export const FORWARD: Record<string, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
  negative: (a) => -a,
  positive: (a) => a,
  square: (a) => a * a,
  reciprocal: (a) => 1 / a,
  power: (a, b) => Math.pow(a, b),
  float_power: (a, b) => Math.pow(a, b),
  exp: Math.exp,
  exp2: (a) => Math.pow(2, a),
  expm1: Math.expm1,
  log: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  log1p: Math.log1p,
  logaddexp,
  logaddexp2: (a, b) => logaddexp(a * LN2, b * LN2) / LN2,
  sqrt: Math.sqrt,
  cbrt: Math.cbrt,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  arcsin: Math.asin,
  arccos: Math.acos,
  arctan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  arcsinh: Math.asinh,
  arccosh: Math.acosh,
  arctanh: Math.atanh,
  deg2rad: (a) => (a * Math.PI) / 180,
  radians: (a) => (a * Math.PI) / 180,
  rad2deg: (a) => (a * 180) / Math.PI,
  degrees: (a) => (a * 180) / Math.PI,
  arctan2: Math.atan2,
  hypot: Math.hypot,
  maximum: (a, b) => (a !== a || b !== b ? NaN : Math.max(a, b)),
  minimum: (a, b) => (a !== a || b !== b ? NaN : Math.min(a, b)),
  fmax: (a, b) => (a !== a ? b : b !== b ? a : Math.max(a, b)),
  fmin: (a, b) => (a !== a ? b : b !== b ? a : Math.min(a, b)),
  absolute: Math.abs,
  fabs: Math.abs,
  copysign,
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
  sign: Math.sign,
  heaviside: (a, b) => (a === 0 ? b : a > 0 ? 1 : a < 0 ? 0 : NaN),
  equal: (a, b) => bool(a === b),
  not_equal: (a, b) => bool(a !== b),
  less: (a, b) => bool(a < b),
  less_equal: (a, b) => bool(a <= b),
  greater: (a, b) => bool(a > b),
  greater_equal: (a, b) => bool(a >= b),
  logical_and: (a, b) => bool(a !== 0 && b !== 0),
  logical_or: (a, b) => bool(a !== 0 || b !== 0),
  logical_not: (a) => bool(a === 0),
  isnan: (a) => bool(a !== a),
  isfinite: (a) => bool(Number.isFinite(a)),
  isinf: (a) => bool(a === Infinity || a === -Infinity),
};

/** A local rate as a function of the result and the operands. */
export type Rate = (y: number, a: number, b: number) => number;
const compiled: Record<string, (Rate | null)[]> = {};

/** The local rate of operand k of an op, or null where it has none. No code is made from text: closures only. */
export function rate(op: string, k: number): Rate | null {
  return (compiled[op] ??= (RATES[op] ?? []).map((tree) => (tree === null ? null : compile(tree))))[k] ?? null;
}

/** A reader's own operation of one operand: what it computes, its rate, and the rate as it was typed. */
export function own(name: string, forward: (u: number) => number, rateOf: (u: number) => number, typed: string): void {
  FORWARD[name] = forward;
  RATES[name] = [[`text:${typed}`]];
  compiled[name] = [(_, u) => rateOf(u)];
}

function compile(tree: Expression): Rate {
  if (typeof tree === "number") return () => tree;
  if (tree === "y") return (y) => y;
  if (tree === "a") return (_, a) => a;
  if (tree === "b") return (_, _a, b) => b;
  const [op, ...operands] = tree as [string, ...Expression[]];
  const parts = operands.map(compile);
  if (op === "where") return (y, a, b) => (parts[0](y, a, b) ? parts[1](y, a, b) : parts[2](y, a, b));
  const f = FORWARD[op];
  const [p, q] = parts;
  return q ? (y, a, b) => f(p(y, a, b), q(y, a, b)) : (y, a, b) => f(p(y, a, b), NaN);
}
