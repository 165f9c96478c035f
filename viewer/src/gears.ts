// The gear train: a mesh for each local rate. A wheel drives a pinion; their teeth are the rate. A shaft carries the turn
// on to the next mesh, one to one. Two wheels in mesh turn against each other, so a positive rate has a small third wheel
// between, and a rate below zero has none: it turns the other way.

import { fmt, s } from "./util.js";

const SMALL = 12;
const EVEN = 20;
const IDLER = 9;
export const DRAWN_AT_MOST = 4;

export interface Stage {
  rate: number; // signed
  caption: string; // the rate as a formula
  note?: string; // what stands below instead of the ratio in words
  from: number; // where the stage stands
  to: number;
  edges: number[];
}

interface Wheel { group: SVGElement; turns: number; shaft: number; x: number }

function outline(teeth: number, module: number, phase: number): string {
  const r = (teeth * module) / 2;
  const [outer, inner] = [r + module * 0.9, r - module * 1.05];
  const points: string[] = [];
  for (let k = 0; k < teeth; k++) {
    for (const [at, radius] of [[-0.3, inner], [-0.15, outer], [0.15, outer], [0.3, inner]]) {
      const angle = (2 * Math.PI * (k + phase + at)) / teeth;
      points.push(`${(radius * Math.cos(angle)).toFixed(2)},${(radius * Math.sin(angle)).toFixed(2)}`);
    }
  }
  return points.join(" ");
}

/** Teeth of wheel and pinion for a rate, their ratio drawn at most 4 : 1. */
export function teeth(rate: number): [number, number] {
  const size = Math.abs(rate);
  if (!(size > 0)) return [EVEN, EVEN];
  if (Math.abs(size - 1) < 0.02) return [EVEN, EVEN];
  const ratio = Math.min(Math.max(size, 1 / size), DRAWN_AT_MOST);
  const big = Math.round(SMALL * ratio);
  return size > 1 ? [big, SMALL] : [SMALL, big];
}

export class GearTrain {
  readonly element = s("g", { class: "train" });
  private wheels: Wheel[] = [];
  private angle = 0;

  /** Draw the stages along the line y. Returns how far the picture reaches above and below it. */
  draw(stages: Stage[], y: number, now: number, pulled: (edge: number) => boolean): void {
    this.element.replaceChildren();
    this.wheels = [];
    if (!stages.length) return;
    const module = Math.min(3.3, ...stages.map((g) => (g.to - g.from - 26) / (teeth(g.rate)[0] + teeth(g.rate)[1] + IDLER)));
    let turns = 1;
    const shafts: [number, number][] = [];
    const layers = { back: s("g"), belts: s("g"), front: s("g"), words: s("g") };
    let left: number | null = null;
    stages.forEach((stage, k) => {
      const [big, small] = teeth(stage.rate);
      const stuck = stage.rate === 0 || Number.isNaN(stage.rate);
      const idler = stage.rate > 0 ? IDLER : 0;
      const gap = stuck ? 14 : 0;
      const width = (big + small + idler) * module + gap;
      const wheelX = (stage.from + stage.to) / 2 - width / 2 + (big * module) / 2;
      const pinionX = wheelX + ((big + small) / 2 + idler) * module + gap;
      const klass = `${stage.edges.includes(now) ? " now" : ""}${stage.edges.every(pulled) ? " done" : ""}`;
      this.wheel(layers.back, "wheel" + klass, wheelX, y, big, module, 0, turns, k, stuck);
      let offset = 0;
      let out = stuck ? 0 : (-turns * big) / small;
      if (idler) {
        offset = IDLER / 2 - 0.5;
        const x = wheelX + ((big + IDLER) / 2) * module;
        this.wheel(layers.back, "idler", x, y, IDLER, module, offset, (-turns * big) / IDLER, k, false);
        out = (turns * big) / small;
      }
      this.wheel(layers.back, "pinion" + klass, pinionX, y, small, module, small / 2 - offset - 0.5, out, k, stuck);
      if (left !== null) shafts.push([left, wheelX]);
      left = pinionX;
      turns = out;
      this.words(layers.words, stage, wheelX, pinionX, y, big, module, klass, module * Math.max(...stages.flatMap((g) => teeth(g.rate))) / 2);
    });
    for (const [from, to] of shafts) {
      layers.belts.append(s("rect", { class: "shaft", x: from, y: y - 4.5, width: to - from, height: 9, rx: 4.5 }));
    }
    for (const { x } of this.wheels) layers.front.append(s("circle", { class: "axle", cx: x, cy: y, r: 3.2 }));
    this.element.append(layers.back, layers.belts, layers.front, layers.words);
    this.turn(0);
  }

  private wheel(into: SVGElement, klass: string, x: number, y: number, count: number, module: number, phase: number, turns: number, shaft: number, smooth: boolean): void {
    const r = (count * module) / 2;
    const body = smooth ? s("circle", { class: klass, r: r - module }) : s("polygon", { class: klass, points: outline(count, module, phase) });
    const group = s("g", {}, body);
    if (r > 16) {
      const spokes = count >= 30 ? 5 : 3;
      for (let k = 0; k < spokes; k++) {
        const angle = (2 * Math.PI * (k + 0.25)) / spokes;
        group.append(s("circle", { class: "hole", cx: r * 0.62 * Math.cos(angle), cy: r * 0.62 * Math.sin(angle), r: r * 0.13 }));
      }
    }
    into.append(s("g", { transform: `translate(${x} ${y})` }, group));
    this.wheels.push({ group, turns, shaft, x });
  }

  // Numbers stand above a small wheel and on a large one; what would not fit between two stages is left out.
  private words(into: SVGElement, stage: Stage, wheelX: number, pinionX: number, y: number, big: number, module: number, klass: string, tallest: number): void {
    const r = (big * module) / 2;
    const middle = (wheelX - r + pinionX) / 2;
    const top = y - (Math.max(...teeth(stage.rate)) * module) / 2 - 12;
    const size = Math.abs(stage.rate);
    const capped = size > DRAWN_AT_MOST || (size > 0 && size < 1 / DRAWN_AT_MOST);
    const room = stage.to - stage.from;
    const turning =
      stage.rate === 0 ? "does not turn on"
        : Number.isNaN(stage.rate) ? "not a number"
          : size >= 1 || size === 0
            ? `${fmt(size)} turn${size === 1 ? "" : "s"} out for 1 in`
            : `1 turn out for ${fmt(1 / size)} in`;
    const inside = r > 40;
    const below = stage.note ?? turning + (stage.rate < 0 ? ", the other way" : "");
    const said = below.length * 6.4 < room ? below : stage.rate < 0 ? "other way" : "";
    into.append(
      s("text", { class: `num big${inside ? " on" : ""}${room < 130 ? " tight" : ""}${klass}`, x: inside ? wheelX : middle, y: inside ? y - 15 : top, "text-anchor": "middle" }, `×${fmt(stage.rate)}`),
      s("text", { class: "label soft", x: middle, y: y + tallest + 22, "text-anchor": "middle" },
        said),
    );
    if (capped && room > 90 && !stage.note) into.append(s("text", { class: "label soft", x: middle, y: y + tallest + 38, "text-anchor": "middle" },
      size > 1 ? `drawn ${DRAWN_AT_MOST} : 1` : `drawn 1 : ${DRAWN_AT_MOST}`));
    if (stage.caption && stage.caption.length * 6.4 + 30 < room) into.append(s("text", { class: "label soft", x: middle, y: inside ? y - tallest - 14 : top - 24, "text-anchor": "middle" }, `rate ${stage.caption}`));
  }

  /** Turn the first shaft by some more of a turn; all others follow by the teeth. */
  turn(by: number): void {
    this.angle += by * 360;
    for (const { group, turns } of this.wheels) group.setAttribute("transform", `rotate(${((this.angle * turns) % 360).toFixed(2)})`);
  }
}
