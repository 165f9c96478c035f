// One sheet of the picture: the operations of one group, its calls and folded loops as one card each, and what connects
// them. A program of few operations is one sheet without groups.

import type { Asked } from "./arrange.js";
import { groupName } from "./measure.js";
import type { Tape } from "./trace.js";
import { plural } from "./util.js";

export const FLAT = 26; // a program of so many cards needs no groups
export const PAGE = 400; // cards on a sheet; then pages
const LISTED = 3; // inputs of one name beyond this share a card
const STUBS = 2;

export interface Card {
  node: number; // whose value and cotangent the card shows: of a group that of its last operation
  group: number; // the group that the card opens, or -1
  nodes: number[]; // several inputs on one card
  name: string;
  more: string; // such as `24 operations`
  input: boolean;
  dead: number; // units of it that are zero for every example
}
/** An arrow between two cards: the edges of the tape that it stands for, the one that brings most first. */
export interface Link { from: number; to: number; edge: number; count: number }
/** Where an arrow would come from elsewhere: named beside the card. */
export interface Stub { card: number; names: string[]; more: number; out: boolean }
export interface Sheet { group: number; page: number; pages: number; cards: Card[]; links: Link[]; stubs: Stub[]; owner: Int32Array }

export function sheet(tape: Tape, group: number, page = 0): Sheet {
  const all = entries(tape, group);
  const pages = Math.max(1, Math.ceil(all.length / PAGE));
  const cards = shareInputs(all.slice(page * PAGE, (page + 1) * PAGE).map((k) => (k < 0 ? whole(tape, -k - 1) : single(tape, k))));
  const owner = new Int32Array(tape.n).fill(-1);
  cards.forEach((card, k) => {
    if (card.group >= 0) owner.fill(k, tape.trace.groups[card.group].first, tape.trace.groups[card.group].last);
    else for (const i of card.nodes) owner[i] = k;
  });
  const { links, stubs } = connect(tape, cards, owner);
  return { group, page, pages, cards, links, stubs, owner };
}

/** What the layout needs to know of a sheet. */
export function asked({ cards, links }: Sheet): Asked {
  return { from: links.map((l) => l.from), to: links.map((l) => l.to), early: cards.map((c) => c.input) };
}

/** The page of a group's sheets on which an operation stands. */
export function pageOf(tape: Tape, group: number, node: number): number {
  const { groups } = tape.trace;
  const at = entries(tape, group).findIndex((k) => (k < 0 ? groups[-k - 1].first <= node && node < groups[-k - 1].last : k === node));
  return Math.floor(Math.max(at, 0) / PAGE);
}

/** The group to begin with: the innermost that has everything of interest in it. */
export function firstGroup(tape: Tape): number {
  let g = 0;
  if (tape.cards() <= FLAT) return g;
  for (;;) {
    const cards = entries(tape, g);
    const inner = cards.filter((k) => k < 0);
    if (inner.length !== 1 || cards.length > 2 || entries(tape, -inner[0] - 1).length > PAGE) return g;
    g = -inner[0] - 1;
  }
}

/** What gets a card in a group, in order: an operation by its number, a call or a loop g as -g - 1. */
function entries(tape: Tape, g: number): number[] {
  const { groups } = tape.trace;
  const kids = tape.cards() <= FLAT && g === 0 ? [] : tape.kids(g);
  const out: number[] = [];
  for (let at = groups[g].first, next = 0; at < groups[g].last; ) {
    const kid = kids[next];
    if (kid !== undefined && groups[kid].first === at) { out.push(-kid - 1); at = groups[kid].last; next++; }
    else { if (!tape.isConst(at)) out.push(at); at++; }
  }
  return out;
}

const single = (tape: Tape, i: number): Card => ({ node: i, group: -1, nodes: [i], name: tape.name(i), more: "", input: tape.isInput[i] === 1, dead: tape.dead(i) });

function whole(tape: Tape, g: number): Card {
  const { first, last } = tape.trace.groups[g];
  const node = lastOf(tape, g);
  return { node, group: g, nodes: [node], name: groupName(tape, g), more: plural(last - first, "operation"), input: false, dead: deadIn(tape, g) };
}

/** `weights[0]` to `weights[11]` on one card. */
function shareInputs(cards: Card[]): Card[] {
  const stem = (card: Card) => card.name.split(/[[.]/)[0];
  const out: Card[] = [];
  const of = new Map<string, Card[]>();
  for (const card of cards) if (card.input) of.set(stem(card), [...(of.get(stem(card)) ?? []), card]);
  for (const card of cards) {
    const alike = card.input ? of.get(stem(card))! : [];
    if (alike.length <= LISTED) out.push(card);
    else if (alike[0] === card) out.push({ ...card, nodes: alike.map((c) => c.node), name: `${stem(card)} ×${alike.length}`, more: plural(alike.length, "input") });
  }
  return out;
}

function deadIn(tape: Tape, g: number): number {
  let total = 0;
  for (const i of tape.trace.value.arrays.node) if (i >= tape.trace.groups[g].first && i < tape.trace.groups[g].last) total += tape.dead(i);
  return total;
}

export function lastOf(tape: Tape, g: number): number {
  const { first, last } = tape.trace.groups[g];
  for (let i = last - 1; i >= first; i--) if (!tape.isConst(i)) return i;
  return last - 1;
}

function connect(tape: Tape, cards: Card[], owner: Int32Array): { links: Link[]; stubs: Stub[] } {
  const links = new Map<number, Link>();
  const stubs: Stub[] = [];
  const flatLinks: Link[] = [];
  const leaves = new Uint8Array(cards.length); // whether an arrow leaves the card
  cards.forEach((card, k) => {
    const [first, last] = card.group >= 0 ? [tape.trace.groups[card.group].first, tape.trace.groups[card.group].last] : [card.node, card.node + 1];
    const outside = new Map<string, number>();
    if (card.nodes.length > 1) return;
    for (let e = tape.start[first]; e < tape.start[last]; e++) {
      const u = tape.source[e];
      if (owner[u] === k || tape.isConst(u)) continue;
      if (owner[u] < 0) { outside.set(tape.name(u), e); continue; }
      leaves[owner[u]] = 1;
      if (card.group < 0 && cards[owner[u]].group < 0) { flatLinks.push({ from: owner[u], to: k, edge: e, count: 1 }); continue; }
      const key = owner[u] * cards.length + k;
      const have = links.get(key);
      if (!have) links.set(key, { from: owner[u], to: k, edge: e, count: 1 });
      else { have.count++; if (tape.brings(e) > tape.brings(have.edge)) have.edge = e; }
    }
    if (outside.size) stubs.push({ card: k, names: [...outside.keys()].slice(0, STUBS), more: Math.max(0, outside.size - STUBS), out: false });
  });
  cards.forEach((card, k) => {
    if (leaves[k] || tape.trace.outputs.includes(card.node)) return;
    const to = Array.from(tape.uses(card.node), (e) => tape.target[e]);
    if (to.length) stubs.push({ card: k, names: to.slice(0, 1).map((i) => tape.name(i)), more: to.length - 1, out: true });
  });
  return { links: [...flatLinks, ...links.values()], stubs };
}
