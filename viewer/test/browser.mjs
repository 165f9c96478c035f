// What the tests in a real browser share. $PAGES is a folder that tests/view/test_browser.py has filled.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

export const PAGES = process.env.PAGES;
export const SHOTS = process.env.SHOTS;
export const read = (name) => readFileSync(join(PAGES, name), "utf8");
export const CHAPTERS = JSON.parse(read("chapters.json"));
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

let browser;
/** Start a browser for the tests of a file; without `online` every request to a network is blocked, too. */
export function useBrowser({ online = false } = {}) {
  before(async () => {
    browser = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), "geartrain-browser-")), {
      executablePath: process.env.CHROMIUM, args: FLAGS, viewport: { width: 1180, height: 800 }, acceptDownloads: true,
    });
    if (!online) {
      await browser.setOffline(true);
      await browser.route(/^(?!file:|data:|blob:)/, (route) => route.abort());
    }
    if (SHOTS) mkdirSync(SHOTS, { recursive: true });
  });
  after(async () => browser?.close());
}

/** Open a page of the folder, or an address; what it asks of another place, refuses or throws is noted. One of ours says when it is `ready`. */
export async function open(name, { scripts = true, ready = scripts } = {}) {
  const page = await browser.newPage();
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  const address = /^https?:/.test(name) ? name : pathToFileURL(join(PAGES, name.split("#")[0])).href + (name.includes("#") ? `#${name.split("#")[1]}` : "");
  const home = /^https?:/.test(name) ? new URL(name).origin : null;
  page.noted = [];
  page.on("request", (r) => { if (!/^(file|data|blob):/.test(r.url()) && !(home && r.url().startsWith(home))) page.noted.push(`asks for ${r.url()}`); });
  page.on("pageerror", (error) => page.noted.push(error.message));
  page.on("console", (said) => { if (said.type() === "error") page.noted.push(said.text()); });
  if (!scripts) await (await browser.newCDPSession(page)).send("Emulation.setScriptExecutionDisabled", { value: true });
  await page.goto(address);
  if (ready) await page.waitForSelector("html[data-ready]");
  return page;
}

export async function done(page) {
  assert.deepEqual(page.noted, []);
  await page.close();
}

export const shot = async (page, name) => { if (SHOTS) await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true }); };

/** No violation in light, in dark and at 320 pixels, where nothing is wider than the page. */
export async function accessible(page, name) {
  await page.evaluate(AXE);
  for (const [dark, width] of [[false, 1180], [true, 1180], [false, 320]]) {
    const where = `${name}, ${dark ? "dark" : "light"}, ${width} pixels`;
    await page.emulateMedia({ colorScheme: dark ? "dark" : "light", reducedMotion: "reduce" });
    await page.setViewportSize({ width, height: 800 });
    const found = await page.evaluate(async (rules) => {
      const { violations } = await axe.run(document, { runOnly: rules, resultTypes: ["violations"], elementRef: false });
      return violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")}`);
    }, dark ? ["color-contrast"] : ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]); // dark changes colours alone
    assert.deepEqual(found, [], where);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth + 1), `too wide: ${where}`);
    await shot(page, `${name}-${dark ? "dark" : "light"}-${width}`);
  }
  await page.setViewportSize({ width: 1180, height: 800 });
}

/** Press at a place along a slider, as a hand would. */
export async function drag(page, slider, along) {
  await slider.scrollIntoViewIfNeeded();
  const box = await slider.boundingBox();
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width / 2, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * along, y, { steps: 4 });
  await page.mouse.up();
}

/** A number as the page writes it. */
export const number = (text) => Number(text.replaceAll("−", "-").replaceAll(",", ""));
export const close = (have, expected, where, within = 1e-3) => assert.ok(Math.abs(have - expected) <= within * Math.max(1, Math.abs(expected)), `${where}: the page has ${have}, the engine ${expected}`);
