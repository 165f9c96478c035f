// Where the cards of a small graph stand: a column for each depth of the tape, rows by where their operands stand.

import type { Tape } from "./trace.js";

export interface Place { x: number; y: number; column: number; row: number }
export interface Layout { places: Map<number, Place>; columns: number; rows: number; step: number; width: number; height: number }

export const CARD = { width: 124, height: 74 };
export const MOST_CARDS = 60;

/** The nodes that get a card: everything but constants, which are named on the arrows. */
export function carded(tape: Tape): number[] {
  const out: number[] = [];
  for (let i = 0; i < tape.n; i++) if (!tape.isConst(i)) out.push(i);
  return out;
}

export function layout(tape: Tape, nodes: number[], width = 1064): Layout {
  const places = new Map<number, Place>();
  const depth = new Map<number, number>();
  for (const i of nodes) {
    let d = 0;
    for (let e = tape.start[i]; e < tape.start[i + 1]; e++) d = Math.max(d, (depth.get(tape.source[e]) ?? -1) + 1);
    depth.set(i, d);
  }
  // an input stands just before its first use, not far at the left
  for (const i of nodes) {
    if (!tape.isInput[i]) continue;
    const uses = tape.uses(i).map((e) => depth.get(tape.target[e]) ?? 1);
    if (uses.length) depth.set(i, Math.max(0, Math.min(...uses) - 1));
  }
  const columns = Math.max(...depth.values()) + 1;
  const inColumn: number[][] = Array.from({ length: columns }, () => []);
  for (const i of nodes) inColumn[depth.get(i)!].push(i);
  const rows = Math.max(...inColumn.map((c) => c.length));
  const row = new Map<number, number>();
  for (const column of inColumn) {
    const wish = (i: number) => {
      const near: number[] = [];
      for (let e = tape.start[i]; e < tape.start[i + 1]; e++) {
        const r = row.get(tape.source[e]);
        if (r !== undefined) near.push(r);
      }
      return near.length ? near.reduce((a, b) => a + b, 0) / near.length : (rows - 1) / 2;
    };
    const wishes = new Map(column.map((i) => [i, wish(i)]));
    column.sort((a, b) => wishes.get(a)! - wishes.get(b)! || a - b);
    const middle = column.reduce((total, i) => total + wishes.get(i)!, 0) / column.length;
    let at = Math.min(Math.max(middle - (column.length - 1) / 2, 0), rows - column.length);
    for (const i of column) row.set(i, at++);
  }
  const step = columns > 1 ? Math.min(308, Math.max(190, (width - CARD.width - 16) / (columns - 1))) : 0;
  const full = Math.max(width, CARD.width + 16 + step * (columns - 1));
  const left = (full - step * (columns - 1)) / 2;
  const rowStep = 112;
  for (const i of nodes) {
    const [column, r] = [depth.get(i)!, row.get(i)!];
    places.set(i, { x: left + column * step, y: 57 + r * rowStep, column, row: r });
  }
  return { places, columns, rows, step, width: full, height: 57 + (rows - 1) * rowStep + 57 };
}
