// Local rates as a reader writes them: the table's expression with the program's own names in it, as text or MathML.

import { RATES, type Expression } from "./ops.js";
import type { Tape } from "./trace.js";
import { fmt, m, raised } from "./util.js";

const INFIX: Record<string, [string, number]> = { add: [" + ", 1], subtract: [" − ", 1], multiply: ["·", 2], divide: [" / ", 2] };
const ATOM = 9;
type Named = (name: "y" | "a" | "b") => [string, number];

/** How strongly a label holds together: `3x + 1` needs brackets in a product, `x` does not. */
function binding(label: string): number {
  let depth = 0;
  let least = ATOM;
  for (let i = 0; i < label.length; i++) {
    const c = label[i];
    if (c === "(") depth++;
    else if (c === ")") depth--;
    else if (depth === 0) {
      if (label.startsWith(" + ", i) || label.startsWith(" − ", i) || (c === "−" && i === 0)) least = Math.min(least, 1);
      else if (c === "·" || c === "/" || c === "@" || (/[0-9]/.test(c) && /[a-zα-ω(]/i.test(label[i + 1] ?? ""))) least = Math.min(least, 2);
    }
  }
  return least;
}

function spell(tree: Expression, named: Named): [string, number] {
  if (tree === null) return ["0", ATOM];
  if (typeof tree === "number") return [fmt(tree), tree < 0 ? 1 : ATOM];
  if (typeof tree === "string") return named(tree as "y");
  const [op, ...operands] = tree;
  if (op.startsWith("text:")) return [op.slice(5), ATOM];
  const parts = operands.map((t) => spell(t, named));
  const wrap = (part: [string, number], least: number) => (part[1] >= least ? part[0] : `(${part[0]})`);
  if (op === "multiply" && typeof operands[0] === "string" && operands[0] === operands[1]) return [`${wrap(parts[0], 8)}²`, 8];
  if (op === "where" && Array.isArray(operands[0]) && operands[0][0] === "equal" && operands[0][2] === 0) {
    return parts[2]; // the case that only guards against 0
  }
  if (op === "power") {
    const exponent = parts[1][0];
    if (/^[−0-9]+$/.test(exponent)) return [`${wrap(parts[0], ATOM)}${raised(exponent)}`, 8];
    const less = /^(\d+) − 1$/.exec(exponent);
    if (less) return less[1] === "2" ? parts[0] : [`${wrap(parts[0], ATOM)}${raised(Number(less[1]) - 1)}`, 8];
    return [`${wrap(parts[0], ATOM)}^(${exponent})`, 8];
  }
  if (op in INFIX) {
    const [sign, strength] = INFIX[op];
    const right = strength + (op === "subtract" || op === "divide" ? 1 : 0);
    return [`${wrap(parts[0], strength)}${sign}${wrap(parts[1], right)}`, strength];
  }
  if (op === "negative") return [`−${wrap(parts[0], 2)}`, 1];
  return [`${op}(${parts.map((p) => p[0]).join(", ")})`, ATOM];
}

/** The local rate of an edge in the program's own names, or "" where there is no short one. */
export function rateText(tape: Tape, e: number, longest = 30): string {
  const i = tape.target[e];
  const tree = RATES[tape.op[i]]?.[e - tape.start[i]];
  if (tree === undefined || tree === null) return "";
  const named: Named = (name) => {
    const node = name === "y" ? i : tape.source[tape.start[i] + (name === "b" ? 1 : 0)];
    const label = tape.trace.nodes.label[node];
    return label ? [label, binding(label)] : [tape.name(node), 0];
  };
  const text = spell(tree, named)[0];
  return text.length <= longest ? text : "";
}

/** A piece of text such as `2·(3x + 1)²` as MathML: letters in italics, signs as operators, raised digits raised. */
export function math(text: string): Element {
  const row = m("mrow");
  const superscript = /^[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+/;
  let rest = text;
  while (rest) {
    const up = superscript.exec(rest);
    if (up && row.lastElementChild) {
      const digits = up[0].replace(/./g, (c) => (c === "⁻" ? "−" : String("⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(c))));
      const base = row.lastElementChild;
      base.replaceWith(m("msup", {}, base.cloneNode(true), m("mn", {}, digits)));
      rest = rest.slice(up[0].length);
      continue;
    }
    const word = /^[A-Za-zα-ωΑ-Ω_][A-Za-z_0-9]*/.exec(rest) ?? /^[0-9][0-9.e]*/.exec(rest) ?? /^\s+/.exec(rest) ?? [rest[0]];
    const piece = word[0];
    rest = rest.slice(piece.length);
    if (/^\s/.test(piece)) continue;
    row.append(/^[A-Za-zα-ω_]/.test(piece) ? m("mi", { class: piece.length > 1 ? "fn" : undefined }, piece) : /^[0-9]/.test(piece) ? m("mn", {}, piece) : m("mo", {}, piece));
  }
  return m("math", {}, row);
}

/** What an op does to its one moving operand: `× 3`, `+ 1`, `square`. */
export function opText(tape: Tape, i: number): string {
  const first = tape.start[i];
  const arity = tape.start[i + 1] - first;
  const op = tape.op[i];
  const moving = [...Array(arity).keys()].filter((k) => tape.live[first + k]);
  if (arity === 2 && moving.length === 1) {
    const other = tape.source[first + 1 - moving[0]];
    const text = tape.trace.nodes.label[other];
    const front = moving[0] === 1;
    const sign = ({ add: "+", subtract: "−", multiply: "×", divide: "÷" } as Record<string, string>)[op];
    if (sign && text && text.length < 9) return front && (op === "subtract" || op === "divide") ? `${text} ${sign} ·` : `${sign} ${text}`;
    if (op === "power" && text && !front) return `power ${text}`;
    if (op === "maximum" && text) return `at least ${text}`;
  }
  return ({ add: "+", subtract: "−", multiply: "×", divide: "÷", matmul: "matmul", absolute: "abs", negative: "negate" } as Record<string, string>)[op] ?? op;
}
