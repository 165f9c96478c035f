// Which meshes the gear train shows: one for each factor of a short path, else one for each call or turn of it.

import { rateText } from "./formula.js";
import type { Moment, Placed } from "./figure.js";
import type { Stage } from "./gears.js";
import { type Segment } from "./measure.js";
import type { Tape } from "./trace.js";
import type { Sheet } from "./sheet.js";
import { clamp, fmt, s } from "./util.js";

export const STAGES = 8;
export type Named = Stage & { name: string };

/** Under the cards of a short path that stand in one line. */
export function under(tape: Tape, path: number[], sheet: Sheet, at: Placed): Named[] | null {
  const cards = path.map((e) => [sheet.owner[tape.source[e]], sheet.owner[tape.target[e]]]);
  if (path.length > STAGES || at.small || cards.some(([u, v]) => u < 0 || v < 0 || u === v || at.line[u] !== at.line[v])) return null;
  return path.map((e, k) => ({ rate: factor(tape, e), caption: rateText(tape, e), from: at.x[cards[k][0]], to: at.x[cards[k][1]], edges: [e], name: "" }));
}

/** Of a long path up to eight stretches, around the one that is going on. */
export function stretches(tape: Tape, parts: Segment[], now: Moment, selected: number, width: number): { stages: Named[]; note: string } {
  const all = [...parts].reverse();
  const focus = all.findIndex((p) => p.edges.includes(now.edge) || p.edges.some((e) => tape.target[e] === selected));
  const most = width < 700 ? STAGES / 2 : STAGES;
  const first = clamp(focus - most / 2, 0, Math.max(0, all.length - most));
  const shown = all.slice(first, first + most);
  const step = Math.min((width - 60) / Math.max(shown.length, 1), 260);
  const left = (width - step * shown.length) / 2;
  const formula = (e: number) => {
    const text = rateText(tape, e, Math.floor(step / 7));
    return text && text !== fmt(factor(tape, e)) ? text : undefined;
  };
  const stages = shown.map((p, k) => ({
    rate: p.signed, caption: "", note: p.edges.length === 1 ? formula(p.edges[0]) : `${p.edges.length.toLocaleString("en")} factors`,
    from: left + k * step, to: left + (k + 1) * step, edges: p.edges, name: p.name,
  }));
  const note = shown.length < all.length ? `factors ${first + 1} to ${first + shown.length} of ${all.length} on the path that brings most${width < 700 ? "" : "; scrub or select to see others"}` : "";
  return { stages, note };
}

/** What the stretches are, above their gears. */
export function names(stages: Named[], y: number): SVGElement {
  const group = s("g");
  for (const { from, to, name } of stages) {
    const room = Math.floor((to - from) / 8.5);
    if (name) group.append(s("text", { class: "name", x: (from + to) / 2, y, "text-anchor": "middle" }, name.length > room ? `${name.slice(0, room - 1)}…` : name));
  }
  return group;
}

const factor = (tape: Tape, e: number) => (Number.isNaN(tape.rate[e]) ? tape.gain[e] : tape.rate[e]);
