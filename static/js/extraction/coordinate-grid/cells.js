// Text cells -> values, or the reason why not. The server applies the same rules (meta_app/extraction/parsers.py);
// both are tested against tests/fixtures/cells.json.

export const FIELDS = [
  "label", "hemisphere", "brodmann", "x", "y", "z", "space", "statistic", "kind", "p_kind", "sign", "direction",
  "cluster_size", "cluster_unit", "sub_peak", "page", "note", "confirmed",
];

const MINUS = /[−‐‑‒–—―﹣－]/g;
const INVISIBLE = /[\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad]/g;
const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻";
const RAISED_POWER = /\s*[x×·]\s*10([⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)/gi;
const POWER = /\s*[x×·]\s*10(?:\s*\^\s*|(?=[+-]))([+-]?\d+)/gi;
const FOOTNOTES = /[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ*＊†‡§¶#]/g;
const BLANKS = new Set(["", "-", "/", ".", "na", "n/a", "n.a.", "nr", "n.r.", "nan", "none", "not reported", "未报告", "无"]);
const BRACKETS = /^[([{]\s*(.*?)\s*[)\]}]$/;
const NAMES = {
  x: /^x\s*[=:]\s*/i,
  y: /^y\s*[=:]\s*/i,
  z: /^z\s*[=:]\s*/i,
  statistic: /^[tzprf]\s*(?:\(\s*\d+(?:\s*,\s*\d+)?\s*\))?\s*[=:]\s*/i,
  cluster_size: /^(?:ke?|n)\s*[=:]\s*/i,
};
const SPACED_SIGN = /^([+-])\s+(?=[\d.])/;
const MILLIMETRES = /(?<=\d)\s*mm$/i;
const P_BEHIND = /(?<=\d)[\s,;]*[([]?\s*p\s*[<>=≤≥]\s*[\d.,]+\s*[)\]]?$/i;
const FOOTNOTE_LETTER = /(?<=\d)\s?[a-d]$/;
const SIDE = /^(?:[LR]\s*\d[\d.]*|\d[\d.]*\s*[LR])$/;
const THOUSANDS = /^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?$/;
const SPACED_THOUSANDS = /^\d{1,3}(?: \d{3})+$/;
const DECIMAL_COMMA = /^[+-]?\d*,\d+$/;
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
const SIZE_WITH_UNIT = /^(.*\d)\s*(voxels?|vox|mm\s?(?:³|\^?3))$/i;
const AXES = ["x", "y", "z"];
const TEXT_LIMITS = { label: 200, brodmann: 20, page: 20, note: 300 };

const named = (value, words) => words.map((word) => [word, value]);
const KINDS = new Map([
  ["t", "t"], ["z", "z"], ["p", "p"], ["r", "r"], ["f", "F"], ...named("none", ["none", "sign only", "sign"]),
]);
const SIGNS = new Map([
  ...named(1, ["+", "+1", "1", "p", "pos", "positive", "up", "↑", "increase", "increased"]),
  ...named(-1, ["-", "-1", "n", "neg", "negative", "down", "↓", "decrease", "decreased"]),
]);
const SPACES = new Map([
  ...named("mni", ["mni", "mni152", "icbm", "icbm152"]),
  ...named("talairach", ["talairach", "tal", "t88", "tt"]),
]);
const UNITS = new Map([
  ...named("voxels", ["voxels", "voxel", "vox", "v", "k", "ke"]),
  ...named("mm3", ["mm3", "mm^3", "mm 3", "μl", "ul"]),
  ...named("unstated", ["unstated", "not stated", "unknown", "?"]),
]);
const SIDES = new Map([
  ...named("left", ["l", "left", "lt", "lh", "左", "左侧"]),
  ...named("right", ["r", "right", "rt", "rh", "右", "右侧"]),
  ...named("both", ["b", "both", "bilateral", "bi", "l/r", "r/l", "midline", "m", "双侧", "中线"]),
]);
const P_KINDS = new Map([
  ...named("one_tailed", ["one-tailed", "one tailed", "one-sided", "1-tailed", "单侧", "uncorrected"]),
  ...named("two_tailed", ["two-tailed", "two tailed", "two-sided", "2-tailed", "双侧"]),
  ...named("corrected", ["corrected", "fwe", "fdr", "fwe-corrected", "fdr-corrected", "cluster", "cluster-level"]),
]);
const DIRECTIONS = new Map([...named("turned", ["turned", "reversed", "⇄"]), ["as printed", ""]]);
const YES = new Set(["yes", "y", "true", "1", "x", "✓", "✔"]);
const SUB_PEAKS = new Map([...named("yes", [...YES, "sub", "sub-peak", "subpeak"]), ...named("", ["no", "false", "0"])]);
const AREAS = /^(?:ba|brodmann(?: areas?)?|areas?)?\s?\d+[a-z]?(?:\s?(?:[\/,;&+、-]|and|\s)\s?(?:ba|area)?\s?\d+[a-z]?)*$/i;
const LAST_AREA = 52;
const F_GROUPS = /^F\s*\(\s*(\d+)\s*,/i;
// Statistics whose sign is a direction.
const DIRECTED = ["t", "z", "r"];

const error = (field, message, mend) => ({ field, level: "error", message: `${message}.`, mend });
const squeezed = (text) => text.split(/\s+/).filter(Boolean).join(" ");

/** `raw` with typographic signs made plain, and without footnote marks and invisible characters. */
export function plain(raw) {
  const lowered = raw
    .replace(INVISIBLE, "")
    .replace(RAISED_POWER, (_, power) => "e" + [...power].map((sign) => "0123456789+-"[RAISED.indexOf(sign)]).join(""));
  const text = lowered.replace(FOOTNOTES, "").replace(MINUS, "-").replaceAll("、", ",").normalize("NFKC");
  return squeezed(text.replace(POWER, "e$1"));
}

export const isBlank = (raw) => BLANKS.has(plain(raw).toLowerCase());

/** The finite number in a cell of that field: {value, text, problem}. */
export function readNumber(raw, field) {
  if (isBlank(raw)) return { value: null, text: "", problem: null };
  let text = undressed(raw, field);
  let problem = refusal(text, field);
  if (!problem) {
    text = withoutCommas(text, field);
    problem = notANumber(text, field);
  }
  return { value: problem ? null : Number(text), text, problem };
}

function undressed(raw, field) {
  let text = plain(raw).replace(BRACKETS, "$1");
  if (NAMES[field]) text = text.replace(NAMES[field], "");
  if (field === "statistic") text = text.replace(P_BEHIND, "");
  if (AXES.includes(field)) text = text.replace(MILLIMETRES, "");
  return text.replace(SPACED_SIGN, "$1").replace(FOOTNOTE_LETTER, "");
}

function refusal(text, field) {
  if (/^[<>≤≥]/.test(text)) {
    const mend = "Type the exact value, or clear the cell, choose kind none and give the sign.";
    return error(field, `“${text}” is a bound, not a value`, mend);
  }
  if (field === "x" && SIDE.test(text)) {
    return error(field, `“${text}” has a side letter in place of a sign`, "Type x below 0 for left, above 0 for right.");
  }
  if (field !== "cluster_size" && THOUSANDS.test(text) && text.split(",").length === 2 && !text.includes(".")) {
    const mend = `Type ${text.replace(",", ".")} or ${text.replace(",", "")}.`;
    return error(field, `“${text}” can be read in two ways`, mend);
  }
  return null;
}

function withoutCommas(text, field) {
  if (THOUSANDS.test(text)) return text.replaceAll(",", "");
  if (field === "cluster_size" && SPACED_THOUSANDS.test(text)) return text.replaceAll(" ", "");
  return DECIMAL_COMMA.test(text) ? text.replace(",", ".") : text;
}

function notANumber(text, field) {
  if (!NUMBER.test(text)) return error(field, `“${text}” is not a number`, "Type one number, for example -12.5.");
  if (!Number.isFinite(Number(text))) {
    return error(field, `“${text}” is too large`, "Type the number as the paper prints it.");
  }
  return null;
}

/** The cluster size and its unit where the cell names one: {value, text, problem, unit}. */
export function readSize(raw) {
  const dressed = SIZE_WITH_UNIT.exec(raw.trim());
  if (!dressed) return { ...readNumber(raw, "cluster_size"), unit: "" };
  const unit = dressed[2].toLowerCase().startsWith("mm") ? "mm3" : "voxels";
  return { ...readNumber(dressed[1], "cluster_size"), unit };
}

function readWord(field, raw, known, word, mend) {
  if (known.has(word)) return { value: known.get(word), text: raw.trim(), problem: null };
  if (isBlank(raw)) return { value: null, text: "", problem: null };
  return { value: null, text: raw.trim(), problem: error(field, `“${raw.trim()}” is not known here`, mend) };
}

export const readKind = (raw) =>
  readWord("kind", raw, KINDS, plain(raw).toLowerCase().replace(/[\s-]*(?:value|score|statistic)s?$/, ""),
    "Choose t, z, p, r, F or none.");
export const readSign = (raw) => readWord("sign", raw, SIGNS, plain(raw).toLowerCase(), "Choose + or -.");
export const readSpace = (raw) =>
  readWord("space", raw, SPACES, plain(raw).toLowerCase(), "Choose MNI or Talairach, or clear the cell.");
export const readUnit = (raw) =>
  readWord("cluster_unit", raw, UNITS, squeezed(raw.normalize("NFKC").toLowerCase()), "Choose voxels or mm3.");
export const readSide = (raw) => readWord("hemisphere", raw, SIDES, plain(raw).toLowerCase(), "Choose left, right or both.");
export const readPKind = (raw) =>
  readWord("p_kind", raw, P_KINDS, plain(raw).toLowerCase(), "Choose one-tailed, two-tailed or corrected.");
export const readDirection = (raw) =>
  readWord("direction", raw, DIRECTIONS, plain(raw).toLowerCase(), "Choose “turned”, or clear the cell.");
export const readSubPeak = (raw) =>
  readWord("sub_peak", raw, SUB_PEAKS, raw.trim().toLowerCase(), "Type yes, or clear the cell.");
const isYes = (raw) => YES.has(raw.trim().toLowerCase());

function areaProblems(raw) {
  const text = plain(raw.brodmann);
  const areas = AREAS.test(text) ? text.match(/\d+/g).map(Number) : [];
  if (isBlank(raw.brodmann) || (areas.length && areas.every((area) => area >= 1 && area <= LAST_AREA))) return [];
  const mend = "Type numbers from 1 to 52, for example 9/46.";
  return [{ field: "brodmann", level: "warning", message: `“${text}” is no Brodmann area.`, mend }];
}

/** The three coordinates in one combined cell, as text, or null where it does not hold three. */
export function readTriple(raw) {
  const named = plain(raw).replace(/[xyz]\s*[=:]/gi, " ").replace(/[()[\]{}]/g, " ");
  const text = named.replace(/([+-])\s+(?=[\d.])/g, "$1").trim();
  const isNumber = (part) => readNumber(part, "y").value !== null;
  for (const split of SPLITS) {
    const parts = split(text);
    if (parts.length === 3 && parts.every(isNumber)) return parts;
  }
  return null;
}

const SIGNED = /[+-]?\d+(?:\.\d+)?/g;
const SPLITS = [
  (text) => text.split(/[;/|]/).map((part) => part.trim()),
  (text) => text.split(/\s+/).map((part) => part.replace(/,+$/, "")),
  (text) => text.split(",").map((part) => part.trim()),
  (text) => (/^[ ,;]*$/.test(text.replace(SIGNED, "")) ? text.match(SIGNED) ?? [] : []),
];

const NUMERIC = [...AXES, "statistic"];
const READERS = {
  kind: readKind, sign: readSign, space: readSpace, cluster_unit: readUnit, hemisphere: readSide, p_kind: readPKind,
  direction: readDirection, sub_peak: readSubPeak,
};

/** Everything a row of the grid says. `texts` holds the tidied text of each cell, `problems` what is wrong. */
export function readRow(cells, defaultSpace = "unknown") {
  const raw = Object.fromEntries(FIELDS.map((field) => [field, String(cells[field] ?? "")]));
  if (isBlankRow(raw)) return blankRow(defaultSpace);
  if (isHeader(raw)) return badRow(defaultSpace, error("x", "these are column names, not a peak", "Delete the row."), raw);
  Object.assign(raw, splitCombined(raw));
  const read = {};
  for (const field of NUMERIC) read[field] = readNumber(raw[field], field);
  for (const field of Object.keys(READERS)) read[field] = READERS[field](raw[field]);
  read.cluster_size = readSize(raw.cluster_size);
  const { unit } = read.cluster_size;
  if (unit && read.cluster_unit.value === null) read.cluster_unit = { value: unit, text: unit, problem: null };
  return assembled(raw, { ...read, ...signOnly(raw) }, defaultSpace);
}

export const isBlankRow = (cells) => FIELDS.every((field) => field === "confirmed" || !String(cells[field] ?? "").trim());

function isHeader(raw) {
  const names = AXES.map((axis) => plain(raw[axis]).toLowerCase().replace(/[\s,]*\(?mm\)?$/, ""));
  return names.filter((name, place) => name === AXES[place]).length >= 2;
}

export function splitCombined(cells) {
  const parts = isBlank(cells.y ?? "") && isBlank(cells.z ?? "") ? readTriple(cells.x ?? "") : null;
  return parts ? { x: parts[0], y: parts[1], z: parts[2] } : {};
}

// `p` or `n` in place of a number: only the direction is known, as in SDM tables.
function signOnly(raw) {
  const word = plain(raw.statistic).toLowerCase();
  if (!["p", "n"].includes(word) || !isBlank(raw.sign)) return {};
  const said = (value, text) => ({ value, text, problem: null });
  return { statistic: said(null, ""), kind: said("none", "none"), sign: said(SIGNS.get(word), word === "p" ? "+" : "-") };
}

function assembled(raw, read, defaultSpace) {
  const values = Object.fromEntries(Object.entries(read).map(([field, cell]) => [field, cell.value]));
  const problems = Object.values(read).map((cell) => cell.problem).filter(Boolean);
  const bad = new Set(problems.map((problem) => problem.field));
  problems.push(
    ...coordinateProblems(values, bad), ...statisticProblems(values, bad), ...signProblems(values, bad),
    ...sizeProblems(values, bad), ...textProblems(raw), ...fProblems(raw, bad), ...pProblems(values, bad), ...areaProblems(raw),
  );
  problems.sort((a, b) => FIELDS.indexOf(a.field) - FIELDS.indexOf(b.field));
  const texts = Object.fromEntries(FIELDS.map((field) => [field, read[field]?.text ?? raw[field].trim()]));
  return {
    ...values,
    ...counted(values),
    blank: false,
    label: texts.label,
    space: values.space ?? defaultSpace,
    kind: values.kind ?? "none",
    cluster_unit: values.cluster_unit ?? "",
    hemisphere: values.hemisphere ?? "",
    p_kind: values.p_kind ?? "",
    turned: values.direction === "turned",
    sub_peak: values.sub_peak === "yes",
    page: texts.page,
    note: texts.note,
    confirmed: isYes(raw.confirmed),
    texts,
    problems,
  };
}

// Statistic and sign as they count: in the direction of the comparison, p one-tailed.
function counted({ statistic, kind, sign, p_kind: tail, direction }) {
  const said = sign ?? signOf({ kind, statistic });
  const turned = direction === "turned";
  const halved = kind === "p" && statistic !== null && tail === "two_tailed" ? statistic / 2 : statistic;
  const own = kind === "p" && tail === "corrected" ? null : halved;
  return { sign: turned && said ? -said : said, statistic: turned && own && DIRECTED.includes(kind) ? -own : own };
}

function blankRow(defaultSpace) {
  const nothing = Object.fromEntries(FIELDS.map((field) => [field, ""]));
  return { ...badRow(defaultSpace, error("label", "the row is empty", "Delete it, or fill it in."), nothing), blank: true };
}

function badRow(defaultSpace, problem, raw) {
  return {
    blank: false, label: "", hemisphere: "", x: null, y: null, z: null, space: defaultSpace, statistic: null, kind: "none",
    p_kind: "", sign: null, turned: false, cluster_size: null, cluster_unit: "", sub_peak: false, page: "", note: "",
    confirmed: false, texts: Object.fromEntries(FIELDS.map((field) => [field, raw[field].trim()])), problems: [problem],
  };
}

const coordinateProblems = (values, bad) =>
  AXES.filter((field) => values[field] === null && !bad.has(field)).map((field) =>
    error(field, `${field} is missing`, "Type it in mm, or delete the row."));

function statisticProblems({ statistic, kind }, bad) {
  if (bad.has("statistic") || bad.has("kind")) return [];
  if (statistic === null) {
    const mend = "Type it, or choose kind none and give the sign.";
    return kind === null || kind === "none" ? [] : [error("statistic", `the ${kind} value is missing`, mend)];
  }
  if (kind === null) return [error("kind", "the kind of the statistic is missing", "Choose t, z, p, r or F.")];
  const impossible = IMPOSSIBLE[kind](statistic);
  return impossible ? [error("statistic", ...impossible)] : [];
}

const IMPOSSIBLE = {
  t: (t) => (t ? null : ["t is 0, which has no direction", "Check the value."]),
  z: (z) => (z ? null : ["z is 0, which has no direction", "Check the value."]),
  r: (r) => (r && Math.abs(r) < 1 ? null : [
    "r is not between -1 and 1, or is 0", "A correlation is above -1 and below 1: check the value and its kind.",
  ]),
  F: (f) => (f > 0 ? null : ["F is not above 0", "Check the kind of the statistic."]),
  p: (p) => {
    if (p === 0) {
      return ["p is printed as 0", "Type the bound's t or z, or clear the cell, choose kind none and give the sign."];
    }
    return p > 0 && p <= 1 ? null : ["p is outside 0 to 1", "Check the kind, or type p as a fraction of 1."];
  },
  none: () => ["a value is given although the kind is none", "Choose its kind, or clear the value."],
};

const signOf = ({ kind, statistic }) => (DIRECTED.includes(kind) && statistic ? Math.sign(statistic) : null);

function signProblems(values, bad) {
  const { sign: told, statistic, kind } = values;
  const implied = signOf(values);
  if (["sign", "statistic", "kind"].some((field) => bad.has(field))) return [];
  if (told !== null && implied !== null && told !== implied) {
    return [error("sign", "the sign contradicts the statistic", "Correct one of them, or clear the sign.")];
  }
  if (told !== null || implied !== null) return [];
  if (statistic === null && (kind === null || kind === "none")) {
    return [error("sign", "the sign is missing, and there is no statistic to take it from", "Choose + or -.")];
  }
  if (statistic !== null && ["p", "F"].includes(kind)) {
    return [error("sign", `${kind} has no direction, and the sign is missing`, "Choose + or -.")];
  }
  return [];
}

function sizeProblems(values, bad) {
  const size = values.cluster_size;
  if (size === null) return [];
  if (size <= 0) return [error("cluster_size", "the cluster size is not above 0", "Check the value.")];
  if (values.cluster_unit !== null || bad.has("cluster_unit")) return [];
  const mend = "Choose voxels or mm3, or “not stated” if the paper does not say.";
  return [error("cluster_unit", "the unit of the cluster size is missing", mend)];
}

// F of three groups or more says that they differ, not which one is higher.
function fProblems(raw, bad) {
  const groups = Number(F_GROUPS.exec(plain(raw.statistic))?.[1] ?? 1);
  if (groups === 1 || bad.has("statistic") || bad.has("kind")) return [];
  const message = `F with ${groups} degrees of freedom above compares ${groups + 1} groups`;
  return [error("statistic", message, "Enter the t of the two groups' post-hoc test, or leave the peak out.")];
}

function pProblems({ p_kind: tail, kind }, bad) {
  if (tail === null || bad.has("p_kind") || bad.has("kind")) return [];
  const warning = (message, mend) => [{ field: "p_kind", level: "warning", message, mend }];
  if (kind !== "p") return warning("the statistic is no p.", "Clear the type of p, or choose kind p.");
  if (tail !== "corrected") return [];
  return warning("a corrected p is not the p of the peak, so its sign alone counts.", "Enter the peak's t or z if the paper gives it.");
}

const textProblems = (raw) =>
  Object.entries(TEXT_LIMITS)
    .filter(([field, limit]) => [...raw[field].trim()].length > limit)
    .map(([field, limit]) =>
      error(field, `longer than ${limit} characters`, "Shorten it; the rest can go into the note."));

/** Fields whose text is shown otherwise than it was given. */
export function changedFields(cells, row) {
  return Object.keys(cells).filter((field) => field !== "confirmed" && (cells[field] ?? "").trim() !== row.texts[field]
    && !row.problems.some((problem) => problem.field === field));
}
