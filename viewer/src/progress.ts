// Progress, kept in this browser: chapters done, answers given, where the reader was. It can be taken along as a file.

const KEY = "geartrain-lesson";
const VERSION = 1;
const DAY = 86_400_000;
const AGAIN_AFTER = [0, 1, 3, 7, 21]; // days until an item comes back, by how often in a row it was right

export interface Item { right: number; wrong: number; box: number; due: number; seen: number; mistake?: string }
export interface Progress { format: typeof KEY; version: number; chapters: Record<string, number>; items: Record<string, Item>; at: string }

const empty = (): Progress => ({ format: KEY, version: VERSION, chapters: {}, items: {}, at: "" });

/** Why `data` is not a progress file that can be read, or "". */
export function wrong(data: unknown): string {
  const p = data as Partial<Progress> | null;
  if (typeof p !== "object" || p === null || p.format !== KEY) return "This file is not progress of this lesson.";
  if (typeof p.version !== "number" || p.version > VERSION) return "This file is from a newer version of the lesson.";
  const numbers = (o: unknown) => typeof o === "object" && o !== null && Object.values(o).every((x) => typeof x === "number");
  if (!numbers(p.chapters) || typeof p.items !== "object" || p.items === null) return "This file is damaged.";
  for (const item of Object.values(p.items)) if (!numbers({ ...item, mistake: 0 }) || typeof item.box !== "number") return "This file is damaged.";
  return "";
}

/** Both together: what either has done is done, and for each question the later answer counts. */
export function merge(a: Progress, b: Progress): Progress {
  const out: Progress = { ...empty(), at: b.at || a.at, chapters: { ...a.chapters }, items: { ...a.items } };
  for (const [k, t] of Object.entries(b.chapters)) out.chapters[k] = Math.max(out.chapters[k] ?? 0, t);
  for (const [k, item] of Object.entries(b.items)) if (!out.items[k] || out.items[k].seen < item.seen) out.items[k] = item;
  return out;
}

export class Store {
  progress = empty();
  problem = "";
  private changed: (() => void)[] = [];

  constructor() {
    try {
      const text = localStorage.getItem(KEY);
      localStorage.setItem(`${KEY}-probe`, "1");
      localStorage.removeItem(`${KEY}-probe`);
      if (text) {
        let data: unknown = null;
        try { data = JSON.parse(text); } catch { /* said below */ }
        this.problem = wrong(data);
        if (this.problem) {
          localStorage.setItem(`${KEY}-set-aside`, text);
          this.problem = "The progress kept in this browser could not be read. It was set aside, and you start afresh.";
        } else this.progress = merge(empty(), data as Progress);
      }
    } catch {
      this.problem = "This browser keeps nothing for this page, so your progress is lost when you leave. Export it to keep it.";
    }
  }

  onChange(f: () => void): void { this.changed.push(f); }

  private save(): void {
    try { localStorage.setItem(KEY, JSON.stringify(this.progress)); } catch { /* the notice is on the page */ }
    for (const f of this.changed) f();
  }

  done(chapter: string): void {
    if (!this.progress.chapters[chapter]) { this.progress.chapters[chapter] = Date.now(); this.save(); }
  }

  visit(chapter: string): void { this.progress.at = chapter; this.save(); }

  answered(id: string, right: boolean, mistake: string): void {
    const have = this.progress.items[id] ?? { right: 0, wrong: 0, box: 0, due: 0, seen: 0 };
    const box = right ? Math.min(have.box + 1, AGAIN_AFTER.length - 1) : 0;
    this.progress.items[id] = { right: have.right + Number(right), wrong: have.wrong + Number(!right), box, seen: Date.now(), due: Date.now() + AGAIN_AFTER[box] * DAY, ...(mistake ? { mistake } : {}) };
    this.save();
  }

  /** Questions that were missed and are to come back now, the longest missed first. */
  due(): string[] {
    const now = Date.now();
    return Object.entries(this.progress.items).filter(([, i]) => i.wrong > 0 && i.due <= now && i.box < 2).sort((a, b) => a[1].due - b[1].due).map(([id]) => id);
  }

  /** Take in a file's text; returns what there is to say. */
  take(text: string): string {
    let data: unknown;
    try { data = JSON.parse(text); } catch { return "This file is not progress of this lesson."; }
    const said = wrong(data);
    if (said) return `${said} Nothing was changed.`;
    this.progress = merge(this.progress, data as Progress);
    this.save();
    return "Your progress was added to what is here.";
  }

  reset(): void { this.progress = empty(); this.save(); }
}
