// Which column and which row each card of a sheet gets. Cards come in the order of the tape, so a column is a depth: no
// card stands before what it needs. Rows are ordered by where a card's neighbours stand, forth and back a few times.

export interface Asked {
  from: number[]; // arrows, by the numbers of the cards at their two ends; from < to
  to: number[];
  early: boolean[]; // for each card whether it is an input, which stands just before its first use
}
export interface Arranged { column: number[]; row: number[]; columns: number; rows: number }

const SWEEPS = 4;

export function arrange({ from, to, early }: Asked): Arranged {
  const n = early.length;
  const before: number[][] = Array.from({ length: n }, () => []);
  const after: number[][] = Array.from({ length: n }, () => []);
  from.forEach((u, k) => { before[to[k]].push(u); after[u].push(to[k]); });
  const column = new Array<number>(n).fill(0);
  for (let i = 0; i < n; i++) for (const u of before[i]) column[i] = Math.max(column[i], column[u] + 1);
  for (let i = 0; i < n; i++) if (early[i] && after[i].length) column[i] = Math.max(0, Math.min(...after[i].map((v) => column[v])) - 1);
  const columns = Math.max(0, ...column) + 1;
  const cards: number[][] = Array.from({ length: columns }, () => []);
  for (let i = 0; i < n; i++) cards[column[i]].push(i);
  const rows = Math.max(1, ...cards.map((c) => c.length));
  const row = new Array<number>(n).fill(NaN);
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
  return { column, row, columns, rows };
}
