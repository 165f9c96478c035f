// Figures in which the reader types: a layer of one's own, a function of one's own.

import { own as define } from "./ops.js";
import { Builder, parse, ParseError } from "./parse.js";
import type { Figure } from "./figures.js";
import type { Tape } from "./trace.js";
import { fmt, h } from "./util.js";
import { show, type View } from "./view.js";

const LAYER = "your layer";

/** Your own layer: what it computes and its own rate are all that the chain needs to know of it. */
export const layer: Figure = (place) => {
  const f = h("input", { type: "text", value: "sin(u)", "aria-label": "Your layer, a function of u", spellcheck: "false" });
  const r = h("input", { type: "text", value: "cos(u)", "aria-label": "Its local rate, a function of u", spellcheck: "false" });
  const said = h("p", { role: "status" });
  const box = h("div");
  const value = (text: string, u: number) => { const t = parse(/\bu\b/.test(text) ? text : `${text} + 0*u`, { u }); return Number(t.value.at[t.outputs[0]]); };
  const check = (view: { tape: Tape }) => {
    const { tape } = view;
    const at = tape.source[tape.start[tape.n - 1]]; // u, which flows into the layer
    const u = tape.value[at];
    const step = 1e-5 * Math.max(1, Math.abs(u));
    const [rate, measured] = [value(r.value, u), (value(f.value, u + step) - value(f.value, u - step)) / (2 * step)];
    const agrees = Math.abs(rate - measured) <= 1e-4 * Math.max(1, Math.abs(measured));
    said.className = agrees ? "good" : "bad";
    said.textContent = agrees ? `Your rate is right: at u = ${fmt(u)} a small nudge of u moves your layer by ${fmt(measured)} times as much.`
      : `Check your rate: at u = ${fmt(u)} a small nudge of u moves your layer by ${fmt(measured)} times as much, and you say ${fmt(rate)}. The chain believes you all the same, so its answer is wrong.`;
  };
  const draw = () => {
    try {
      value(f.value, 4);
      value(r.value, 4);
      define(LAYER, (u) => value(f.value, u), (u) => value(r.value, u), r.value.replace(/\(u\)|\bu\b/g, "(3x + 1)"));
      const build = new Builder();
      const x = build.input("x", 1);
      const u = build.apply("add", build.apply("multiply", build.constant(3), x), build.constant(1));
      const view = show(build.trace(build.apply(LAYER, u), "your layer"), box, { compact: true, changed: check });
      if (view) check(view);
    } catch (error) {
      said.className = "bad";
      said.textContent = error instanceof ParseError ? `That cannot be read yet: ${error.message}.` : String(error);
    }
  };
  for (const field of [f, r]) field.addEventListener("input", draw);
  place.replaceChildren(h("div", { class: "sliders" }, h("label", { class: "slider" }, h("span", {}, "your layer: y ="), f), h("label", { class: "slider" }, h("span", {}, "its own rate: dy/du ="), r)), said, box);
  draw();
};

/** Type a function, see it, check it by finite differences, share it by its address. */
export const own: Figure = (place) => {
  const asked = new URLSearchParams(location.hash.slice(1));
  const field = h("input", { type: "text", value: asked.get("f") ?? "exp(-x**2) * sin(3*x)", "aria-label": "Your function of x", spellcheck: "false", class: "wide" });
  const said = h("p", { role: "status", class: "label" });
  const box = h("div");
  const link = h("button", { type: "button" }, "Copy a link to it");
  let point: Record<string, number> = { x: Number(asked.get("x") ?? 0.5) || 0.5 };
  let first = true;
  const draw = () => {
    try {
      const trace = parse(field.value, point);
      const view = show(trace, box, { compact: true, changed: check, step: first ? asked.get("t") ?? "end" : "end" });
      const chosen = /^n(\d+)$/.exec((first && asked.get("sel")) || "");
      first = false;
      if (view && chosen) view.select(Number(chosen[1]));
      else if (view) check(view);
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      said.textContent = `At character ${error.at + 1}: ${error.message}.`;
      said.className = "label bad";
    }
  };
  const check = (view: View) => {
    const { tape, start } = view;
    for (const { name, node } of tape.trace.inputs) point[name] = tape.value[node];
    const { name } = tape.trace.inputs.find((i) => i.node === start) ?? tape.trace.inputs[0];
    const step = 1e-5 * Math.max(1, Math.abs(point[name]));
    const f = (x: number) => { const t = parse(field.value, { ...point, [name]: x }); return Number(t.value.at[t.outputs[0]]); };
    const measured = (f(point[name] + step) - f(point[name] - step)) / (2 * step);
    said.className = "label";
    said.textContent = `By the chain rule d/d${name} = ${fmt(tape.bar[start], 8)}; by a small nudge up and down ${fmt(measured, 8)}.`;
    const address = new URLSearchParams({ f: field.value, ...Object.fromEntries(Object.entries(point).map(([k, v]) => [k, String(v)])), t: view.step(), ...(view.selected >= 0 ? { sel: `n${view.selected}` } : {}) });
    try { history.replaceState(null, "", `#${address}`); } catch { /* no address here */ }
  };
  field.addEventListener("input", draw);
  link.addEventListener("click", () => {
    void navigator.clipboard?.writeText(location.href).then(() => (link.textContent = "Copied"), () => (link.textContent = location.href));
  });
  place.replaceChildren(h("div", { class: "bar-row" }, field, link), said, box);
  draw();
};

