// Measured speeds of matrix products, shipped with where they were measured (tools/measure_flops.py).

import { drawing, fmt, h, raised, s } from "./util.js";

interface Way { name: string; sizes: number[]; rates: number[] }
interface Measured { machine: string; date: string; ways: Way[] }

/** Speed by size, both on log scales: one line for each way to compute the product. */
export function flops(place: HTMLElement, data: DOMStringMap): void {
  const { machine, date, ways } = JSON.parse(data.measured!) as Measured;
  const width = drawing();
  const [height, left, right, top, bottom] = [300, 46, 128, 16, 250];
  const logs = (of: (w: Way) => number[]) => ways.flatMap(of).map(Math.log10);
  const [x0, x1] = [Math.min(...logs((w) => w.sizes)), Math.max(...logs((w) => w.sizes))];
  const [y0, y1] = [Math.floor(Math.min(...logs((w) => w.rates))), Math.ceil(Math.max(...logs((w) => w.rates)))];
  const X = (n: number) => left + ((width - left - right) * (Math.log10(n) - x0)) / (x1 - x0);
  const Y = (r: number) => bottom - ((bottom - top) * (Math.log10(r) - y0)) / (y1 - y0);
  const svg = s("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", class: "small", "aria-label": ways.map((w) => `${w.name}: ${w.sizes.map((n, k) => `${n}: ${fmt(w.rates[k], 3)}`).join(", ")}`).join("; ") });
  for (let k = y0; k <= y1; k++) svg.append(s("path", { class: "scale", d: `M${left},${Y(10 ** k)} H${width - right}`, opacity: 0.25 }), s("text", { class: "num soft tick", x: left - 8, y: Y(10 ** k) + 4, "text-anchor": "end" }, k === 0 ? "1" : k === 1 ? "10" : k === 2 ? "100" : `10${raised(k)}`));
  const sizes = [...new Set(ways.flatMap((w) => w.sizes))].sort((a, b) => a - b);
  for (const n of sizes.filter((_, k) => width > 500 || k % 2 === 1)) svg.append(s("text", { class: "num soft tick", x: X(n), y: bottom + 20, "text-anchor": "middle" }, String(n)));
  svg.append(s("text", { class: "label soft", x: (left + width - right) / 2, y: bottom + 42, "text-anchor": "middle" }, "rows and columns of the two matrices"));
  const taken: number[] = [];
  [...ways.keys()].reverse().forEach((k) => {
    const w = ways[k];
    const last = w.sizes.length - 1;
    const klass = `way${k}`;
    svg.append(s("polyline", { class: `run ${klass}`, points: w.sizes.map((n, i) => `${X(n)},${Y(w.rates[i])}`).join(" ") }), ...w.sizes.map((n, i) => s("circle", { class: `dot ${klass}`, cx: X(n), cy: Y(w.rates[i]), r: 3.5 })));
    let y = Y(w.rates[last]) + 4;
    for (const other of taken) if (Math.abs(y - other) < 36) y = other + 36;
    taken.push(y);
    svg.append(s("text", { class: `label says${k}`, x: width - right + 12, y: y - 4 }, w.name), s("text", { class: `num tick says${k}`, x: width - right + 12, y: y + 12 }, `${fmt(w.rates[last], 3)} at ${w.sizes[last]}`));
  });
  place.replaceChildren(svg, h("p", { class: "label soft centre" }, `Billions of additions and multiplications a second, by the size of the product; both scales are logarithmic. Measured by us on ${machine}, ${date}.`));
}
