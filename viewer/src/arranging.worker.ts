import { arrange, type Asked } from "./arrange.js";

const here = self as unknown as { onmessage: (event: MessageEvent<Asked>) => void; postMessage: (found: unknown) => void };
here.onmessage = (event) => here.postMessage(arrange(event.data));
