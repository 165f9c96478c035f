// Pages over http: the lesson's progress, and a program that is watched. $LESSON, $WATCHED and $FILE are set by Python.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { CHAPTERS, done, open, useBrowser } from "./browser.mjs";

useBrowser({ online: true });

test("the lesson's progress is kept for its address", async () => {
  const page = await open(process.env.LESSON);
  await page.locator("nav [data-to]").first().click();
  await page.waitForURL(`**/${CHAPTERS[0]}.html`);
  await page.locator("[data-done]").click();
  await page.waitForURL(`**/${CHAPTERS[1]}.html`);
  await done(page);
  const later = await open(process.env.LESSON);
  assert.match(await later.textContent(".progress"), /1 of 10 chapters done/);
  assert.match(await later.textContent("[data-resume]"), /Go on where you were: .*A worked example/);
  await later.locator("[data-resume] a").click();
  await later.waitForURL(`**/${CHAPTERS[1]}.html`);
  await done(later);
});

test("a watched program is shown anew when its file is saved, at the same step; a broken one changes nothing", async () => {
  const page = await open(process.env.WATCHED);
  assert.match(await page.textContent(".answer"), /24/);
  assert.doesNotMatch(page.url(), /token/);
  await page.locator(".slide input").focus();
  await page.keyboard.press("ArrowLeft");
  assert.match(page.url(), /t=b2/);
  writeFileSync(process.env.FILE, "def f(x):\n    return (3 * x +\n");
  await page.waitForTimeout(1500);
  assert.match(await page.textContent(".answer"), /24/);
  writeFileSync(process.env.FILE, "def f(x):\n    return (5 * x + 1) ** 2\n");
  await page.waitForFunction(() => document.querySelector(".answer b")?.textContent === "60", null, { timeout: 30_000 });
  assert.match(page.url(), /t=b2/);
  await done(page);
});
