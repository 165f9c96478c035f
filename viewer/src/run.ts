// The program run in the page: values forward, cotangents backward. The twin of ir/interpret.py and chain.py, for the
// instructions that view/program.py gives it.

import { FORWARD, rate } from "./ops.js";
import { num, type Tape } from "./trace.js";

type Numbers = Float64Array;

export class Twin {
  readonly values: Numbers[] = [];
  readonly bars: (Numbers | null)[] = [];
  /** What each edge brought back, by its 2-norm. */
  readonly brought: Float64Array;
  private readonly inputs = new Map<number, Numbers>();
  private readonly fixed = new Map<string, Numbers>();
  private readonly room: Numbers[] = []; // where cotangents are kept, from one run to the next
  private readonly single: Uint8Array; // whether a node is an operation between single numbers, which takes a short way

  constructor(private readonly tape: Tape) {
    const program = tape.trace.program;
    if (!program) throw new Error("this trace has no program to run");
    const { n } = tape;
    for (let i = 0; i < n; i++) this.room.push(new Float64Array(tape.elements(i)));
    for (let i = 0; i < n; i++) this.values.push(tape.isArray(i) ? new Float64Array(tape.elements(i)) : Float64Array.of(tape.value[i]));
    for (const [i, x] of Object.entries(program.constants)) this.values[Number(i)] = Float64Array.from(x, num);
    for (const { node } of tape.trace.inputs) this.inputs.set(node, this.values[node]);
    for (const [i, x] of Object.entries(program.inputs)) this.inputs.set(Number(i), (this.values[Number(i)] = Float64Array.from(x, num)));
    for (const [key, x] of Object.entries(program.fixed)) this.fixed.set(key, Float64Array.from(x, num));
    this.brought = new Float64Array(tape.source.length);
    this.single = new Uint8Array(n);
    for (let i = 0; i < n; i++) {
      let alone = !tape.isLeaf(i) && !tape.isArray(i) && tape.op[i] in FORWARD;
      for (let e = tape.start[i]; e < tape.start[i + 1]; e++) alone &&= !tape.isArray(tape.source[e]);
      this.single[i] = Number(alone);
    }
  }

  input(node: number): Numbers { return this.inputs.get(node)!; }

  run(): void {
    const { tape, values, bars, single } = this;
    const { start, source, op } = tape;
    for (let i = 0; i < tape.n; i++) {
      if (single[i]) values[i][0] = FORWARD[op[i]](values[source[start[i]]][0], values[source[start[i + 1] - 1]][0]);
      else if (!tape.isLeaf(i)) values[i] = this.forward(i);
    }
    for (let i = 0; i < tape.n; i++) bars[i] = null;
    for (const i of tape.trace.outputs) bars[i] = this.room[i].fill(1);
    this.brought.fill(0);
    for (let i = tape.n - 1; i >= 0; i--) {
      if (!bars[i]) continue;
      if (single[i]) this.backOne(i, bars[i]![0]);
      else if (!tape.isLeaf(i)) this.backward(i, bars[i]!);
    }
  }

  /** Run, and write what changed into the tape's columns. */
  update(): void {
    this.run();
    const { tape } = this;
    for (let i = 0; i < tape.n; i++) {
      const bar = this.bars[i];
      if (this.values[i].length === 1) {
        tape.value[i] = this.values[i][0];
        tape.bar[i] = bar ? bar[0] : NaN;
      }
      tape.valueSize[i] = norm(this.values[i]);
      tape.barSize[i] = bar ? norm(bar) : 0;
    }
    const total = new Float64Array(tape.n);
    const meeting = new Int32Array(tape.n);
    for (let e = 0; e < tape.source.length; e++) {
      if (!tape.live[e]) continue;
      const [u, v] = [tape.source[e], tape.target[e]];
      const bar = tape.barSize[v];
      total[u] += this.brought[e];
      meeting[u]++;
      tape.gain[e] = bar ? this.brought[e] / bar : 0;
      if (this.values[u].length === 1 && this.values[v].length === 1) {
        const r = this.rateOf(e);
        tape.rate[e] = r;
        tape.gain[e] = Math.abs(r);
      }
    }
    for (let i = 0; i < tape.n; i++) if (meeting[i] > 1) tape.kappa[i] = total[i] > 0 ? Math.min(tape.barSize[i] / total[i], 1) : NaN;
  }

  /** The way back through an operation between single numbers. */
  private backOne(i: number, bar: number): void {
    const { tape, values } = this;
    const [first, last] = [tape.start[i], tape.start[i + 1]];
    const [y, a, b] = [values[i][0], values[tape.source[first]][0], values[tape.source[last - 1]][0]];
    for (let e = first; e < last; e++) {
      const f = tape.live[e] ? rate(tape.op[i], e - first) : null;
      if (!f) continue;
      const c = bar * f(y, a, b);
      this.brought[e] = Math.abs(c);
      const u = tape.source[e];
      const have = this.bars[u];
      if (have) have[0] += c;
      else (this.bars[u] = this.room[u])[0] = c;
    }
  }

  private operand(i: number, k: number): Numbers {
    return this.fixed.get(`${i}:${k}`) ?? this.values[this.tape.source[this.tape.start[i] + k]];
  }

  private forward(i: number): Numbers {
    const { tape } = this;
    const op = tape.op[i];
    const map = tape.trace.program!.maps[i];
    const size = tape.elements(i);
    const out = new Float64Array(size);
    const a = this.operand(i, 0);
    if (op === "sum") {
      for (let j = 0; j < map.length; j++) out[map[j]] += a[j];
    } else if (op === "max" || op === "min") {
      const sign = op === "max" ? 1 : -1;
      out.fill(-Infinity * sign);
      for (let j = 0; j < map.length; j++) if (a[j] !== a[j] || sign * a[j] > sign * out[map[j]]) out[map[j]] = a[j];
    } else if (map) {
      const all = this.joined(i);
      for (let j = 0; j < size; j++) out[j] = all[map[j]];
    } else if (op === "matmul") {
      const b = this.operand(i, 1);
      const [rows, inner, columns] = this.matrix(i);
      for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) {
        let total = 0;
        for (let k = 0; k < inner; k++) total += a[r * inner + k] * b[k * columns + c];
        out[r * columns + c] = total;
      }
    } else if (op === "where") {
      const [b, c] = [this.operand(i, 1), this.operand(i, 2)];
      for (let j = 0; j < size; j++) out[j] = at(a, j) ? at(b, j) : at(c, j);
    } else {
      const f = FORWARD[op];
      const b = tape.start[i + 1] - tape.start[i] > 1 ? this.operand(i, 1) : a;
      for (let j = 0; j < size; j++) out[j] = f(at(a, j), at(b, j));
    }
    return out;
  }

  private backward(i: number, bar: Numbers): void {
    const { tape } = this;
    const op = tape.op[i];
    const map = tape.trace.program!.maps[i];
    const y = this.values[i];
    const first = tape.start[i];
    const back: (Numbers | null)[] = [];
    const arity = tape.start[i + 1] - first;
    if (op === "sum") back.push(Float64Array.from(map, (k) => bar[k]));
    else if (op === "max" || op === "min") {
      const a = this.operand(i, 0);
      const ties = new Float64Array(y.length);
      for (let j = 0; j < map.length; j++) if (a[j] === y[map[j]]) ties[map[j]]++;
      back.push(Float64Array.from(map, (k, j) => (a[j] === y[k] ? bar[k] / ties[k] : 0)));
    } else if (map) {
      const all = new Float64Array(this.joined(i).length);
      for (let j = 0; j < map.length; j++) all[map[j]] += bar[j];
      let from = 0;
      for (let k = 0; k < arity; k++) {
        const size = this.operand(i, k).length;
        back.push(all.slice(from, from + size));
        from += size;
      }
    } else if (op === "matmul") {
      const [a, b] = [this.operand(i, 0), this.operand(i, 1)];
      const [rows, inner, columns] = this.matrix(i);
      const [aBar, bBar] = [new Float64Array(a.length), new Float64Array(b.length)];
      for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) for (let k = 0; k < inner; k++) {
        aBar[r * inner + k] += bar[r * columns + c] * b[k * columns + c];
        bBar[k * columns + c] += bar[r * columns + c] * a[r * inner + k];
      }
      back.push(aBar, bBar);
    } else if (op === "where") {
      const condition = this.operand(i, 0);
      back.push(null, bar.map((v, j) => (at(condition, j) ? v : 0)), bar.map((v, j) => (at(condition, j) ? 0 : v)));
    } else {
      const [a, b] = [this.operand(i, 0), arity > 1 ? this.operand(i, 1) : this.operand(i, 0)];
      for (let k = 0; k < arity; k++) {
        const f = rate(op, k);
        back.push(f && bar.map((v, j) => v * f(y[j], at(a, j), at(b, j))));
      }
    }
    for (let k = 0; k < arity; k++) {
      const e = first + k;
      const c = back[k];
      if (!tape.live[e] || !c) continue;
      this.brought[e] = norm(c);
      const u = tape.source[e];
      const have = this.bars[u];
      if (have) for (let j = 0; j < c.length; j++) have[j] += c[j];
      else { this.room[u].set(c); this.bars[u] = this.room[u]; }
    }
  }

  /** The signed local rate between two single numbers. */
  private rateOf(e: number): number {
    const { tape } = this;
    const i = tape.target[e];
    const k = e - tape.start[i];
    const f = rate(tape.op[i], k);
    if (f) {
      const [a, b] = [this.operand(i, 0), tape.start[i + 1] - tape.start[i] > 1 ? this.operand(i, 1) : this.operand(i, 0)];
      return f(this.values[i][0], a[0], b[0]);
    }
    if (tape.op[i] === "where") return Number(Boolean(this.operand(i, 0)[0]) === (k === 1));
    if (tape.op[i] === "matmul") return this.operand(i, 1 - k)[0];
    return tape.op[i] === "scatter" && k === 0 ? 0 : 1;
  }

  private joined(i: number): Numbers {
    const arity = this.tape.start[i + 1] - this.tape.start[i];
    if (arity === 1) return this.operand(i, 0);
    const parts = Array.from({ length: arity }, (_, k) => this.operand(i, k));
    const out = new Float64Array(parts.reduce((n, p) => n + p.length, 0));
    let at = 0;
    for (const p of parts) { out.set(p, at); at += p.length; }
    return out;
  }

  private matrix(i: number): [number, number, number] {
    const first = this.tape.start[i];
    const a = this.tape.shape(this.tape.source[first]);
    const b = this.tape.shape(this.tape.source[first + 1]);
    const inner = a[a.length - 1];
    return [a.length === 2 ? a[0] : 1, inner, b.length === 2 ? b[1] : 1];
  }
}

const at = (x: Numbers, j: number) => (x.length === 1 ? x[0] : x[j]);

export function norm(x: Numbers): number {
  if (x.length === 1) return Math.abs(x[0]);
  let big = 0;
  for (const v of x) { if (v !== v) return NaN; big = Math.max(big, Math.abs(v)); }
  if (big === 0 || big === Infinity) return big;
  let total = 0;
  for (const v of x) total += (v / big) ** 2;
  return big * Math.sqrt(total);
}
