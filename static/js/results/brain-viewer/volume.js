/** A NIfTI-1 volume: values, size and the way from voxels to MNI mm. Reads what maps and atlases use, nothing else. */

const READERS = {
  2: (view, at) => view.getUint8(at),
  4: (view, at, little) => view.getInt16(at, little),
  8: (view, at, little) => view.getInt32(at, little),
  16: (view, at, little) => view.getFloat32(at, little),
  64: (view, at, little) => view.getFloat64(at, little),
  512: (view, at, little) => view.getUint16(at, little),
};
const HEADER_BYTES = 352;
const FLOAT32 = 16;

/** {shape, origin (mm of voxel 0,0,0), step (mm per voxel along each axis, signed), values Float32Array}. */
export function parseNifti(buffer) {
  const view = new DataView(buffer);
  const little = view.getInt32(0, true) === 348;
  if (!little && view.getInt32(0, false) !== 348) throw new Error("This is not a NIfTI-1 file.");
  const read = READERS[view.getInt16(70, little)];
  if (!read) throw new Error("This kind of number is not read here.");
  const shape = [1, 2, 3].map((axis) => view.getInt16(40 + 2 * axis, little));
  const slope = view.getFloat32(112, little) || 1;
  const intercept = view.getFloat32(116, little) || 0;
  const bytes = view.getInt16(72, little) / 8;
  const start = view.getFloat32(108, little);
  const values = new Float32Array(shape[0] * shape[1] * shape[2]);
  for (let i = 0; i < values.length; i++) values[i] = read(view, start + i * bytes, little) * slope + intercept;
  const row = (axis, column) => view.getFloat32(280 + 16 * axis + 4 * column, little);
  return { shape, values, step: [0, 1, 2].map((axis) => row(axis, axis)), origin: [0, 1, 2].map((axis) => row(axis, 3)) };
}

/** The same volume with voxels twice as long, each the mean of the eight it replaces. */
export function halved({ shape, origin, step, values }) {
  const small = shape.map((size) => Math.floor(size / 2));
  const means = new Float32Array(small[0] * small[1] * small[2]);
  for (let k = 0; k < 2 * small[2]; k++)
    for (let j = 0; j < 2 * small[1]; j++)
      for (let i = 0; i < 2 * small[0]; i++)
        means[(i >> 1) + small[0] * ((j >> 1) + small[1] * (k >> 1))] += values[i + shape[0] * (j + shape[1] * k)] / 8;
  return { shape: small, values: means, step: step.map((mm) => 2 * mm), origin: origin.map((mm, a) => mm + step[a] / 2) };
}

/** The file of a volume, as floats. */
export function encodeNifti({ shape, origin, step, values }) {
  const buffer = new ArrayBuffer(HEADER_BYTES + 4 * values.length);
  const view = new DataView(buffer);
  view.setInt32(0, 348, true);
  [3, ...shape, 1, 1, 1, 1].forEach((size, i) => view.setInt16(40 + 2 * i, size, true));
  view.setInt16(70, FLOAT32, true);
  view.setInt16(72, 32, true);
  [1, ...step.map(Math.abs)].forEach((size, i) => view.setFloat32(76 + 4 * i, size, true));
  view.setFloat32(108, HEADER_BYTES, true);
  view.setFloat32(112, 1, true);
  view.setUint8(123, 2);
  view.setInt16(254, 4, true);
  for (let axis = 0; axis < 3; axis++) {
    view.setFloat32(280 + 16 * axis + 4 * axis, step[axis], true);
    view.setFloat32(280 + 16 * axis + 12, origin[axis], true);
  }
  view.setInt32(344, 0x00312b6e, true);
  new Float32Array(buffer, HEADER_BYTES).set(values);
  return buffer;
}

export function voxelOf({ origin, step }, mm) {
  return mm.map((value, axis) => Math.round((value - origin[axis]) / step[axis]));
}

/** Place of a voxel in `values`, or -1 outside. */
export function placeOf({ shape }, [i, j, k]) {
  const inside = i >= 0 && j >= 0 && k >= 0 && i < shape[0] && j < shape[1] && k < shape[2];
  return inside ? i + shape[0] * (j + shape[1] * k) : -1;
}

export function voxelAt({ shape }, place) {
  return [place % shape[0], Math.floor(place / shape[0]) % shape[1], Math.floor(place / (shape[0] * shape[1]))];
}

/** The value at a coordinate in mm; NaN outside the grid. */
export function valueAt(volume, mm) {
  const place = placeOf(volume, voxelOf(volume, mm));
  return place < 0 ? NaN : volume.values[place];
}

async function unpacked(response) {
  const bytes = await response.arrayBuffer();
  const head = new Uint8Array(bytes, 0, 2);
  if (head[0] !== 0x1f || head[1] !== 0x8b) return bytes;
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

export async function fetchVolume(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`The server answered ${response.status} for ${url}.`);
  return parseNifti(await unpacked(response));
}
