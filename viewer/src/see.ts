// The page of one trace. The data stands in the page, deflated, so that the page needs no request.

import { show } from "./view.js";
import { h } from "./util.js";

async function inflate(text: string): Promise<unknown> {
  const bytes = Uint8Array.from(atob(text.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

export async function start(root: ParentNode = document): Promise<void> {
  const place = root.querySelector("[data-geartrain]")!;
  const data = root.querySelector("script[data-trace]");
  try {
    if (!data) throw new Error("the page has no trace in it");
    show(await inflate(data.textContent ?? ""), place, { hash: place.hasAttribute("data-hash") });
  } catch (error) {
    place.replaceChildren(h("p", { class: "certificate panel", role: "alert" }, `The trace in this page is damaged: ${(error as Error).message}. Save the page again.`));
  }
  document.documentElement.dataset.ready = "yes";
}

if (typeof document !== "undefined" && document.querySelector("[data-geartrain]")) void start();
