/** The anatomical name of a place: AAL region and Brodmann area of the voxel, or of the nearest labelled one in 4 mm. */

import { placeOf, voxelOf } from "./volume.js";

const NEAREST_MM = 4;
const REACH = 3;

function steps() {
  const found = [];
  for (let i = -REACH; i <= REACH; i++)
    for (let j = -REACH; j <= REACH; j++) for (let k = -REACH; k <= REACH; k++) found.push([i, j, k]);
  return found;
}

const STEPS = steps();

function nearestLabelled(regions, mm) {
  const own = voxelOf(regions, mm);
  const point = mm.map((value, axis) => (value - regions.origin[axis]) / regions.step[axis]);
  let best = -1;
  let shortest = NEAREST_MM;
  for (const step of STEPS) {
    const near = own.map((index, axis) => index + step[axis]);
    const place = placeOf(regions, near);
    if (place < 0 || !regions.values[place]) continue;
    const distance = Math.hypot(...near.map((index, axis) => (index - point[axis]) * regions.step[axis]));
    if (distance < shortest || (best < 0 && distance <= shortest)) [best, shortest] = [place, distance];
  }
  return best;
}

/** "Left insula, BA 48", or what `names.undefined` says where there is none. */
export function labelAt({ regions, brodmann, names }, mm) {
  const own = placeOf(regions, voxelOf(regions, mm));
  const place = own >= 0 && regions.values[own] ? own : nearestLabelled(regions, mm);
  const region = place < 0 ? names.undefined : names.regions[regions.values[place]];
  const area = brodmann.values[place < 0 ? own : place];
  return area ? `${region}, BA ${area}` : region;
}
