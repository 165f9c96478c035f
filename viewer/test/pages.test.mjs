// The pages of gt.see in a real browser, from `file:`, with every request blocked.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, close, done, drag, number, open, read, shot, useBrowser } from "./browser.mjs";

useBrowser();

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
  for (const part of [/f=/, /x=1/, /t=b2/]) assert.match(page.url(), part);
  await shot(page, "worked-b2");
  await page.fill(".inputs input[type=number]", "2");
  assert.match(await page.textContent(".answer"), /= 14 · 1 · 3 = 42/);
  const turned = () => page.evaluate(() => [".train .wheel", ".train .marks"].map((s) => document.querySelector(s)).map((e) => e.getAttribute("stroke-dashoffset") ?? e.parentElement.getAttribute("transform")));
  const before = await turned();
  await drag(page, page.locator(".inputs input[type=range]"), 0.8);
  const after = await turned();
  assert.ok(before.every((t, k) => t !== after[k]), "the wheels turn and the belts run");
  const x = number(await page.inputValue(".inputs input[type=number]"));
  assert.notEqual(x, 2);
  close(number(await page.textContent(".answer b")), 6 * (3 * x + 1), `at ${x}`);
  await page.fill("input[type=search]", "square");
  assert.equal(await page.locator(".tape tbody tr").count(), 1);
  await page.fill("input[type=search]", "nowhere");
  assert.match(await page.textContent("[role=status]"), /Nothing has/);
  const link = page.url();
  await page.goto("about:blank");
  await page.goto(link);
  await page.waitForSelector("html[data-ready]");
  close(number(await page.textContent(".answer b")), 6 * (3 * x + 1), "from its address");
  await done(page);
});

test("a cached factor lights up when it is used again", async () => {
  const page = await open("dag.html#t=b11");
  assert.match(await page.textContent(".sentence"), /Nothing else is needed here/);
  assert.equal(await page.locator(".card.again").count(), 0);
  await page.click("[aria-label='One step on']");
  assert.match(await page.textContent(".sentence"), /computed once and is used again/);
  assert.match(await page.textContent(".card.again"), /x · y.*used again/);
  await done(page);
});

test("numbers of the page are those of the engine when inputs are dragged", async () => {
  const page = await open("dag.html");
  for (const [x, y, dx, dy] of JSON.parse(read("dag.json"))) {
    const fields = page.locator(".inputs input[type=number]");
    await fields.nth(0).fill(String(x));
    await fields.nth(1).fill(String(y));
    for (const [name, expected] of [["x", dx], ["y", dy]]) {
      await page.locator(".tape tbody button", { hasText: new RegExp(`^${name}$`) }).click();
      close(number(await page.textContent(".answer b")), expected, name);
    }
  }
  await done(page);
});

test("an element of an array is dragged, and the loss is the engine's", async () => {
  const page = await open("digits.html");
  for (const { input, index, x, loss } of JSON.parse(read("digits.json"))) {
    await page.selectOption(".element select", { label: input });
    await page.fill(".element .index", index);
    await page.fill(".element input[type=number]", String(x));
    close(number(/= (\S+)$/.exec(await page.textContent("h1"))[1]), loss, `${input}[${index}] = ${x}`);
  }
  await done(page);
});

test("a network: layers, folded repeats, waterfall, dominant path, dead units; groups open by pointer and by keyboard", async () => {
  const page = await open("digits.html");
  assert.match(await page.textContent(".figure"), /sequential\(\).*cross_entropy\(\)/);
  assert.match(await page.textContent(".waterfall"), /cross_entropy|dense/);
  assert.match(await page.textContent(".figure"), /dead/);
  await page.click(".card:has-text('sequential()')");
  assert.match(await page.textContent(".trail"), /loss › sequential\(\)/);
  assert.match(await page.textContent(".figure"), /dense \+ relu ×4/);
  await page.locator(".card.opens").first().focus();
  await page.keyboard.press("Enter");
  assert.match(await page.textContent(".trail"), /sequential\(\) › dense \+ relu ×4/);
  assert.equal(await page.locator(".card.opens").count(), 4);
  await page.click(".trail button:has-text('loss')");
  assert.match(await page.textContent(".figure"), /cross_entropy\(\)/);
  await done(page);
});

for (const name of ["worked", "dag", "digits", "step", "sigmoids", "nan", "diff", "naneverywhere"]) {
  test(`${name}: accessible in light, dark and 320 pixels`, async () => {
    const page = await open(`${name}.html`);
    await accessible(page, name);
    await done(page);
  });
}

test("a NaN has its certificate, and leads to the operation", async () => {
  const page = await open("nan.html");
  const said = await page.textContent(".certificate");
  for (const part of [/sqrt/, /element \[1\]/, /operand is 0/, /test_browser\.py:\d+/, /0\.5\/y is inf/, /Keep the operand away/]) assert.match(said, part);
  await page.click(".certificate button");
  assert.match(await page.textContent(".inspector h2"), /sqrt/);
  await done(page);
});

test("groups open, loops fold, 100,000 operations open collapsed and run again", async () => {
  const from = Date.now();
  const page = await open("long.html");
  const opened = Date.now() - from;
  assert.ok((await page.locator(".tape tbody tr").count()) < 20);
  const expand = await page.evaluate(() => {
    const start = performance.now();
    document.querySelector(".tape button.group").click();
    document.querySelector(".tape").getBoundingClientRect();
    return performance.now() - start;
  });
  assert.ok((await page.locator(".tape tbody tr").count()) <= 110);
  const [x, dx] = JSON.parse(read("long.json"));
  await page.fill(".inputs input[type=number]", String(x));
  await page.waitForFunction((text) => document.querySelector("h1").textContent.includes(`x = ${text}`), String(x));
  close(number(await page.textContent(".answer b")), dx, "after 100,000 operations");
  console.log(`100,000 operations: opened in ${opened} ms, expanded in ${Math.round(expand)} ms`);
  await done(page);
});

test("many cards are laid out by a worker, which can be stopped", async () => {
  const page = await open("wide.html");
  await page.waitForFunction(() => document.querySelectorAll(".figure .card").length > 100);
  const found = await page.evaluate(async () => {
    const n = 20_000;
    const asked = { from: [...Array(n - 1).keys()], to: [...Array(n - 1).keys()].map((k) => k + 1), early: new Array(n).fill(false) };
    const arranger = new geartrainSee.Arranger();
    let first = null;
    arranger.ask(asked, (a) => (first = a));
    const busy = arranger.busy;
    arranger.stop();
    const second = await new Promise((go) => arranger.ask(asked, go));
    return { busy, first, columns: second.columns, after: arranger.busy };
  });
  assert.deepEqual(found, { busy: true, first: null, columns: 20_000, after: false });
  await done(page);
});

test("what cannot be shown says why", async () => {
  for (const [name, said] of [["newer.html", /newer than this page/], ["damaged.html", /damaged/], ["cut.html", /damaged/], ["newerdiff.html", /newer than this page/]]) {
    const page = await open(name);
    assert.match(await page.textContent("[role=alert]"), said);
    await done(page);
  }
  const page = await open("script.html");
  assert.equal(await page.evaluate(() => window.broken), undefined);
  assert.match(await page.textContent("h1"), /<\/script>/);
  await done(page);
});

test("everything not a number still makes a picture", async () => {
  const page = await open("naneverywhere.html");
  assert.match(await page.textContent(".certificate"), /multiply|constant/);
  assert.match(await page.textContent(".figure"), /NaN/);
  await done(page);
});

test("two runs compared: what differs, what is new, both pictures", async () => {
  const page = await open("diff.html");
  assert.match(await page.textContent("header"), /operations? differ/);
  assert.match(await page.textContent(".tape tbody"), /0\.9 → 0\.5/);
  assert.match(await page.textContent(".only"), /multiply/);
  assert.equal(await page.locator("section .figure svg").count(), 2);
  await done(page);
});

test("a notebook's output moves in a shadow root, and stands still without scripts", async () => {
  const page = await open("notebook.html");
  await page.waitForFunction(() => document.querySelector("[id^=gt-]")?.shadowRoot?.querySelector(".answer"));
  await done(page);
  const quiet = await open("notebook.html", { scripts: false });
  assert.match(await quiet.getAttribute("img", "alt"), /24/);
  assert.ok((await quiet.locator("img").boundingBox()).height > 100);
  await quiet.close();
});

test("a widget and its model are in step, in both directions", async () => {
  const page = await open("widget.html");
  await page.evaluate(async () => {
    const state = { trace: document.getElementById("packed").textContent, x: { x: 1 }, selected: -1, step: "end" };
    const heard = {};
    window.saved = 0;
    window.model = {
      state, get: (name) => state[name], set: (name, value) => (state[name] = value), save_changes: () => window.saved++,
      on: (event, f) => (heard[event] = f), off: (event) => delete heard[event], heard,
      python: (name, value) => { state[name] = value; heard[`change:${name}`](); },
    };
    window.end = await geartrainSee.render({ model, el: document.getElementById("here") });
  });
  const state = () => page.evaluate(() => ({ x: model.state.x, selected: model.state.selected, step: model.state.step }));
  assert.deepEqual(await state(), { x: { x: 1 }, selected: -1, step: "b3" });
  await page.fill(".inputs input[type=number]", "2");
  assert.deepEqual((await state()).x, { x: 2 });
  await page.click("[aria-label='One step back']");
  assert.equal((await state()).step, "b2");
  await page.locator(".tape tbody button").nth(1).click();
  assert.equal((await state()).selected, 2);
  assert.ok((await page.evaluate(() => saved)) >= 3);
  const before = await page.evaluate(() => saved);
  await page.evaluate(() => { model.python("x", { x: 3 }); model.python("step", "f1"); model.python("selected", 0); });
  assert.match(await page.textContent(".answer"), /= 20 · 1 · 3 = 60/);
  assert.equal(await page.inputValue(".inputs input[type=number]"), "3");
  assert.match(await page.textContent(".sentence"), /Forward, step 1/);
  assert.equal(await page.evaluate(() => saved), before, "what Python said is not said back");
  await page.evaluate(() => end());
  assert.deepEqual(await page.evaluate(() => Object.keys(model.heard)), []);
  await done(page);
});
