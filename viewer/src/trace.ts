// The trace file as the page holds it. The definition is trace.schema.json.

export const FORMAT = "geartrain-trace/1";
export type Num = number | "nan" | "inf" | "-inf";
type Opt = Num | null;

export interface Program {
  inputs: Record<string, Num[]>;
  constants: Record<string, Num[]>;
  fixed: Record<string, Num[]>;
  maps: Record<string, number[]>;
}
export interface ArrayColumns {
  node: number[]; rms: Opt[]; min: Opt[]; max: Opt[]; zeros: Opt[]; nan: number[]; inf: number[]; dead: number[];
  hist: number[][];
}
export interface Statistics { at: (Num | Num[] | null)[]; arrays: ArrayColumns; whole: Record<string, Num[]> }
export interface Line { file: string; line: number; function: string; text: string }
export interface Group { name: string; kind: string; parent: number; first: number; last: number; count: number }
export interface Certificate {
  kind: string; node: number; operand?: number; element?: number[]; values?: Num[]; message: string; remedy?: string;
}
export interface Trace {
  format: string; title: string; formula?: string | null;
  inputs: { name: string; node: number }[];
  outputs: number[];
  nodes: Record<"op" | "arity" | "inputs" | "dtype" | "shape" | "line" | "group", number[]> & { label: string[] };
  ops: string[]; dtypes: string[]; shapes: number[][]; lines: Line[]; groups: Group[];
  value: Statistics; bar: Statistics;
  edges: { gain: Opt[]; rate: Opt[] };
  kappa: Opt[];
  work: { paths: string; naive: string; forward: string; backward: string; sweeps: number };
  certificate?: Certificate | null;
  near?: { node: number; message: string }[];
  program: Program | null; program_missing?: string;
}

/** A number of the file: NaN and infinities have names there. */
export function num(x: Num | null | undefined): number {
  if (typeof x === "number") return x;
  return x === "inf" ? Infinity : x === "-inf" ? -Infinity : NaN;
}

/** Why `data` is not a trace that this page can show, or "". */
export function problem(data: unknown): string {
  const trace = data as Partial<Trace> | null;
  if (typeof trace !== "object" || trace === null || typeof trace.format !== "string") return "This is not a geartrain trace.";
  if (trace.format !== FORMAT) {
    return trace.format.startsWith("geartrain-trace/")
      ? `This trace is ${trace.format}, newer than this page, which reads ${FORMAT}. Open it with a newer geartrain.`
      : "This is not a geartrain trace.";
  }
  const nodes = trace.nodes;
  if (!nodes || !trace.value || !trace.bar || !trace.edges || !trace.groups?.length || !nodes.op?.length) {
    return "This trace is damaged: a part of it is missing. Write it again.";
  }
  const n = nodes.op.length;
  const edges = nodes.arity.reduce((a, b) => a + b, 0);
  for (const column of [nodes.arity, nodes.line, nodes.label, nodes.group, trace.value.at, trace.bar.at]) {
    if (column?.length !== n) return "This trace is damaged: its columns differ in length. Write it again.";
  }
  if (nodes.inputs.length !== edges || trace.edges.gain?.length !== edges) {
    return "This trace is damaged: its edges do not fit its nodes. Write it again.";
  }
  return "";
}

export interface Row {
  rms: number; min: number; max: number; zeros: number; nan: number; inf: number; dead: number; hist: number[];
}

/** A column of numbers. A plain loop: `Float64Array.from` with a function takes ten times as long. */
function column<T>(of: T[], f: (x: T, i: number) => number): Float64Array {
  const out = new Float64Array(of.length);
  for (let i = 0; i < of.length; i++) out[i] = f(of[i], i);
  return out;
}

/** The tape: columns made quick to read. What a run of the page changes is written into the same columns. */
export class Tape {
  readonly n: number;
  readonly start: Int32Array; // operands of node i are edges start[i] .. start[i + 1]
  readonly source: Int32Array; // of each edge
  readonly target: Int32Array;
  readonly op: string[];
  readonly value: Float64Array; // single numbers; NaN for arrays
  readonly bar: Float64Array;
  readonly valueSize: Float64Array; // 2-norms
  readonly barSize: Float64Array;
  readonly gain: Float64Array; // NaN where an edge has no derivative
  readonly rate: Float64Array; // NaN where it is not a single number
  readonly live: Uint8Array; // of each edge
  readonly kappa: Float64Array;
  readonly isInput: Uint8Array;
  private readonly valueRow = new Map<number, number>();
  private readonly barRow = new Map<number, number>();
  private found: { start: Int32Array; edge: Int32Array } | null = null;
  private groupsIn: number[][] | null = null;
  private carded = -1;

  constructor(readonly trace: Trace) {
    const { nodes } = trace;
    const n = (this.n = nodes.op.length);
    this.start = new Int32Array(n + 1);
    for (let i = 0; i < n; i++) this.start[i + 1] = this.start[i] + nodes.arity[i];
    const edges = this.start[n];
    this.source = Int32Array.from(nodes.inputs);
    this.target = new Int32Array(edges);
    for (let i = 0, e = 0; i < n; i++) while (e < this.start[i + 1]) this.target[e++] = i;
    this.op = nodes.op.map((k) => trace.ops[k]);
    const single = (at: Num | Num[] | null) => (Array.isArray(at) || at === null ? NaN : num(at));
    this.value = column(trace.value.at, single);
    this.bar = column(trace.bar.at, single);
    trace.value.arrays.node.forEach((i, row) => this.valueRow.set(i, row));
    trace.bar.arrays.node.forEach((i, row) => this.barRow.set(i, row));
    this.valueSize = column(trace.value.at, (_, i) => this.norm(trace.value, this.valueRow, i));
    this.barSize = column(trace.bar.at, (_, i) => this.norm(trace.bar, this.barRow, i));
    this.gain = column(trace.edges.gain, (g) => (g === null ? NaN : num(g)));
    this.rate = column(trace.edges.rate, (r) => (r === null ? NaN : num(r)));
    this.live = new Uint8Array(edges);
    trace.edges.gain.forEach((g, e) => { if (g !== null) this.live[e] = 1; });
    this.kappa = column(trace.kappa, (k) => (k === null ? NaN : num(k)));
    this.isInput = new Uint8Array(n);
    for (const { node } of trace.inputs) this.isInput[node] = 1;
  }

  private norm(stats: Statistics, rows: Map<number, number>, i: number): number {
    const at = stats.at[i];
    if (at !== null) return Array.isArray(at) ? Math.hypot(...at.map(num)) : Math.abs(num(at));
    const row = rows.get(i);
    if (row === undefined) return 0;
    if (stats.arrays.nan[row] || stats.arrays.inf[row]) return NaN;
    return num(stats.arrays.rms[row]) * Math.sqrt(this.elements(i));
  }

  shape(i: number): number[] { return this.trace.shapes[this.trace.nodes.shape[i]]; }
  dtype(i: number): string { return this.trace.dtypes[this.trace.nodes.dtype[i]]; }
  elements(i: number): number { return this.shape(i).reduce((a, b) => a * b, 1); }
  isArray(i: number): boolean { return this.elements(i) !== 1; }
  isLeaf(i: number): boolean { return this.start[i] === this.start[i + 1]; }
  isConst(i: number): boolean { return this.op[i] === "const"; }
  line(i: number): Line | null { return this.trace.lines[this.trace.nodes.line[i]] ?? null; }

  /** A short name: the expression, or the op with the node's number: `add #10`. */
  name(i: number): string {
    return this.trace.nodes.label[i] || `${this.op[i]} #${i}`;
  }

  row(kind: "value" | "bar", i: number): Row | null {
    const rows = kind === "value" ? this.valueRow : this.barRow;
    const a = this.trace[kind].arrays;
    const k = rows.get(i);
    if (k === undefined) return null;
    return { rms: num(a.rms[k]), min: num(a.min[k]), max: num(a.max[k]), zeros: num(a.zeros[k]), nan: a.nan[k], inf: a.inf[k],
      dead: a.dead[k], hist: a.hist[k] };
  }

  /** Units of a rectifier that are zero for every example. */
  dead(i: number): number {
    const row = this.op[i] === "maximum" ? this.valueRow.get(i) : undefined;
    return row === undefined ? 0 : this.trace.value.arrays.dead[row];
  }

  /** How many values get a card: all but constants, which are named on the arrows. */
  cards(): number {
    if (this.carded < 0) {
      const constant = this.trace.ops.indexOf("const");
      this.carded = 0;
      for (const op of this.trace.nodes.op) if (op !== constant) this.carded++;
    }
    return this.carded;
  }

  /** The groups right inside a group, in order. */
  kids(g: number): number[] {
    if (!this.groupsIn) {
      this.groupsIn = this.trace.groups.map(() => []);
      this.trace.groups.forEach(({ parent }, i) => parent >= 0 && this.groupsIn![parent].push(i));
    }
    return this.groupsIn[g];
  }

  /** The live edges that leave a node. */
  uses(i: number): Int32Array {
    const { start, edge } = this.leaving();
    return edge.subarray(start[i], start[i + 1]);
  }

  private leaving(): { start: Int32Array; edge: Int32Array } {
    if (!this.found) {
      const start = new Int32Array(this.n + 1);
      for (let e = 0; e < this.source.length; e++) if (this.live[e]) start[this.source[e] + 1]++;
      for (let k = 0; k < this.n; k++) start[k + 1] += start[k];
      const edge = new Int32Array(start[this.n]);
      const next = start.slice();
      for (let e = 0; e < this.source.length; e++) if (this.live[e]) edge[next[this.source[e]]++] = e;
      this.found = { start, edge };
    }
    return this.found;
  }

  /** What an edge brings back, by its size. */
  brings(e: number): number {
    return this.live[e] ? this.gain[e] * this.barSize[this.target[e]] : 0;
  }
}
