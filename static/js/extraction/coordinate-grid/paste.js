// Pasted text -> rows of the grid: Excel and Word tables (tab separated), lines from a PDF, headers, combined cells.
// Nothing is dropped without a word: every line that is left out carries its reason.

import { FIELDS, isBlank, plain, readNumber, readTriple } from "./cells.js";

/** What a pasted column can become, besides the columns of the grid. */
export const TARGETS = ["", ...FIELDS.slice(0, 6), "xyz", ...FIELDS.slice(6, -1)];
export const TARGET_NAMES = {
  "": "leave out", label: "Label", hemisphere: "Side (L/R)", brodmann: "Brodmann area", x: "x", y: "y", z: "z", xyz: "x, y, z",
  space: "Space", statistic: "Statistic", kind: "Kind", p_kind: "Type of p", sign: "Sign", direction: "Direction",
  cluster_size: "Cluster size", cluster_unit: "Cluster unit", sub_peak: "Sub-peak", page: "Page", note: "Note",
};

const HEADINGS = [
  [/^x( ?\(mm\))?$/, "x"],
  [/^y( ?\(mm\))?$/, "y"],
  [/^(mni|talairach|tal)?,? ?\(?x ?[,;/ ] ?y ?[,;/ ] ?z\)?( ?\(mm\))?$/, "xyz"],
  [/^(mni|talairach|peak|tal)?\s*(peak )?(coordinates?|coords?)( ?\(.*\))?$|^坐标$|^mni$/, "xyz"],
  [/^(side|hemisphere|hemi|l\/r|r\/l|lat(erality)?)$|^侧别$/, "hemisphere"],
  [/^(ba|brodmann( areas?)?|brodmann'?s area)$/, "brodmann"],
  [/^(peak )?(t|z|f|r)([- ]?(value|score|statistics?|stat|max))?s?( ?\(.*\))?$|^[tzfr]值$/, "statistic"],
  [/^(peak )?p([- ]?values?)?( ?\(.*\))?$|^p值$/, "statistic"],
  [/^(peak )?(statistics?|stat|peak intensity|intensity|effect)$/, "statistic"],
  [/^(k|ke|cluster( size| extent)?|(no\.?|number) of voxels|voxels?|size|volume|extent|nvoxels?)( ?\(.*\))?$|^体素(数)?$|^团块大小$/,
    "cluster_size"],
  [/^(brain )?(regions?|areas?|labels?|location|structure|anatomical.*|anatomy|peak region|cluster label)$|^脑区$/, "label"],
  [/^(sign|direction)$/, "sign"],
  [/^(space|template)$/, "space"],
  [/^pages?$/, "page"],
  [/^(notes?|comments?|remarks?)$/, "note"],
];

/** Read a paste: {matrix, targets, kind, unit, lines: [{cells, take, reason}], headings}. */
export function readPaste(text) {
  const matrix = squared(separated(text));
  const lines = matrix.map((cells) => ({ cells, ...verdict(cells) }));
  const headings = lines.filter((line) => line.header).map((line) => line.cells.filter(Boolean).join(" | "));
  const named = namedColumns(lines.filter((line) => line.header).map((line) => line.cells));
  const data = lines.filter((line) => line.take).map((line) => line.cells);
  const targets = named.targets.some((target) => ["x", "xyz"].includes(target)) ? named.targets : guessed(data, named.targets);
  return { matrix, lines, targets, kind: named.kind, unit: named.unit, headings };
}

/** Rows of the grid from a paste whose columns and directions the reader has settled. */
export function pasteRows({ lines, targets, kind = "", unit = "" }) {
  let sign = "";
  const rows = [];
  for (const line of lines) {
    if (line.take) rows.push(pointed(pastedRow(line.cells, targets, kind, unit), sign));
    else if (line.direction) sign = line.sign ?? "";
  }
  return rows;
}

/** Lines such as "HC > PHN" whose rows may have the other sign: what they mean is the reader's to say. */
export function openDirections(lines) {
  const headsRows = (place) => lines.slice(place + 1).find((line) => line.take || line.direction)?.take;
  return lines.filter((line, place) => !line.take && line.direction && line.sign === undefined && headsRows(place));
}

/** Problems of pasted rows as {level, text}: what several rows share is said once, with the rows it holds for. */
export function gatheredProblems(problems) {
  const alike = new Map();
  for (const problem of problems) {
    const kind = JSON.stringify([problem.level, problem.field, problem.message, problem.mend]);
    alike.set(kind, [...(alike.get(kind) ?? []), problem]);
  }
  return [...alike.values()].map((same) => {
    const { level, field, message, mend } = same[0];
    const rows = same.length === 1 ? `Pasted row ${same[0].place + 1}` : `${same.length} pasted rows, first row ${same[0].place + 1}`;
    return { level, text: `${rows}, ${TARGET_NAMES[field].toLowerCase()}: ${message} ${mend}` };
  });
}

// A number against the direction of its section stays as printed and is marked as turned; p and F, and rows without
// a number, say their sign in a cell.
function pointed(row, sign) {
  if (!sign) return row;
  const { value } = readNumber(row.statistic ?? "", "statistic");
  if (!value || ["p", "F"].includes(row.kind)) return { ...row, sign };
  return value > 0 === (sign === "+") ? row : { ...row, direction: "turned" };
}

function pastedRow(cells, targets, kind, unit) {
  const row = {};
  targets.forEach((target, column) => {
    const text = (cells[column] ?? "").trim();
    if (!target || !text) return;
    if (target === "label") row.label = [row.label, text].filter(Boolean).join(" ");
    else if (target === "xyz") Object.assign(row, combined(text));
    else row[target] = text;
  });
  if (kind && row.statistic && !isBlank(row.statistic) && !row.kind) row.kind = kind;
  if (unit && row.cluster_size && !row.cluster_unit) row.cluster_unit = unit;
  return row;
}

function combined(text) {
  const parts = readTriple(text);
  return parts ? { x: parts[0], y: parts[1], z: parts[2] } : { x: text };
}

/** Rows as tab-separated text, as Excel takes it. */
export function toTsv(rows, fields) {
  const quoted = (text) => (/[\t\n"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return rows.map((row) => fields.map((field) => quoted(row[field] ?? "")).join("\t")).join("\n");
}

function separated(text) {
  const clean = text.replace(/\r\n?/g, "\n").replace(/\n+$/, "");
  if (clean.includes("\t")) return tabSeparated(clean);
  const lines = clean.split("\n").filter((line) => line.trim());
  const semicolons = lines.filter((line) => line.split(";").length >= 4).length;
  if (lines.length && semicolons === lines.length) return lines.map((line) => trimmed(line.split(";")));
  const commas = lines.filter((line) => /[^\d\s,.\-−–+()[\]]/.test(line) && line.split(",").length >= 4).length;
  if (lines.length && commas === lines.length) return lines.map((line) => trimmed(line.split(",")));
  const detached = detachedSign(lines);
  return lines.map((line) => printedLine(line, detached));
}

// "Thalamus – 12 −18 8": the dash may be a minus or an empty cell. It is a minus where no other minus touches its
// number, an empty cell where those that do are another sign, and otherwise not ours to say.
function detachedSign(lines) {
  const text = lines.join("\n");
  const attached = new Set([...text.matchAll(/(?:^|[\s([,;])([−‐‑‒–—―﹣－-])(?=\d)/gm)].map((match) => match[1]));
  if (attached.size === 0) return () => "-";
  return (dash) => (attached.has(dash) ? "±" : "");
}

const DETACHED = /(^|[^\s\d]\s+)([−‐‑‒–—―﹣－-])\s+(?=\d)/g;

const trimmed = (cells) => cells.map((cell) => cell.trim());

// Excel puts quotes around cells that hold a line break or a tab.
function tabSeparated(text) {
  const rows = [[""]];
  let quoted = false;
  for (let place = 0; place < text.length; place += 1) {
    const sign = text[place];
    const row = rows.at(-1);
    if (quoted && sign === '"' && text[place + 1] === '"') row[row.length - 1] += text[++place];
    else if (sign === '"' && (quoted || row.at(-1) === "")) quoted = !quoted;
    else if (!quoted && sign === "\t") row.push("");
    else if (!quoted && sign === "\n") rows.push([""]);
    else row[row.length - 1] += sign;
  }
  return rows.map((row) => row.map((cell) => cell.replace(/\s*\n\s*/g, " ").trim())).filter((row) => row.some(Boolean));
}

const NUMBER_LIKE = /^[([]?[+±-]?\d[\d.,]*(?:e[+-]?\d+)?[)\],;]*[a-d]?$/i;

// A line of a PDF: words, then three coordinates, then whatever numbers follow.
function printedLine(line, detached) {
  const settled = line.replace(DETACHED, (_, before, dash) => before + detached(dash));
  const tokens = plain(settled).replace(/(^|\s)([+-])\s+(?=\d)/g, "$1$2").replace(/[xyz]\s*[=:]\s*/gi, " ").split(" ").filter(Boolean);
  const split = tokens.flatMap((token) => (/^[([]?[+-]?\d+(?:\.\d+)?(?:,[+-]?\d+(?:\.\d+)?){2}[)\]]?$/.test(token) ? token.split(",") : [token]));
  const start = coordinatesAt(split);
  if (start < 0) return [split.join(" ")];
  const bare = (token) => token.replace(/^[([]+|[)\],;]+$/g, "");
  const before = split.slice(0, start).join(" ");
  return [before, ...split.slice(start, start + 3).map(bare), ...split.slice(start + 3).map(bare)];
}

function coordinatesAt(tokens) {
  const isCoordinate = (token) => {
    if (!NUMBER_LIKE.test(token)) return false;
    const cell = readNumber(token.replace(/^[([±]+|[)\],;]+$/g, ""), "y");
    return cell.value !== null && Math.abs(cell.value) <= 130;
  };
  const starts = tokens.map((_, place) => place).filter((place) => tokens.slice(place, place + 3).length === 3
    && tokens.slice(place, place + 3).every(isCoordinate));
  if (!starts.length) return -1;
  // "BA 13 -38 12 -4 4.52": a run of four or more numbers; a statistic with decimals follows the coordinates.
  const hasNegative = (place) => tokens.slice(place, place + 3).some((token) => /^[([]?-/.test(token));
  const afterArea = starts.filter((place) => !/^(BA|area)$/i.test(tokens[place - 1] ?? ""));
  const usable = afterArea.length ? afterArea : starts;
  const decimalNext = usable.find((place) => /\.\d/.test(tokens[place + 3] ?? "") && !tokens.slice(place, place + 3).some((token) => /\.\d\d/.test(token)));
  return decimalNext ?? usable.find(hasNegative) ?? usable[0];
}

function squared(rows) {
  const width = Math.max(0, ...rows.map((row) => row.length));
  return rows.map((row) => [...row, ...Array(width - row.length).fill("")]);
}

const heading = (cell) => {
  const word = plain(cell).toLowerCase();
  return word === "z" ? "z" : HEADINGS.find(([pattern]) => pattern.test(word))?.[1];
};

const DIRECTION = /[<>](?!\s*[\d.])|[↑↓]|increas|decreas|reduc|elevat|\b(?:higher|lower|greater|less|weaker|stronger)\b|[升增]高|增[加强]|[降减]低|减[少弱]|下降/i;

// A line is data when it holds a number or three; a header when its words are column names.
function verdict(cells) {
  const filled = cells.filter((cell) => !isBlank(cell));
  const numbers = filled.filter((cell) => readTriple(cell) || readNumber(cell, "statistic").value !== null).length;
  const names = filled.filter((cell) => heading(cell)).length;
  if (numbers === 0 && names && names * 2 >= filled.length) {
    return { take: false, header: true, reason: "column names, left out" };
  }
  if (numbers === 0 && DIRECTION.test(plain(filled.join(" ")))) {
    return { take: false, header: false, direction: true, reason: "names a direction, left out" };
  }
  if (numbers === 0) return { take: false, header: false, reason: "no number in it, left out" };
  return { take: true, header: false, reason: "" };
}

// Of several statistics the one that says most: p and F have no direction.
const PREFERRED = ["t", "z", "r", "", "F", "p"];

// Column names, from one or two header lines; "z" is the coordinate after y, and otherwise the statistic.
function namedColumns(headers) {
  const width = headers[0]?.length ?? 0;
  const targets = Array(width).fill("");
  let kind = "";
  let unit = "";
  for (const cells of headers) {
    cells.forEach((cell, column) => {
      const target = heading(cell);
      if (!target) return;
      const word = plain(cell).toLowerCase();
      const settled = target === "z" && targets[column - 1] !== "y" ? "statistic" : target;
      const named = /^(?:peak )?([tzprf])(?![a-z])/.exec(word)?.[1].replace("f", "F") ?? "";
      const place = targets.indexOf(settled);
      if (settled === "statistic" && place >= 0 && place !== column) {
        if (PREFERRED.indexOf(named) >= PREFERRED.indexOf(kind)) return;
        targets[place] = "";
      } else if (place >= 0 && settled !== "label" && place !== column) return;
      targets[column] = settled;
      if (settled === "statistic") kind = named || kind;
      if (settled === "cluster_size") unit = /mm/.test(word) ? "mm3" : /vox|^ke?$|体素/.test(word) ? "voxels" : unit;
    });
    // A second header line "x y z" below "MNI coordinates" is the finer one.
    if (targets.includes("x")) targets.forEach((target, column) => target === "xyz" && (targets[column] = ""));
  }
  return { targets, kind, unit };
}

// Without names: text is the label; a combined cell or the first three columns of small numbers are the place.
function guessed(data, named) {
  const width = data[0]?.length ?? 0;
  const targets = Array.from({ length: width }, (_, column) => named[column] ?? "");
  const column = (place) => data.map((cells) => cells[place]).filter((cell) => !isBlank(cell));
  const most = (place, test) => column(place).length > 0 && column(place).filter(test).length * 2 > column(place).length;
  const numeric = (place) => most(place, (cell) => ["statistic", "cluster_size"].some((field) => readNumber(cell, field).value !== null));
  const small = (place) => most(place, (cell) => Math.abs(readNumber(cell.replace("±", ""), "y").value ?? Infinity) <= 130);
  const free = (place) => !targets[place];
  const places = [...targets.keys()];
  const triple = places.find((place) => free(place) && most(place, (cell) => readTriple(cell) !== null));
  const first = places.find((place) => [0, 1, 2].every((step) => place + step < width && free(place + step) && small(place + step)));
  if (triple !== undefined) targets[triple] = "xyz";
  else if (first !== undefined) ["x", "y", "z"].forEach((axis, step) => (targets[first + step] = axis));
  const text = places.find((place) => free(place) && column(place).length && !numeric(place));
  if (text !== undefined && !targets.includes("label")) targets[text] = "label";
  const decimals = (place) => column(place).some((cell) => /\.\d|^[+-]?\d+,\d\d?$/.test(plain(cell)));
  const rest = places.filter((place) => free(place) && numeric(place) && place > Math.max(...places.filter((p) => ["z", "xyz"].includes(targets[p])), -1));
  const statistic = rest.find(decimals) ?? (rest.length === 1 ? rest[0] : undefined);
  if (statistic !== undefined && !targets.includes("statistic")) targets[statistic] = "statistic";
  const size = rest.find((place) => free(place) && !decimals(place));
  if (size !== undefined && !targets.includes("cluster_size")) targets[size] = "cluster_size";
  return targets;
}
