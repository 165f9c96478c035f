// The picture of one trace: state, and what follows from it.

import { drawGraph, valueText, type Moment } from "./figure.js";
import { rateText } from "./formula.js";
import { GearTrain, type Stage } from "./gears.js";
import { inspect } from "./inspector.js";
import { carded, layout, type Layout } from "./layout.js";
import { dominantPath, factors, pathThrough, segments, steps, type Steps } from "./measure.js";
import { Overview } from "./overview.js";
import { drawRuler, waterfall } from "./ruler.js";
import { Twin } from "./run.js";
import { TapeTable } from "./table.js";
import { problem, Tape, type Trace } from "./trace.js";
import { clamp, count, fmt, h, s } from "./util.js";

const CARDS_AT_MOST = 26;
const STAGES_AT_MOST = 8;
const GEARS = 196; // height of the gear train

export interface Options {
  compact?: boolean; // a figure of the lesson: no table, no panels
  step?: string; // such as f2, b3, end
  hash?: boolean; // keep step and selection in the page's address
  changed?: (view: View) => void;
}

export class View {
  readonly root = h("div", { class: "geartrain" });
  readonly tape: Tape;
  readonly all: Steps;
  t: number;
  selected = -1;
  start: number;
  path: number[] = [];
  private readonly twin: Twin | null;
  private readonly nodes: number[];
  private readonly place: Layout | null;
  private readonly gears = new GearTrain();
  private readonly forwardAt: Int32Array; // the step at which a node is computed
  private readonly backwardAt: Int32Array; // the step at which an edge brings its part
  private readonly overview: Overview | null = null;
  private readonly table: TapeTable | null = null;
  private readonly head = h("header");
  private readonly figure = h("div", { class: "scroll figure", tabindex: "0", role: "group", "aria-label": "The picture, scrolls sideways" });
  private readonly sentence = h("p", { class: "sentence", "aria-live": "polite" });
  private readonly slider: HTMLInputElement;
  private readonly work = h("div");
  private readonly lower = h("div", { class: "lower" });

  constructor(trace: Trace, private readonly options: Options = {}) {
    this.tape = new Tape(trace);
    const { tape } = this;
    this.all = steps(tape);
    this.forwardAt = new Int32Array(tape.n);
    this.all.forward.forEach((i, k) => (this.forwardAt[i] = k + 1));
    this.backwardAt = new Int32Array(tape.source.length);
    this.all.backward.forEach((e, k) => (this.backwardAt[e] = this.all.forward.length + k + 1));
    this.twin = trace.program && tape.n <= 3000 ? new Twin(tape) : null;
    this.start = trace.inputs.reduce((best, { node }) => (best < 0 || tape.barSize[node] > tape.barSize[best] ? node : best), -1);
    this.nodes = carded(tape);
    this.place = this.nodes.length <= CARDS_AT_MOST ? layout(tape, this.nodes) : null;
    this.t = this.readStep(options.step ?? "end");
    const last = this.all.forward.length + this.all.backward.length;
    this.slider = h("input", { type: "range", min: 0, max: last, step: 1, "aria-label": `Tape position: ${this.all.forward.length} steps forward, ${this.all.backward.length} back` });
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
    const button = (text: string, label: string, by: () => number) => {
      const made = h("button", { type: "button", "aria-label": label }, text);
      made.addEventListener("click", () => this.go(by()));
      return made;
    };
    const scrub = h("div", { class: "scrub" },
      this.sentence,
      h("div", { class: "slide" }, button("⇤", "To the start", () => 0), button("←", "One step back", () => this.t - 1), this.slider,
        button("→", "One step on", () => this.t + 1), button("⇥", "To the end", () => last)),
      h("div", { class: "label soft ends" }, h("span", {}, "forward: values"), h("span", {}, "backward: rates multiply")));
    this.root.append(this.head, this.certificate() ?? "", this.inputs() ?? "", this.figure, h("div", { class: "foot" }, scrub, this.work));
    if (!options.compact) {
      if (tape.n > 12) this.overview = new Overview(tape, (i) => this.select(i));
      const near = new Map((trace.near ?? []).map(({ node, message }) => [node, message]));
      this.table = new TapeTable(tape, (i) => this.select(i), (i) => (near.has(i) ? `near miss: ${near.get(i)}` : ""));
      this.root.append(this.lower, this.overview?.element ?? "", this.table.element);
    }
    this.figure.addEventListener("click", (event) => {
      const card = (event.target as Element).closest("[data-node]");
      if (card) this.select(Number(card.getAttribute("data-node")));
    });
    if (options.hash) this.readHash();
    this.choosePath();
    this.draw();
  }

  /** Set an input and run the program again, here. */
  set(node: number, x: number): void {
    if (!this.twin) return;
    const input = this.twin.input(node);
    const before = input[0];
    input[0] = x;
    this.twin.update();
    this.choosePath();
    this.draw();
    this.gears.turn((x - before) * 0.25);
    this.table?.draw();
    this.overview?.draw();
  }

  go(t: number): void {
    this.t = clamp(Math.round(t), 0, this.all.forward.length + this.all.backward.length);
    this.draw();
  }

  select(node: number): void {
    this.selected = node;
    this.choosePath();
    this.draw();
  }

  /** The path that gears, ruler and waterfall show: the dominant one, through what is selected. */
  private choosePath(): void {
    const { tape, selected } = this;
    if (selected >= 0 && tape.isInput[selected]) this.start = selected;
    this.path = (selected >= 0 && !tape.isConst(selected) && pathThrough(tape, this.start, selected)) || dominantPath(tape, this.start);
  }

  private now(): Moment {
    const forward = this.all.forward.length;
    const { t } = this;
    return {
      computed: (i) => this.forwardAt[i] <= t,
      pulled: (e) => this.backwardAt[e] > 0 && this.backwardAt[e] <= t,
      node: t > 0 && t <= forward ? this.all.forward[t - 1] : -1,
      edge: t > forward ? this.all.backward[t - forward - 1] : -1,
    };
  }

  private draw(): void {
    const now = this.now();
    this.slider.value = String(this.t);
    const tense = this.t <= this.all.forward.length ? "fwd" : "bwd";
    this.slider.className = tense;
    const words = this.describe(now);
    this.slider.setAttribute("aria-valuetext", words.textContent ?? "");
    this.sentence.replaceChildren(words);
    this.drawHead();
    this.drawFigure(now);
    this.drawWork();
    if (!this.options.compact) {
      const shown = this.selected >= 0 ? this.selected : this.start;
      this.lower.replaceChildren(waterfall(this.tape, factors(this.tape, this.path), (i) => this.select(i)), inspect(this.tape, shown, (i) => this.select(i)));
      this.table?.mark(this.selected);
      this.overview?.moveTo(now.edge >= 0 ? this.tape.target[now.edge] : now.node);
    }
    if (this.options.hash) this.writeHash();
    this.options.changed?.(this);
  }

  private drawHead(): void {
    const { tape } = this;
    const { trace } = tape;
    const end = trace.outputs[0];
    const label = trace.nodes.label[end];
    const out = ["y", "z", "w", "out"].find((n) => trace.inputs.every(({ name }) => name !== n)) ?? "y";
    const title = h(this.options.compact ? "p" : "h1", { class: "title" }, h("i", {}, out), " = ", label || `${trace.title}(…)`);
    if (this.twin && trace.inputs.every(({ node }) => !tape.isArray(node)) && trace.inputs.length <= 4) {
      const at = trace.inputs.map(({ name, node }) => `${name} = ${fmt(tape.value[node])}`).join(", ");
      title.append(h("span", { class: "at" }, ` at ${at}`));
    } else if (label && !tape.isArray(end)) title.append(h("span", { class: "at" }, ` = ${fmt(tape.value[end])}`));
    const name = trace.inputs.find(({ node }) => node === this.start)?.name ?? "x";
    const all = factors(tape, this.path);
    const answer = h("p", { class: "answer" });
    if (tape.isArray(this.start) || tape.isArray(end)) {
      answer.append(`|d${tape.isArray(end) ? `(sum ${out})` : out}/d${name}| = `, h("b", { class: "num" }, fmt(tape.barSize[this.start])));
    } else {
      const only = all.length > 1 && all.length <= 6 && all.every((f) => f.kind === "gain" && !Number.isNaN(tape.rate[f.edge]));
      answer.append("d", h("i", {}, out), "/d", h("i", {}, name), only ? ` = ${all.map((f) => (f.signed < 0 ? `(${fmt(f.signed)})` : fmt(f.signed))).join(" · ")} = ` : " = ",
        h("b", { class: "num" }, fmt(tape.bar[this.start])));
    }
    this.head.replaceChildren(title, answer);
  }

  private drawFigure(now: Moment): void {
    const { tape, place, path } = this;
    const width = place?.width ?? 1064;
    const top = place ? place.height + 18 : 12;
    const { stages, note } = this.stages(now, width);
    const rulerY = top + GEARS + 96;
    const svg = s("svg", { viewBox: `0 0 ${width} ${rulerY + 56}`, role: "group", "aria-label": "The operations, their gear train, and the running product" });
    (svg as unknown as SVGElement).style.minWidth = `${Math.min(width, 640 + 40 * (place?.columns ?? 4))}px`;
    if (place) svg.append(drawGraph(tape, this.nodes, place, now, this.selected, new Set(path)));
    this.gears.draw(stages, top + GEARS / 2 + 12, now.edge, now.pulled);
    svg.append(this.gears.element);
    if (stages.some((g) => g.name)) this.stageNames(svg, stages, top);
    if (note) svg.append(s("text", { class: "label soft", x: 30, y: top + GEARS + 34 }, note));
    if (path.length) svg.append(drawRuler(tape, path, factors(tape, path), now.pulled, width, rulerY));
    const scrolled = this.figure.scrollLeft;
    this.figure.replaceChildren(svg);
    this.figure.scrollLeft = scrolled;
  }

  /** A mesh for each factor of the path. Of a long path one for each call or turn, or the stretch that is going on. */
  private stages(now: Moment, width: number): { stages: (Stage & { name: string })[]; note: string } {
    const { tape, place, path } = this;
    const gains = factors(tape, path).filter((f) => f.kind === "gain");
    if (place && path.length <= STAGES_AT_MOST) {
      return { note: "", stages: path.map((e) => {
        const [from, to] = [place.places.get(tape.source[e])!.x, place.places.get(tape.target[e])!.x];
        return { rate: this.factor(e), caption: rateText(tape, e), from, to, edges: [e], name: "" };
      }) };
    }
    const parts = segments(tape, gains, 2 * STAGES_AT_MOST).reverse();
    const focus = parts.findIndex((p) => p.edges.includes(now.edge) || p.edges.some((e) => tape.target[e] === this.selected));
    const first = clamp(focus - STAGES_AT_MOST / 2, 0, Math.max(0, parts.length - STAGES_AT_MOST));
    const shown = parts.slice(first, first + STAGES_AT_MOST);
    const step = (width - 60) / Math.max(shown.length, 1);
    const stages = shown.map((p, k) => ({ rate: p.signed, caption: "", note: p.edges.length === 1 ? rateText(tape, p.edges[0], Math.floor(step / 7)) : `${p.edges.length} factors`,
      from: 30 + k * step, to: 30 + (k + 1) * step, edges: p.edges, name: p.name }));
    const note = shown.length < parts.length ? `factors ${first + 1} to ${first + shown.length} of ${parts.length} on the path that brings most; scrub or select to see others` : "";
    return { stages, note };
  }

  private factor(e: number): number {
    return Number.isNaN(this.tape.rate[e]) ? this.tape.gain[e] : this.tape.rate[e];
  }

  /** Where no cards are drawn, the operations of the path stand above their gears. */
  private stageNames(svg: Element, stages: (Stage & { name: string })[], top: number): void {
    for (const { from, to, name } of stages) {
      const room = Math.floor((to - from) / 8);
      svg.append(s("text", { class: "name", x: (from + to) / 2, y: top + 8, "text-anchor": "middle" }, name.length > room ? `${name.slice(0, room - 1)}…` : name));
    }
  }

  private describe(now: Moment): HTMLElement {
    const { tape } = this;
    const [forward, backward] = [this.all.forward.length, this.all.backward.length];
    const num = (text: string, klass = "") => h("span", { class: `num ${klass}` }, text);
    if (now.edge >= 0) {
      const e = now.edge;
      const [u, v] = [tape.source[e], tape.target[e]];
      const out = h("span", {}, h("span", { class: "bwd" }, `Backward, step ${this.t - forward} of ${backward}. `));
      if (Number.isNaN(tape.rate[e])) {
        out.append(`What arrived at ${tape.name(v)} has size `, num(fmt(tape.barSize[v])), "; this operation's own rule passes on ", num(fmt(tape.brings(e))), ` to ${tape.name(u)}, a gain of `, num(fmt(tape.gain[e])), ".");
      } else {
        out.append("Multiply what arrived, ", num(fmt(tape.bar[v])), ", by this step's own rate, ", num(fmt(tape.rate[e])), ".");
        const before = tape.uses(u).filter((k) => k !== e && this.backwardAt[k] < this.backwardAt[e]);
        if (before.length) {
          const have = before.reduce((total, k) => total + tape.rate[k] * tape.bar[tape.target[k]], 0);
          const part = tape.rate[e] * tape.bar[v];
          out.append(` Add it to the ${fmt(have)} that another path brought: ${fmt(have)} ${part < 0 ? "−" : "+"} ${fmt(Math.abs(part))} = `, num(fmt(have + part)), ".");
        }
      }
      const earlier = this.all.backward.some((k) => tape.target[k] === v && this.backwardAt[k] < this.backwardAt[e]);
      out.append(earlier ? " What arrived was computed once and is used again." : " Nothing else is needed here.");
      return out;
    }
    if (now.node >= 0) {
      const i = now.node;
      return h("span", {}, h("span", { class: "fwd" }, `Forward, step ${this.t} of ${forward}. `), `${tape.name(i)} becomes `, num(valueText(tape, i), "fwd"), ", and is kept for the way back.");
    }
    const at = tape.trace.inputs.slice(0, 4).map(({ name, node }) => `${name} = ${valueText(tape, node)}`).join(", ");
    return h("span", {}, `The start: ${at}. Step forward to compute, then back to multiply the rates.`);
  }

  private drawWork(): void {
    const { work } = this.tape.trace;
    const forward = this.all.forward.length;
    const sofar = this.t > forward ? this.t - forward : 0;
    const row = (name: string, exact: string, klass = "", text = "") => {
      const n = BigInt(exact);
      return h("tr", {}, h("th", { scope: "row", class: klass }, name), h("td", { class: `num ${klass}`, title: exact.length < 5000 ? n.toLocaleString("en").slice(0, 4000) : "" }, text || count(n)));
    };
    const total = BigInt(work.backward);
    this.work.replaceChildren(h("table", { class: "work" }, h("caption", {}, "Multiplications for ", work.sweeps > 1 ? `these ${work.sweeps.toLocaleString("en")} derivatives` : "this derivative"),
      h("tbody", {}, row(`path by path (${count(BigInt(work.paths))} ${work.paths === "1" ? "path" : "paths"})`, work.naive), row("forward mode", work.forward),
        row("backpropagation", work.backward, "bwd", sofar && BigInt(sofar) < total ? `${sofar.toLocaleString("en")} of ${count(total)}` : ""))));
  }

  private inputs(): HTMLElement | null {
    const { tape } = this;
    if (!this.twin) return null;
    const single = tape.trace.inputs.filter(({ node }) => !tape.isArray(node) && tape.dtype(node).startsWith("float"));
    if (!single.length || single.length > 8) return null;
    const box = h("div", { class: "inputs" });
    for (const { name, node } of single) {
      const x = tape.value[node];
      const reach = Math.max(2, 2 * Math.abs(x));
      const field = h("input", { type: "number", step: "any", value: String(x), "aria-label": `${name}, as a number`, size: 8 });
      const drag = h("input", { type: "range", class: "fwd", min: x - reach, max: x + reach, step: reach / 200, value: String(x), "aria-label": `Drag ${name}` });
      const use = (text: string, other: HTMLInputElement) => {
        const value = Number(text);
        if (text.trim() === "" || !Number.isFinite(value)) return;
        other.value = String(Number(value.toPrecision(6)));
        this.set(node, value);
      };
      field.addEventListener("input", () => use(field.value, drag));
      drag.addEventListener("input", () => use(drag.value, field));
      box.append(h("div", { class: "input" }, h("i", { "aria-hidden": "true" }, name), h("span", { "aria-hidden": "true" }, " = "), field, drag));
    }
    return box;
  }

  private certificate(): HTMLElement | null {
    const c = this.tape.trace.certificate;
    if (!c) return null;
    const button = h("button", { type: "button" }, "Show the operation");
    button.addEventListener("click", () => this.select(c.node));
    return h("section", { class: "panel certificate", "aria-label": "Birth certificate of a NaN" }, h("h2", {}, "Where it went wrong"),
      h("pre", {}, c.message), c.remedy ? h("p", {}, c.remedy) : "", button);
  }

  private readStep(text: string): number {
    const [forward, backward] = [this.all.forward.length, this.all.backward.length];
    const found = /^([fb])(\d+)$/.exec(text);
    if (!found) return forward + backward;
    return clamp(Number(found[2]) + (found[1] === "b" ? forward : 0), 0, forward + backward);
  }

  private readHash(): void {
    const asked = new URLSearchParams(location.hash.slice(1));
    if (asked.has("t")) this.t = this.readStep(asked.get("t")!);
    const node = /^n(\d+)$/.exec(asked.get("sel") ?? "");
    if (node && Number(node[1]) < this.tape.n) this.selected = Number(node[1]);
    for (const { name, node: i } of this.tape.trace.inputs) {
      const x = asked.get(name);
      if (x !== null && this.twin && Number.isFinite(Number(x)) && !this.tape.isArray(i)) {
        this.twin.input(i)[0] = Number(x);
        this.twin.update();
        this.root.querySelectorAll<HTMLInputElement>(".inputs input").forEach((f) => {
          if (f.getAttribute("aria-label")?.includes(name)) f.value = x;
        });
      }
    }
  }

  private writeHash(): void {
    const forward = this.all.forward.length;
    const said = new URLSearchParams();
    said.set("t", this.t > forward ? `b${this.t - forward}` : `f${this.t}`);
    if (this.selected >= 0) said.set("sel", `n${this.selected}`);
    if (this.twin) for (const { name, node } of this.tape.trace.inputs.slice(0, 8)) if (!this.tape.isArray(node)) said.set(name, String(this.tape.value[node]));
    try { history.replaceState(null, "", `#${said}`); } catch { /* a page without an address of its own */ }
  }
}

/** Show a trace, or say why not: never a blank page. */
export function show(data: unknown, into: Element, options: Options = {}): View | null {
  const wrong = problem(data);
  if (!wrong) {
    try {
      const view = new View(data as Trace, options);
      into.replaceChildren(view.root);
      return view;
    } catch (error) {
      into.replaceChildren(h("p", { class: "panel certificate", role: "alert" }, `This trace cannot be shown: ${(error as Error).message}`));
      return null;
    }
  }
  into.replaceChildren(h("p", { class: "panel certificate", role: "alert" }, wrong));
  return null;
}

