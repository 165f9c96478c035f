// Runs each program of $CASES in the built viewer and compares every value and every cotangent with the engine's.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import vm from "node:vm";

const bundle = readFileSync(new URL("../../src/geartrain/view/static/see.js", import.meta.url), "utf8");
const context = vm.createContext({ console });
vm.runInContext(`${bundle};this.geartrainSee = geartrainSee;`, context);
const { Tape, Twin } = context.geartrainSee;
vm.runInContext(`${readFileSync(new URL("../../src/geartrain/view/static/lesson.js", import.meta.url), "utf8")};this.geartrainLesson = geartrainLesson;`, context);
const names = { nan: NaN, inf: Infinity, "-inf": -Infinity };
const number = (x) => (typeof x === "number" ? x : names[x]);

function close(have, expected, where) {
  assert.equal(have.length, expected.length, where);
  const size = Math.max(1, ...expected.map((x) => Math.abs(number(x))).filter(Number.isFinite));
  expected.forEach((x, k) => {
    const y = number(x);
    assert.ok(Object.is(have[k], y) || have[k] === y || Math.abs(have[k] - y) <= 1e-11 * size, `${where}[${k}]: ${have[k]}, the engine has ${y}`);
  });
}

test("the page's interpreter agrees with the engine", () => {
  const cases = JSON.parse(readFileSync(process.env.CASES, "utf8"));
  cases.forEach(({ trace, values, bars }, n) => {
    const tape = new Tape(trace);
    const brings = Array.from(tape.gain, (_, e) => tape.brings(e));
    const twin = new Twin(tape);
    twin.update();
    for (let i = 0; i < tape.n; i++) {
      close(Array.from(twin.values[i]), values[i], `program ${n}, value ${i} (${tape.op[i]})`);
      if (bars[i] && !tape.isConst(i)) close(Array.from(twin.bars[i] ?? values[i].map(() => 0)), bars[i], `program ${n}, cotangent ${i} (${tape.op[i]})`);
    }
    brings.forEach((g, e) => {
      if (Number.isFinite(g)) assert.ok(Math.abs(tape.brings(e) - g) <= 2e-5 * Math.max(Math.abs(g), 1e-6), `program ${n}, edge ${e} of ${tape.op[tape.target[e]]} operand ${e - tape.start[tape.target[e]]}: ${tape.brings(e)}, the engine has ${g}`);
    });
  });
  console.log(`compared ${cases.length} programs`);
});

test("typed functions are read as Python reads them, and asked about as Python asks", () => {
  const { parse, question, fresh } = context.geartrainLesson;
  const { typed } = JSON.parse(readFileSync(process.env.TYPED, "utf8"));
  for (const { f, x, value, derivative, label, mistakes } of typed) {
    const trace = parse(f, { x });
    const [end, start] = [trace.outputs[0], trace.inputs[0].node];
    close([number(trace.value.at[end]), number(trace.bar.at[start])], [value, derivative], f);
    assert.equal(trace.nodes.label[end], label, f);
    assert.deepEqual(Object.fromEntries(question(f, x).mistakes.map((m) => [m.name, Number(m.value.toPrecision(9))])), mistakes, f);
  }
  for (let seed = 0; seed < 300; seed++) {
    const q = fresh(seed);
    assert.ok(Number.isInteger(q.right) && q.mistakes.length >= 2, `${q.f} at ${q.x}: ${q.right}`);
    for (const m of q.mistakes) assert.ok(Math.abs(m.value - q.right) > 1e-6);
  }
});
