// The running product on a log ruler, and the waterfall of its factors: log|x_bar| = log|y_bar| + sum of log factors.

import type { Factor, Segment } from "./measure.js";
import type { Tape } from "./trace.js";
import { fmt, h, log10, plural, raised, s } from "./util.js";

export const WATERFALL = 16; // bars at most
const BRIEF = 8; // of more bars, those that change nothing are left out
const DOTS = 120; // points on the ruler at most

interface Point { size: number; signed: number }

function running(tape: Tape, path: number[], all: Factor[]): { points: Point[]; stopped: number | null } {
  const end = tape.target[path[path.length - 1]];
  const signs = path.every((e) => !Number.isNaN(tape.rate[e])); // of an array there is just a size
  let product = tape.barSize[end] || 1;
  const points: Point[] = [{ size: product, signed: product }];
  for (const f of all) {
    if (!(f.size > 0) || !Number.isFinite(f.size)) return { points, stopped: f.size };
    product *= signs ? f.signed : f.size;
    points.push({ size: Math.abs(product), signed: product });
  }
  return { points, stopped: null };
}

export function drawRuler(tape: Tape, path: number[], all: Factor[], pulled: (edge: number) => boolean, width: number, y: number): SVGElement {
  const group = s("g", { class: "ruler" });
  const { points: each, stopped } = running(tape, path, all);
  const every = Math.ceil(each.length / DOTS); // of a long path every so many points; the last one always
  const points = each.filter((_, k) => k % every === 0 || k === each.length - 1);
  const factorsTo = points.map((_, k) => Math.min(k * every, each.length - 1));
  const logs = points.map((p) => log10(p.size));
  let [low, high] = [Math.min(0, ...logs), Math.max(0, ...logs)];
  if (high - low < 0.6) { low -= 0.15; high += 0.45; }
  const narrow = high - low < 3;
  const pad = (high - low) * 0.06;
  if (low < 0) low -= pad;
  high += pad;
  const left = 30;
  const X = (l: number) => left + ((width - 2 * left) * (l - low)) / (high - low);
  group.append(s("path", { class: "scale", d: `M${left},${y} H${width - left}` }));
  const ticks: [number, string][] = [];
  if (narrow) {
    for (let k = Math.ceil(low / Math.log10(2)); k * Math.log10(2) <= high; k++) ticks.push([k * Math.log10(2), k >= 0 ? String(2 ** k) : `1/${2 ** -k}`]);
  } else {
    const decades = Math.max(1, Math.ceil((high - low) / 9));
    for (let k = Math.ceil(low / decades) * decades; k <= high; k += decades) ticks.push([k, k === 0 ? "1" : k === 1 ? "10" : `10${raised(k)}`]);
  }
  for (const [l, text] of ticks) {
    group.append(s("path", { class: "scale", d: `M${X(l)},${y} v7` }), s("text", { class: "num soft tick", x: X(l), y: y + 23, "text-anchor": "middle" }, text));
  }
  const few = points.length <= 9;
  const taken: [number, number][] = [];
  const free = (x: number, text: string) => {
    const half = 4.6 * text.length + 3;
    if (taken.some(([a, b]) => x - half < b && x + half > a)) return false;
    taken.push([x - half, x + half]);
    return true;
  };
  let reach = 0; // how many factors have been multiplied at this step
  while (reach < all.length && pulled(all[reach].edge)) reach++;
  const reachedAt = (k: number) => factorsTo[k] <= reach;
  const order = [0, points.length - 1, ...(few ? points.keys() : [])]; // the ends are named first
  for (const k of new Set(order)) {
    const label = fmt(points[k].signed);
    if (free(X(logs[k]), label)) group.append(s("text", { class: `num ${reachedAt(k) ? "bwd" : "soft"}`, x: X(logs[k]), y: y - 27, "text-anchor": "middle" }, label));
  }
  for (let k = 0; k < points.length; k++) {
    const p = points[k];
    const reached = reachedAt(k);
    if (k) {
      const [a, b] = [X(logs[k - 1]), X(logs[k])];
      const way = Math.sign(b - a) || 1;
      if (Math.abs(b - a) > 1) group.append(s("path", { class: `run${reached ? "" : " ahead"}${p.signed < 0 ? " negative" : ""}`, d: `M${a},${y - 14} H${b - way * 6}` }));
      const text = `× ${fmt(all[k - 1].signed)}${all[k - 1].kind === "merge" ? " meets" : ""}`;
      if (few && Math.abs(b - a) > 60 && free((a + b) / 2, text)) group.append(s("text", { class: `num step ${reached ? "bwd" : "soft"}`, x: (a + b) / 2, y: y - 22, "text-anchor": "middle" }, text));
    }
    group.append(s("circle", { class: `dot${reached ? "" : " ahead"}`, cx: X(logs[k]), cy: y - 14, r: few ? 5 : 3 }));
  }
  const stops = stopped === null ? "" : stopped === 0 ? "; then × 0: nothing comes back from there" : "; then a factor that is not finite";
  group.append(s("text", { class: "label soft", x: left, y: y + 46 }, `${width < 700 ? "" : "how strongly the end moves for a nudge here: "}running product from the end, log scale${stops}`));
  return group;
}

/** Bars for each factor, from the end to the start; the share of the loss (or growth) of magnitude that each has. */
export function waterfall(tape: Tape, all: Factor[], parts: Segment[], select: (node: number) => void): HTMLElement {
  const most = WATERFALL;
  const logs = parts.map((f) => (f.size > 0 && Number.isFinite(f.size) ? log10(f.size) : 0));
  const [low, high] = [Math.min(0, ...logs), Math.max(0, ...logs)];
  const reach = Math.max(high - low, 0.3);
  const place = (l: number) => (100 * (l - low)) / reach;
  const loss = logs.reduce((t, l) => t + Math.min(l, 0), 0);
  const growth = logs.reduce((t, l) => t + Math.max(l, 0), 0);
  let order = [...parts.keys()];
  const ones = order.filter((k) => Math.abs(logs[k]) < 5e-4 && parts[k].size > 0);
  const brief = parts.length > BRIEF && ones.length > 0;
  if (brief) order = order.filter((k) => !ones.includes(k));
  if (order.length > most) order = order.sort((a, b) => Math.abs(logs[b]) - Math.abs(logs[a])).slice(0, most).sort((a, b) => a - b);
  const list = h("ol", { class: "waterfall" });
  for (const k of order) {
    const [f, l] = [parts[k], logs[k]];
    const share = f.size === 0 ? "everything stops here" : l < -0.02 ? `${fmt((100 * l) / loss, 2)} % of the loss` : l > 0.02 ? `${fmt((100 * l) / growth, 2)} % of the growth` : "";
    const line = tape.line(f.node);
    const button = h("button", { type: "button", class: "plain", title: line ? `${line.file}:${line.line}` : "" }, f.name);
    button.addEventListener("click", () => select(f.node));
    const bar = h("span", { class: "bar", "aria-hidden": "true" });
    const fill = h("span", { class: f.edges.length ? "fill" : "fill merge" });
    fill.style.left = `${place(Math.min(l, 0))}%`;
    fill.style.width = `${(100 * Math.abs(l)) / reach}%`;
    const zero = h("span", { class: "zero" });
    zero.style.left = `${place(0)}%`;
    bar.append(fill, zero);
    list.append(h("li", {}, button, h("span", { class: "num bwd" }, `× ${fmt(f.signed)}`), bar, h("span", { class: "label soft" }, share)));
  }
  const left = parts.length - order.length - (brief ? ones.length : 0);
  const note = all.some((f) => f.size === 0) ? "A factor is 0, so nothing comes back through it."
    : `The factors on the way back from the end, ${plural(all.length, "factor")} in all${left > 0 ? `; the ${most} largest stretches are shown` : ""}${brief ? `; ${plural(ones.length, "stretch", "stretches")} of factor 1 left out` : ""}. Bars are powers of ten.`;
  return h("section", { class: "panel", "aria-label": "Factor waterfall" }, h("h2", {}, "Where the size comes from"), h("p", { class: "label soft" }, note), list);
}
