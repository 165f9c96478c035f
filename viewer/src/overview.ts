// The whole tape at one glance, for any number of operations: sizes of values (blue) and of cotangents (rust) by decade.

import type { Tape } from "./trace.js";
import { clamp, fmt, h, plural, raised } from "./util.js";

const HEIGHT = 150;
const LEFT = 40;
const VANISHING = -8;
const EXPLODING = 8;

export class Overview {
  readonly element: HTMLElement;
  private readonly canvas = h("canvas", { height: HEIGHT, role: "img" });
  private cursor = -1;
  private marks: HTMLCanvasElement | null = null;

  constructor(private readonly tape: Tape, select: (node: number) => void) {
    this.element = h("section", { class: "panel", "aria-label": "The whole tape" },
      h("h2", {}, "The whole tape"),
      h("p", { class: "label soft" }, "Each mark is an operation, in the order of the program. ",
        h("span", { class: "fwd" }, "Blue: size of its value."), " ",
        h("span", { class: "bwd" }, "Rust: size of its cotangent, how strongly the end moves for a nudge there."), " Root mean squares, log scale. A press selects."),
      this.canvas);
    this.canvas.addEventListener("click", (event) => {
      const box = this.canvas.getBoundingClientRect();
      select(clamp(Math.floor(((event.clientX - box.left) / box.width) * tape.n), 0, tape.n - 1));
    });
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  moveTo(node: number): void {
    this.cursor = node;
    this.paint();
  }

  /** Draw all of it anew: sizes have changed, or the colours or the width have. */
  draw(): void {
    this.marks = null;
    this.paint();
  }

  /** The marks, which are kept, and the place of the step over them. */
  private paint(): void {
    const { canvas, tape } = this;
    const width = canvas.clientWidth;
    const context = canvas.getContext("2d");
    if (!width || !context) return;
    const scale = devicePixelRatio || 1;
    if (!this.marks || this.marks.width !== Math.floor(width * scale)) {
      this.marks = document.createElement("canvas");
      this.marks.width = canvas.width = Math.floor(width * scale);
      this.marks.height = canvas.height = HEIGHT * scale;
      this.drawMarks(this.marks.getContext("2d")!, width, scale);
    }
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(this.marks, 0, 0);
    if (this.cursor < 0) return;
    context.fillStyle = getComputedStyle(canvas).getPropertyValue("--ink").trim() || "#888";
    const x = LEFT + ((width - LEFT - 6) * (this.cursor + 0.5)) / tape.n;
    context.fillRect((x - 0.5) * scale, 4 * scale, scale, (HEIGHT - 8) * scale);
  }

  private drawMarks(context: CanvasRenderingContext2D, width: number, scale: number): void {
    const { canvas, tape } = this;
    context.scale(scale, scale);
    const css = getComputedStyle(canvas);
    const colour = (name: string) => css.getPropertyValue(name).trim() || "#888";
    let [low, high] = [-1, 1];
    const logs = [tape.valueSize, tape.barSize].map((of) => {
      const out = new Float64Array(tape.n);
      for (let i = 0; i < tape.n; i++) {
        const l = (out[i] = Math.log10(tape.isArray(i) ? of[i] / Math.sqrt(Math.max(tape.elements(i), 1)) : of[i]));
        if (Number.isFinite(l)) { low = Math.min(low, l); high = Math.max(high, l); }
      }
      return out;
    });
    const left = LEFT;
    const Y = (l: number) => 10 + ((HEIGHT - 22) * (high - l)) / (high - low);
    const X = (i: number) => left + ((width - left - 6) * (i + 0.5)) / tape.n;
    context.font = "11px ui-monospace, Menlo, monospace";
    context.textAlign = "right";
    for (const [at, text, from, to] of [[VANISHING, "vanishing", low, Math.min(VANISHING, high)], [EXPLODING, "exploding", Math.max(EXPLODING, low), high]] as const) {
      if (at === VANISHING ? low < at : high > at) {
        context.fillStyle = colour("--wheel");
        context.fillRect(left, Y(to), width - left, Y(from) - Y(to));
        context.fillStyle = colour("--soft");
        context.fillText(text, width - 6, at === VANISHING ? Y(from) - 3 : Y(to) + 10);
      }
    }
    context.fillStyle = colour("--soft");
    const every = Math.max(1, Math.ceil((high - low) / 5));
    for (let k = Math.ceil(low / every) * every; k <= high; k += every) {
      context.fillText(k === 0 ? "1" : `10${raised(k)}`, left - 6, Y(k) + 4);
      context.globalAlpha = 0.25;
      context.fillRect(left, Y(k), width - left, 1);
      context.globalAlpha = 1;
    }
    const columns = Math.min(tape.n, width - left);
    logs.forEach((of, which) => {
      context.fillStyle = colour(which ? "--bwd" : "--fwd");
      for (let c = 0; c < columns; c++) {
        const [first, last] = [Math.floor((c * tape.n) / columns), Math.max(Math.floor(((c + 1) * tape.n) / columns), Math.floor((c * tape.n) / columns) + 1)];
        let [a, b, bad] = [Infinity, -Infinity, false];
        for (let i = first; i < last; i++) {
          if (tape.isConst(i)) continue;
          const l = of[i];
          if (Number.isNaN(l) || l === Infinity) bad = true;
          else if (Number.isFinite(l)) { a = Math.min(a, l); b = Math.max(b, l); }
        }
        const x = X(first);
        const wide = tape.n > 200 ? 1 : 7;
        if (b >= a) context.fillRect(x - wide / 2, Y(b) - 1.5, wide, Y(a) - Y(b) + 3);
        if (bad) context.fillRect(x - 1, 0, 2, 8);
      }
    });
    canvas.setAttribute("aria-label",
      `${plural(tape.n, "operation")}; sizes between ${fmt(10 ** low, 2)} and ${fmt(10 ** high, 2)}. The table below has the same numbers.`);
  }
}
