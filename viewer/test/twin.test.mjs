// Runs each program of $CASES in the built viewer and compares every value and every cotangent with the engine's.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import vm from "node:vm";

const bundle = readFileSync(new URL("../../src/geartrain/view/static/see.js", import.meta.url), "utf8");
const context = vm.createContext({ console });
vm.runInContext(`${bundle};this.geartrainSee = geartrainSee;`, context);
const { Tape, Twin } = context.geartrainSee;
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
