// A sheet as cards, with arrows forward in blue and back in rust. What a step of the tape has not reached is a dot.

import type { Arranged } from "./arrange.js";
import { opText } from "./formula.js";
import type { Card, Link, Sheet } from "./sheet.js";
import type { Tape } from "./trace.js";
import { fmt, s } from "./util.js";

const FULL = { width: 124, height: 74, step: 208, row: 112 };
const SMALL = { width: 96, height: 28, step: 121, row: 38 };
const MANY = 60; // beyond so many cards each is a name in a box
const IN_A_LINE = 9; // more columns than this are broken into lines, as words are
const STUB = 22;
const MARGIN = 34; // beside broken lines, for the arrows that lead on

export interface Moment {
  computed: (node: number) => boolean; // its value is known at this step
  pulled: (edge: number) => boolean; // this edge has brought its part back
  node: number; // the node of a forward step, or -1
  edge: number; // the edge of a backward step, or -1
  again: boolean; // whether what this edge carries was used before
}

/** Where the cards of a sheet stand. */
export interface Placed { x: number[]; y: number[]; via: number[]; row: number[]; step: number; line: number[]; column: number[]; width: number; height: number; columns: number; small: boolean }

/** Place the cards in `wide` pixels, as far as they fit in one line. */
export function place({ column, row, via, columns }: Arranged, wide: number): Placed {
  const small = column.length > MANY;
  const size = small ? SMALL : FULL;
  const least = wide < 700 ? size.step - 20 : size.step;
  const room = Math.max(1, Math.floor((wide - 2 * MARGIN - size.width) / least) + 1);
  const broken = columns > (small || wide < 700 ? room : IN_A_LINE);
  const perLine = broken ? room : columns;
  const margin = broken ? MARGIN : 8;
  const step = perLine > 1 ? Math.min(308, Math.max(least, (wide - size.width - 2 * margin) / (perLine - 1))) : 0;
  const width = Math.max(wide, size.width + 2 * margin + step * (perLine - 1));
  const left = (width - step * (perLine - 1)) / 2;
  const line = column.map((c) => Math.floor(c / perLine));
  const ends = new Map<number, [number, number]>();
  line.forEach((b, i) => {
    const [low, high] = ends.get(b) ?? [row[i], row[i]];
    ends.set(b, [Math.min(low, row[i]), Math.max(high, row[i])]);
  });
  const top: number[] = [];
  let y = size.height / 2 + 20;
  for (let b = 0; b < ends.size; b++) {
    const [low, high] = ends.get(b)!;
    top.push(y - low * size.row);
    y += (high - low + 1) * size.row + (small ? 18 : 8);
  }
  return { x: column.map((c) => left + (c % perLine) * step), y: row.map((r, i) => top[line[i]] + r * size.row), line, column, via, row, step: size.row, width, height: y - size.row + size.height / 2 + 12, columns: perLine, small };
}

/** The cotangent of a node as far as it has been added up: known, partial or nothing yet. */
export function barSoFar(tape: Tape, i: number, now: Moment): { text: string; whole: boolean } {
  const uses = Array.from(tape.uses(i));
  const seeded = tape.trace.outputs.includes(i);
  const done = uses.filter((e) => now.pulled(e));
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

const short = (text: string, room: number) => (text.length <= room ? text : `${text.slice(0, room - 1)}…`);

export function drawSheet(tape: Tape, sheet: Sheet, at: Placed, now: Moment, selected: number, path: Set<number>): SVGElement {
  const [edges, words, cards] = [s("g"), s("g"), s("g")];
  const taken: Box[] = [];
  const onPath = new Set<number>();
  const key = (from: number, to: number) => from * sheet.cards.length + to;
  for (const e of path) onPath.add(key(sheet.owner[tape.source[e]], sheet.owner[tape.target[e]]));
  const twins = new Map<number, Link[]>();
  for (const link of sheet.links) twins.set(key(link.from, link.to), [...(twins.get(key(link.from, link.to)) ?? []), link]);
  sheet.links.forEach((link, number) => {
    const alike = twins.get(key(link.from, link.to))!;
    const twin = alike.length < 2 ? 0 : (alike.indexOf(link) - (alike.length - 1) / 2) * 44;
    drawLink(tape, sheet, link, number, at, now, onPath.has(key(link.from, link.to)), twin, edges, words, taken);
  });
  sheet.cards.forEach((card, k) => cards.append(at.small ? smallCard(tape, card, k, sheet, at, now, selected) : fullCard(tape, card, k, sheet, at, now, selected)));
  if (!at.small) drawStubs(sheet, at, words);
  return s("g", {}, edges, cards, words);
}

function state(tape: Tape, k: number, sheet: Sheet, now: Moment, selected: number): string {
  const has = (node: number) => node >= 0 && sheet.owner[node] === k;
  const isNow = has(now.node) || (now.edge >= 0 && has(tape.source[now.edge]));
  const from = !isNow && now.edge >= 0 && has(tape.target[now.edge]);
  return `${isNow ? (now.edge >= 0 ? " now" : " nowf") : ""}${from ? (now.again ? " again" : " from") : ""}${has(selected) ? " selected" : ""}`;
}

/** A card that opens a group is a button; any other is a picture of a value. */
function frame(card: Card, x: number, y: number, klass: string, label: string): SVGElement {
  const opens = card.group >= 0;
  return s("g", {
    class: `card${opens ? " opens" : ""}${klass}`, role: opens ? "button" : "img", tabindex: opens ? 0 : undefined, "data-node": card.node, "data-opens": opens ? card.group : undefined,
    transform: `translate(${x} ${y})`, "aria-label": opens ? undefined : `${card.name}: ${label}`, // a button is called what stands on it
  });
}

function fullCard(tape: Tape, card: Card, k: number, sheet: Sheet, at: Placed, now: Moment, selected: number): SVGElement {
  const i = card.node;
  const half = FULL.width / 2;
  const many = card.nodes.length > 1;
  const known = tape.isInput[i] === 1 || now.computed(i);
  const bar = many ? { text: card.nodes.every((n) => barSoFar(tape, n, now).whole) ? fmt(together(tape, card.nodes, tape.barSize)) : "·" } : barSoFar(tape, i, now);
  const value = !known ? "·" : many ? fmt(together(tape, card.nodes, tape.valueSize)) : valueText(tape, i);
  const klass = state(tape, k, sheet, now, selected);
  const group = frame(card, at.x[k], at.y[k], klass, `value ${known ? value : "not yet"}, cotangent ${bar.text === "·" ? "not yet" : bar.text}${card.more ? `, ${card.more}` : ""}`);
  const letters = bar.text.length + value.length;
  const small = letters > 14 ? " card-tiny" : letters > 11 ? " card-small" : "";
  if (card.group >= 0 || many) for (const by of [8, 4]) group.append(s("rect", { class: "under", x: -half + by, y: -37 - by, width: FULL.width, height: FULL.height, rx: 10 }));
  const long = /^[a-z]/i.test(card.name) && card.name.length > 15;
  group.append(
    s("rect", { x: -half, y: -37, width: FULL.width, height: FULL.height, rx: 10 }),
    s("text", { class: `name${long ? " long" : ""}`, y: -12, "text-anchor": "middle" }, short(card.name, 19)),
    s("text", { class: `num fwd${small}`, x: -half + 10, y: 23 }, value),
    s("text", { class: `num ${bar.text === "·" ? "soft" : "bwd"}${small}`, x: half - 10, y: 23, "text-anchor": "end" }, bar.text),
  );
  const note = (card.dead ? card.more.replace("operation", "op") : card.more) || (tape.isArray(i) ? tape.shape(i).join("×") : "");
  if (note) group.append(s("text", { class: "tiny soft", y: 4, "text-anchor": "middle" }, note, card.dead ? s("tspan", { class: "bad" }, `, ${card.dead} dead`) : null));
  if (klass.includes(" again")) group.append(s("text", { class: "tiny bwd", y: 50, "text-anchor": "middle" }, "used again"));
  const kappa = tape.kappa[i];
  if (!many && tape.uses(i).length > 1 && kappa === kappa) {
    const cancels = kappa < 0.999;
    group.append(s("path", { class: `notch${cancels ? " cancels" : ""}`, d: `M${half},-30 l${-16 * (1 - kappa) - 1},6 l${16 * (1 - kappa) + 1},6 z` }));
    if (cancels) group.append(s("text", { class: "tiny soft", x: half - 20, y: -25, "text-anchor": "end" }, `κ ${fmt(kappa, 2)}`));
  }
  if (card.group < 0) group.append(s("title", {}, `${card.name}${tape.isArray(i) || many ? " (root mean squares shown)" : ""}`));
  return group;
}

/** The root mean square of all elements of several arrays. */
function together(tape: Tape, nodes: number[], sizes: Float64Array): number {
  let [total, count] = [0, 0];
  for (const i of nodes) { total += sizes[i] ** 2; count += tape.elements(i); }
  return Math.sqrt(total / Math.max(count, 1));
}

function smallCard(tape: Tape, card: Card, k: number, sheet: Sheet, at: Placed, now: Moment, selected: number): SVGElement {
  const half = SMALL.width / 2;
  const bar = tape.isArray(card.node) ? tape.barSize[card.node] / Math.sqrt(tape.elements(card.node)) : tape.bar[card.node];
  const group = frame(card, at.x[k], at.y[k], state(tape, k, sheet, now, selected), `value ${valueText(tape, card.node)}, cotangent ${fmt(bar)}`);
  group.append(s("rect", { x: -half, y: -14, width: SMALL.width, height: SMALL.height, rx: 6 }), s("text", { class: "tiny", y: 4, "text-anchor": "middle" }, short(card.group >= 0 ? `▸ ${card.name}` : card.name, 15)));
  return group;
}

type Box = [number, number, number, number];

/** Write a number on a line where it covers no other one, at one of the places that `at` offers. */
function label(into: SVGElement, text: string, klass: string, places: [number, number][], taken: Box[]): void {
  const [w, h] = [4.1 * text.length + 3, 8];
  const box = ([x, y]: [number, number]): Box => [x - w, y - h, x + w, y + h];
  const meets = (a: Box) => taken.some((b) => a[0] < b[2] && a[2] > b[0] && a[1] < b[3] && a[3] > b[1]);
  const [x, y] = places.find((p) => !meets(box(p))) ?? places[0];
  taken.push(box([x, y]));
  into.append(s("text", { class: `num rate ${klass}`, x, y: y + 5, "text-anchor": "middle" }, text));
}

function drawLink(tape: Tape, sheet: Sheet, { from, to, edge: e, count }: Link, number: number, at: Placed, now: Moment, onPath: boolean, twin: number, into: SVGElement, words: SVGElement, taken: Box[]): void {
  const half = (at.small ? SMALL : FULL).width / 2 + 4;
  const stack = sheet.cards[from].group >= 0 || sheet.cards[from].nodes.length > 1 ? 8 : 0;
  const [x0, y0, x1, y1] = [at.x[from] + half + (at.small ? 0 : stack), at.y[from], at.x[to] - half, at.y[to]];
  const live = tape.live[e] === 1;
  const done = now.pulled(e);
  const active = now.edge >= 0 && sheet.owner[tape.source[now.edge]] === from && sheet.owner[tape.target[now.edge]] === to && (count > 1 || now.edge === e);
  const waiting = now.computed(tape.target[e]) ? "" : " waiting";
  const sign = tape.rate[e] < 0 ? " negative" : "";
  const back = `back${sign}${active ? " now" : ""}${onPath ? "" : " aside"}`;
  if (at.line[from] !== at.line[to]) { // on to the next line
    into.append(s("path", { class: `arrow${waiting}`, d: `M${x0},${y0 - 8} h${STUB} m-6,-4.5 l6,4.5 l-6,4.5` }), s("path", { class: `arrow${waiting}`, d: `M${x1 - STUB},${y1 - 8} h${STUB - 2} m-6,-4.5 l6,4.5 l-6,4.5` }));
    if (live && (done || active)) into.append(s("path", { class: back, d: `M${x1},${y1 + 14} h${-STUB}` }), s("path", { class: back, d: `M${x0 + STUB},${y0 + 14} h${-STUB}` }));
    return;
  }
  const straight = Math.abs(y0 - y1) < 1 && at.column[to] - at.column[from] === 1;
  const past = at.via[number]; // the row that the arrow passes the columns between in
  const rise = Number.isNaN(past) ? 0 : ((past - (at.row[from] + at.row[to]) / 2) * at.step * 4) / 3;
  const c = (x1 - x0) / 2;
  const curve = (dy: number, backward: boolean) => {
    const [a, b] = [y0 + dy + twin, y1 + dy + twin];
    if (straight) return backward ? `M${x1 - 1},${a} H${x0 + 8}` : `M${x0},${a} H${x1 - 8}`;
    const [p, q] = [`${x0 + c},${a + rise}`, `${x1 - c},${b + rise}`];
    return backward ? `M${x1 - 1},${b} C${q} ${p} ${x0 + 8},${a}` : `M${x0},${a} C${p} ${q} ${x1 - 8},${b}`;
  };
  if (at.small) {
    into.append(s("path", { class: live && (done || active) ? back : `arrow${waiting}`, d: curve(0, false), "stroke-width": live && done ? lineWidth(tape.brings(e)) : undefined }));
    return;
  }
  const arrow = (x: number, y: number, way: number, klass: string) => s("path", { class: klass, d: `M${x},${y - 4.5} l${7 * way},4.5 l${-7 * way},4.5` });
  into.append(s("path", { class: `arrow${waiting}`, d: curve(-8, false) }), arrow(x1 - 8, y1 - 8 + twin, 1, `arrow${waiting}`));
  if (live && straight && twin <= 0 && count === 1 && sheet.cards[to].group < 0) words.append(s("text", { class: "fwd op", x: (x0 + x1) / 2, y: y0 - 18 + twin, "text-anchor": "middle" }, opText(tape, tape.target[e])));
  if (!live) return;
  if (done || active) into.append(s("path", { class: back, d: curve(14, true), "stroke-width": lineWidth(tape.brings(e)) }), arrow(x0 + 8, y0 + 14 + twin, -1, back));
  if (count > 1 || sheet.cards[to].group >= 0) return;
  const text = `× ${fmt(Number.isNaN(tape.rate[e]) ? tape.gain[e] : tape.rate[e])}`;
  const on = (t: number): [number, number] => {
    const [u, a, b] = [1 - t, y0 + 14 + twin, y1 + 14 + twin];
    const [p, q] = [a + rise, b + rise];
    return [u ** 3 * x0 + 3 * u * u * t * (x0 + c) + 3 * u * t * t * (x1 - c) + t ** 3 * x1, u ** 3 * a + 3 * u * u * t * p + 3 * u * t * t * q + t ** 3 * b];
  };
  label(words, text, done || active ? `bwd${sign}` : "soft", straight ? [[(x0 + x1) / 2, y0 + 28 + twin]] : [0.5, 0.62, 0.38, 0.74, 0.28].map(on), taken);
}

function drawStubs(sheet: Sheet, at: Placed, into: SVGElement): void {
  const half = FULL.width / 2 + 4;
  for (const { card, names, more, out } of sheet.stubs) {
    const [x, y] = [at.x[card] + (out ? half : -half), at.y[card]];
    const text = `${names.join(", ")}${more ? `, ${more} more` : ""}`;
    into.append(s("path", { class: "arrow", d: out ? `M${x},${y - 20} h16 m-5,-4 l5,4 l-5,4` : `M${x - 16},${y - 20} h15 m-5,-4 l5,4 l-5,4` }),
      s("text", { class: "tiny soft stub", x: out ? x : x - 2, y: y - 28, "text-anchor": out ? "start" : "end" }, short(out ? `to ${text}` : text, 22)));
  }
}
