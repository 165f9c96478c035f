// The gear train: a mesh for each local rate. A wheel drives a pinion; their teeth are the rate. A belt over two equal
// pulleys carries the turn on to the next wheel, one to one: wheels that lie in one plane cannot share a shaft in it. Two
// wheels in mesh turn against each other, so a positive rate has a small third wheel between, and a rate below zero has
// none: it turns the other way.

import { fmt, s } from "./util.js";

const SMALL = 12;
const EVEN = 20;
const IDLER = 9;
const MODULE = 3.3; // of a tooth, in pixels, where there is room
const PULLEY = 6.5;
const MARK = 13; // from mark to mark on a belt
const ABOVE = 62; // room for what is written above and below the wheels
const BELOW = 34;
const CAPPED = 16; // for the line that says that a ratio is drawn smaller than it is
export const DRAWN_AT_MOST = 4;

export interface Stage {
  rate: number; // signed
  caption: string; // the rate as a formula
  note?: string; // what stands below instead of the ratio in words
  from: number; // where the stage stands
  to: number;
  edges: number[];
}

interface Wheel { group: SVGElement; turns: number }
interface Belt { marks: SVGElement[]; turns: number }

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

function isCapped(rate: number): boolean {
  const size = Math.abs(rate);
  return size > DRAWN_AT_MOST || (size > 0 && size < 1 / DRAWN_AT_MOST);
}

export class GearTrain {
  readonly element = s("g", { class: "train" });
  private wheels: Wheel[] = [];
  private belts: Belt[] = [];
  private angle = 0;

  /** Draw the stages below `top`. Returns the height that they take. */
  draw(stages: Stage[], top: number, now: number, pulled: (edge: number) => boolean): number {
    this.element.replaceChildren();
    this.wheels = [];
    this.belts = [];
    if (!stages.length) return 0;
    const module = Math.min(MODULE, ...stages.map((g) => (g.to - g.from - 26) / (teeth(g.rate)[0] + teeth(g.rate)[1] + IDLER)));
    const tallest = Math.max(26, (module * Math.max(...stages.flatMap((g) => teeth(g.rate)))) / 2 + module);
    const captions = stages.some((g) => g.caption);
    const y = top + (captions ? ABOVE : ABOVE - 22) + tallest;
    let turns = 1;
    const layers = { wheels: s("g"), belts: s("g"), words: s("g") };
    let left: number | null = null;
    for (const stage of stages) {
      const [big, small] = teeth(stage.rate);
      const stuck = stage.rate === 0 || Number.isNaN(stage.rate);
      const idler = stage.rate > 0 ? IDLER : 0;
      const gap = stuck ? 14 : 0;
      const width = (big + small + idler) * module + gap;
      const wheelX = (stage.from + stage.to) / 2 - width / 2 + (big * module) / 2;
      const pinionX = wheelX + ((big + small) / 2 + idler) * module + gap;
      const klass = `${stage.edges.includes(now) ? " now" : ""}${stage.edges.every(pulled) ? " done" : ""}`;
      this.wheel(layers.wheels, "wheel" + klass, wheelX, y, big, module, 0, turns, stuck);
      let offset = 0;
      let out = stuck ? 0 : (-turns * big) / small;
      if (idler) {
        offset = IDLER / 2 - 0.5;
        const x = wheelX + ((big + IDLER) / 2) * module;
        this.wheel(layers.wheels, "idler", x, y, IDLER, module, offset, (-turns * big) / IDLER, false);
        out = (turns * big) / small;
      }
      this.wheel(layers.wheels, "pinion" + klass, pinionX, y, small, module, small / 2 - offset - 0.5, out, stuck);
      if (left !== null) this.belt(layers.belts, left, wheelX, y, turns, Math.min(PULLEY, module * 4));
      left = pinionX;
      turns = out;
      this.words(layers.words, stage, (wheelX - (big * module) / 2 + pinionX + (small * module) / 2) / 2, y, tallest, klass);
    }
    this.element.append(layers.wheels, layers.belts, layers.words);
    this.turn(0);
    const capped = stages.some((g) => isCapped(g.rate) && !g.note);
    return y + tallest + BELOW + (capped ? CAPPED : 0) - top;
  }

  private wheel(into: SVGElement, klass: string, x: number, y: number, count: number, module: number, phase: number, turns: number, smooth: boolean): void {
    const r = (count * module) / 2;
    const body = smooth ? s("circle", { class: klass, r: r - module }) : s("polygon", { class: klass, points: outline(count, module, phase) });
    const group = s("g", {}, body);
    if (r > 16) { // what shows that it turns
      const holes = count >= 30 ? 6 : 3;
      for (let k = 0; k < holes; k++) {
        const angle = (2 * Math.PI * (k + 0.25)) / holes;
        group.append(s("circle", { class: "hole", cx: r * 0.62 * Math.cos(angle), cy: r * 0.62 * Math.sin(angle), r: r * 0.15 }));
      }
    }
    group.append(s("circle", { class: "axle", r: 3.2 }));
    into.append(s("g", { transform: `translate(${x} ${y})` }, group));
    this.wheels.push({ group, turns });
  }

  private belt(into: SVGElement, from: number, to: number, y: number, turns: number, r: number): void {
    const lines = [y - r, y + r].map((level) => s("path", { class: "belt", d: `M${from},${level} H${to}` }));
    const marks = [`M${from},${y - r} H${to}`, `M${to},${y + r} H${from}`].map((d) => s("path", { class: "marks", d, "stroke-dasharray": `3 ${MARK - 3}` }));
    into.append(...lines, ...marks, ...[from, to].map((x) => s("circle", { class: "pulley", cx: x, cy: y, r })), ...[from, to].map((x) => s("circle", { class: "axle", cx: x, cy: y, r: 2.4 })));
    this.belts.push({ marks, turns: turns * r * 2 * Math.PI });
  }

  // The numbers of all stages stand in one line above, so that they read as a product; ratios in one line below.
  private words(into: SVGElement, stage: Stage, x: number, y: number, tallest: number, klass: string): void {
    const size = Math.abs(stage.rate);
    const room = stage.to - stage.from;
    const turning =
      stage.rate === 0 ? "does not turn on"
        : Number.isNaN(stage.rate) ? "not a number"
          : size >= 1 || size === 0
            ? `${fmt(size)} turn${size === 1 ? "" : "s"} out for 1 in`
            : `1 turn out for ${fmt(1 / size)} in`;
    const below = stage.note ?? turning + (stage.rate < 0 ? ", the other way" : "");
    const brief = size >= 1 ? `${fmt(size, 3)} : 1` : size ? `1 : ${fmt(1 / size, 3)}` : "";
    const said = below.length * 6.4 < room ? below : stage.note ? "" : brief + (stage.rate < 0 ? " back" : "");
    into.append(
      s("text", { class: `num big${room < 130 ? " tight" : ""}${klass}`, x, y: y - tallest - 15, "text-anchor": "middle" }, `×${fmt(stage.rate)}`),
      s("text", { class: "label soft", x, y: y + tallest + 20, "text-anchor": "middle" }, said),
    );
    if (isCapped(stage.rate) && room > 90 && !stage.note) into.append(s("text", { class: "label soft", x, y: y + tallest + 36, "text-anchor": "middle" },
      size > 1 ? `drawn ${DRAWN_AT_MOST} : 1` : `drawn 1 : ${DRAWN_AT_MOST}`));
    if (stage.caption && stage.caption.length * 6.4 + 30 < room) into.append(s("text", { class: "label soft", x, y: y - tallest - 42, "text-anchor": "middle" }, `rate ${stage.caption}`));
  }

  /** Turn the first wheel by some more of a turn; all others follow by the teeth, and the belts run. */
  turn(by: number): void {
    this.angle += by;
    for (const { group, turns } of this.wheels) group.setAttribute("transform", `rotate(${((this.angle * 360 * turns) % 360).toFixed(2)})`);
    for (const { marks, turns } of this.belts) for (const m of marks) m.setAttribute("stroke-dashoffset", ((-this.angle * turns) % MARK).toFixed(2));
  }
}
