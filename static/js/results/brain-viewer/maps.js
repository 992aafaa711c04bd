/** What a map's numbers look like: colours from a threshold to a top, and text for a value.
 *
 * A p map is shown as -log10 p, positive direction above 0 and negative below, so that "more" is always "stronger".
 */

const TOP_SHARE = 0.999;
const TOP_LOG_P = 6;

/** Signed -log10 of the smaller one-sided p. */
export function signedLogP(positive, negative) {
  const shown = new Float32Array(positive.length);
  for (let i = 0; i < shown.length; i++) {
    const [up, down] = [positive[i], negative[i]];
    if (!up && !down) continue;
    shown[i] = up <= down ? -Math.log10(Math.max(up, 1e-30)) : Math.log10(Math.max(down, 1e-30));
  }
  return shown;
}

/** The top of the colour bar: the largest size of a signed map; p 10^-6 at most; else what 99.9 % of voxels are below. */
export function displayTop(scale, values) {
  const sizes = values.filter((value) => value && Number.isFinite(value)).map(Math.abs).sort();
  if (!sizes.length) return 1;
  if (scale === "signed") return sizes.at(-1);
  if (scale === "p") return Math.min(sizes.at(-1), TOP_LOG_P);
  return sizes[Math.min(sizes.length - 1, Math.floor(TOP_SHARE * sizes.length))];
}

/** What the overlay holds: values beyond either threshold, of reported clusters only where asked; 0 elsewhere. */
export function shownValues(values, { threshold, thresholdNegative }, kept = null) {
  const shown = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    const beyond = value > 0 ? value >= threshold : value < 0 && value <= thresholdNegative;
    if (beyond && (!kept || kept[i])) shown[i] = value;
  }
  return shown;
}

/** The threshold as typed (p for p maps) to the number on the colour scale, and back. Maps hold single precision: a p
 * that equals the threshold must pass as it does in the tables. */
export function scaleOf(kind, typed) {
  return kind.scale === "p" ? Math.fround(-Math.log10(Math.fround(Math.min(Math.max(typed, 1e-30), 1)))) : typed;
}

export function typedOf(kind, scaled) {
  return kind.scale === "p" ? 10 ** -scaled : scaled;
}

export function numberText(value) {
  if (!Number.isFinite(value)) return "no value";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 0.0001) return value.toExponential(1).replace("-", "−");
  return value.toFixed(size >= 100 ? 1 : size >= 1 ? 3 : 4).replace("-", "−");
}

/** "SDM-Z 3.214", "p 0.0021 (positive)", or, of no number, that the voxel is outside the mask. */
export function valueText(kind, value) {
  if (!Number.isFinite(value)) return `${kind.symbol}: outside the mask`;
  if (kind.scale !== "p") return `${kind.symbol} ${numberText(value)}${kind.unit ? ` ${kind.unit}` : ""}`;
  if (value === 0) return "p 1 (either direction)";
  return `p ${numberText(10 ** -Math.abs(value))} (${value > 0 ? "positive" : "negative"})`;
}
