// Paths, factors, steps of the tape: the definitions of view/measures.py, for what the page draws.

import type { Tape } from "./trace.js";

/** From a node to the end: at each fork along the edge that brings most. `through` forces one edge where it starts. */
export function dominantPath(tape: Tape, start: number): number[] {
  const path: number[] = [];
  for (let node = start; ; ) {
    let best = -1;
    let most = -Infinity;
    for (const e of tape.uses(node)) {
      const size = tape.brings(e);
      if ((size === size ? size : -1) > most) { most = size === size ? size : -1; best = e; }
    }
    if (best < 0) return path;
    path.push(best);
    node = tape.target[best];
  }
}

/** The dominant path from `start` made to go through `node`: back by the edges that bring most, then on to the end. */
export function pathThrough(tape: Tape, start: number, node: number): number[] | null {
  const reaches = new Uint8Array(tape.n);
  reaches[start] = 1;
  for (let i = start + 1; i <= node; i++) {
    for (let e = tape.start[i]; e < tape.start[i + 1]; e++) if (tape.live[e] && reaches[tape.source[e]]) reaches[i] = 1;
  }
  if (!reaches[node]) return null;
  const before: number[] = [];
  for (let at = node; at !== start; ) {
    let best = -1;
    for (let e = tape.start[at]; e < tape.start[at + 1]; e++) {
      if (tape.live[e] && reaches[tape.source[e]] && (best < 0 || tape.brings(e) > tape.brings(best))) best = e;
    }
    before.push(best);
    at = tape.source[best];
  }
  return [...before.reverse(), ...dominantPath(tape, node)];
}

/** One factor of the path identity: a gain of an edge, or what other paths add where they meet. */
export interface Factor { kind: "gain" | "merge"; edge: number; size: number; signed: number; node: number }

/** The factors of a path, from the end to the start, so that their product times |y_bar| is |x_bar|. */
export function factors(tape: Tape, path: number[]): Factor[] {
  const out: Factor[] = [];
  for (let k = path.length - 1; k >= 0; k--) {
    const e = path[k];
    const signed = Number.isNaN(tape.rate[e]) ? tape.gain[e] : tape.rate[e];
    out.push({ kind: "gain", edge: e, size: tape.gain[e], signed, node: tape.target[e] });
    const u = tape.source[e];
    if (tape.uses(u).length > 1) {
      const c = tape.brings(e);
      const sign = Number.isNaN(tape.bar[u]) || Number.isNaN(tape.rate[e]) ? 1 : Math.sign(tape.bar[u]) * Math.sign(tape.rate[e] * tape.bar[tape.target[e]]);
      const size = c ? tape.barSize[u] / c : Infinity;
      out.push({ kind: "merge", edge: e, size, signed: size * (sign || 1), node: u });
    }
  }
  return out;
}

/** A stretch of the path with one product: a single factor, or all factors of one call or turn of a loop. */
export interface Segment { name: string; group: number; factors: Factor[]; edges: number[]; signed: number; size: number; node: number }

/** The groups around a node, from the outermost in. */
export function groupsOf(tape: Tape, node: number): number[] {
  const chain: number[] = [];
  for (let g = tape.trace.nodes.group[node]; g > 0; g = tape.trace.groups[g].parent) chain.push(g);
  return chain.reverse();
}

/** What a group is called beside its like: `layer 3`, `turn 7`. */
export function groupName(tape: Tape, g: number): string {
  const { groups } = tape.trace;
  const { parent, name, kind } = groups[g];
  if (parent < 0 || groups[parent].kind !== "repeat") return kind === "call" ? `${name}()` : name.startsWith("×") ? `loop ${name}` : name;
  if (kind === "turn") {
    const stem = groups[parent].name.replace(/ ?×\d+$/, "");
    return stem ? `${stem} ${name.replace("turn ", "")}` : name;
  }
  let nth = 1;
  for (let k = g - 1; k > parent; k--) if (groups[k].parent === parent) nth++;
  return `${name} ${nth}`;
}

/** The factors in segments: one each if there are at most `most`, else by calls and turns, as finely as fits. */
export function segments(tape: Tape, all: Factor[], most: number): Segment[] {
  const chains = all.map((f) => groupsOf(tape, f.node));
  const deepest = Math.max(0, ...chains.map((c) => c.length));
  const keysAt = (depth: number) => all.map((f, k) => (chains[k].length > depth ? `g${chains[k][depth]}` : `n${f.kind}${f.node}:${f.edge}`));
  let keys = all.map((_, k) => `f${k}`);
  if (all.length > most && deepest) {
    for (let depth = deepest - 1; depth >= 0; depth--) {
      keys = keysAt(depth);
      if (keys.filter((key, k) => key !== keys[k - 1]).length <= most) break;
    }
  }
  const signs = all.every((f) => !Number.isNaN(tape.rate[f.edge])); // of an array there is just a size
  const out: Segment[] = [];
  all.forEach((f, k) => {
    let last = out[out.length - 1];
    if (!last || keys[k] !== keys[k - 1]) {
      const group = keys[k][0] === "g" ? Number(keys[k].slice(1)) : -1;
      const name = group >= 0 ? groupName(tape, group) : f.kind === "merge" ? `paths meet at ${tape.name(f.node)}` : tape.name(f.node);
      out.push((last = { name, group, factors: [], edges: [], signed: 1, size: 1, node: f.node }));
    }
    last.factors.push(f);
    if (f.kind === "gain") last.edges.push(f.edge);
    last.signed *= signs ? f.signed : f.size;
    last.size *= f.size;
  });
  return out;
}

/** The steps of the tape: values forward, then one multiply-add for each live edge backward. */
export interface Steps { forward: number[]; backward: number[] }

export function steps(tape: Tape): Steps {
  const forward: number[] = [];
  const backward: number[] = [];
  for (let i = 0; i < tape.n; i++) if (!tape.isLeaf(i)) forward.push(i);
  for (let i = tape.n - 1; i >= 0; i--) {
    for (let e = tape.start[i]; e < tape.start[i + 1]; e++) if (tape.live[e]) backward.push(e);
  }
  return { forward, backward };
}

/** Paths and multiplications, counted exactly: see Work in view/measures.py. */
export function work(tape: Tape): { paths: bigint; naive: bigint; forward: bigint; backward: bigint; sweeps: number } {
  const paths = new Array<bigint>(tape.n).fill(0n);
  const lengths = new Array<bigint>(tape.n).fill(0n);
  for (const i of tape.trace.outputs) paths[i] = 1n;
  let [total, length, edges, sweeps] = [0n, 0n, 0n, 0];
  for (let i = tape.n - 1; i >= 0; i--) {
    if (tape.isInput[i]) { total += paths[i]; length += lengths[i]; sweeps += tape.elements(i); }
    for (let e = tape.start[i]; e < tape.start[i + 1]; e++) {
      if (!tape.live[e]) continue;
      edges++;
      const u = tape.source[e];
      paths[u] += paths[i];
      lengths[u] += lengths[i] + paths[i];
    }
  }
  return { paths: total, naive: length - total, forward: edges * BigInt(sweeps), backward: edges, sweeps };
}
