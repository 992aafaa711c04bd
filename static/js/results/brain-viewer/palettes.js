/** Colours of the overlay, weak to strong. The style sheet draws the same ones as colour bars. */

const THRESHOLD_EDGE = [0, 1, 128, 255];
const OPAQUE = [0, 255, 255, 255];

function palette(weak, middle, strong) {
  const channel = (index) => [weak, weak, middle, strong].map((colour) => colour[index]);
  return { R: channel(0), G: channel(1), B: channel(2), A: OPAQUE, I: THRESHOLD_EDGE };
}

export const PALETTES = {
  concord_warm: palette([196, 42, 6], [255, 136, 0], [255, 244, 140]),
  concord_cool: palette([24, 74, 200], [30, 150, 255], [170, 245, 255]),
  concord_winter: palette([0, 0, 255], [0, 128, 196], [0, 255, 128]),
  concord_amount: palette([74, 30, 140], [210, 70, 120], [252, 230, 130]),
};

/** Names of the positive and the negative palette. */
export function palettesOf(kind, colours) {
  if (kind.scale === "positive") return ["concord_amount", "concord_amount"];
  return ["concord_warm", colours === "warm-winter" ? "concord_winter" : "concord_cool"];
}
