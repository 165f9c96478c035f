// One value looked at closely: where it was made, its local rates as formulas, its numbers, where paths meet.

import { valueText } from "./figure.js";
import { math, rateText } from "./formula.js";
import { num, type Num, type Tape } from "./trace.js";
import { fmt, h, plural, s } from "./util.js";

export function inspect(tape: Tape, i: number, select: (node: number) => void): HTMLElement {
  const list = h("dl");
  const row = (term: string, ...what: (Node | string | null)[]) => list.append(h("dt", {}, term), h("dd", {}, ...what));
  const link = (node: number) => {
    const button = h("button", { type: "button", class: "plain" }, tape.name(node));
    button.addEventListener("click", () => select(node));
    return button;
  };
  const array = tape.isArray(i);
  const kind = array ? ` (${tape.shape(i).join("×")} ${tape.dtype(i)}, root mean square)` : ` (${tape.dtype(i)})`;
  row("value", h("span", { class: "num fwd" }, valueText(tape, i)), h("span", { class: "label soft" }, kind));
  const value = tape.row("value", i);
  if (value) row("", h("span", { class: "label soft" }, `from ${fmt(value.min)} to ${fmt(value.max)}, ${fmt(100 * value.zeros, 3)} % zeros${value.nan ? `, ${value.nan} NaN` : ""}${value.inf ? `, ${value.inf} infinite` : ""}`));
  if (value) row("", histogram(value.hist, "fwd"));
  if (!tape.isConst(i)) {
    const bar = array ? fmt(tape.barSize[i] / Math.sqrt(tape.elements(i))) : fmt(tape.barSize[i] ? tape.bar[i] : 0);
    row("cotangent", h("span", { class: "num bwd" }, bar), h("span", { class: "label soft" }, " how strongly the end moves for a nudge here"));
    const stats = tape.row("bar", i);
    if (stats) row("", histogram(stats.hist, "bwd"));
  }
  if (value?.dead) row("dead units", `${value.dead} of ${tape.shape(i).at(-1)}: zero for every example, so nothing comes back through them`);
  for (let e = tape.start[i]; e < tape.start[i + 1]; e++) {
    if (!tape.live[e]) continue;
    const text = rateText(tape, e, 44);
    const alone = !Number.isNaN(tape.rate[e]);
    row(e === tape.start[i] ? "local rates" : "", h("span", {}, "in ", link(tape.source[e]), ": "), text ? math(text) : null, text ? " = " : null,
      h("span", { class: "num bwd" }, fmt(alone ? tape.rate[e] : tape.gain[e])),
      alone ? null : h("span", { class: "label soft" }, " gain for this gradient at this point"));
  }
  const uses = tape.uses(i);
  if (uses.length > 1) {
    const k = tape.kappa[i];
    row("paths meet", `${uses.length} paths come back here. `, k === k ? (k > 0.999 ? "They agree." : `They cancel in part: κ = ${fmt(k, 3)}.`) : null);
  }
  const whole = tape.trace.value.whole[i];
  if (whole) row("elements", h("span", { class: "num" }, elements(whole)));
  const line = tape.line(i);
  if (line) {
    row("made at", h("span", { class: "num" }, `${line.file}:${line.line}`), line.function ? ` in ${line.function}` : null);
    if (line.text) row("", h("code", {}, line.text));
  }
  return h("section", { class: "panel inspector", "aria-label": "The selected value" }, h("h2", {}, tape.name(i)), list);
}

function elements(whole: Num[]): string {
  const most = 12;
  const text = whole.slice(0, most).map((x) => fmt(num(x), 3)).join("  ");
  return whole.length > most ? `${text}  … ${plural(whole.length, "element")}` : text;
}

/** Sizes by decade, from 1e-16 to 1e16; only the decades that are there. */
function histogram(hist: number[], klass: string): Element | null {
  const used = [...hist.keys()].filter((k) => hist[k]);
  if (!used.length) return null;
  const [first, last] = [used[0], used[used.length - 1]];
  const most = Math.max(...hist);
  const n = last - first + 1;
  const svg = s("svg", { class: "hist", viewBox: `0 0 ${n * 14} 34`, width: n * 14, height: 34, role: "img",
    "aria-label": `sizes by powers of ten, from 1e${first - 16} to 1e${last - 15}` });
  for (let k = first; k <= last; k++) svg.append(s("rect", { class: klass, x: (k - first) * 14 + 1, width: 12, y: 34 - (32 * hist[k]) / most, height: (32 * hist[k]) / most }));
  return h("span", {}, svg, h("span", { class: "label soft" }, ` sizes 1e${first - 16} to 1e${last - 15}`));
}
