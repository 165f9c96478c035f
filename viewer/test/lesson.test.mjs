// The lesson in a real browser, from `file:`: every chapter by keyboard and by pointer, the quiz, progress.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { accessible, CHAPTERS, done, drag, open, PAGES, read, useBrowser } from "./browser.mjs";

useBrowser();
const right = (page, place) => page.evaluate((p) => geartrainLesson.question(p.dataset.quiz, Number(p.dataset.x)).right, place);

/** What has the focus: a few facts of it. */
const focused = (page) => page.evaluate(() => {
  const e = document.activeElement;
  return { tag: e.tagName, type: e.type ?? "", done: "done" in e.dataset, predict: Boolean(e.closest("[data-option]")), quiz: e.closest("[data-quiz]") !== null && e.tagName === "INPUT", within: Boolean(e.closest("main")) };
});

test("every chapter by keyboard alone, and it is accessible", async () => {
  let page = await open(`site/${CHAPTERS[0]}.html`);
  for (const [k, name] of CHAPTERS.entries()) {
    assert.match(page.url(), new RegExp(name));
    const figures = await page.locator("[data-figure]").count();
    assert.equal(await page.locator("[data-figure].moving").count(), figures, `${name}: all figures move`);
    const met = { range: 0, predict: 0, quiz: 0 };
    let last = false;
    for (let n = 0; n < 400 && !last; n++) {
      await page.keyboard.press("Tab");
      const at = await focused(page);
      if (at.type === "range" && at.within) {
        const before = await page.evaluate(() => document.activeElement.value);
        await page.keyboard.press("ArrowLeft");
        assert.notEqual(await page.evaluate(() => document.activeElement.value), before, `${name}: a slider moves`);
        met.range++;
      } else if (at.predict && at.tag === "BUTTON") {
        await page.keyboard.press("Space");
        assert.ok(await page.evaluate(() => !document.activeElement.closest(".predict").querySelector("[data-reveal]").hidden), `${name}: reveals`);
        met.predict++;
      } else if (at.quiz) {
        const place = await page.evaluateHandle(() => document.activeElement.closest("[data-quiz]"));
        await page.keyboard.type(String(await right(page, place)));
        await page.keyboard.press("Enter");
        assert.match(await place.evaluate((p) => p.querySelector(".said").textContent), /^Yes/, `${name}: the right answer`);
        met.quiz++;
      }
      last = at.done;
    }
    assert.ok(last, `${name}: the way on is reached by Tab`);
    assert.equal(met.quiz, await page.locator("[data-quiz]").count(), name);
    assert.equal(met.predict, await page.locator("[data-option] button").count(), name);
    assert.ok(met.range + met.predict + met.quiz > 0, `${name} has something to do`);
    await page.keyboard.press("Enter");
    await page.waitForURL(`**/${CHAPTERS[k + 1] ?? "index"}.html`);
    await page.waitForSelector("html[data-ready]");
    assert.match(await page.textContent(".progress"), new RegExp(`${k + 1} of ${CHAPTERS.length} chapters done`));
  }
  assert.match(await page.textContent("[data-resume]"), /Go on where you were: .*Recap/);
  await done(page);
  for (const name of [...CHAPTERS, "index"]) {
    page = await open(`site/${name}.html`);
    await accessible(page, `lesson-${name}`);
    await done(page);
  }
});

test("every chapter by pointer", async () => {
  const page = await open("site/index.html");
  await page.locator("nav [data-to]").first().click();
  for (const [k, name] of CHAPTERS.entries()) {
    await page.waitForURL(`**/${name}.html*`);
    await page.waitForSelector("html[data-ready]");
    const sliders = page.locator("main input[type=range]:visible");
    for (let n = 0; n < (await sliders.count()); n++) { // there are fewer, once a slider has changed its figure
      const before = await sliders.nth(n).inputValue();
      const count = await sliders.count();
      await drag(page, sliders.nth(n), 0.15);
      if ((await sliders.count()) === count) assert.notEqual(await sliders.nth(n).inputValue(), before, `${name}: a slider is dragged`);
    }
    for (const button of await page.locator("main [data-figure] button:visible").all()) if (await button.isVisible()) await button.click();
    for (const option of await page.locator("[data-option] button").all()) await option.click();
    for (const form of await page.locator("form.ask").all()) {
      await form.locator("input").click();
      await page.keyboard.type("12345");
      await form.locator("button[type=submit]").click();
      assert.match(await form.locator(".said").textContent(), /^Not 12/);
    }
    await page.locator("[data-done]").click();
    await page.waitForURL(`**/${CHAPTERS[k + 1] ?? "index"}.html*`);
  }
  await done(page);
});

test("the quiz: right, wrong with its mistake named, and remembered", async () => {
  const page = await open(`site/${CHAPTERS[7]}.html`);
  const form = page.locator("form.ask").first();
  const before = await page.evaluate(() => JSON.parse(localStorage.getItem("geartrain-lesson")).items["(3*x+1)**2@1"] ?? { right: 0, wrong: 0 });
  for (const [given, said] of [["8", /leaves out the rate of the innermost/], ["6", /must be taken where that step stands/], ["11", /added/], ["16", /value of the function/], ["24", /^Yes/], ["two", /as a number/]]) {
    await form.locator("input").fill(given);
    await form.locator("input").press("Enter");
    assert.match(await form.locator(".said").textContent(), said);
  }
  const kept = () => page.evaluate(() => JSON.parse(localStorage.getItem("geartrain-lesson")).items["(3*x+1)**2@1"]);
  assert.deepEqual([(await kept()).wrong - before.wrong, (await kept()).right - before.right], [4, 1]);
  await page.reload();
  await page.waitForSelector("html[data-ready]");
  assert.equal((await kept()).right - before.right, 1);
  await done(page);
});

test("what was missed comes back when it is due", async () => {
  const page = await open(`site/${CHAPTERS[7]}.html`);
  await page.evaluate(() => localStorage.setItem("geartrain-lesson", JSON.stringify({ format: "geartrain-lesson", version: 1, chapters: {}, items: { "(7*x+2)**2@3": { right: 0, wrong: 1, box: 0, due: 5, seen: 5, mistake: "inner" } }, at: "" })));
  await page.reload();
  await page.waitForSelector("html[data-ready]");
  const fresh = page.locator("[data-quiz-fresh]");
  for (let k = 0; k < 3 && !/7x \+ 2/.test(await fresh.textContent()); k++) await fresh.locator("text=Another one").click();
  assert.match(await fresh.textContent(), /\(7x \+ 2\)².*x = 3/);
  await done(page);
});

test("progress: export, reset, import that merges, a bad file, a newer one, a corrupt store", async () => {
  const page = await open(`site/${CHAPTERS[0]}.html`);
  const put = (chapters) => page.evaluate((c) => localStorage.setItem("geartrain-lesson", JSON.stringify({ format: "geartrain-lesson", version: 1, chapters: c, items: {}, at: "" })), chapters);
  const again = async () => { await page.reload(); await page.waitForSelector("html[data-ready]"); };
  await put({ "02-a-worked-example": 5 });
  await again();
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=Export")]);
  const file = join(PAGES, "progress.json");
  await download.saveAs(file);
  page.once("dialog", (dialog) => dialog.accept());
  await page.click("text=Reset");
  assert.match(await page.textContent(".progress"), /0 of/);
  await put({ "03-deep-nesting": 6 });
  await again();
  await page.setInputFiles("input[type=file]", file);
  await page.waitForFunction(() => document.querySelector(".progress").textContent.includes("2 of"));
  const give = async (text, said) => {
    await page.setInputFiles("input[type=file]", { name: "p.json", mimeType: "application/json", buffer: Buffer.from(text) });
    await page.waitForFunction((s) => document.querySelector(".progress").textContent.includes(s), said);
    assert.match(await page.textContent(".progress"), /2 of/, "nothing is lost");
  };
  await give(read("chapters.json"), "not progress");
  await give("{broken", "not progress");
  await give('{"format":"geartrain-lesson","version":9,"chapters":{},"items":{}}', "newer version");
  await give('{"format":"geartrain-lesson","version":1,"chapters":{"a":"b"},"items":{}}', "damaged");
  await page.evaluate(() => localStorage.setItem("geartrain-lesson", "{broken"));
  await again();
  assert.match(await page.textContent(".notice"), /could not be read/);
  assert.equal(await page.evaluate(() => localStorage.getItem("geartrain-lesson-set-aside")), "{broken");
  await done(page);
});

test("without storage there is a notice, and the page works", async () => {
  const page = await open(`site/${CHAPTERS[0]}.html`);
  await page.addInitScript(() => Object.defineProperty(window, "localStorage", { get() { throw new DOMException("no storage", "SecurityError"); } }));
  await page.reload();
  await page.waitForSelector("html[data-ready]");
  assert.match(await page.textContent(".notice"), /keeps nothing/);
  assert.ok((await page.locator("[data-figure].moving").count()) > 0);
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
  const said = await page.evaluate(() => {
    const field = document.querySelector(".wide");
    field.value = "x+".repeat(5_000_000);
    field.dispatchEvent(new Event("input"));
    return document.querySelector("[data-figure=own] [role=status]").textContent;
  });
  assert.match(said, /10,000,000 characters; at most 2,000/);
  await done(page);
});

test("a function comes along in the address", async () => {
  const page = await open(`site/${CHAPTERS[8]}.html#f=x**3&x=2`);
  assert.match(await page.textContent("[data-figure=own]"), /By the chain rule d\/dx = 12; by a small nudge up and down 12/);
  await done(page);
  const later = await open(`site/${CHAPTERS[8]}.html#f=(3*x%2B1)**2&x=1&t=b2&sel=n2`);
  assert.match(await later.textContent("[data-figure=own] .sentence"), /Backward, step 2 of 3/);
  assert.match(await later.textContent("[data-figure=own] .card.selected"), /3x/);
  for (const part of [/f=/, /x=1/, /t=b2/, /sel=n2/]) assert.match(later.url(), part);
  await done(later);
});

test("your own layer takes part with the rate that you give it", async () => {
  const page = await open(`site/${CHAPTERS[4]}.html`);
  const [f, r] = [page.locator("[data-figure=layer] input").nth(0), page.locator("[data-figure=layer] input").nth(1)];
  await f.fill("u**2");
  await r.fill("2*u");
  assert.match(await page.textContent("[data-figure=layer] .answer"), /= 8 · 1 · 3 = 24/);
  assert.match(await page.textContent("[data-figure=layer] [role=status]"), /Your rate is right/);
  await r.fill("u");
  assert.match(await page.textContent("[data-figure=layer] .answer"), /= 4 · 1 · 3 = 12/);
  assert.match(await page.textContent("[data-figure=layer] [role=status]"), /Check your rate/);
  await done(page);
});

test("depth: a slider for each rate, ten layers as two", async () => {
  const page = await open(`site/${CHAPTERS[2]}.html`);
  const figure = page.locator("[data-figure=depth]");
  assert.match(await figure.locator("[role=status]").textContent(), /0\.5 multiplied 10 times is 9\.77e−4/);
  await figure.locator("summary").click();
  assert.equal(await figure.locator(".each input").count(), 10);
  await figure.locator(".each input").nth(3).fill("2");
  assert.match(await figure.locator("[role=status]").textContent(), /product of these 10 rates is 0\.003906/);
  await figure.locator("input").first().fill("2");
  assert.match(await figure.locator("[role=status]").textContent(), /0\.5 multiplied 2 times is 0\.25/);
  await done(page);
});

test("the network learns, one step at a time", async () => {
  const page = await open(`site/${CHAPTERS[5]}.html`);
  const loss = async () => Number(/loss is ([\d.]+)/.exec(await page.textContent("[data-figure=network] [role=status]"))[1]);
  const first = await loss();
  await page.click("button:has-text('One step')");
  const second = await loss();
  for (let k = 0; k < 5; k++) await page.click("button:has-text('Ten steps')");
  assert.ok(second < first && (await loss()) < second);
  assert.match(await page.textContent("[data-figure=flops]"), /Measured by us on .* cores/);
  await done(page);
});

test("scripts off: a chapter reads from top to bottom", async () => {
  const html = read(`site/${CHAPTERS[1]}.html`);
  assert.match(html, /<img src="data:image\/svg\+xml;base64,[^"]+" width="1064" height="372" alt="[^"]*24/);
  assert.match(html, /<details><summary>The answer/);
  assert.ok(existsSync(join(PAGES, "site", "index.html")));
  const page = await open(`site/${CHAPTERS[1]}.html`, { scripts: false });
  assert.ok((await page.locator("[data-figure] img").first().boundingBox()).height > 100);
  assert.match(await page.textContent("main"), /8 · 1 · 3 = 24/);
  await page.close();
});
