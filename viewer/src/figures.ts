// The lesson's figures. Each stands in the page as a still picture and is replaced by one that moves.

import { flops } from "./flops.js";
import { Builder, parse } from "./parse.js";
import { layer, own } from "./typed.js";
import { clamp, count, drawing, fmt, h, plural, raised, s } from "./util.js";
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
  const [x, width] = [1, drawing()];
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
  const most = 60;
  let layers = 10;
  const rates = new Array<number>(most).fill(0.5);
  const width = drawing();
  const svg = s("svg", { viewBox: `0 0 ${width} 230`, role: "img", class: "small" });
  const said = h("p", { class: "sentence", role: "status" });
  const each = h("div", { class: "each", role: "group", "aria-label": "The rate of each layer" });
  const draw = () => {
    svg.replaceChildren();
    const reach = 12;
    const Y = (l: number) => 110 - (clamp(l, -reach, reach) * 95) / reach;
    for (const k of [-12, -6, 0, 6, 12]) svg.append(s("path", { class: "scale", d: `M56,${Y(k)} H${width}`, opacity: k ? 0.25 : 0.8 }), s("text", { class: "num soft tick", x: 50, y: Y(k) + 4, "text-anchor": "end" }, k ? `10${raised(k)}` : "1"));
    const step = (width - 80) / layers;
    const used = rates.slice(0, layers);
    let l = 0;
    used.forEach((rate, k) => {
      const next = l + Math.log10(rate);
      svg.append(s("path", { class: "run", d: `M${66 + step * k},${Y(l)} L${66 + step * (k + 1)},${Y(next)}` }), s("circle", { class: "dot", cx: 66 + step * (k + 1), cy: Y(next), r: layers > 24 ? 2.5 : 4 }));
      l = next;
    });
    const product = used.reduce((p, r) => p * r, 1);
    const fate = Math.abs(product) < 1e-6 ? " It has all but vanished: a nudge at the start does not reach the end." : Math.abs(product) > 1e6 ? " It has exploded: the smallest nudge at the start throws the end far away." : "";
    const way = used.every((r) => r === used[0]) ? `${fmt(used[0])} multiplied ${plural(layers, "time")}` : layers <= 6 ? used.map((r) => fmt(r)).join(" · ") : `The product of these ${layers} rates`;
    said.textContent = `${way} is ${fmt(product)}.${fate}`;
    svg.setAttribute("aria-label", said.textContent);
  };
  const sliders = () => {
    const few = Math.min(layers, 12);
    each.replaceChildren(...rates.slice(0, few).map((rate, k) => range(`layer ${k + 1}`, 0.1, 2.5, 0.05, rate, (v) => { rates[k] = v; draw(); })));
  };
  place.replaceChildren(h("div", { class: "sliders" }, range("layers", 1, most, 1, layers, (v) => { layers = v; sliders(); draw(); }), range("all rates together", 0.1, 2.5, 0.05, 0.5, (v) => { rates.fill(v); sliders(); draw(); })),
    svg, said, h("details", {}, h("summary", {}, "A slider for each layer's own rate"), each));
  sliders();
  draw();
};

/** y = x + x, again and again: paths double, edges do not. */
const doubled: Figure = (place) => {
  const body = h("div");
  const draw = (n: number) => {
    const [paths, edges] = [2n ** BigInt(n), BigInt(2 * n)];
    const row = (name: string, x: bigint, klass = "") => h("tr", {}, h("th", { scope: "row", class: klass }, name), h("td", { class: `num ${klass}`, title: x.toString() }, count(x)));
    body.replaceChildren(h("table", { class: "work counts" }, h("caption", {}, `${plural(n, "step")} that each add a value to itself`), h("tbody", {}, row("paths from x to y", paths), row("multiplications, path by path", BigInt(n - 1) * paths), row("multiplications, each edge once", edges, "bwd"))));
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

export const FIGURES: Record<string, Figure> = { view: picture, nudge, depth, doubled, cost, layer, own, flops };
