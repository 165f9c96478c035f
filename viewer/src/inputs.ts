// The inputs of a program as things to drag: a number and a slider for each, for an array an element chosen by its index.

import type { Tape } from "./trace.js";
import { clamp, fmt, h } from "./util.js";

const SINGLE = 8; // more single inputs than this share one row, as the elements of an array do
const REACH = 2;

/** The elements of an input as they are now. */
type Now = (node: number) => ArrayLike<number>;

/** Rows of inputs; `set` runs the program again. `null` where nothing can be dragged. */
export function inputs(tape: Tape, now: Now, set: (node: number, x: number, element: number) => void): HTMLElement | null {
  const floats = tape.trace.inputs.filter(({ node }) => tape.dtype(node).startsWith("float") && tape.elements(node) > 0);
  const single = floats.filter(({ node }) => !tape.isArray(node));
  const chosen = floats.filter(({ node }) => tape.isArray(node) || single.length > SINGLE);
  if (!floats.length) return null;
  const box = h("div", { class: "inputs" });
  if (single.length <= SINGLE) for (const { name, node } of single) box.append(one(name, tape.value[node], (x) => set(node, x, 0)));
  if (chosen.length) box.append(element(tape, now, chosen, set));
  return box;
}

function pair(name: string, x: number, changed: (x: number) => void): { field: HTMLInputElement; drag: HTMLInputElement; show: (x: number) => void } {
  const field = h("input", { type: "number", step: "any", "aria-label": `${name}, as a number`, size: 8, "data-input": name });
  const drag = h("input", { type: "range", class: "fwd", "aria-label": `Drag ${name}`, "data-input": name });
  const show = (value: number) => {
    const reach = Math.max(REACH, REACH * Math.abs(value));
    for (const [key, v] of [["min", value - reach], ["max", value + reach], ["step", reach / 200]] as const) drag.setAttribute(key, String(v));
    field.value = String(Number(value.toPrecision(9)));
    drag.value = String(value);
  };
  const use = (text: string, other: HTMLInputElement) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value)) return;
    other.value = String(Number(value.toPrecision(6)));
    changed(value);
  };
  field.addEventListener("input", () => use(field.value, drag));
  drag.addEventListener("input", () => use(drag.value, field));
  show(x);
  return { field, drag, show };
}

function one(name: string, x: number, changed: (x: number) => void): HTMLElement {
  const { field, drag } = pair(name, x, changed);
  return h("div", { class: "input" }, h("i", { "aria-hidden": "true" }, name), h("span", { "aria-hidden": "true" }, " = "), field, drag);
}

function element(tape: Tape, now: Now, of: { name: string; node: number }[], set: (node: number, x: number, element: number) => void): HTMLElement {
  let [node, at] = [of[0].node, 0];
  const choose = h("select", { "aria-label": "The input to change" }, ...of.map(({ name, node: i }) => h("option", { value: i }, name)));
  const index = h("input", { type: "text", class: "index", "aria-label": "Which element, by its index", inputmode: "numeric", size: 6, value: "" });
  const { field, drag, show } = pair("this element", 0, (x) => set(node, x, at));
  const said = h("span", { class: "label soft" });
  const written = (k: number) => {
    const out: number[] = [];
    for (const n of [...tape.shape(node)].reverse()) { out.unshift(k % n); k = Math.floor(k / n); }
    return out.join(", ");
  };
  const pick = (k: number, rewrite: boolean) => {
    at = clamp(k, 0, tape.elements(node) - 1);
    if (rewrite) index.value = written(at);
    const last = tape.shape(node).map((n) => n - 1).join(", ");
    said.textContent = tape.isArray(node) ? `elements 0 to ${last}; ${fmt(tape.elements(node))} in all` : "";
    index.hidden = !tape.isArray(node);
    show(now(node)[at]);
  };
  choose.addEventListener("change", () => { node = Number(choose.value); pick(0, true); });
  index.addEventListener("input", () => {
    const parts = index.value.split(/[^0-9]+/).filter(Boolean).map(Number);
    const shape = tape.shape(node);
    if (parts.length === shape.length && parts.every((p, k) => p < shape[k])) pick(parts.reduce((k, p, d) => k * shape[d] + p, 0), false);
  });
  pick(0, true);
  return h("div", { class: "input element" }, choose, h("span", {}, "["), index, h("span", {}, "] ="), field, drag, said);
}
