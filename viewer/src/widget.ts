// The picture as an anywidget: a model with x, selected and step, which Python and the page both set.

import type { View } from "./view.js";

export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  on(event: string, f: () => void): void;
  off(event: string, f: () => void): void;
}

const differs = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b);

/** Keep a model and a picture in step. Returns what ends it. */
export function follow(model: Model, view: View): () => void {
  const tell = () => {
    const now = { x: view.inputs(), selected: view.selected, step: view.step() };
    const changed = Object.entries(now).filter(([name, value]) => differs(model.get(name), value));
    for (const [name, value] of changed) model.set(name, value);
    if (changed.length) model.save_changes();
  };
  const hear: Record<string, () => void> = {
    "change:x": () => {
      const asked = model.get("x") as Record<string, number | number[]>;
      const have = view.inputs();
      for (const [name, x] of Object.entries(asked)) if (name in have && differs(x, have[name])) view.setInput(name, x);
    },
    "change:selected": () => { if (model.get("selected") !== view.selected) view.select(Number(model.get("selected"))); },
    "change:step": () => { if (model.get("step") !== view.step()) view.goTo(String(model.get("step"))); },
  };
  for (const [event, f] of Object.entries(hear)) model.on(event, f);
  hear["change:x"]();
  if (Number(model.get("selected")) >= 0) hear["change:selected"]();
  if (model.get("step") !== "end") hear["change:step"]();
  view.onChange(tell);
  tell();
  return () => { for (const [event, f] of Object.entries(hear)) model.off(event, f); };
}
