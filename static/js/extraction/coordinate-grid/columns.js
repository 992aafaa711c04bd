// The columns of the grid in the order they are shown; those without `field` are computed and cannot be edited.

const SPACE_NAMES = { mni: "MNI", talairach: "Talairach", unknown: "not stated" };

export const COLUMNS = [
  { field: "label", title: "Label as reported", width: 178 },
  { field: "hemisphere", title: "Side", width: 52, choices: ["left", "right", "both"] },
  { field: "brodmann", title: "BA", width: 52 },
  { field: "x", title: "x, mm", width: 60, number: true },
  { field: "y", title: "y, mm", width: 60, number: true },
  { field: "z", title: "z, mm", width: 60, number: true },
  { field: "space", title: "Space", width: 80, choices: ["MNI", "Talairach"] },
  { field: "statistic", title: "Statistic", width: 80, number: true },
  { field: "kind", title: "Kind", width: 54, choices: ["t", "z", "p", "r", "F", "none"] },
  { field: "sign", title: "Sign", width: 52, choices: ["+", "-"] },
  { field: "direction", title: "Direction", width: 84, choices: ["turned"] },
  { key: "mni", title: "MNI x, y, z, mm", width: 138, number: true },
  { key: "distance", title: "Gray matter", width: 112, number: true },
  { key: "region", title: "Atlas label", width: 150 },
  { field: "confirmed", title: "Confirmed", width: 92 },
  { field: "cluster_size", title: "Cluster size", width: 92, number: true },
  { field: "cluster_unit", title: "Unit", width: 76, choices: ["voxels", "mm3", "not stated"] },
  { field: "sub_peak", title: "Sub-peak", width: 76, choices: ["yes"] },
  { field: "p_kind", title: "Type of p", width: 92, choices: ["one-tailed", "two-tailed", "corrected"] },
  { field: "page", title: "Page", width: 58 },
  { field: "note", title: "Note", width: 170 },
];

export const columnOf = (field) => COLUMNS.findIndex((column) => column.field === field);
export const fieldsBetween = (left, right) =>
  COLUMNS.slice(left, right + 1).map((column) => column.field).filter(Boolean);

/** What a cell shows: {text, muted} from the row as read, what the server computed of it, and what it asks about it. */
export function shown(column, row, placed, { asked = false, readOnly = false } = {}) {
  if (column.key) return { text: computed(column.key, placed), muted: true };
  if (column.field === "confirmed") return { text: confirmation(row, asked, readOnly), muted: !row.confirmed };
  const text = row.texts[column.field];
  if (column.field === "space" && !text && !row.blank) return { text: SPACE_NAMES[row.space], muted: true };
  if (column.field === "direction" && row.turned) return { text: "⇄ turned", muted: false };
  if (column.field === "sign" && !row.blank && row.sign) return { text: row.sign > 0 ? "+" : "−", muted: !text || row.turned };
  return { text, muted: false };
}

// Only a row that is asked about has a box to tick.
function confirmation(row, asked, readOnly) {
  if (row.blank) return "";
  if (readOnly) return row.confirmed ? "yes" : asked ? "not confirmed" : "";
  return row.confirmed ? "☑ yes" : asked ? "☐" : "";
}

function computed(key, placed) {
  if (!placed?.mni) return "";
  if (key === "mni") return placed.mni.map((number) => String(Math.round(number * 10) / 10).replace("-", "−")).join(", ");
  if (key === "distance") return placed.distance_mm === 0 ? "inside" : `${placed.distance_mm.toFixed(1)} mm`;
  return placed.region;
}
