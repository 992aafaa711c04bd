// The page of one's own draft: every answer saves itself, rows come and go, problems are told beside them.

import { answeredInTime, askJson, csrfToken } from "../../shell/ask.js";
import { baseOf, focusControl, groupInWords, readAnswer, setBase, writeAnswer } from "./controls.js";
import { openConversions } from "./conversions.js";
import { clearMark, markConflict, markRefused, showSource } from "./marks.js";
import { Queue } from "./queue.js";
import { openScales } from "./scales.js";
import { currentSource, followSources, showSourcesOnly } from "./sources.js";

const SAVE_AFTER_TYPING_MS = 1500;
const SAVE_AFTER_LEAVING_MS = 100;
const PROBLEMS_AFTER_MS = 900;
const CARRIED = new Set(["MRI", "Processing", "Results"]);
const SAYS_NOTHING = new Set([null, "", "unknown", "other"]);

const root = document.getElementById("answers");
const { api, keep, signIn } = root.dataset;
const answerOf = (row, key) => document.getElementById(`${row}-${key}`.replace(":", "-"));

function ask(address, method, body) {
  const headers = { "X-CSRFToken": csrfToken(), Accept: "*/*" };
  return fetch(address, { method, headers, body, redirect: "manual", signal: answeredInTime() });
}

// Saving

const queue = api && new Queue({
  key: keep,
  send: (changes) => askJson(api, "PATCH", { changes }),
  onState: ({ kind, text }) => {
    const box = document.getElementById("saving-state");
    box.dataset.kind = kind;
    box.textContent = text;
    if (kind === "signed-out") {
      const link = document.createElement("a");
      Object.assign(link, { href: signIn, target: "_blank", textContent: "Sign in in a new tab" });
      box.append(". ", link, "; saving then goes on here.");
    }
  },
  onField: ({ row, key, state, value, source, message, mine, version, pending }) => {
    const answer = answerOf(row, key);
    if (version) setVersion(version);
    if (state === "gone") tellGone(key, mine, message);
    if (!answer) return;
    if (state === "saved") shownSaved(answer, value, source, pending);
    else if (state === "refused") markRefused(answer, message);
    else if (state === "conflict") offerBoth(answer, mine, { value, source });
  },
});

function edit(answer, changed, wait = SAVE_AFTER_LEAVING_MS) {
  const { row, key } = answer.dataset;
  queue.edit(row, key, changed, baseOf(answer), wait);
}

function shownSaved(answer, value, source, pending) {
  setBase(answer, { value, source });
  clearMark(answer);
  tellOthers(answer);
  if (!pending) {
    delete answer.dataset.typed;
    delete answer.dataset.typedSource;
    showSource(answer, source);
    // What was typed ("10 000") becomes what was understood, unless the person is typing there.
    if (!answer.contains(document.activeElement)) writeAnswer(answer, value);
  }
  laterProblems();
}

function offerBoth(answer, mine, theirs) {
  const { row, key } = answer.dataset;
  markConflict(answer, { mine, theirs }, () => {
    clearMark(answer);
    queue.takeMine(row, key);
  }, () => {
    clearMark(answer);
    const taken = queue.takeTheirs(row, key);
    setBase(answer, taken);
    delete answer.dataset.typed;
    delete answer.dataset.typedSource;
    writeAnswer(answer, taken.value);
    showSource(answer, taken.source);
  });
}

/** What was typed has no place any more: it is shown once, so that it can be copied. */
function tellGone(key, mine, message) {
  const told = document.createElement("p");
  const typed = typeof mine.value === "object" ? JSON.stringify(mine.value) : mine.value;
  Object.assign(told, { className: "row-refusal", textContent: `${key} “${typed}” was not saved. ${message}` });
  told.setAttribute("role", "alert");
  document.getElementById("saving-state").after(told);
}

function setVersion(version) {
  root.dataset.version = version;
  const field = document.querySelector("#complete-form [name=version]");
  if (field) field.value = version;
}

/** The name of a dataset, a group or its cohort, and how many people it is, stand in other places too. */
function tellOthers(answer) {
  const { row, key } = answer.dataset;
  const [level, number] = row.split(":");
  if (!["label", "kind", "n"].includes(key)) return;
  if (level === "dataset") {
    const [box, name] = [answer.closest(".dataset-box"), baseOf(answer).value];
    box.querySelector(".dataset-name").textContent = name;
    for (const link of box.querySelectorAll(".peaks-link")) link.setAttribute("aria-label", `Enter the peaks of ${name}`);
  } else if (level !== "study") {
    const groups = level === "group" ? [number] : [...answer.closest(".cohort").querySelectorAll(".group-name")].map(({ dataset }) => dataset.group);
    for (const group of groups) nameGroup(group);
  }
}

function nameGroup(number) {
  const heading = root.querySelector(`.group-name[data-group="${number}"]`);
  const valueOf = (row, key) => baseOf(answerOf(row, key)).value;
  const group = `group:${number}`;
  const kind = answerOf(group, "kind").querySelector("select").selectedOptions[0].textContent;
  const name = valueOf(group, "label") || kind;
  const cohort = valueOf(heading.closest(".cohort").id.replace("-", ":"), "label");
  heading.textContent = name;
  for (const option of root.querySelectorAll(`.answer-group option[value="${number}"]`)) {
    option.textContent = groupInWords(name, valueOf(group, "n"), cohort);
  }
}

function paint() {
  for (const answer of root.querySelectorAll(".answer")) showSource(answer, baseOf(answer).source);
}

function repaintUnsaved(changes) {
  for (const { row, key, theirs, refused, ...changed } of changes) {
    const answer = answerOf(row, key);
    if (!answer) continue;
    if ("value" in changed) writeAnswer(answer, changed.value);
    if ("source" in changed) {
      answer.dataset.typedSource = JSON.stringify(changed.source);
      showSource(answer, changed.source);
    }
    if (theirs) offerBoth(answer, changed, theirs);
    else if (refused) markRefused(answer, refused);
  }
}

function typed(event, wait) {
  const answer = event.target.closest(".answer");
  if (!answer || event.isComposing || event.target.matches("button")) return;
  const value = readAnswer(answer);
  // Leaving a field that was saved while typing says "change" once more.
  if (event.type === "change" && typeof value !== "object" && value === baseOf(answer).value && !queue.holds(answer.dataset)) return;
  edit(answer, { value }, wait);
}

// Problems

let problemsTimer = null;

function laterProblems() {
  clearTimeout(problemsTimer);
  problemsTimer = setTimeout(showProblems, PROBLEMS_AFTER_MS);
}

async function showProblems() {
  const answer = await ask(root.dataset.problems, "GET").catch(() => null);
  if (!answer?.ok) return;
  const text = await answer.text();
  const box = document.getElementById("problems");
  const ticked = new Set([...box.querySelectorAll("[name=accepted]:checked")].map((tick) => tick.value));
  const reason = box.querySelector("[name=reason]")?.value ?? "";
  const typing = box.contains(document.activeElement) && document.activeElement.name === "reason";
  const fresh = new DOMParser().parseFromString(text, "text/html");
  box.replaceChildren(fresh.getElementById("complete"));
  document.getElementById("problem-count").textContent = document.getElementById("complete").dataset.count;
  showCriteria(fresh.querySelectorAll("#criteria"));
  for (const tick of box.querySelectorAll("[name=accepted]")) tick.checked = ticked.has(tick.value);
  const field = box.querySelector("[name=reason]");
  if (field) field.value = reason;
  if (field && typing) field.focus();
  setVersion(Math.max(Number(root.dataset.version), Number(box.querySelector("[name=version]").value)));
}

/** The criteria as they stand now, unless a reason is being typed there. */
function showCriteria(criteria) {
  const box = document.getElementById("verdicts");
  const typedReason = [...box.querySelectorAll("textarea")].some((field) => field.value !== field.defaultValue);
  if (typedReason || box.contains(document.activeElement)) return;
  const open = box.querySelector("#criteria")?.open;
  for (const fresh of criteria) fresh.open = open ?? fresh.open;
  box.replaceChildren(...criteria);
}

function jump(event) {
  const link = event.target.closest('a[href^="#"]');
  const target = link && document.getElementById(link.hash.slice(1));
  if (!target) return;
  event.preventDefault();
  if (target.matches(".answer")) {
    focusControl(target);
  } else {
    if (target.matches("details")) target.open = true;
    target.scrollIntoView({ block: "start" });
    target.querySelector("input, select, summary, button")?.focus({ preventScroll: true });
  }
}

/** Completing waits until everything is saved. */
async function complete(event) {
  if (!queue.size) return;
  event.preventDefault();
  await queue.flush();
  if (queue.size) {
    document.getElementById("saving-state").scrollIntoView({ block: "nearest" });
    return;
  }
  await showProblems();
  document.getElementById("complete-form").requestSubmit();
}

// Rows

/** The answers are drawn anew: until then nothing is typed into those that go, and none is saved behind their back. */
async function changeRows(button, address, fields) {
  root.inert = true;
  const row = await queue.alone(() => drawRows(button, address, fields));
  root.inert = false;
  if (button.isConnected) button.focus({ preventScroll: true });
  else showRow(row);
}

/** Answers the row to show. */
async function drawRows(button, address, fields) {
  const answer = await ask(address, "POST", new URLSearchParams(fields)).catch(() => null);
  const text = await answer?.text().catch(() => null);
  if (!answer?.ok || !text) {
    refuseRow(button, ([400, 409].includes(answer?.status) && text) || refusal(answer));
    return "";
  }
  const open = [...root.querySelectorAll("details[open]")].map((details) => details.id);
  root.innerHTML = text;
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  paint();
  repaintUnsaved(queue.unsaved);
  laterProblems();
  return answer.headers.get("X-Row");
}

function refusal(answer) {
  if (answer?.ok) return "The answer broke off: reload the page to see whether this was done. Everything typed is kept.";
  if (answer) return "The server did not do this: you may be signed out. Everything typed is kept; sign in in a new tab.";
  return "Offline: this can be done when the connection is back; if it broke off just now, reload the page first to see "
    + "whether it was done. Everything typed is kept.";
}

function refuseRow(button, message) {
  button.parentElement.querySelector(".row-refusal")?.remove();
  const told = document.createElement("span");
  Object.assign(told, { className: "row-refusal", textContent: message });
  told.setAttribute("role", "alert");
  button.after(told);
}

function showRow(id) {
  if (!id) return;
  const row = document.getElementById(id) ?? document.getElementById(`${id}-kind`) ?? document.getElementById(`${id}-label`);
  if (!row) return;
  if (row.matches("details")) row.open = true;
  row.scrollIntoView({ block: "nearest" });
  row.querySelector("input, select")?.focus({ preventScroll: true });
}

/** Fills the empty answers of a dataset from the one before it. */
function carryOver(button) {
  const here = button.closest(".dataset-box");
  const before = here.previousElementSibling;
  for (const answer of here.querySelectorAll(".answer")) {
    const { key, section } = answer.dataset;
    if (!CARRIED.has(section) || key === "peaks_state" || !SAYS_NOTHING.has(readAnswer(answer))) continue;
    const model = before.querySelector(`.answer[data-key="${key}"]`);
    const value = model && readAnswer(model);
    if (SAYS_NOTHING.has(value)) continue;
    writeAnswer(answer, value);
    edit(answer, { value, source: currentSource(model) });
    showSource(answer, currentSource(model));
  }
}

function clicked(event) {
  const button = event.target.closest("button");
  if (!button) return;
  const { add, cohort, what } = button.dataset;
  const gone = button.dataset.delete;
  if (add) changeRows(button, root.dataset.add, { level: add, cohort: cohort ?? "" });
  else if (gone) window.confirm(`Delete ${what}? This cannot be undone.`) && changeRows(button, root.dataset.delete, { row: gone });
  else if (button.matches(".otherwise")) openConversions(button, { ...root.dataset, use });
  else if (button.matches(".carry-over")) carryOver(button);
  else if (button.matches(".scales-button")) {
    const answer = button.closest(".answer");
    openScales(answer.dataset.name, readAnswer(answer), (rows) => {
      const value = rows.length ? rows : null;
      writeAnswer(answer, value);
      edit(answer, { value });
    });
  }
}

/** What a conversion found becomes the answers of its line, with what was reported and the formula beside them. */
function use(answer, value, { reported, formula }) {
  const { quote, page, file } = currentSource(answer) ?? {};
  const source = Object.fromEntries(Object.entries({ quote, page, file, reported, formula }).filter(([, part]) => part));
  writeAnswer(answer, value);
  answer.dataset.typedSource = JSON.stringify(source);
  showSource(answer, source);
  edit(answer, { value, source });
}

if (queue?.isOutdated(Number(root.dataset.version))) {
  location.reload();
} else if (queue) {
  paint();
  repaintUnsaved(queue.start());
  followSources(root, edit);
  root.addEventListener("input", (event) => typed(event, SAVE_AFTER_TYPING_MS));
  root.addEventListener("change", (event) => typed(event, SAVE_AFTER_LEAVING_MS));
  root.addEventListener("click", clicked);
  document.getElementById("problems").addEventListener("click", jump);
  document.getElementById("problems").addEventListener("submit", complete);
  window.addEventListener("online", () => queue.flush());
  document.addEventListener("visibilitychange", () => queue.size && queue.flush());
  window.addEventListener("pagehide", () => queue.flush());
  root.inert = false;
  root.dataset.ready = "";
} else {
  showSourcesOnly(root);
}
