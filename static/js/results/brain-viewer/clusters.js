/** Which voxels belong to which reported cluster: grown from its peak, as the core defines a cluster. */

import { placeOf, voxelAt, voxelOf } from "./volume.js";

function neighbours() {
  const found = [];
  for (const i of [-1, 0, 1]) for (const j of [-1, 0, 1]) for (const k of [-1, 0, 1]) if (i || j || k) found.push([i, j, k]);
  return found;
}

const NEIGHBOURS = neighbours();

function grow(numbers, grid, start, number, belongs) {
  const waiting = [start];
  while (waiting.length) {
    const place = waiting.pop();
    if (numbers[place] || !belongs(place)) continue;
    numbers[place] = number;
    const voxel = voxelAt(grid, place);
    for (const step of NEIGHBOURS) {
      const next = placeOf(grid, voxel.map((index, axis) => index + step[axis]));
      if (next >= 0 && !numbers[next]) waiting.push(next);
    }
  }
}

/** The number of the reported cluster that holds each voxel, 0 for none. p: {positive, negative} volumes, one-sided.
 * The threshold in single precision, as the maps: a p that equals it belongs. */
export function clusterNumbers(clusters, z, p, threshold) {
  const voxelP = Math.fround(threshold);
  const numbers = new Uint16Array(z.values.length);
  for (const { number, sign, mm } of clusters) {
    const side = sign > 0 ? p.positive.values : p.negative.values;
    const belongs = (place) => sign * z.values[place] > 0 && side[place] <= voxelP;
    const start = placeOf(z, voxelOf(z, mm));
    if (start >= 0) grow(numbers, z, start, number, belongs);
  }
  return numbers;
}

/** The cluster at a coordinate, or null. */
export function clusterAt(numbers, grid, mm) {
  const place = placeOf(grid, voxelOf(grid, mm));
  return (place >= 0 && numbers[place]) || null;
}

/** Index of the peak nearest to a coordinate, or -1 where there are none. */
export function nearestPeak(peaks, mm) {
  const distances = peaks.map((peak) => Math.hypot(...peak.map((value, axis) => value - mm[axis])));
  return distances.indexOf(Math.min(...distances));
}
