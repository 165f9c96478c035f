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

  constructor(private readonly tape: Tape) {
    const program = tape.trace.program;
    if (!program) throw new Error("this trace has no program to run");
    for (const [i, x] of Object.entries(program.inputs)) this.inputs.set(Number(i), Float64Array.from(x, num));
    for (const [i, x] of Object.entries(program.constants)) this.values[Number(i)] = Float64Array.from(x, num);
    for (const [key, x] of Object.entries(program.fixed)) this.fixed.set(key, Float64Array.from(x, num));
    this.brought = new Float64Array(tape.source.length);
  }

  input(node: number): Numbers { return this.inputs.get(node)!; }

  run(): void {
    const { tape, values, bars } = this;
    for (const [i, x] of this.inputs) values[i] = x;
    for (let i = 0; i < tape.n; i++) if (!tape.isLeaf(i)) values[i] = this.forward(i);
    bars.length = 0;
    for (let i = 0; i < tape.n; i++) bars.push(null);
    for (const i of tape.trace.outputs) bars[i] = new Float64Array(values[i].length).fill(1);
    this.brought.fill(0);
    for (let i = tape.n - 1; i >= 0; i--) if (!tape.isLeaf(i) && bars[i]) this.backward(i, bars[i]!);
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
    for (let e = 0; e < tape.source.length; e++) {
      if (!tape.live[e]) continue;
      const bar = tape.barSize[tape.target[e]];
      total[tape.source[e]] += this.brought[e];
      tape.gain[e] = bar ? this.brought[e] / bar : 0;
      if (this.values[tape.source[e]].length === 1 && this.values[tape.target[e]].length === 1) {
        const r = this.rateOf(e);
        tape.rate[e] = r;
        tape.gain[e] = Math.abs(r);
      }
    }
    for (let i = 0; i < tape.n; i++) if (tape.uses(i).length > 1) tape.kappa[i] = total[i] > 0 ? Math.min(tape.barSize[i] / total[i], 1) : NaN;
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
      this.bars[u] = have ? have.map((v, j) => v + c[j]) : c;
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
    const parts: number[] = [];
    for (let k = 0; k < this.tape.start[i + 1] - this.tape.start[i]; k++) parts.push(...this.operand(i, k));
    return Float64Array.from(parts);
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
