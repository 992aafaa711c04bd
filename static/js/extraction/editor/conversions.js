// "Reported otherwise?": the numbers of the paper in, the values that are asked out. The server computes.

import { askJson } from "../../shell/ask.js";
import { button, dialog, element } from "../../shell/dom.js";

const PARTS = { mean: "_mean", sd: "_sd" };

/** The answers of the line a button stands in, by what a conversion calls them (mean, sd, women, t). */
function targets(line) {
  const found = {};
  for (const answer of line.querySelectorAll(".answer")) {
    const { key } = answer.dataset;
    const part = Object.keys(PARTS).find((name) => key.endsWith(PARTS[name]));
    if (part) found[part] = answer;
    else if (key === "n_female") found.women = answer;
    else if (key === "t_threshold") found.t = answer;
  }
  return found;
}

function peopleOf(line) {
  const { row } = line.querySelector(".answer").dataset;
  return document.getElementById(`${row.replace(":", "-")}-n-control`)?.value ?? "";
}

/** `use(answer, value, {reported, formula})` takes what was found. */
export function openConversions(opener, { ways, convert, use }) {
  const line = opener.parentElement;
  const found = targets(line);
  const wanted = opener.dataset.otherwise.split(" ");
  const offered = JSON.parse(ways).filter((way) => wanted.includes(way.target));
  const choice = element("select", { class: "form-select", id: "otherwise-way" },
    ...offered.map((way) => element("option", { value: way.way }, way.title)));
  const fields = element("div", { class: "otherwise-fields" });
  const told = element("p", { class: "form-hint", role: "status" });
  const show = () => {
    const way = offered.find((candidate) => candidate.way === choice.value);
    fields.replaceChildren(...way.inputs.map(([key, label]) => element("label", { class: "form-label" }, label,
      element("input", { class: "form-control", name: key, inputmode: "decimal", autocomplete: "off", value: key === "n" ? peopleOf(line) : "" }))));
    told.textContent = "";
  };
  const compute = async () => {
    const numbers = Object.fromEntries([...fields.querySelectorAll("input")].map((input) => [input.name, input.value]));
    const answer = await askJson(convert, "POST", { way: choice.value, numbers }).catch(() => null);
    const body = answer?.body;
    if (answer?.status !== 200) {
      told.textContent = body?.error ?? "The server cannot be reached, and it computes this. Try again in a moment.";
      return;
    }
    for (const [part, value] of Object.entries(body.values)) if (found[part]) use(found[part], String(value), body);
    box.close();
  };
  const box = dialog(
    "Reported otherwise?", {},
    element("label", { class: "form-label", for: "otherwise-way" }, "The paper gives"), choice, fields, told,
    element("p", { class: "dialog-actions" },
      element("button", { type: "button", class: "btn btn-primary", click: compute }, "Convert"), button("Close", () => box.close())),
  );
  box.classList.add("editor-dialog");
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input")) compute();
  });
  box.addEventListener("close", () => opener.focus());
  choice.addEventListener("change", show);
  document.body.append(box);
  show();
  box.showModal();
  fields.querySelector("input").focus();
}
