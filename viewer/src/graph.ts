// The sheet that is open: its cards, where one is (the trail of groups), and the way to other sheets.

import { Arranger } from "./arranger.js";
import { drawSheet, place, type Moment, type Placed } from "./figure.js";
import { groupName, groupsOf } from "./measure.js";
import { asked, firstGroup, FLAT, PAGE, pageOf, sheet, type Sheet } from "./sheet.js";
import type { Tape } from "./trace.js";
import { h, plural } from "./util.js";

export class Graph {
  readonly trail = h("nav", { class: "trail label", "aria-label": "Where in the program" });
  sheet: Sheet;
  placed: Placed | null = null;
  private readonly arranger = new Arranger();

  constructor(private readonly tape: Tape, private wide: number, private readonly changed: () => void) {
    this.sheet = sheet(tape, 0);
    this.open(firstGroup(tape));
  }

  /** Lay out anew for another width. */
  fit(wide: number): void {
    if (wide === this.wide) return;
    this.wide = wide;
    this.open(this.sheet.group, this.sheet.page);
  }

  /** Show the operations of a group. What was being laid out is given up. */
  open(group: number, page = 0): void {
    const next = group === this.sheet.group && page === this.sheet.page ? this.sheet : sheet(this.tape, group, page);
    this.arranger.ask(asked(next), (found) => {
      this.sheet = next;
      this.placed = place(found, this.wide);
      this.drawTrail();
      this.changed();
    });
    if (this.arranger.busy) {
      const stop = h("button", { type: "button", class: "plain" }, "Stop");
      stop.addEventListener("click", () => { this.arranger.stop(); this.drawTrail(); });
      this.trail.replaceChildren(h("span", { role: "status" }, `Laying out ${plural(next.cards.length, "card")} … `), stop);
    }
  }

  /** Make sure that a value can be seen: on its own card, or on that of a group around it. */
  reveal(node: number, inside = false): void {
    const card = this.sheet.owner[node];
    if (card < 0 || (inside && this.sheet.cards[card].group >= 0)) {
      const group = this.tape.trace.nodes.group[node];
      this.open(group, pageOf(this.tape, group, node));
    }
  }

  draw(now: Moment, selected: number, path: Set<number>): SVGElement | null {
    return this.placed && drawSheet(this.tape, this.sheet, this.placed, now, selected, path);
  }

  private drawTrail(): void {
    const { tape, sheet: { group, page, pages, cards } } = this;
    this.trail.replaceChildren();
    this.trail.hidden = tape.cards() <= FLAT && group === 0;
    const { first } = tape.trace.groups[group];
    const chain = group ? [0, ...groupsOf(tape, first).filter((g) => tape.trace.groups[g].last >= tape.trace.groups[group].last)] : [0];
    chain.forEach((g, k) => {
      const name = g ? groupName(tape, g) : tape.trace.formula ?? tape.trace.title;
      if (k) this.trail.append(" › ");
      this.trail.append(g === group ? h("b", { "aria-current": "true" }, name) : this.button(name, () => this.open(g)));
    });
    if (pages > 1) {
      this.trail.append(` · cards ${(page * PAGE + 1).toLocaleString("en")} to ${(page * PAGE + cards.length).toLocaleString("en")}, page ${page + 1} of ${pages} `);
      if (page) this.trail.append(this.button("← earlier", () => this.open(group, page - 1)), " ");
      if (page + 1 < pages) this.trail.append(this.button("later →", () => this.open(group, page + 1)));
    } else if (cards.some((c) => c.group >= 0)) this.trail.append(" · a stack of cards opens");
  }

  private button(text: string, go: () => void): HTMLElement {
    const made = h("button", { type: "button", class: "plain" }, text);
    made.addEventListener("click", go);
    return made;
  }
}
