// The page that follows a training run. $PAGES has health.html (a run that has ended), going.html and what it becomes.
import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { accessible, done, number, open, PAGES, read, useBrowser } from "./browser.mjs";

useBrowser();

test("a run that has ended: verdict, waterfall, table and maps say what was measured, for everybody", async () => {
  const page = await open("health.html", { ready: false });
  const { step, layers, verdict } = JSON.parse(read("health.json"));
  assert.match(await page.textContent("body"), new RegExp(`step ${step}, loss .*; the run has ended`));
  assert.match(verdict, /vanishes/);
  assert.equal(await page.textContent("[role=status]"), verdict);
  const bars = page.locator("svg").first().locator("rect");
  assert.equal(await bars.count(), layers.length);
  const rows = page.locator("tbody tr");
  assert.equal(await rows.count(), layers.length);
  for (const [i, layer] of layers.entries()) {
    const cells = await rows.nth(i).locator("td").allTextContents();
    assert.equal(cells[0], layer.name);
    assert.ok(Math.abs(number(cells[1]) / layer.arrives - 1) < 0.01, `${cells[1]} arrives at ${layer.name}`);
  }
  // What arrives shrinks layer by layer, so each bar begins where the one before ended: the last is the leftmost.
  const boxes = await Promise.all((await bars.all()).map((bar) => bar.boundingBox()));
  for (const [before, after] of boxes.slice(1).map((box, i) => [boxes[i], box])) {
    assert.ok(after.y > before.y && after.x <= before.x + 1, "bars go down and to the left");
  }
  assert.ok(boxes.every((box) => box.width > 0 && box.height > 5));
  await accessible(page, "health");
  await done(page);
});

test("while the run goes on the page loads itself again, and then stops", async () => {
  const page = await open("going.html", { ready: false });
  assert.match(await page.textContent("body"), /the run goes on, and so does this page/);
  copyFileSync(join(PAGES, "health.html"), join(PAGES, "going.html"));
  await page.getByText("the run has ended").waitFor({ timeout: 15_000 });
  assert.equal(await page.locator("meta[http-equiv=refresh]").count(), 0);
  await done(page);
});
