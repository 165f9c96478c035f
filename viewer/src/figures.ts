// The lesson's figures. Each stands in the page as a still picture and is replaced by one that moves.

import { Builder, parse, ParseError } from "./parse.js";
import type { Tape } from "./trace.js";
import { clamp, count, fmt, h, plural, raised, s } from "./util.js";
import { show } from "./view.js";

export type Figure = (place: HTMLElement, data: DOMStringMap) => void;

function at(text: string): Record<string, number> {
  const out: Record<string, number> = {};
  for (const part of text.split(/[\s,]+/)) {
    const [name, value] = part.split("=");
    if (name && Number.isFinite(Number(value))) out[name] = Number(value);
  }
  return out;
}

function range(label: string, low: number, high: number, step: number, value: number, changed: (x: number) => void): HTMLElement {
  const out = h("output", { class: "num" }, fmt(value));
  const input = h("input", { type: "range", min: low, max: high, step, value, "aria-label": label });
  input.addEventListener("input", () => { out.textContent = fmt(Number(input.value)); changed(Number(input.value)); });
  return h("label", { class: "slider" }, h("span", {}, label), input, out);
}

const picture: Figure = (place, data) => { show(parse(data.f!, at(data.at ?? "")), place, { compact: true, step: data.step }); };

/** A nudge of x ripples through u to y: three number lines. */
const nudge: Figure = (place) => {
  const [x, width] = [1, 640];
  let by = 0.1;
  const svg = s("svg", { viewBox: `0 0 ${width} 220`, role: "img", class: "small" });
  const draw = () => {
    const u = (t: number) => 3 * t + 1;
    const y = (t: number) => u(t) ** 2;
    const rows = [["x", x, x + by, 0.5, 2], ["u = 3x + 1", u(x), u(x + by), 2.5, 7], ["y = u²", y(x), y(x + by), 0, 50]] as [string, number, number, number, number][];
    svg.replaceChildren();
    rows.forEach(([name, from, to, low, high], k) => {
      const Y = 40 + 72 * k;
      const X = (v: number) => 110 + ((width - 140) * (v - low)) / (high - low);
      svg.append(s("path", { class: "scale", d: `M110,${Y} H${width - 20}` }), s("text", { class: "name", x: 4, y: Y + 5 }, name),
        s("circle", { class: "dot ahead", cx: X(from), cy: Y, r: 5 }), s("path", { class: "run", d: `M${X(from)},${Y - 9} H${X(to)}` }), s("circle", { class: "dot", cx: X(to), cy: Y, r: 5 }),
        s("text", { class: "num fwd", x: X(from), y: Y + 22, "text-anchor": "middle" }, fmt(from)),
        s("text", { class: "num bwd", x: clamp(X(to), 130, width - 60) + 14, y: Y - 14 }, `moves ${fmt(to - from, 3)}`));
    });
    const ratio = (y(x + by) - y(x)) / by;
    said.textContent = `x moves by ${fmt(by)}, u by ${fmt(3 * by)}, y by ${fmt(y(x + by) - y(x))}: ${fmt(ratio)} times as far as x. For a smaller and smaller nudge this comes to 3 × 8 = 24.`;
    svg.setAttribute("aria-label", said.textContent);
  };
  const said = h("p", { class: "sentence", role: "status" });
  place.replaceChildren(range("nudge of x", 0.001, 0.4, 0.001, by, (v) => { by = v; draw(); }), svg, said);
  draw();
};

/** How many layers, and what each multiplies by: the product on a log scale. */
const depth: Figure = (place) => {
  let [layers, rate] = [10, 0.5];
  const width = 640;
  const svg = s("svg", { viewBox: `0 0 ${width} 230`, role: "img", class: "small" });
  const said = h("p", { class: "sentence", role: "status" });
  const draw = () => {
    svg.replaceChildren();
    const reach = 12;
    const Y = (l: number) => 110 - (clamp(l, -reach, reach) * 95) / reach;
    for (const k of [-12, -6, 0, 6, 12]) svg.append(s("path", { class: "scale", d: `M56,${Y(k)} H${width}`, opacity: k ? 0.25 : 0.8 }), s("text", { class: "num soft tick", x: 50, y: Y(k) + 4, "text-anchor": "end" }, k ? `10${raised(k)}` : "1"));
    const step = (width - 80) / layers;
    let l = 0;
    for (let k = 0; k < layers; k++) {
      const next = l + Math.log10(rate);
      svg.append(s("path", { class: "run", d: `M${66 + step * k},${Y(l)} L${66 + step * (k + 1)},${Y(next)}` }), s("circle", { class: "dot", cx: 66 + step * (k + 1), cy: Y(next), r: layers > 24 ? 2.5 : 4 }));
      l = next;
    }
    const product = rate ** layers;
    const fate = Math.abs(product) < 1e-6 ? " It has all but vanished: a nudge at the start does not reach the end." : Math.abs(product) > 1e6 ? " It has exploded: the smallest nudge at the start throws the end far away." : "";
    said.textContent = `${fmt(rate)} multiplied ${plural(layers, "time")} is ${fmt(product)}.${fate}`;
    svg.setAttribute("aria-label", said.textContent);
  };
  place.replaceChildren(h("div", { class: "sliders" }, range("layers", 1, 60, 1, layers, (v) => { layers = v; draw(); }), range("rate of each layer", 0.1, 2.5, 0.05, rate, (v) => { rate = v; draw(); })), svg, said);
  draw();
};

/** y = x + x, again and again: paths double, edges do not. */
const doubled: Figure = (place) => {
  const body = h("div");
  const draw = (n: number) => {
    const [paths, edges] = [2n ** BigInt(n), BigInt(2 * n)];
    const row = (name: string, x: bigint, klass = "") => h("tr", {}, h("th", { scope: "row", class: klass }, name), h("td", { class: `num ${klass}`, title: x.toString() }, count(x)));
    body.replaceChildren(h("table", { class: "work" }, h("caption", {}, `${plural(n, "step")} that each add a value to itself`), h("tbody", {}, row("paths from x to y", paths), row("multiplications, path by path", BigInt(n - 1) * paths), row("multiplications, each edge once", edges, "bwd"))));
    if (n > 4) return;
    const build = new Builder();
    let value = build.input("x", 1);
    for (let k = 0; k < n; k++) value = build.apply("add", value, value);
    const box = h("div");
    show(build.trace(value, "x doubled"), box, { compact: true });
    body.append(box);
  };
  place.replaceChildren(range("steps", 1, 100, 1, 3, draw), body);
  draw(3);
};

/** What a gradient costs, in units of one forward pass: measured here and now. */
const cost: Figure = (place) => {
  const out = h("p", { class: "sentence", role: "status" }, "Press to measure on your machine.");
  const button = h("button", { type: "button" }, "Measure");
  button.addEventListener("click", () => {
    const n = 160;
    const [x, w] = [new Float64Array(n * n).map(() => Math.random() - 0.5), new Float64Array(n * n).map(() => Math.random() - 0.5)];
    const y = new Float64Array(n * n);
    const product = (a: Float64Array, b: Float64Array, into: Float64Array) => {
      for (let i = 0; i < n; i++) for (let k = 0; k < n; k++) {
        const v = a[i * n + k];
        for (let j = 0; j < n; j++) into[i * n + j] += v * b[k * n + j];
      }
    };
    const time = (f: () => void) => {
      let best = Infinity;
      for (let k = 0; k < 7; k++) { const from = performance.now(); f(); best = Math.min(best, performance.now() - from); }
      return best;
    };
    const forward = time(() => product(x, w, y));
    const both = time(() => { product(x, w, y); product(y, w, new Float64Array(n * n)); product(x, y, new Float64Array(n * n)); });
    out.textContent = `One layer, ${n} × ${n}: forward ${fmt(forward, 3)} ms; forward and backward ${fmt(both, 3)} ms, ${fmt(both / forward, 3)} times as much, for ${(2 * n * n).toLocaleString("en")} derivatives at once.`;
  });
  place.replaceChildren(h("div", { class: "bar-row" }, button), out);
};

/** Your own layer: what it computes and its own rate are all that the chain needs to know of it. */
const layer: Figure = (place) => {
  const f = h("input", { type: "text", value: "sin(u)", "aria-label": "Your layer, a function of u", spellcheck: "false" });
  const r = h("input", { type: "text", value: "cos(u)", "aria-label": "Its local rate, a function of u", spellcheck: "false" });
  const said = h("div", { role: "status" });
  const draw = () => {
    try {
      const value = (text: string, u: number) => { const t = parse(text.includes("u") ? text : `${text} + 0*u`, { u }); return Number(t.value.at[t.outputs[0]]); };
      const [x, u] = [1, 4];
      const rate = value(r.value, u);
      const step = 1e-5;
      const measured = (value(f.value, u + step) - value(f.value, u - step)) / (2 * step);
      const agrees = Math.abs(rate - measured) <= 1e-4 * Math.max(1, Math.abs(measured));
      said.replaceChildren(
        h("p", {}, "In the chain x → u = 3x + 1 → y = your layer, at x = ", h("span", { class: "num fwd" }, fmt(x)), ": u = ", h("span", { class: "num fwd" }, fmt(u)), ", y = ", h("span", { class: "num fwd" }, fmt(value(f.value, u))), "."),
        h("p", {}, "dy/dx = ", h("span", { class: "num bwd" }, fmt(rate)), " · 3 = ", h("b", { class: "num bwd" }, fmt(3 * rate)), "."),
        h("p", { class: agrees ? "good" : "bad" }, agrees ? `Your rate is right: a small nudge of u moves your layer by ${fmt(measured)} times as much.` : `Check your rate: a small nudge of u moves your layer by ${fmt(measured)} times as much, and you say ${fmt(rate)}. The chain believes you all the same, so its answer is wrong.`));
    } catch (error) {
      said.replaceChildren(h("p", { class: "bad" }, error instanceof ParseError ? `That cannot be read yet: ${error.message}.` : String(error)));
    }
  };
  for (const field of [f, r]) field.addEventListener("input", draw);
  place.replaceChildren(h("div", { class: "sliders" }, h("label", { class: "slider" }, h("span", {}, "your layer: y ="), f), h("label", { class: "slider" }, h("span", {}, "its own rate: dy/du ="), r)), said);
  draw();
};

/** Type a function, see it, check it by finite differences, share it by its address. */
const own: Figure = (place) => {
  const asked = new URLSearchParams(location.hash.slice(1));
  const field = h("input", { type: "text", value: asked.get("f") ?? "exp(-x**2) * sin(3*x)", "aria-label": "Your function of x", spellcheck: "false", class: "wide" });
  const said = h("p", { role: "status", class: "label" });
  const box = h("div");
  const link = h("button", { type: "button" }, "Copy a link to it");
  let point: Record<string, number> = { x: Number(asked.get("x") ?? 0.5) || 0.5 };
  const draw = () => {
    try {
      const trace = parse(field.value, point);
      const view = show(trace, box, { compact: true, changed: check });
      if (view) check(view);
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      said.textContent = `At character ${error.at + 1}: ${error.message}.`;
      said.className = "label bad";
    }
  };
  const check = (view: { tape: Tape; start: number }) => {
    const { tape, start } = view;
    for (const { name, node } of tape.trace.inputs) point[name] = tape.value[node];
    const { name } = tape.trace.inputs.find((i) => i.node === start) ?? tape.trace.inputs[0];
    const step = 1e-5 * Math.max(1, Math.abs(point[name]));
    const f = (x: number) => { const t = parse(field.value, { ...point, [name]: x }); return Number(t.value.at[t.outputs[0]]); };
    const measured = (f(point[name] + step) - f(point[name] - step)) / (2 * step);
    said.className = "label";
    said.textContent = `By the chain rule d/d${name} = ${fmt(tape.bar[start], 8)}; by a small nudge up and down ${fmt(measured, 8)}.`;
    const address = new URLSearchParams({ f: field.value, ...Object.fromEntries(Object.entries(point).map(([k, v]) => [k, String(v)])) });
    try { history.replaceState(null, "", `#${address}`); } catch { /* no address here */ }
  };
  field.addEventListener("input", draw);
  link.addEventListener("click", () => {
    void navigator.clipboard?.writeText(location.href).then(() => (link.textContent = "Copied"), () => (link.textContent = location.href));
  });
  place.replaceChildren(h("div", { class: "bar-row" }, field, link), said, box);
  draw();
};

/** Flops by size, measured once and shipped with where. */
const flops: Figure = (place, data) => {
  const { machine, sizes, rates } = JSON.parse(data.measured!) as { machine: string; sizes: number[]; rates: number[] };
  const width = 640;
  const most = Math.max(...rates);
  const svg = s("svg", { viewBox: `0 0 ${width} 192`, role: "img", class: "small", "aria-label": sizes.map((n, k) => `${n}: ${fmt(rates[k], 3)} billion`).join(", ") });
  sizes.forEach((n, k) => {
    const w = (width - 60) / sizes.length;
    const tall = (140 * rates[k]) / most;
    svg.append(s("rect", { class: "flop", x: 40 + k * w + 6, width: w - 12, y: 165 - tall, height: tall, rx: 3 }), s("text", { class: "num soft tick", x: 40 + k * w + w / 2, y: 184, "text-anchor": "middle" }, String(n)),
      s("text", { class: "num bwd", x: 40 + k * w + w / 2, y: 158 - tall, "text-anchor": "middle" }, fmt(rates[k], 3)));
  });
  place.replaceChildren(svg, h("p", { class: "label soft centre" }, `Billions of additions and multiplications a second, by the number of rows of two square matrices. ${machine}.`));
};

export const FIGURES: Record<string, Figure> = { view: picture, nudge, depth, doubled, cost, layer, own, flops };
