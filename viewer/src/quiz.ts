// Questions whose wrong answers have names: the rules of view/quiz.py, for functions that the page makes up or reads.

import { dominantPath } from "./measure.js";
import { FORWARD, rate } from "./ops.js";
import { parse } from "./parse.js";
import { Tape } from "./trace.js";
import { fmt } from "./util.js";

export interface Mistake { value: number; name: string }
export interface Question { id: string; f: string; x: number; asks: string; right: number; mistakes: Mistake[]; why: string }

export const EXPLAINED: Record<string, string> = {
  inner: "That leaves out the rate of the innermost step. Every step on the way multiplies, the first one too.",
  "at x": "The last step's rate must be taken where that step stands: at what flows into it, not at x.",
  added: "Those are the right rates, added. Rates along one path multiply; only different paths add.",
  value: "That is the value of the function. The question is how fast it changes.",
  outer: "That leaves out the rate of the last step. Every step on the way multiplies, the last one too.",
  "one path": "That is one path's product. x reaches the end on several paths: add what each of them brings.",
  sign: "The size is right and the sign is not. Count the rates below zero on the way.",
};

export const same = (a: number, b: number) => Math.abs(a - b) <= Math.max(5e-3 * Math.max(Math.abs(a), Math.abs(b)), 1e-9);

export function question(f: string, x: number): Question {
  const tape = new Tape(parse(f, { x }));
  const start = tape.trace.inputs[0].node;
  const end = tape.trace.outputs[0];
  const path = dominantPath(tape, start);
  const product = (edges: number[]) => edges.reduce((p, e) => p * tape.rate[e], 1);
  const several = [...Array(tape.n).keys()].some((i) => tape.uses(i).length > 1);
  const right = tape.bar[start];
  const steps = path.filter((e) => !(["add", "subtract"].includes(tape.op[tape.target[e]]) && tape.rate[e] === 1));
  const found: Mistake[] = [];
  if (several) found.push({ value: product(path), name: "one path" });
  else if (steps.length > 1) {
    found.push({ value: product(steps.slice(1)), name: "inner" });
    const there = outerAtX(tape, steps[steps.length - 1], x);
    if (there !== null) found.push({ value: there * product(steps.slice(0, -1)), name: "at x" });
    found.push({ value: steps.reduce((t, e) => t + tape.rate[e], 0), name: "added" });
  }
  found.push({ value: tape.value[end], name: "value" });
  if (!several && steps.length > 1) found.push({ value: product(steps.slice(0, -1)), name: "outer" });
  found.push({ value: -right, name: "sign" });
  const mistakes: Mistake[] = [];
  for (const m of found) {
    if (Number.isFinite(m.value) && ![right, ...mistakes.map((k) => k.value)].some((v) => same(v, m.value))) mistakes.push(m);
  }
  const name = tape.trace.nodes.label[end] || f;
  const why = several ? `the products along all paths add up to ${fmt(right)}.` : `${[...path].reverse().map((e) => fmt(tape.rate[e])).join(" · ")} = ${fmt(right)}.`;
  return { id: `${f}@${x}`, f, x, asks: `y = ${name}. What is dy/dx at x = ${fmt(x)}?`, right, mistakes, why };
}

function outerAtX(tape: Tape, e: number, x: number): number | null {
  const i = tape.target[e];
  const rule = rate(tape.op[i], e - tape.start[i]);
  const forward = FORWARD[tape.op[i]];
  if (!rule || !forward) return null;
  const operand = (k: number) => {
    const u = tape.source[Math.min(tape.start[i] + k, tape.start[i + 1] - 1)];
    return u === tape.source[e] ? x : tape.value[u];
  };
  const [a, b] = [operand(0), operand(1)];
  return rule(forward(a, b), a, b);
}

/** What there is to say to an answer. */
export function answer(q: Question, given: number): { right: boolean; mistake: string; said: string } {
  if (same(given, q.right)) return { right: true, mistake: "", said: `Yes: ${q.why}` };
  const mistake = q.mistakes.find((m) => same(m.value, given));
  const said = mistake ? EXPLAINED[mistake.name] : "Work it out step by step: find each step's own rate, then multiply along the way.";
  return { right: false, mistake: mistake?.name ?? "", said: `Not ${fmt(given)}. ${said}` };
}

/** A function never seen, from a seed, with an answer that can be worked out by head. */
export function fresh(seed: number): Question {
  let state = (seed * 2654435761 + 12345) >>> 0;
  const pick = (low: number, high: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return low + (state >>> 8) % (high - low + 1);
  };
  const [a, b, c, x] = [pick(2, 5), pick(1, 4), pick(2, 4), pick(1, 3)];
  const forms = [`(${a}*x + ${b})**2`, `(x**2 + ${b})**2`, `${c}*(x + ${b})**3`, `(${a}*x - ${b})**3`, `(${c} - ${a}*x)**2`, `(${a}*x + ${b})**2 + ${c}*x`, `x*(x + ${b})`, `((x + ${b})**2 + 1)**2`];
  return question(forms[pick(0, forms.length - 1)], x);
}
