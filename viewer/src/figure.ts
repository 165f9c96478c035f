// The graph as cards, with arrows forward in blue and back in rust. What a step of the tape has not reached is a dot.

import { opText } from "./formula.js";
import { CARD, type Layout } from "./layout.js";
import type { Tape } from "./trace.js";
import { fmt, s } from "./util.js";

export interface Moment {
  computed: (node: number) => boolean; // its value is known at this step
  pulled: (edge: number) => boolean; // this edge has brought its part back
  node: number; // the node of a forward step, or -1
  edge: number; // the edge of a backward step, or -1
}

/** The cotangent of a node as far as it has been added up: known, partial or nothing yet. */
export function barSoFar(tape: Tape, i: number, now: Moment): { text: string; whole: boolean } {
  const uses = tape.uses(i);
  const seeded = tape.trace.outputs.includes(i);
  const done = uses.filter(now.pulled);
  if (done.length === uses.length && (uses.length || seeded)) {
    const started = seeded && !uses.length ? tape.trace.outputs.every(now.computed) : true;
    return started ? { text: fmt(tape.isArray(i) ? tape.barSize[i] / Math.sqrt(tape.elements(i)) : tape.bar[i]), whole: true } : { text: "·", whole: false };
  }
  if (!done.length || tape.isArray(i)) return { text: "·", whole: false };
  const part = done.reduce((total, e) => total + tape.rate[e] * tape.bar[tape.target[e]], seeded ? 1 : 0);
  return { text: `${fmt(part)} …`, whole: false };
}

export function valueText(tape: Tape, i: number): string {
  return fmt(tape.isArray(i) ? tape.valueSize[i] / Math.sqrt(tape.elements(i)) : tape.value[i]);
}

/** Width of a line that carries a cotangent of this size: a step for each power of ten. */
export function lineWidth(size: number): number {
  if (!(size > 0)) return 1;
  return Math.min(Math.max(2.4 + 0.8 * Math.log10(size), 1), 6.5);
}

function short(text: string, room: number): string {
  return text.length <= room ? text : `${text.slice(0, room - 1)}…`;
}

export function drawGraph(tape: Tape, nodes: number[], at: Layout, now: Moment, selected: number, path: Set<number>): SVGElement {
  const edges = s("g");
  const cards = s("g");
  const half = CARD.width / 2;
  for (const i of nodes) {
    const to = at.places.get(i)!;
    for (let e = tape.start[i]; e < tape.start[i + 1]; e++) {
      const from = at.places.get(tape.source[e]);
      if (!from) continue;
      drawEdge(tape, e, i, from.x + half + 4, from.y, to.x - half - 4, to.y, to.column - from.column, now, path, edges);
    }
  }
  for (const i of nodes) {
    const { x, y } = at.places.get(i)!;
    const uses = tape.uses(i);
    const isNow = now.node === i || (now.edge >= 0 && tape.source[now.edge] === i);
    const again = now.edge >= 0 && tape.target[now.edge] === i;
    const k = tape.kappa[i];
    const bar = barSoFar(tape, i, now);
    const small = bar.text.length + valueText(tape, i).length > 11 ? " card-small" : "";
    const known = tape.isInput[i] || now.computed(i);
    const name = tape.name(i);
    const group = s("g", {
      class: `card${isNow ? (now.edge >= 0 ? " now" : " nowf") : ""}${again ? " again" : ""}${selected === i ? " selected" : ""}`,
      role: "img", "data-node": i, transform: `translate(${x} ${y})`,
      "aria-label": `${name}: value ${known ? valueText(tape, i) : "not yet"}, cotangent ${bar.text === "·" ? "not yet" : bar.text}`,
    });
    group.append(
      s("rect", { x: -half, y: -37, width: CARD.width, height: CARD.height, rx: 10 }),
      s("text", { class: `name${/^[a-z]/i.test(name) && name.length > 15 ? " long" : ""}`, y: -10, "text-anchor": "middle" }, short(name, 19)),
      s("text", { class: `num fwd${small}`, x: -half + 10, y: 22 }, known ? valueText(tape, i) : "·"),
      s("text", { class: `num ${bar.text === "·" ? "soft" : "bwd"}${small}`, x: half - 10, y: 22, "text-anchor": "end" }, bar.text),
    );
    if (tape.isArray(i)) group.append(s("text", { class: "tiny soft", y: 5, "text-anchor": "middle" }, tape.shape(i).join("×")));
    if (uses.length > 1 && k === k) {
      const cancels = k < 0.999;
      group.append(s("path", { class: `notch${cancels ? " cancels" : ""}`, d: `M${half},-30 l${-16 * (1 - k) - 1},6 l${16 * (1 - k) + 1},6 z` }));
      if (cancels) group.append(s("text", { class: "tiny soft", x: half - 20, y: -25, "text-anchor": "end" }, `κ ${fmt(k, 2)}`));
    }
    group.append(s("title", {}, `${name}${tape.isArray(i) ? " (root mean squares shown)" : ""}`));
    cards.append(group);
  }
  return s("g", {}, edges, cards);
}

function drawEdge(tape: Tape, e: number, i: number, x0: number, y0: number, x1: number, y1: number, span: number, now: Moment, path: Set<number>, into: SVGElement): void {
  const straight = Math.abs(y0 - y1) < 1 && span === 1;
  const live = tape.live[e] === 1;
  const forwardDone = now.computed(i);
  const twin = twinOffset(tape, e);
  const rise = straight ? 0 : span > 1 && Math.abs(y0 - y1) < 1 ? -74 : 0;
  const curve = (dy: number, back: boolean) => {
    const [a, b] = [y0 + dy + twin, y1 + dy + twin];
    if (straight && !twin) return back ? `M${x1 - 1},${a} H${x0 + 8}` : `M${x0},${a} H${x1 - 8}`;
    const c = (x1 - x0) / 2;
    const [p, q] = [`${x0 + c},${a + rise}`, `${x1 - c},${b + rise}`];
    return back ? `M${x1 - 1},${b} C${q} ${p} ${x0 + 8},${a}` : `M${x0},${a} C${p} ${q} ${x1 - 8},${b}`;
  };
  const arrow = (x: number, y: number, way: number, klass: string) => s("path", { class: klass, d: `M${x},${y - 4.5} l${7 * way},4.5 l${-7 * way},4.5` });
  into.append(
    s("path", { class: `arrow${forwardDone ? "" : " waiting"}`, d: curve(-8, false) }),
    arrow(x1 - 8, y1 - 8 + twin, 1, `arrow${forwardDone ? "" : " waiting"}`),
  );
  const middle = (x0 + x1) / 2;
  const lift = rise ? rise * 0.75 : 0;
  if (live && twin <= 0 && (straight || onlyOne(tape, i))) {
    into.append(s("text", { class: "fwd op", x: middle, y: (y0 + y1) / 2 - (straight ? 18 : 12) + lift + twin, "text-anchor": "middle" }, opText(tape, i)));
  }
  if (!live) return;
  const done = now.pulled(e);
  const sign = tape.rate[e] < 0 ? " negative" : "";
  if (done || now.edge === e) {
    const klass = `back${sign}${now.edge === e ? " now" : ""}${path.has(e) ? "" : " aside"}`;
    into.append(
      s("path", { class: klass, d: curve(14, true), "stroke-width": lineWidth(tape.brings(e)) }),
      arrow(x0 + 8, y0 + 14 + twin, -1, klass),
    );
  }
  const factor = Number.isNaN(tape.rate[e]) ? tape.gain[e] : tape.rate[e];
    into.append(s("text", { class: `num rate ${done || now.edge === e ? `bwd${sign}` : "soft"}`, x: middle, "text-anchor": "middle", y: (y0 + y1) / 2 + (straight && !twin ? 33 : 19) + lift + twin }, `× ${fmt(factor)}`));
}

const onlyOne = (tape: Tape, i: number) => {
  let live = 0;
  for (let e = tape.start[i]; e < tape.start[i + 1]; e++) live += tape.live[e];
  return live === 1;
};

/** Two edges between the same two nodes (x · x) are drawn apart. */
function twinOffset(tape: Tape, e: number): number {
  const i = tape.target[e];
  const same: number[] = [];
  for (let k = tape.start[i]; k < tape.start[i + 1]; k++) if (tape.source[k] === tape.source[e]) same.push(k);
  return same.length < 2 ? 0 : (same.indexOf(e) - (same.length - 1) / 2) * 34;
}
