// Small helpers: making elements, writing numbers as a person would.

type Attributes = Record<string, string | number | boolean | undefined>;
type Child = Node | string | null | undefined | false;

const SVG = "http://www.w3.org/2000/svg";
const MATH = "http://www.w3.org/1998/Math/MathML";

function make(space: string | null, tag: string, attributes: Attributes, children: Child[]): Element {
  const made = space ? document.createElementNS(space, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child) made.append(child);
  return made;
}

export const h = <K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]) =>
  make(null, tag, attributes, children) as HTMLElementTagNameMap[K];
export const s = (tag: string, attributes: Attributes = {}, ...children: Child[]) =>
  make(SVG, tag, attributes, children) as SVGElement;
export const m = (tag: string, attributes: Attributes = {}, ...children: Child[]) => make(MATH, tag, attributes, children);

/** Four significant digits, a true minus, powers of ten where that is shorter. */
export function fmt(x: number | null | undefined, digits = 4): string {
  if (x === null || x === undefined) return "–";
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  if (x === 0) return "0";
  const size = Math.abs(x);
  let text: string;
  if (size >= 1e5 || size < 1e-3) {
    if (Number.isInteger(x) && size < 1e7) text = x.toLocaleString("en");
    else text = x.toExponential(Math.max(0, digits - 2)).replace(/\.?0+e/, "e").replace("e+", "e");
  } else text = String(Number(x.toPrecision(digits)));
  return text.replace(/-/g, "−");
}

const RAISED: Record<string, string> = { "-": "⁻", "−": "⁻" };
export const raised = (n: number | string) =>
  String(n).replace(/[-−0-9]/g, (c) => RAISED[c] ?? "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)]);

/** A count of any size: 1,048,576, or 10³⁰⁰ where digits tell nothing any more. */
export function count(n: bigint): string {
  const text = n.toString();
  return text.length <= 12 ? n.toLocaleString("en") : `${text[0]}.${text[1]} · 10${raised(text.length - 1)}`;
}

export const log10 = (x: number) => Math.log10(Math.abs(x));

export const plural = (n: number, one: string, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

/** Whether the reader asked for stillness. */
export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export function clamp(x: number, low: number, high: number): number {
  return Math.min(Math.max(x, low), high);
}

/** The width of a lesson's drawing, in its own units: narrower on a phone, so that its words stay readable. */
export const drawing = () => (innerWidth < 760 ? 400 : 640);
