// Builds the viewer into src/geartrain/view/static, with the hash of what it was built from.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "src", "geartrain", "view", "static");
const entries = { see: "see.ts", lesson: "lesson.ts" };

// The same hash as view/document.py computes: names and contents, in the order of the names.
export function sourceHash() {
  const hash = createHash("sha256");
  for (const name of readdirSync(join(here, "src")).sort()) {
    hash.update(name + "\0");
    hash.update(readFileSync(join(here, "src", name)));
    hash.update("\0");
  }
  return hash.digest("hex");
}

mkdirSync(out, { recursive: true });
// The worker's code is a string in the bundles: a page is one file.
const worker = await build({ entryPoints: [join(here, "src", "arranging.worker.ts")], bundle: true, minify: true, format: "iife", target: "es2022", write: false });
for (const [name, source] of Object.entries(entries)) {
  await build({ entryPoints: [join(here, "src", source)], outfile: join(out, `${name}.js`), bundle: true, minify: true, format: "iife", globalName: { see: "geartrainSee", lesson: "geartrainLesson" }[name], target: "es2022", legalComments: "none", charset: "utf8", define: { WORKER: JSON.stringify(worker.outputFiles[0].text) } });
}
const css = await build({ entryPoints: [join(here, "src", "style.css")], bundle: true, minify: true, write: false });
writeFileSync(join(out, "style.css"), css.outputFiles[0].text);
writeFileSync(join(out, "source.sha256"), sourceHash() + "\n");
