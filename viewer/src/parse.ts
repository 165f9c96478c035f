// A typed function, `(3*x + 1)**2`, read into the same graph that Python's tracer would make. Nothing is evaluated as code.

import { RATES, FORWARD } from "./ops.js";
import { Twin } from "./run.js";
import { work } from "./measure.js";
import { FORMAT, Tape, type Trace } from "./trace.js";
import { fmt, raised } from "./util.js";

const LONGEST = 2000;
const DEEPEST = 100;
const LABEL = 26;
const CONSTANTS: Record<string, number> = { pi: Math.PI, e: Math.E };
const NAMES: Record<string, string> = { abs: "absolute", asin: "arcsin", acos: "arccos", atan: "arctan", ln: "log", max: "maximum", min: "minimum" };
const TWO = new Set(["maximum", "minimum", "arctan2", "hypot", "logaddexp", "power"]);
export const FUNCTIONS = Object.keys(RATES).filter((name) => !["add", "subtract", "multiply", "divide", "negative", "positive"].includes(name) && RATES[name].length);

export class ParseError extends Error {
  constructor(message: string, readonly at: number) { super(message); }
}

/** Builds a trace node by node. Operands are numbers of nodes. */
export class Builder {
  private readonly op: string[] = [];
  private readonly operands: number[][] = [];
  private readonly labels: string[] = [];
  private readonly binding: number[] = [];
  private readonly values: Record<string, number[]> = {};
  private readonly inputs: { name: string; node: number }[] = [];
  private readonly moves: boolean[] = [];
  private readonly made = new Map<string, number>();

  input(name: string, x: number): number {
    const node = this.add("input", [], name, 9, true);
    this.values[node] = [x];
    this.inputs.push({ name, node });
    return node;
  }

  constant(x: number): number {
    const text = fmt(x);
    const node = this.add("const", [], text, text.startsWith("−") ? 0 : 9, false);
    this.values[node] = [x];
    return node;
  }

  /** What stands in a formula twice is computed once, as in view/expression.py. */
  apply(op: string, ...operands: number[]): number {
    const key = `${op} ${operands.map((u) => (this.isConstant(u) ? `#${this.valueOf(u)}` : u)).join(" ")}`;
    const found = this.made.get(key) ?? this.applied(op, operands);
    this.made.set(key, found);
    return found;
  }

  private applied(op: string, operands: number[]): number {
    const [label, strength] = this.spell(op, operands);
    return this.add(op, operands, label.length > LABEL ? "" : label, label.length > LABEL ? 9 : strength, operands.some((u) => this.moves[u]));
  }

  isConstant(node: number): boolean { return this.op[node] === "const"; }
  valueOf(node: number): number { return this.values[node][0]; }

  private add(op: string, operands: number[], label: string, strength: number, moves: boolean): number {
    this.op.push(op);
    this.operands.push(operands);
    this.labels.push(label);
    this.binding.push(strength);
    this.moves.push(moves);
    return this.op.length - 1;
  }

  // The same labels as view/labels.py.
  private spell(op: string, operands: number[]): [string, number] {
    const parts = operands.map((u) => this.labels[u]);
    if (!parts.every(Boolean)) return ["", 9];
    const infix = ({ add: [" + ", 1], subtract: [" − ", 1], multiply: [" · ", 2], divide: [" / ", 2] } as Record<string, [string, number]>)[op];
    if (infix) {
      const [sign, strength] = infix;
      const right = strength + (op === "subtract" || op === "divide" ? 1 : 0);
      const [a, b] = [this.binding[operands[0]] >= strength ? parts[0] : `(${parts[0]})`, this.binding[operands[1]] >= right ? parts[1] : `(${parts[1]})`];
      if (op === "multiply" && /^[0-9.]+$/.test(parts[0]) && /^[a-z(]/i.test(b)) return [`${parts[0]}${b}`, 2];
      return [a + sign + b, strength];
    }
    if (op === "positive") return [parts[0], this.binding[operands[0]]];
    if (op === "negative") return [`−${this.binding[operands[0]] >= 2 ? parts[0] : `(${parts[0]})`}`, 1];
    const base = this.binding[operands[0]] === 9 && !parts[0].includes("(") ? parts[0] : `(${parts[0]})`;
    if (op === "square") return [`${base}²`, 8];
    if (op === "power" && /^−?\d+$/.test(parts[1])) return [`${base}${raised(parts[1])}`, 8];
    return [`${op}(${parts.join(", ")})`, 9];
  }

  /** The trace, run once. */
  trace(output: number, formula: string): Trace {
    const n = this.op.length;
    const ops = [...new Set(this.op)];
    const flat = this.operands.flat();
    const none = { node: [], rms: [], min: [], max: [], zeros: [], nan: [], inf: [], dead: [], hist: [] };
    const gain = this.operands.flatMap((operands, i) => operands.map((u, k) => (this.moves[u] && RATES[this.op[i]]?.[k] !== null && RATES[this.op[i]]?.[k] !== undefined ? 0 : null)));
    const program = { inputs: {} as Record<string, number[]>, constants: {} as Record<string, number[]>, fixed: {}, maps: {} };
    for (const [i, x] of Object.entries(this.values)) (this.op[Number(i)] === "input" ? program.inputs : program.constants)[i] = x;
    const trace: Trace = {
      format: FORMAT, title: "f", formula, inputs: this.inputs, outputs: [output],
      nodes: {
        op: this.op.map((name) => ops.indexOf(name)), arity: this.operands.map((u) => u.length), inputs: flat, dtype: new Array(n).fill(0),
        shape: new Array(n).fill(0), line: new Array(n).fill(-1), group: new Array(n).fill(0), label: this.labels,
      },
      ops, dtypes: ["float64"], shapes: [[]], lines: [], groups: [{ name: "", kind: "program", parent: -1, first: 0, last: n, count: 1 }],
      value: { at: new Array(n).fill(0), arrays: none, whole: {} }, bar: { at: new Array(n).fill(0), arrays: none, whole: {} },
      edges: { gain, rate: gain.map((g) => g) }, kappa: new Array(n).fill(null),
      work: { paths: "0", naive: "0", forward: "0", backward: "0", sweeps: 1 }, certificate: null, program,
    };
    const tape = new Tape(trace);
    new Twin(tape).update();
    trace.value.at = Array.from(tape.value, name);
    trace.bar.at = Array.from(tape.bar, (x, i) => (tape.isConst(i) ? null : name(x)));
    trace.edges.gain = Array.from(tape.gain, (g, e) => (tape.live[e] ? name(g) : null));
    trace.edges.rate = Array.from(tape.rate, (r, e) => (tape.live[e] ? name(r) : null));
    trace.kappa = Array.from(tape.kappa, (k) => (Number.isNaN(k) ? null : k));
    const count = work(tape);
    trace.work = { paths: String(count.paths), naive: String(count.naive), forward: String(count.forward), backward: String(count.backward), sweeps: count.sweeps };
    return trace;
  }
}

const name = (x: number) => (Number.isNaN(x) ? "nan" : x === Infinity ? "inf" : x === -Infinity ? "-inf" : x);

type Token = { kind: "number" | "name" | "sign" | "end"; text: string; at: number };

function tokens(text: string): Token[] {
  const out: Token[] = [];
  const pattern = /\s*(?:((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(\*\*|[-+*/^(),]))/y;
  let at = 0;
  while (text.slice(at).trim()) {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (!found) throw new ParseError(`“${text.slice(at).trim()[0]}” does not belong in a formula`, at);
    const [, number, word, sign] = found;
    out.push({ kind: number ? "number" : word ? "name" : "sign", text: number ?? word ?? sign, at: pattern.lastIndex - (number ?? word ?? sign).length });
    at = pattern.lastIndex;
  }
  out.push({ kind: "end", text: "", at: text.length });
  return out;
}

/** Read a formula and run it at a point. Variables without a value get 1. */
export function parse(text: string, at: Record<string, number> = {}): Trace {
  if (text.length > LONGEST) throw new ParseError(`this formula has ${text.length.toLocaleString("en")} characters; at most ${LONGEST.toLocaleString("en")} are read`, 0);
  const all = tokens(text.replace(/\bnp\./g, "   ").replace(/−/g, "-").replace(/·/g, "*").replace(/²/g, "^2").replace(/³/g, "^3"));
  if (all.length === 1) throw new ParseError("there is nothing here yet", 0);
  const build = new Builder();
  const variables = new Map<string, number>();
  for (const t of all) {
    if (t.kind === "name" && !(t.text in CONSTANTS) && !variables.has(t.text) && !isFunction(t.text)) variables.set(t.text, 0);
  }
  for (const v of [...variables.keys()].sort()) variables.set(v, build.input(v, at[v] ?? 1));
  let k = 0;
  let depth = 0;
  const peek = () => all[k];
  const take = (...signs: string[]) => (peek().kind === "sign" && signs.includes(peek().text) ? all[k++].text : null);
  const fail = (message: string): never => { throw new ParseError(message, peek().at); };
  const deeper = <T>(f: () => T): T => {
    if (++depth > DEEPEST) fail(`this nests deeper than ${DEEPEST}`);
    const out = f();
    depth--;
    return out;
  };
  const sum = (): number => {
    let left = product();
    for (let sign = take("+", "-"); sign; sign = take("+", "-")) left = build.apply(sign === "+" ? "add" : "subtract", left, product());
    return left;
  };
  const product = (): number => {
    let left = signed();
    for (;;) {
      const sign = take("*", "/");
      if (sign) left = build.apply(sign === "*" ? "multiply" : "divide", left, signed());
      else if (peek().kind === "name" || peek().kind === "number" || (peek().text === "(" && peek().kind === "sign")) {
        if (peek().kind === "number") fail("a sign is missing before this number");
        left = build.apply("multiply", left, power()); // 3x is a product
      } else return left;
    }
  };
  const signed = (): number => {
    const sign = take("-", "+");
    if (!sign) return power();
    const operand = deeper(signed);
    if (sign === "+") return operand;
    return build.isConstant(operand) ? build.constant(-build.valueOf(operand)) : build.apply("negative", operand);
  };
  const power = (): number => {
    const base = atom();
    if (!take("**", "^")) return base;
    const exponent = deeper(signed);
    if (build.isConstant(exponent) && build.valueOf(exponent) === 2) return build.apply("square", base);
    return build.apply("power", base, exponent);
  };
  const atom = (): number => {
    const t = peek();
    if (t.kind === "number") { k++; return build.constant(Number(t.text)); }
    if (take("(")) {
      const inside = deeper(sum);
      if (!take(")")) fail("a bracket is not closed here");
      return inside;
    }
    if (t.kind !== "name") return fail(t.kind === "end" ? "the formula ends too early" : `“${t.text}” cannot stand here`);
    k++;
    if (t.text in CONSTANTS) return build.constant(CONSTANTS[t.text]);
    if (!isFunction(t.text)) return variables.get(t.text)!;
    const op = NAMES[t.text] ?? t.text;
    if (!take("(")) fail(`${t.text} is a function: write ${t.text}(x)`);
    const operands = [deeper(sum)];
    while (take(",")) operands.push(deeper(sum));
    if (!take(")")) fail("a bracket is not closed here");
    const needed = TWO.has(op) ? 2 : 1;
    if (operands.length !== needed) fail(`${t.text} takes ${needed} value${needed > 1 ? "s" : ""}, not ${operands.length}`);
    return build.apply(op, ...operands);
  };
  let output = sum();
  if (peek().kind !== "end") fail(`“${peek().text}” cannot stand here`);
  if (!variables.size) throw new ParseError("there is no variable to differentiate in", 0);
  if (build.isConstant(output) || [...variables.values()].includes(output)) output = build.apply("positive", output);
  return build.trace(output, text);
}

const isFunction = (text: string) => (NAMES[text] ?? text) in FORWARD && FUNCTIONS.includes(NAMES[text] ?? text);
