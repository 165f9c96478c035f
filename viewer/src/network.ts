// A small network trained in the page: the engine's own trace of its loss, run again by the twin at every step.

import { Twin } from "./run.js";
import { Tape, type Trace } from "./trace.js";
import { fmt, h, s } from "./util.js";

const SIZE = 250;

export function network(place: HTMLElement, trace: Trace, points: { x: number[][]; t: number[] }): void {
  const tape = new Tape(trace);
  const twin = new Twin(tape);
  const start = trace.inputs.map(({ node }) => Float64Array.from(twin.input(node)));
  const byName = Object.fromEntries(trace.inputs.map(({ name, node }) => [name, node]));
  let [steps, rate] = [0, 0.5];
  const losses: number[] = [];
  const picture = h("canvas", { width: SIZE, height: SIZE, role: "img", class: "plane" });
  const graph = s("svg", { viewBox: "0 0 360 250", role: "img" });
  const curve = s("svg", { viewBox: "0 0 620 90", role: "img", class: "small" });
  const said = h("p", { class: "sentence", role: "status" });

  const score = (a: number, b: number) => {
    const [w1, b1, w2, b2] = ["w1", "b1", "w2", "b2"].map((n) => twin.input(byName[n]));
    let total = b2[0];
    for (let j = 0; j < b1.length; j++) total += Math.tanh(a * w1[j] + b * w1[b1.length + j] + b1[j]) * w2[j];
    return total;
  };
  const draw = () => {
    twin.update();
    const context = picture.getContext("2d")!;
    const css = getComputedStyle(place);
    const [blue, rust, paper] = ["--fwd", "--bwd", "--paper"].map((n) => css.getPropertyValue(n).trim());
    context.fillStyle = paper;
    context.fillRect(0, 0, SIZE, SIZE);
    const cell = 10;
    for (let i = 0; i < SIZE; i += cell) for (let j = 0; j < SIZE; j += cell) {
      const v = score(((i + cell / 2) / SIZE) * 4 - 2, 2 - ((j + cell / 2) / SIZE) * 4);
      context.globalAlpha = 0.32 * Math.min(1, Math.abs(v) / 2);
      context.fillStyle = v > 0 ? blue : rust;
      context.fillRect(i, j, cell, cell);
    }
    context.globalAlpha = 1;
    let right = 0;
    points.x.forEach(([a, b], k) => {
      const up = points.t[k] > 0;
      if (score(a, b) > 0 === up) right++;
      const [X, Y] = [((a + 2) / 4) * SIZE, ((2 - b) / 4) * SIZE];
      context.fillStyle = up ? blue : rust;
      context.beginPath();
      if (up) context.arc(X, Y, 5, 0, 7);
      else context.rect(X - 4.5, Y - 4.5, 9, 9);
      context.fill();
    });
    const loss = twin.values[trace.outputs[0]][0];
    losses[steps] = loss;
    picture.setAttribute("aria-label", `${right} of ${points.t.length} points are on their side`);
    drawGraph();
    const most = Math.max(...losses, 0.1);
    curve.replaceChildren(s("path", { class: "scale", d: "M34,72 H610" }), s("text", { class: "num soft tick", x: 30, y: 16, "text-anchor": "end" }, fmt(most, 2)),
      s("polyline", { class: "run", points: losses.map((l, k) => `${36 + (570 * k) / Math.max(losses.length - 1, 20)},${72 - (62 * l) / most}`).join(" ") }), s("text", { class: "label soft", x: 36, y: 88 }, "loss, step by step"));
    curve.setAttribute("aria-label", `loss ${fmt(loss)} after ${steps} steps`);
    said.textContent = `After ${steps} steps the loss is ${fmt(loss)}, and ${right} of ${points.t.length} points are on their side. Each step moves every weight a little against its gradient.`;
  };
  const drawGraph = () => {
    const units = twin.input(byName.b1).length;
    const Y = (k: number, n: number) => 125 + (k - (n - 1) / 2) * Math.min(78, 216 / Math.max(n - 1, 1));
    graph.replaceChildren();
    const wire = (name: string, k: number, x0: number, y0: number, x1: number, y1: number, along: number) => {
      const [w, g] = [twin.input(byName[name])[k], twin.bars[byName[name]]?.[k] ?? 0];
      const line = s("path", { class: `back${g < 0 ? " negative" : ""}`, d: `M${x0},${y0} L${x1},${y1}`, "stroke-width": Math.min(7, 0.6 + 26 * Math.abs(g)) });
      line.append(s("title", {}, `weight ${fmt(w)}, gradient ${fmt(g)}`));
      graph.append(line, s("text", { class: "num wire", x: x0 + (x1 - x0) * along, y: y0 + (y1 - y0) * along + 4, "text-anchor": "middle" }, fmt(g, 2)));
    };
    for (let j = 0; j < units; j++) {
      for (let i = 0; i < 2; i++) wire("w1", i * units + j, 40, Y(i, 2), 190, Y(j, units), i ? 0.34 : 0.66);
      wire("w2", j, 190, Y(j, units), 330, 125, 0.4);
    }
    const unit = (x: number, y: number, text: string) => graph.append(s("circle", { class: "unit", cx: x, cy: y, r: 15 }), s("text", { x, y: y + 5, "text-anchor": "middle", class: text.length > 2 ? "tiny" : "name" }, text));
    unit(40, Y(0, 2), "x₁");
    unit(40, Y(1, 2), "x₂");
    for (let j = 0; j < units; j++) unit(190, Y(j, units), "tanh");
    unit(330, 125, "y");
    graph.setAttribute("aria-label", "The network; each line has its weight's gradient");
  };
  const go = (n: number) => {
    for (let k = 0; k < n; k++) {
      for (const { node } of trace.inputs) {
        const [w, bar] = [twin.input(node), twin.bars[node]];
        if (bar) for (let i = 0; i < w.length; i++) w[i] -= rate * bar[i];
      }
      steps++;
      twin.run();
      losses[steps] = twin.values[trace.outputs[0]][0];
    }
    draw();
  };
  const button = (text: string, f: () => void) => { const b = h("button", { type: "button" }, text); b.addEventListener("click", f); return b; };
  const slider = h("input", { type: "range", min: 0.05, max: 2, step: 0.05, value: rate, "aria-label": "Size of a step" });
  slider.addEventListener("input", () => (rate = Number(slider.value)));
  place.replaceChildren(
    h("div", { class: "bar-row" }, h("span", {}, button("One step", () => go(1)), " ", button("Ten steps", () => go(10)), " ", button("Start again", () => {
      trace.inputs.forEach(({ node }, k) => twin.input(node).set(start[k]));
      steps = losses.length = 0;
      draw();
    })), h("label", { class: "slider" }, h("span", {}, "size of a step"), slider)),
    h("div", { class: "two" }, graph, picture), curve, said);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
}
