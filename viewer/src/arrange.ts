// Which column and which row each card of a sheet gets. Cards come in the order of the tape, so a column is a depth: no
// card stands before what it needs. Rows are ordered by where a card's neighbours stand, forth and back a few times. An
// arrow over several columns keeps a place free in each of them, so that no card stands in its way.

export interface Asked {
  from: number[]; // arrows, by the numbers of the cards at their two ends; from < to
  to: number[];
  early: boolean[]; // for each card whether it is an input, which stands just before its first use
}
/** `via` has for each arrow the row in which it passes the columns between its ends; NaN where there is none. */
export interface Arranged { column: number[]; row: number[]; via: number[]; columns: number; rows: number }

const SWEEPS = 4;
const FAR = 8; // an arrow over more columns than this leads past whole lines, and is drawn as two ends

export function arrange({ from, to, early }: Asked): Arranged {
  const n = early.length;
  const before: number[][] = Array.from({ length: n }, () => []);
  const after: number[][] = Array.from({ length: n }, () => []);
  from.forEach((u, k) => { before[to[k]].push(u); after[u].push(to[k]); });
  const column = new Array<number>(n).fill(0);
  for (let i = 0; i < n; i++) for (const u of before[i]) column[i] = Math.max(column[i], column[u] + 1);
  for (let i = 0; i < n; i++) if (early[i] && after[i].length) column[i] = Math.max(0, Math.min(...after[i].map((v) => column[v])) - 1);
  const columns = Math.max(0, ...column) + 1;
  const free: number[][] = from.map(() => []); // the places that an arrow keeps
  from.forEach((u, k) => {
    const v = to[k];
    if (column[v] - column[u] < 2 || column[v] - column[u] > FAR) return;
    let last = u;
    for (let c = column[u] + 1; c < column[v]; c++) {
      const place = column.push(c) - 1;
      before.push([last]);
      after.push([]);
      after[last].push(place);
      free[k].push((last = place));
    }
    after[last].push(v);
    before[v].push(last);
  });
  const cards: number[][] = Array.from({ length: columns }, () => []);
  column.forEach((c, i) => cards[c].push(i));
  const rows = Math.max(1, ...cards.map((c) => c.length));
  const row = new Array<number>(column.length).fill(NaN);
  const settle = (c: number[], near: (i: number) => number[]) => {
    const wish = new Map(c.map((i) => {
      const there = near(i).map((u) => row[u]).filter((r) => !Number.isNaN(r));
      return [i, there.length ? there.reduce((a, b) => a + b, 0) / there.length : Number.isNaN(row[i]) ? (rows - 1) / 2 : row[i]];
    }));
    c.sort((a, b) => wish.get(a)! - wish.get(b)! || a - b);
    const middle = c.reduce((total, i) => total + wish.get(i)!, 0) / c.length;
    let at = Math.min(Math.max(middle - (c.length - 1) / 2, 0), rows - c.length);
    for (const i of c) row[i] = at++;
  };
  for (let k = 0; k < SWEEPS; k++) {
    for (const c of cards) settle(c, (i) => before[i]);
    if (k < SWEEPS - 1) for (const c of [...cards].reverse()) settle(c, (i) => after[i]);
  }
  const via = free.map((places) => (places.length ? places.reduce((total, i) => total + row[i], 0) / places.length : NaN));
  return { column: column.slice(0, n), row: row.slice(0, n), via, columns, rows };
}
