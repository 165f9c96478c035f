// A chapter of the lesson: figures that move, questions, and progress that stays in this browser.

import { FIGURES } from "./figures.js";
import { network } from "./network.js";
import { parse } from "./parse.js";
import { Store } from "./progress.js";
import { answer, fresh, question, type Question } from "./quiz.js";
import { h } from "./util.js";

const inPage = typeof document !== "undefined";
const chapter = inPage ? (document.body.dataset.chapter ?? "") : "";
const store = new Store();

function figures(): void {
  document.querySelectorAll<HTMLElement>("[data-figure]").forEach((place) => {
    const kind = place.dataset.figure!;
    try {
      if (kind === "network") {
        const data = JSON.parse(document.getElementById(place.dataset.from!)!.textContent!) as { trace: never; points: never };
        network(place, data.trace, data.points);
      } else FIGURES[kind](place, place.dataset);
      place.classList.add("moving");
    } catch (error) {
      place.append(h("p", { class: "bad", role: "alert" }, `This figure stands still: ${(error as Error).message}.`));
    }
  });
}

function ask(q: Question, place: HTMLElement, next?: () => void): void {
  const field = h("input", { type: "text", inputmode: "decimal", autocomplete: "off", "aria-label": `Your answer. ${q.asks}` });
  const said = h("p", { role: "status", class: "said" });
  const form = h("form", { class: "ask" }, h("p", { class: "asks" }, q.asks), h("div", { class: "bar-row left" }, field, h("button", { type: "submit" }, "Check"), next ? another(next) : null), said);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = Number(field.value.trim().replace("−", "-").replace(",", "."));
    if (!field.value.trim() || !Number.isFinite(given)) {
      said.textContent = "Write your answer as a number, such as 12 or 0.5.";
      return;
    }
    const result = answer(q, given);
    said.textContent = result.said;
    said.className = result.right ? "said good" : "said bad";
    store.answered(q.id, result.right, result.mistake);
  });
  place.replaceChildren(form);
}

function another(next: () => void): HTMLElement {
  const button = h("button", { type: "button" }, "Another one");
  button.addEventListener("click", next);
  return button;
}

const fromId = (id: string): Question | null => {
  const [f, x] = id.split("@");
  try { return question(f, Number(x)); } catch { return null; }
};

function questions(): void {
  document.querySelectorAll<HTMLElement>("[data-quiz]").forEach((place) => ask(question(place.dataset.quiz!, Number(place.dataset.x)), place));
  document.querySelectorAll<HTMLElement>("[data-quiz-fresh]").forEach((place) => {
    let seed = Date.now() % 100_000;
    const go = () => {
      const due = store.due().map(fromId).find((q) => q !== null);
      seed += 1;
      ask(due && seed % 2 ? due : fresh(seed), place, go);
    };
    const first = place.dataset.seed;
    if (first) ask(fresh(Number(first)), place, go);
    else go();
  });
  document.querySelectorAll<HTMLElement>("[data-predict]").forEach((place) => {
    const options = [...place.querySelectorAll<HTMLElement>("[data-option]")];
    const reveal = place.querySelector<HTMLElement>("[data-reveal]")!;
    reveal.hidden = true;
    for (const option of options) {
      const button = h("button", { type: "button", "aria-pressed": "false" }, option.textContent);
      button.addEventListener("click", () => {
        place.querySelectorAll("button").forEach((b) => b.setAttribute("aria-pressed", String(b === button)));
        reveal.hidden = false;
        store.answered(`predict:${place.dataset.predict}`, option.dataset.option === "right", "");
      });
      option.replaceChildren(button);
    }
  });
}

function progress(): void {
  const bar = document.querySelector<HTMLElement>("[data-progress]");
  if (!bar) return;
  const said = h("span", { role: "status", class: "label" });
  const draw = () => {
    const total = document.querySelectorAll("nav [data-to]").length;
    document.querySelectorAll<HTMLElement>("nav [data-to]").forEach((link) => {
      const done = Boolean(store.progress.chapters[link.dataset.to!]);
      link.classList.toggle("done", done);
      link.querySelector(".tick")!.textContent = done ? "✓ " : "";
    });
    summary.textContent = `${Object.keys(store.progress.chapters).length} of ${total} chapters done`;
  };
  const summary = h("span", { class: "label soft" });
  const button = (text: string, f: () => void) => { const b = h("button", { type: "button" }, text); b.addEventListener("click", f); return b; };
  const file = h("input", { type: "file", accept: ".json,application/json", class: "hidden", "aria-label": "A progress file to import" });
  file.addEventListener("change", () => {
    const chosen = file.files?.[0];
    if (!chosen) return;
    if (chosen.size > 2_000_000) { said.textContent = "This file is too large to be progress of this lesson."; return; }
    void chosen.text().then((text) => { said.textContent = store.take(text); file.value = ""; draw(); });
  });
  bar.replaceChildren(summary, button("Export", () => {
    const link = h("a", { href: URL.createObjectURL(new Blob([JSON.stringify(store.progress)], { type: "application/json" })), download: "geartrain-progress.json" });
    link.click();
    said.textContent = "Exported.";
  }), button("Import", () => file.click()), file, button("Reset", () => {
    if (confirm("Forget all progress in this browser?")) { store.reset(); said.textContent = "All progress is forgotten."; }
  }), said);
  if (store.problem) bar.before(h("p", { class: "notice", role: "alert" }, store.problem));
  store.onChange(draw);
  draw();
  const done = document.querySelector<HTMLElement>("[data-done]");
  done?.addEventListener("click", () => store.done(chapter));
  const resume = document.querySelector<HTMLElement>("[data-resume]");
  if (resume && store.progress.at) {
    const link = document.querySelector<HTMLAnchorElement>(`nav [data-to="${CSS.escape(store.progress.at)}"]`);
    if (link) resume.replaceChildren(h("a", { href: link.getAttribute("href")! }, `Go on where you were: ${link.textContent!.replace("✓ ", "")}`));
  }
  if (chapter) store.visit(chapter);
}

if (inPage) {
  figures();
  questions();
  progress();
  document.documentElement.dataset.ready = "yes";
}

export { fresh, parse, question }; // for the comparison with Python, which runs without a page
