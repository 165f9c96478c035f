// The same data as a table: groups that open, loops folded, pages of rows, a search. It is also the focus list that
// stands beside what is too large to draw.

import { valueText } from "./figure.js";
import { rateText } from "./formula.js";
import { lastOf } from "./sheet.js";
import type { Tape } from "./trace.js";
import { fmt, h, plural } from "./util.js";

const PAGE = 60;

export class TapeTable {
  readonly element: HTMLElement;
  private readonly body = h("tbody");
  private readonly status = h("p", { class: "label soft", role: "status" });
  private readonly open = new Set<number>([0]);
  private readonly shown = new Map<number, number>();
  private query = "";
  private selected = -1;

  constructor(private readonly tape: Tape, private readonly select: (node: number) => void, private readonly note: (node: number) => string = () => "") {
    const { groups } = tape.trace;
    const search = h("input", { type: "search", placeholder: "name, operation, file:line", "aria-label": "Search the tape" });
    search.addEventListener("input", () => { this.query = search.value.trim().toLowerCase(); this.shown.clear(); this.draw(); });
    const head = ["operation", "value", "cotangent", "local rates", "line"].map((t) => h("th", { scope: "col" }, t));
    this.element = h("section", { class: "panel", "aria-label": "Table of the tape" },
      h("div", { class: "bar-row" }, h("h2", {}, "Every operation"), search), this.status,
      h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Table, scrolls sideways" },
        h("table", { class: "tape" }, h("thead", {}, h("tr", {}, ...head)), this.body)));
    if (groups.length > 1 && tape.n <= 400) groups.forEach((g, i) => g.kind === "call" && i < 30 && this.open.add(i));
    this.draw();
  }

  mark(node: number): void {
    if (node === this.selected) return;
    this.selected = node;
    for (let g = this.tape.trace.nodes.group[node]; g >= 0; g = this.tape.trace.groups[g].parent) this.open.add(g);
    this.draw();
  }

  draw(): void {
    this.body.replaceChildren();
    if (this.query) this.drawFound();
    else {
      this.status.textContent = plural(this.tape.n, "value");
      this.drawGroup(0, 0);
    }
  }

  private drawFound(): void {
    const { tape, query } = this;
    const most = this.shown.get(-1) ?? PAGE;
    let found = 0;
    for (let i = 0; i < tape.n; i++) {
      const line = tape.line(i);
      const text = `${tape.name(i)} ${tape.op[i]} ${line ? `${line.file}:${line.line} ${line.function} ${line.text}` : ""}`.toLowerCase();
      if (!text.includes(query)) continue;
      if (found++ < most) this.body.append(this.row(i, 0));
    }
    this.status.textContent = found ? `${plural(found, "value")} found` : `Nothing has “${query}” in its name, its operation or its line.`;
    if (found > most) this.body.append(this.more(-1, most, found));
  }

  private drawGroup(g: number, depth: number): void {
    const { tape } = this;
    const group = tape.trace.groups[g];
    const kids = this.tape.kids(g);
    const most = this.shown.get(g) ?? PAGE;
    let [at, next, count] = [group.first, 0, 0];
    while (at < group.last) {
      const child = kids[next];
      const isChild = child !== undefined && tape.trace.groups[child].first === at;
      if (count < most) {
        if (isChild) {
          this.body.append(this.groupRow(child, depth));
          if (this.open.has(child)) this.drawGroup(child, depth + 1);
        } else if (!tape.isConst(at)) this.body.append(this.row(at, depth));
      }
      if (isChild) { count++; next++; at = tape.trace.groups[child].last; }
      else { if (!tape.isConst(at)) count++; at++; }
      if (count > most + PAGE) break;
    }
    if (count > most) this.body.append(this.more(g, most, 0));
  }

  private groupRow(g: number, depth: number): HTMLElement {
    const group = this.tape.trace.groups[g];
    const open = this.open.has(g);
    const button = h("button", { type: "button", class: "plain group", "aria-expanded": String(open) },
      `${open ? "▾" : "▸"} ${group.kind === "call" ? `${group.name}()` : group.name}`);
    button.addEventListener("click", () => {
      if (open) this.open.delete(g); else this.open.add(g);
      this.draw();
      this.body.querySelector<HTMLElement>(`[data-group="${g}"] button`)?.focus();
    });
    const name = h("td", {}, button);
    name.style.paddingLeft = `${6 + depth * 16}px`;
    const last = lastOf(this.tape, g);
    const line = this.tape.line(last);
    return h("tr", { "data-group": g, class: "group" }, name, h("td", { class: "num fwd" }, valueText(this.tape, last)),
      h("td", { class: "num bwd" }, this.barText(last)), h("td", { class: "label soft" }, plural(group.last - group.first, "operation")),
      h("td", { class: "label soft" }, line ? `${line.file}:${line.line}` : ""));
  }

  private barText(i: number): string {
    const { tape } = this;
    return tape.isArray(i) ? fmt(tape.barSize[i] / Math.sqrt(tape.elements(i))) : fmt(Number.isNaN(tape.bar[i]) && !tape.barSize[i] ? null : tape.bar[i]);
  }

  private row(i: number, depth: number): HTMLElement {
    const { tape } = this;
    const button = h("button", { type: "button", class: "plain", "aria-pressed": String(i === this.selected) }, tape.name(i));
    button.addEventListener("click", () => this.select(i));
    const name = h("td", {}, button, tape.isArray(i) ? h("span", { class: "label soft" }, ` ${tape.shape(i).join("×")}`) : null);
    const dead = tape.dead(i);
    if (dead) name.append(h("span", { class: "label bad" }, ` ${plural(dead, "unit")} dead`));
    const extra = this.note(i);
    if (extra) name.append(h("span", { class: "label bad" }, ` ${extra}`));
    name.style.paddingLeft = `${6 + depth * 16}px`;
    const rates: string[] = [];
    for (let e = tape.start[i]; e < tape.start[i + 1]; e++) {
      if (!tape.live[e]) continue;
      const number = fmt(Number.isNaN(tape.rate[e]) ? tape.gain[e] : tape.rate[e]);
      const formula = rateText(tape, e, 22);
      rates.push(formula && formula !== number ? `${formula} = ${number}` : number);
    }
    const line = tape.line(i);
    return h("tr", { "data-node": i, class: i === this.selected ? "selected" : undefined }, name, h("td", { class: "num fwd" }, valueText(tape, i)),
      h("td", { class: "num bwd" }, this.barText(i)), h("td", { class: "num" }, rates.join(",  ")),
      h("td", { class: "label soft" }, line ? `${line.file}:${line.line}` : ""));
  }

  private more(g: number, most: number, all: number): HTMLElement {
    const button = h("button", { type: "button", class: "plain" }, all ? `show ${PAGE} more of ${all.toLocaleString("en")}` : `show ${PAGE} more`);
    button.addEventListener("click", () => { this.shown.set(g, most + PAGE); this.draw(); });
    return h("tr", {}, h("td", { colspan: 5 }, button));
  }
}
