// Reads and writes the controls of an answer: <span class="answer" data-row data-key data-kind data-value data-source>.

const control = (answer) => answer.querySelector("input, select, textarea, .scales-button");

/** What the page last knew to be stored. */
export function baseOf(answer) {
  return { value: JSON.parse(answer.dataset.value), source: JSON.parse(answer.dataset.source) };
}

export function setBase(answer, { value, source }) {
  answer.dataset.value = JSON.stringify(value ?? null);
  answer.dataset.source = JSON.stringify(source ?? null);
}

/** What the person has typed or chosen, as it is sent. */
export function readAnswer(answer) {
  const { kind } = answer.dataset;
  if (kind === "scales") return JSON.parse(answer.dataset.typed ?? answer.dataset.value);
  if (kind === "quantity") {
    const [number, unit] = [answer.querySelector("input").value, answer.querySelector("select").value];
    return number.trim() ? { value: number, unit } : null;
  }
  return control(answer).value || null;
}

/** Show a value as it is stored or was typed. */
export function writeAnswer(answer, value) {
  const { kind } = answer.dataset;
  if (kind === "scales") {
    answer.dataset.typed = JSON.stringify(value ?? null);
    answer.querySelector(".scales-words").textContent = value?.length ? scalesInWords(value) : "Add …";
  } else if (kind === "quantity") {
    answer.querySelector("input").value = value?.value ?? "";
    answer.querySelector("select").value = value?.unit ?? "";
  } else if (kind === "yes_no") {
    control(answer).value = value === true ? "yes" : value === false ? "no" : (value ?? "");
  } else {
    control(answer).value = value ?? "";
  }
}

export function inWords(answer, value) {
  if (value === null || value === undefined || value === "") return "not reported";
  const { kind } = answer.dataset;
  if (kind === "scales") return scalesInWords(value);
  if (kind === "quantity") return `${value.value} ${value.unit}`;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (kind === "choice" || kind === "group") {
    const option = [...control(answer).options].find((candidate) => candidate.value === String(value));
    return option?.textContent.trim() ?? String(value);
  }
  return String(value);
}

const given = (value) => value !== null && value !== undefined && value !== "";

/** As a choice of group A or B names a group; the page is sent with the same words (`_group_name`). */
export function groupInWords(name, n, cohort) {
  return `${name} (${given(n) ? `n = ${n}` : "n not stated"}), ${cohort}`;
}

function scalesInWords(scales) {
  return scales.map((scale) => {
    const mean = given(scale.mean) ? ` ${scale.mean}` : "";
    const spread = mean && given(scale.sd) ? ` ± ${scale.sd}` : "";
    const limits = given(scale.lowest) && given(scale.highest) ? ` (${scale.lowest} to ${scale.highest})` : "";
    return `${scale.name}${mean}${spread}${limits}${scale.when ? `, ${scale.when}` : ""}`;
  }).join("; ");
}

export function focusControl(answer) {
  answer.closest("details")?.setAttribute("open", "");
  (control(answer) ?? answer.querySelector("a"))?.focus({ preventScroll: true });
  answer.scrollIntoView({ block: "center" });
}
