// Two runs compared: what differs most on top, then the two pictures. Matching and sizes come from Python (view/diff.py).

import { num, type Num, type Trace } from "./trace.js";
import { fmt, h, plural, raised, s } from "./util.js";
import { show } from "./view.js";

const FORMAT = "geartrain-diff/1";
const PAGE = 60;

type Row = [before: number, after: number, name: string, line: string, ...sizes: Num[]];
interface Diff { format: string; before: Trace; after: Trace; rows: Row[]; only: [string[], string[]]; same: number }

export function showDiff(data: unknown, place: Element): void {
  const diff = data as Diff;
  if (diff.format !== FORMAT || !Array.isArray(diff.rows) || !Array.isArray(diff.only)) {
    const newer = /^geartrain-diff\/([2-9]|\d\d)/.test(String(diff.format));
    place.replaceChildren(h("p", { class: "panel certificate", role: "alert" }, newer ? `This comparison is ${diff.format}, newer than this page. Open it with a newer geartrain.` : "This comparison is damaged. Save it again."));
    return;
  }
  const title = (t: Trace) => t.formula ?? t.title;
  const [before, after] = [title(diff.before), title(diff.after)];
  const box = h("div", { class: "geartrain" });
  box.append(h("header", {}, h("h1", { class: "title" }, before === after ? `${before}, twice` : `${before} and ${after}`),
    h("p", { class: "answer" }, `${plural(diff.rows.length, "operation differs", "operations differ")}, ${diff.same.toLocaleString("en")} the same`)));
  box.append(table(diff));
  diff.only.forEach((names, k) => names.length && box.append(h("p", { class: "only" }, h("b", {}, k ? "Only after: " : "Only before: "), plural(names.length, "operation"), " ",
    h("span", { class: "num" }, names.slice(0, 12).join(", ") + (names.length > 12 ? ", …" : "")))));
  for (const [which, trace] of [["Before", diff.before], ["After", diff.after]] as const) {
    const figure = h("div");
    box.append(h("section", { class: "panel", "aria-label": which }, h("h2", {}, which), figure));
    show(trace, figure, { compact: true });
  }
  place.replaceChildren(box);
}

function table(diff: Diff): HTMLElement {
  const body = h("tbody");
  const logs = diff.rows.flatMap((r) => [num(r[6] as Num), num(r[7] as Num)]).map((x) => Math.log10(Math.abs(x))).filter(Number.isFinite);
  const [low, high] = [Math.floor(Math.min(0, ...logs)), Math.ceil(Math.max(0, ...logs) + 0.01)];
  let most = PAGE;
  const draw = () => {
    body.replaceChildren(...diff.rows.slice(0, most).map((r) => row(r, low, high)));
    if (diff.rows.length <= most) return;
    const more = h("button", { type: "button", class: "plain" }, `show ${PAGE} more of ${diff.rows.length.toLocaleString("en")}`);
    more.addEventListener("click", () => { most += PAGE; draw(); });
    body.append(h("tr", {}, h("td", { colspan: 6 }, more)));
  };
  draw();
  const every = Math.max(1, Math.ceil((high - low) / 4));
  const scale = s("svg", { class: "dumbbell", viewBox: "0 0 300 16", width: 300, height: 16, "aria-hidden": "true" });
  for (let k = low; k <= high; k += every) scale.append(s("text", { class: "num soft tick", x: 10 + (280 * (k - low)) / (high - low), y: 13, "text-anchor": k === low ? "start" : k === high ? "end" : "middle" }, k ? `10${raised(k)}` : "1"));
  return h("section", { class: "panel", "aria-label": "What differs" },
    h("p", { class: "label soft" }, "The largest difference first. The open dot is before, the full dot after: the size of the cotangent, how strongly the end moves for a nudge there."),
    h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Table, scrolls sideways" },
      h("table", { class: "tape" }, h("thead", {}, h("tr", {}, ...["operation", "value", "local rate", "cotangent"].map((t) => h("th", { scope: "col" }, t)), h("td", {}, scale), h("th", { scope: "col" }, "line"))), body)));
}

function row([, , name, line, ...sizes]: Row, low: number, high: number): HTMLElement {
  const [v0, v1, b0, b1, r0, r1] = sizes.map((x) => num(x));
  const pair = (a: number, b: number) => (fmt(a) === fmt(b) ? fmt(a) : `${fmt(a)} → ${fmt(b)}`);
  const X = (x: number) => 10 + (280 * (Math.log10(Math.abs(x)) - low)) / (high - low);
  const svg = s("svg", { class: "dumbbell", viewBox: "0 0 300 16", width: 300, height: 16, "aria-hidden": "true" }, s("path", { class: "scale", d: "M10,8 H290", opacity: 0.25 }));
  const [a, b] = [X(b0), X(b1)];
  if (Number.isFinite(a) && Number.isFinite(b)) svg.append(s("path", { class: "run", d: `M${a},8 H${b}` }));
  if (Number.isFinite(a)) svg.append(s("circle", { class: "dot ahead", cx: a, cy: 8, r: 5 }));
  if (Number.isFinite(b)) svg.append(s("circle", { class: "dot", cx: b, cy: 8, r: 5 }));
  return h("tr", {}, h("td", {}, name), h("td", { class: "num fwd" }, pair(v0, v1)), h("td", { class: "num" }, Number.isNaN(r0) && Number.isNaN(r1) ? "" : pair(r0, r1)),
    h("td", { class: "num bwd" }, pair(b0, b1)), h("td", {}, svg), h("td", { class: "label soft" }, line));
}
