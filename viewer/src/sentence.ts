// What a step of the tape does, in one sentence.

import { valueText, type Moment } from "./figure.js";
import type { Tape } from "./trace.js";
import { fmt, h } from "./util.js";

const number = (text: string, klass = "") => h("span", { class: `num ${klass}` }, text);

export function sentence(tape: Tape, now: Moment, t: number, forward: number, backward: number): HTMLElement {
  if (now.edge >= 0) return back(tape, now, `Backward, step ${t - forward} of ${backward}. `);
  if (now.node >= 0) {
    return h("span", {}, h("span", { class: "fwd" }, `Forward, step ${t} of ${forward}. `), `${tape.name(now.node)} becomes `, number(valueText(tape, now.node), "fwd"), ", and is kept for the way back.");
  }
  const at = tape.trace.inputs.slice(0, 4).map(({ name, node }) => `${name} = ${valueText(tape, node)}`).join(", ");
  return h("span", {}, `The start: ${at}. Step forward to compute, then back to multiply the rates.`);
}

function back(tape: Tape, now: Moment, start: string): HTMLElement {
  const e = now.edge;
  const [u, v] = [tape.source[e], tape.target[e]];
  const out = h("span", {}, h("span", { class: "bwd" }, start));
  if (Number.isNaN(tape.rate[e])) {
    out.append(`What arrived at ${tape.name(v)} has size `, number(fmt(tape.barSize[v])), "; this operation's own rule passes on ", number(fmt(tape.brings(e))), ` to ${tape.name(u)}, a gain of `, number(fmt(tape.gain[e])), ".");
  } else {
    const part = tape.rate[e] * tape.bar[v];
    out.append("Multiply what arrived, ", number(fmt(tape.bar[v])), ", by this step's own rate, ", number(fmt(tape.rate[e])), ".");
    const before = Array.from(tape.uses(u)).filter((k) => k !== e && now.pulled(k));
    if (before.length) {
      const have = before.reduce((total, k) => total + tape.rate[k] * tape.bar[tape.target[k]], 0);
      out.append(` Add it to the ${fmt(have)} that another path brought: ${fmt(have)} ${part < 0 ? "−" : "+"} ${fmt(Math.abs(part))} = `, number(fmt(have + part)), ".");
    }
  }
  out.append(now.again ? " What arrived was computed once and is used again." : " Nothing else is needed here.");
  return out;
}
