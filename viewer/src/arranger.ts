// Arranging beside the page: a sheet of many cards is laid out by a worker, which can be stopped. Where no worker can be
// had (a notebook that forbids them), the page does it itself.

import { arrange, type Arranged, type Asked } from "./arrange.js";

declare const WORKER: string; // arranging.worker.ts, built; see build.mjs
const ALONE = 60; // up to so many cards take a millisecond, less than a worker takes to start

export class Arranger {
  private worker: Worker | null = null;

  /** Arrange, and hand over the result: at once for few cards. What was under way before is stopped. */
  ask(asked: Asked, then: (found: Arranged) => void): void {
    this.stop();
    if (asked.early.length <= ALONE || typeof Worker === "undefined") return then(arrange(asked));
    const done = (found: Arranged) => { this.stop(); then(found); };
    try {
      const address = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
      const worker = (this.worker = new Worker(address));
      URL.revokeObjectURL(address);
      worker.onmessage = (event: MessageEvent<Arranged>) => { if (worker === this.worker) done(event.data); };
      worker.onerror = () => { if (worker === this.worker) done(arrange(asked)); };
      worker.postMessage(asked);
    } catch {
      done(arrange(asked));
    }
  }

  get busy(): boolean { return this.worker !== null; }

  stop(): void {
    this.worker?.terminate();
    this.worker = null;
  }
}
