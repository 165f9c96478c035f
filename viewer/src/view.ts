// The picture of one trace: state, and what follows from it.

import { Graph } from "./graph.js";
import { GearTrain } from "./gears.js";
import { inputs } from "./inputs.js";
import { inspect } from "./inspector.js";
import { dominantPath, factors, pathThrough, segments, steps, type Factor, type Segment, type Steps } from "./measure.js";
import type { Moment } from "./figure.js";
import { Overview } from "./overview.js";
import { drawRuler, waterfall, WATERFALL } from "./ruler.js";
import { Twin } from "./run.js";
import { sentence } from "./sentence.js";
import { names, STAGES, stretches, under } from "./stages.js";
import { TapeTable } from "./table.js";
import { num, problem, Tape, type Trace } from "./trace.js";
import { clamp, count, fmt, h, s } from "./util.js";

const WIDE = 1064; // the drawing's own units: a full page, and a phone
const NARROW = 400;
const PHONE = 640;
const AT_ONCE = 5_000; // a program of so many values is run again in the event itself, a longer one at the next frame

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
  private factors: Factor[] = [];
  private stretches: Segment[] = [];
  private made: Twin | null = null;
  private readonly graph: Graph;
  private readonly gears = new GearTrain();
  private readonly forwardAt: Int32Array; // the step at which a node is computed
  private readonly backwardAt: Int32Array; // the step at which an edge brings its part
  private overview: Overview | null = null;
  private table: TapeTable | null = null;
  private readonly head = h("header");
  private readonly figure = h("div", { class: "scroll figure", tabindex: "0", role: "group", "aria-label": "The picture, scrolls sideways" });
  private readonly sentence = h("p", { class: "sentence", "aria-live": "polite" });
  private readonly slider: HTMLInputElement;
  private readonly work = h("div");
  private readonly lower = h("div", { class: "lower" });
  private readonly listeners: (() => void)[] = [];
  private ready = false;
  private waiting = false;
  private wide = innerWidth < PHONE ? NARROW : WIDE;

  constructor(trace: Trace, private readonly options: Options = {}) {
    this.tape = new Tape(trace);
    const { tape } = this;
    this.all = steps(tape);
    this.forwardAt = new Int32Array(tape.n);
    this.all.forward.forEach((i, k) => (this.forwardAt[i] = k + 1));
    this.backwardAt = new Int32Array(tape.source.length);
    this.all.backward.forEach((e, k) => (this.backwardAt[e] = this.all.forward.length + k + 1));
    this.start = trace.inputs.reduce((best, { node }) => (best < 0 || tape.barSize[node] > tape.barSize[best] ? node : best), -1);
    this.t = this.readStep(options.step ?? "end");
    this.slider = h("input", { type: "range", min: 0, max: this.last, step: 1, "aria-label": `Tape position: ${this.all.forward.length} steps forward, ${this.all.backward.length} back` });
    this.graph = new Graph(tape, this.wide, () => this.ready && this.draw());
    if (options.hash) this.readHash();
    this.build();
    this.choosePath();
    this.ready = true;
    this.draw();
    new ResizeObserver(() => {
      if (!this.root.clientWidth) return;
      this.wide = this.root.clientWidth < PHONE ? NARROW : WIDE;
      this.graph.fit(this.wide);
    }).observe(this.root);
  }

  /** What runs the program again; made when it is first needed. */
  private get twin(): Twin | null { return (this.made ??= this.tape.trace.program ? new Twin(this.tape) : null); }

  private get last(): number { return this.all.forward.length + this.all.backward.length; }

  private build(): void {
    const { tape, options } = this;
    const { trace } = tape;
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
    const button = (text: string, label: string, by: () => number) => {
      const made = h("button", { type: "button", "aria-label": label }, text);
      made.addEventListener("click", () => this.go(by()));
      return made;
    };
    const scrub = h("div", { class: "scrub" }, this.sentence,
      h("div", { class: "slide" }, button("⇤", "To the start", () => 0), button("←", "One step back", () => this.t - 1), this.slider,
        button("→", "One step on", () => this.t + 1), button("⇥", "To the end", () => this.last)),
      h("div", { class: "label soft ends" }, h("span", {}, "forward: values"), h("span", {}, "backward: rates multiply")));
    const drag = trace.program && inputs(tape, (node) => this.element(node), (node, x, element) => this.set(node, x, element));
    const still = !trace.program && trace.program_missing && !options.compact ? h("p", { class: "label soft" }, `Nothing can be dragged here, since ${trace.program_missing}.`) : "";
    this.root.append(this.head, this.certificate() ?? "", drag ?? still, this.graph.trail, this.figure, h("div", { class: "foot" }, scrub, this.work));
    if (!options.compact) {
      if (tape.n > 12) this.overview = new Overview(tape, (i) => this.select(i));
      const near = new Map((trace.near ?? []).map(({ node, message }) => [node, message]));
      this.table = new TapeTable(tape, (i) => this.select(i), (i) => (near.has(i) ? `near miss: ${near.get(i)}` : ""));
      this.root.append(this.lower, this.overview?.element ?? "", this.table.element);
    }
    const opened = (event: Event) => {
      const card = (event.target as Element).closest("[data-node]");
      if (!card) return;
      const group = card.getAttribute("data-opens");
      if (group === null) this.select(Number(card.getAttribute("data-node")));
      else this.graph.open(Number(group));
      event.preventDefault();
    };
    this.figure.addEventListener("click", opened);
    this.figure.addEventListener("keydown", (event) => { if ((event.key === "Enter" || event.key === " ") && (event.target as Element).matches("[data-opens]")) opened(event); });
  }

  /** Set an element of an input and run the program again, here. */
  set(node: number, x: number, element = 0): void {
    if (!this.twin) return;
    const input = this.twin.input(node);
    if (!input || !(element in input)) return;
    const before = input[element];
    input[element] = x;
    const run = () => {
      this.waiting = false;
      this.twin!.update();
      this.choosePath();
      this.draw();
      this.table?.draw();
      this.overview?.draw();
    };
    if (this.tape.n <= AT_ONCE) run();
    else if (!this.waiting) { this.waiting = true; requestAnimationFrame(run); }
    this.gears.turn((x - before) * 0.25);
  }

  /** The elements of an input as they are now. */
  private element(node: number): ArrayLike<number> {
    if (this.made) return this.made.input(node);
    return this.tape.isArray(node) ? this.tape.trace.program!.inputs[node].map(num) : [this.tape.value[node]];
  }

  /** The inputs as the picture has them now, by name: a number, or the elements of an array. */
  inputs(): Record<string, number | number[]> {
    const out: Record<string, number | number[]> = {};
    for (const { name, node } of this.tape.trace.inputs) {
      const x = this.tape.trace.program ? this.element(node) : null;
      if (x) out[name] = this.tape.isArray(node) ? Array.from(x) : x[0];
    }
    return out;
  }

  /** Set a whole input by its name, from Python: a number, or all elements of an array. */
  setInput(name: string, x: number | number[]): void {
    const input = this.tape.trace.inputs.find((i) => i.name === name);
    const have = input && this.twin?.input(input.node);
    const given = typeof x === "number" ? [x] : x;
    if (!input || !have || given.length !== have.length) return;
    have.set(given);
    this.set(input.node, have[0]);
    this.root.querySelectorAll<HTMLInputElement>(".inputs [data-input]").forEach((field) => {
      if (field.dataset.input === name && given.length === 1) field.value = String(given[0]);
    });
  }

  /** Call `f` whenever something changes. */
  onChange(f: () => void): void { this.listeners.push(f); }

  go(t: number): void {
    this.t = clamp(Math.round(t), 0, this.last);
    this.draw();
  }

  select(node: number, inside = false): void {
    this.selected = node >= 0 && node < this.tape.n ? node : -1;
    if (this.selected < 0) { this.choosePath(); this.draw(); return; }
    this.choosePath();
    this.ready = false; // one drawing, after the sheet is open
    this.graph.reveal(node, inside);
    this.ready = true;
    this.draw();
  }

  /** The path that gears, ruler and waterfall show: the dominant one, through what is selected. */
  private choosePath(): void {
    const { tape, selected } = this;
    if (selected >= 0 && tape.isInput[selected]) this.start = selected;
    this.path = (selected >= 0 && !tape.isConst(selected) && pathThrough(tape, this.start, selected)) || dominantPath(tape, this.start);
    this.factors = factors(tape, this.path);
    this.stretches = segments(tape, this.factors.filter((f) => f.kind === "gain"), 2 * STAGES);
  }

  private now(): Moment {
    const forward = this.all.forward.length;
    const { t, tape } = this;
    const edge = t > forward ? this.all.backward[t - forward - 1] : -1;
    let again = false;
    if (edge >= 0) for (let e = tape.start[tape.target[edge]]; e < tape.start[tape.target[edge] + 1]; e++) again ||= tape.live[e] === 1 && this.backwardAt[e] < t;
    return {
      computed: (i) => this.forwardAt[i] <= t,
      pulled: (e) => this.backwardAt[e] > 0 && this.backwardAt[e] <= t,
      node: t > 0 && t <= forward ? this.all.forward[t - 1] : -1, edge, again,
    };
  }

  private draw(): void {
    const now = this.now();
    const forward = this.all.forward.length;
    this.slider.value = String(this.t);
    this.slider.className = this.t <= forward ? "fwd" : "bwd";
    const words = sentence(this.tape, now, this.t, forward, this.all.backward.length);
    this.slider.setAttribute("aria-valuetext", words.textContent ?? "");
    this.sentence.replaceChildren(words);
    this.drawHead();
    this.drawFigure(now);
    this.drawWork();
    if (!this.options.compact) {
      const shown = this.selected >= 0 ? this.selected : this.start;
      this.lower.replaceChildren(waterfall(this.tape, this.factors, segments(this.tape, this.factors, WATERFALL), (i) => this.select(i)), inspect(this.tape, shown, (i) => this.select(i)));
      this.table?.mark(this.selected);
      this.overview?.moveTo(now.edge >= 0 ? this.tape.target[now.edge] : now.node);
    }
    if (this.options.hash) this.writeHash();
    this.options.changed?.(this);
    for (const f of this.listeners) f();
  }

  private drawHead(): void {
    const { tape } = this;
    const { trace } = tape;
    const end = trace.outputs[0];
    const label = trace.nodes.label[end];
    const out = ["y", "z", "w", "out"].find((n) => trace.inputs.every(({ name }) => name !== n)) ?? "y";
    const title = h(this.options.compact ? "p" : "h1", { class: "title" }, h("i", {}, out), " = ", label || `${trace.title}(…)`);
    if (trace.program && trace.inputs.every(({ node }) => !tape.isArray(node)) && trace.inputs.length <= 4) {
      const at = trace.inputs.map(({ name, node }) => `${name} = ${fmt(tape.value[node])}`).join(", ");
      title.append(h("span", { class: "at" }, ` at ${at}`));
    } else if (!tape.isArray(end)) title.append(h("span", { class: "at" }, ` = ${fmt(tape.value[end])}`));
    const name = trace.inputs.find(({ node }) => node === this.start)?.name ?? "x";
    const answer = h("p", { class: "answer" });
    if (tape.isArray(this.start) || tape.isArray(end)) {
      answer.append(`|d${tape.isArray(end) ? `(sum ${out})` : out}/d${name}| = `, h("b", { class: "num" }, fmt(tape.barSize[this.start])));
    } else {
      const all = this.factors;
      const only = all.length > 1 && all.length <= 6 && all.every((f) => f.kind === "gain" && !Number.isNaN(tape.rate[f.edge]));
      answer.append("d", h("i", {}, out), "/d", h("i", {}, name), only ? ` = ${all.map((f) => (f.signed < 0 ? `(${fmt(f.signed)})` : fmt(f.signed))).join(" · ")} = ` : " = ",
        h("b", { class: "num" }, fmt(tape.bar[this.start])));
    }
    this.head.replaceChildren(title, answer);
  }

  private drawFigure(now: Moment): void {
    const { tape, path, graph } = this;
    const cards = graph.draw(now, this.selected, new Set(path));
    const width = graph.placed?.width ?? this.wide;
    const top = graph.placed ? graph.placed.height : 0;
    const below = graph.placed && under(tape, path, graph.sheet, graph.placed);
    const { stages, note } = below ? { stages: below, note: "" } : stretches(tape, this.stretches, now, this.selected, width);
    const gearsAt = top + (below ? 6 : 40);
    const tall = this.gears.draw(stages, gearsAt, now.edge, now.pulled);
    const rulerY = gearsAt + tall + (note ? 58 : 40);
    const svg = s("svg", { viewBox: `0 0 ${width} ${rulerY + 56}`, role: "group", "aria-label": "The operations, their gear train, and the running product" });
    (svg as unknown as SVGElement).style.minWidth = this.wide === NARROW ? "" : `${Math.min(width, 640 + 40 * (graph.placed?.columns ?? 4))}px`;
    if (cards) svg.append(cards);
    svg.append(this.gears.element);
    if (!below) svg.append(names(stages, gearsAt + 2));
    if (note) svg.append(s("text", { class: "label soft", x: 30, y: gearsAt + tall + 6 }, note));
    if (path.length) svg.append(drawRuler(tape, path, this.factors, now.pulled, width, rulerY));
    const scrolled = this.figure.scrollLeft;
    this.figure.replaceChildren(svg);
    this.figure.scrollLeft = scrolled;
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

  private certificate(): HTMLElement | null {
    const c = this.tape.trace.certificate;
    if (!c) return null;
    const button = h("button", { type: "button" }, "Show the operation");
    button.addEventListener("click", () => this.select(c.node, true));
    const found = /^(.*?), at (\S+:\d+(?:: .*?)?)(?:\. The value is finite, its derivative is not(?:: (.*))?)?$/s.exec(c.message);
    const sentence = (text: string) => h("p", {}, text.charAt(0).toUpperCase() + text.slice(1).replace(/\.?$/, "."));
    const remedy = found?.[3] ?? c.remedy;
    return h("section", { class: "panel certificate", "aria-label": "Birth certificate of a NaN" },
      h("h2", {}, c.kind === "masked" ? "The value is finite, its derivative is not" : "Where it went wrong"),
      sentence(found ? found[1] : c.message), found ? h("pre", {}, found[2]) : "", remedy ? sentence(remedy) : "", button);
  }

  private readStep(text: string): number {
    const [forward, backward] = [this.all.forward.length, this.all.backward.length];
    const found = /^([fb])(\d+)$/.exec(text);
    if (!found) return forward + backward;
    return clamp(Number(found[2]) + (found[1] === "b" ? forward : 0), 0, forward + backward);
  }

  /** The step as the address has it: f2 or b3. */
  step(): string {
    const forward = this.all.forward.length;
    return this.t > forward ? `b${this.t - forward}` : `f${this.t}`;
  }

  goTo(step: string): void { this.go(this.readStep(step)); }

  private readHash(): void {
    const asked = new URLSearchParams(location.hash.slice(1));
    if (asked.has("t")) this.t = this.readStep(asked.get("t")!);
    const node = /^n(\d+)$/.exec(asked.get("sel") ?? "");
    if (node && Number(node[1]) < this.tape.n) this.selected = Number(node[1]);
    const group = Number(asked.get("g") ?? NaN);
    if (group in this.tape.trace.groups) this.graph.open(group);
    let moved = false;
    for (const { name, node: i } of this.tape.trace.inputs) {
      const x = asked.get(name);
      if (!x || !this.tape.trace.program || !Number.isFinite(Number(x)) || this.tape.isArray(i) || Number(x) === this.tape.value[i]) continue;
      this.twin!.input(i)[0] = Number(x);
      moved = true;
    }
    if (moved) this.twin!.update();
  }

  private writeHash(): void {
    const said = new URLSearchParams(this.tape.trace.formula ? { f: this.tape.trace.formula } : {}); // as chapter 9 reads it
    said.set("t", this.step());
    if (this.selected >= 0) said.set("sel", `n${this.selected}`);
    if (this.graph.sheet.group) said.set("g", String(this.graph.sheet.group));
    if (this.tape.trace.program) for (const { name, node } of this.tape.trace.inputs.slice(0, 8)) if (!this.tape.isArray(node)) said.set(name, String(this.tape.value[node]));
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
