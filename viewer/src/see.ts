// The page of one trace. The data stands in the page, deflated, so that the page needs no request.

import { showDiff } from "./diff.js";
import { h } from "./util.js";
import { show } from "./view.js";
import { follow, type Model } from "./widget.js";

async function inflate(text: string): Promise<unknown> {
  const raw = atob(text.trim());
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

const damaged = (error: unknown) =>
  h("p", { class: "certificate panel", role: "alert" }, `The trace in this page is damaged: ${(error as Error).message}. Save the page again.`);

/** Show a trace, or the difference of two. */
function any(data: unknown, place: Element, hash = false): void {
  const format = (data as { format?: unknown } | null)?.format;
  if (typeof format === "string" && format.startsWith("geartrain-diff/")) showDiff(data, place);
  else show(data, place, { hash });
}

async function page(): Promise<void> {
  const place = document.querySelector("[data-geartrain]");
  if (!place) return;
  try {
    const data = document.querySelector("script[data-trace]");
    if (!data) throw new Error("there is none");
    any(await inflate(data.textContent ?? ""), place, place.hasAttribute("data-hash"));
  } catch (error) {
    place.replaceChildren(damaged(error));
  }
  document.documentElement.dataset.ready = "yes";
  if (place.hasAttribute("data-live")) void wait();
}

/** Load again when the server has a newer page; it keeps the step and the selection, which are in the address. */
async function wait(): Promise<void> {
  let have: string | null = null;
  for (;;) {
    try {
      const version = await (await fetch("/version")).text();
      if (have !== null && version !== have) location.reload();
      have = version;
    } catch { /* the server is gone; it may come back */ }
    await new Promise((go) => setTimeout(go, 700));
  }
}

/** Put the moving picture in the place of the still one, in a shadow root, so that the notebook's own style stays out. */
export async function notebook(id: string, style: string): Promise<void> {
  const place = document.getElementById(id);
  const data = document.getElementById(`${id}-trace`);
  if (!place || !data || place.shadowRoot) return;
  const box = h("div", { class: "geartrain" });
  try {
    any(await inflate(data.textContent ?? ""), box);
  } catch {
    return; // the still picture stays
  }
  box.style.padding = "12px";
  place.attachShadow({ mode: "open" }).append(h("style", {}, style), box);
}

/** What anywidget calls: draw the model's trace into an element. */
export async function render({ model, el }: { model: Model; el: HTMLElement }): Promise<() => void> {
  const box = h("div", { class: "geartrain widget" });
  el.append(box);
  try {
    const view = show(await inflate(String(model.get("trace"))), box);
    return view ? follow(model, view) : () => {};
  } catch (error) {
    box.replaceChildren(damaged(error));
    return () => {};
  }
}

if (typeof document !== "undefined") void page();

export { Arranger } from "./arranger.js";
export { Tape } from "./trace.js"; // these are exported for the tests
export { Twin } from "./run.js";
