// The pages in a real browser. $PAGES is a folder that tests/view/test_browser.py has filled; $CHROMIUM the browser.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const PAGES = process.env.PAGES;
const SHOTS = process.env.SHOTS;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const CHAPTERS = JSON.parse(readFileSync(join(PAGES, "chapters.json"), "utf8"));
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

let browser;
before(async () => {
  browser = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), "geartrain-browser-")), {
    executablePath: process.env.CHROMIUM, args: FLAGS, viewport: { width: 1180, height: 800 }, acceptDownloads: true,
  });
  if (SHOTS) mkdirSync(SHOTS, { recursive: true });
});
after(async () => browser?.close());

/** Open a page of the folder; whatever it asks of the network, refuses or throws is noted. */
async function open(name) {
  const page = await browser.newPage();
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  page.noted = [];
  page.on("request", (r) => { if (!/^(file|data|blob):/.test(r.url())) page.noted.push(`asks for ${r.url()}`); });
  page.on("pageerror", (error) => page.noted.push(error.message));
  page.on("console", (said) => { if (said.type() === "error") page.noted.push(said.text()); });
  await page.goto(pathToFileURL(join(PAGES, name)).href);
  await page.waitForSelector("html[data-ready]");
  return page;
}

async function done(page) {
  assert.deepEqual(page.noted, []);
  await page.close();
}

/** No violation in light, in dark and at 320 pixels, where nothing is wider than the page. */
async function accessible(page, name) {
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
    if (SHOTS) await page.screenshot({ path: join(SHOTS, `${name}-${dark ? "dark" : "light"}-${width}.png`), fullPage: true });
  }
  await page.setViewportSize({ width: 1180, height: 800 });
}

test("the worked example: numbers, keyboard, drag, address", async () => {
  const page = await open("worked.html");
  assert.match(await page.textContent("h1"), /\(3x \+ 1\)² at x = 1/);
  assert.match(await page.textContent(".answer"), /= 8 · 1 · 3 = 24/);
  const slider = page.locator(".slide input");
  await slider.focus();
  await page.keyboard.press("Home");
  assert.match(await page.textContent(".sentence"), /The start: x = 1/);
  for (let k = 0; k < 5; k++) await page.keyboard.press("ArrowRight");
  assert.match(await page.textContent(".sentence"), /Backward, step 2 of 3\. Multiply what arrived, 8, by this step's own rate, 1\./);
  assert.match(page.url(), /t=b2/);
  await page.fill(".inputs input[type=number]", "2");
  assert.match(await page.textContent(".answer"), /= 14 · 1 · 3 = 42/);
  const before = await page.getAttribute(".train polygon.wheel >> xpath=..", "transform");
  await page.locator(".inputs input[type=range]").focus();
  await page.keyboard.press("ArrowRight");
  assert.notEqual(await page.getAttribute(".train polygon.wheel >> xpath=..", "transform"), before, "the wheels turn");
  await page.fill("input[type=search]", "square");
  assert.equal(await page.locator(".tape tbody tr").count(), 1);
  await page.fill("input[type=search]", "nowhere");
  assert.match(await page.textContent("[role=status]"), /Nothing has/);
  if (SHOTS) await page.screenshot({ path: join(SHOTS, "worked.png"), fullPage: true });
  await done(page);
});

test("numbers of the page are those of the engine when inputs are dragged", async () => {
  const page = await open("dag.html");
  for (const [x, y, dx, dy] of JSON.parse(readFileSync(join(PAGES, "dag.json"), "utf8"))) {
    const fields = page.locator(".inputs input[type=number]");
    await fields.nth(0).fill(String(x));
    await fields.nth(1).fill(String(y));
    for (const [name, expected] of [["x", dx], ["y", dy]]) {
      await page.locator(".tape tbody button", { hasText: new RegExp(`^${name}$`) }).click();
      const said = (await page.textContent(".answer b")).replace("−", "-");
      assert.ok(Math.abs(Number(said) - expected) <= 1e-3 * Math.max(1, Math.abs(expected)), `${name}: ${said}, the engine has ${expected}`);
    }
  }
  if (SHOTS) await page.screenshot({ path: join(SHOTS, "dag.png"), fullPage: true });
  await done(page);
});

for (const name of ["worked", "dag", "digits", "sigmoids", "nan"]) {
  test(`${name}: accessible in light, dark and 320 pixels`, async () => {
    const page = await open(`${name}.html`);
    await accessible(page, name);
    await done(page);
  });
}

test("a NaN has its certificate, and leads to the operation", async () => {
  const page = await open("nan.html");
  assert.match(await page.textContent(".certificate"), /sqrt/);
  await page.click(".certificate button");
  assert.match(await page.textContent(".inspector h2"), /sqrt/);
  await done(page);
});

test("groups open, loops fold, 100,000 operations open collapsed", async () => {
  const from = Date.now();
  const page = await open("long.html");
  const opened = Date.now() - from;
  assert.ok((await page.locator(".tape tbody tr").count()) < 20);
  const expand = await page.evaluate(() => {
    const start = performance.now();
    document.querySelector(".tape button.group").click();
    return performance.now() - start;
  });
  assert.ok((await page.locator(".tape tbody tr").count()) <= 110);
  console.log(`100,000 operations: opened in ${opened} ms, expanded in ${Math.round(expand)} ms`);
  await done(page);
});

test("what cannot be shown says why", async () => {
  for (const [name, said] of [["newer.html", /newer than this page/], ["damaged.html", /damaged/], ["cut.html", /damaged/]]) {
    const page = await open(name);
    assert.match(await page.textContent("[role=alert]"), said);
    await done(page);
  }
  const page = await open("script.html");
  assert.equal(await page.evaluate(() => window.broken), undefined);
  assert.match(await page.textContent("h1"), /<\/script>/);
  await done(page);
});

test("a notebook's output moves in a shadow root, and stands still without scripts", async () => {
  const page = await open("notebook.html");
  await page.waitForFunction(() => document.querySelector("[id^=gt-]")?.shadowRoot?.querySelector(".answer"));
  await done(page);
  const quiet = await browser.browser()?.newContext({ javaScriptEnabled: false });
  if (!quiet) return; // a persistent context has no browser to ask for a second one
  const still = await quiet.newPage();
  await still.goto(pathToFileURL(join(PAGES, "notebook.html")).href);
  assert.match(await still.getAttribute("img", "alt"), /24/);
  await quiet.close();
});

test("every chapter: its figures move, it is accessible, its way on works by keyboard", async () => {
  for (const [k, name] of [...CHAPTERS, "index"].entries()) {
    const page = await open(`site/${name}.html`);
    const figures = await page.locator("[data-figure]").count();
    assert.equal(await page.locator("[data-figure].moving").count(), figures, name);
    await accessible(page, `lesson-${name}`);
    if (k + 1 < CHAPTERS.length) {
      await page.locator("[data-done]").focus();
      await page.keyboard.press("Enter");
      await page.waitForURL(`**/${CHAPTERS[k + 1]}.html`);
      await page.waitForSelector("html[data-ready]");
      assert.match(await page.textContent(".progress"), new RegExp(`${k + 1} of ${CHAPTERS.length} chapters done`));
    }
    await done(page);
  }
});

test("the quiz: right, wrong with its mistake named, and remembered", async () => {
  const page = await open(`site/${CHAPTERS[7]}.html`);
  const form = page.locator("form.ask").first();
  for (const [given, said] of [["8", /leaves out the rate of the innermost/], ["6", /must be taken where that step stands/], ["11", /added/], ["16", /value of the function/], ["24", /^Yes/], ["two", /as a number/]]) {
    await form.locator("input").fill(given);
    await form.locator("input").press("Enter");
    assert.match(await form.locator(".said").textContent(), said);
  }
  const kept = await page.evaluate(() => JSON.parse(localStorage.getItem("geartrain-lesson")));
  assert.equal(kept.items["(3*x+1)**2@1"].wrong, 4);
  assert.equal(kept.items["(3*x+1)**2@1"].right, 1);
  await page.reload();
  await page.waitForSelector("html[data-ready]");
  assert.equal((await page.evaluate(() => JSON.parse(localStorage.getItem("geartrain-lesson")))).items["(3*x+1)**2@1"].right, 1);
  await done(page);
});

test("progress: export, reset, import that merges, a bad file, a corrupt store", async () => {
  const page = await open(`site/${CHAPTERS[0]}.html`);
  await page.evaluate(() => localStorage.setItem("geartrain-lesson", JSON.stringify({ format: "geartrain-lesson", version: 1, chapters: { "02-a-worked-example": 5 }, items: {}, at: "" })));
  await page.reload();
  await page.waitForSelector("html[data-ready]");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=Export")]);
  const file = join(PAGES, "progress.json");
  await download.saveAs(file);
  page.once("dialog", (dialog) => dialog.accept());
  await page.click("text=Reset");
  assert.match(await page.textContent(".progress"), /0 of/);
  await page.setInputFiles("input[type=file]", file);
  await page.waitForFunction(() => document.querySelector(".progress").textContent.includes("1 of"));
  await page.setInputFiles("input[type=file]", join(PAGES, "chapters.json"));
  await page.waitForFunction(() => document.querySelector(".progress").textContent.includes("not progress"));
  assert.match(await page.textContent(".progress"), /1 of/);
  await page.evaluate(() => localStorage.setItem("geartrain-lesson", "{broken"));
  await page.reload();
  await page.waitForSelector("html[data-ready]");
  assert.match(await page.textContent(".notice"), /could not be read/);
  await done(page);
});

test("your own function: read, checked, told where it goes wrong", async () => {
  const page = await open(`site/${CHAPTERS[8]}.html`);
  await page.fill(".wide", "(3x + 1)^2");
  assert.match(await page.textContent("[data-figure=own]"), /By the chain rule d\/dx = /);
  for (const [text, said] of [["sin(", /ends too early|cannot stand/], ["x+", /ends too early/], ["2 $ x", /does not belong/], ["sin + x", /is a function/], ["3", /no variable/], ["x".repeat(3000), /at most 2,000/], ["(".repeat(500) + "x", /nests deeper/]]) {
    await page.fill(".wide", text);
    assert.match(await page.textContent("[data-figure=own] [role=status]"), said, text.slice(0, 20));
  }
  await done(page);
});

test("the network learns, one step at a time", async () => {
  const page = await open(`site/${CHAPTERS[5]}.html`);
  const loss = async () => Number(/loss is ([\d.]+)/.exec(await page.textContent("[data-figure=network] [role=status]"))[1]);
  const first = await loss();
  await page.click("text=One step");
  const second = await loss();
  for (let k = 0; k < 5; k++) await page.click("text=Ten steps");
  assert.ok(second < first && (await loss()) < second);
  await done(page);
});

test("scripts off: a chapter reads from top to bottom", () => {
  const html = readFileSync(join(PAGES, "site", `${CHAPTERS[1]}.html`), "utf8");
  assert.match(html, /<img src="data:image\/svg\+xml;base64,[^"]+" width="1064" height="372" alt="[^"]*24/);
  assert.match(html, /<details><summary>The answer/);
  assert.ok(existsSync(join(PAGES, "site", "index.html")));
});
