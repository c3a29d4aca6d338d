/** Where one picture lies in another, as matrices between shares of the pictures. Pure. */

/** @typedef {number[][]} Matrix two rows of three: shares of one picture to shares of the other */
/** @typedef {{left: number, top: number, width: number, height: number}} Box in pixels */

/** Shares by which a corner may be off before the pictures count as lying differently. */
const SAME = 0.03;

/**
 * Where in its box a player or image shows its picture: as large as fits, in the middle.
 * @param {any} picture
 * @returns {Box|null} null before it is known
 */
export function fitted(picture) {
  const [width, height] = [picture.videoWidth ?? picture.naturalWidth,
    picture.videoHeight ?? picture.naturalHeight];
  const [room, rise] = [picture.clientWidth, picture.clientHeight];
  if (!width || !height || !room || !rise) return null;
  const scale = Math.min(room / width, rise / height);
  return { left: (room - width * scale) / 2, top: (rise - height * scale) / 2,
    width: width * scale, height: height * scale };
}

/**
 * @param {Matrix} matrix
 * @param {number} x
 * @param {number} y
 * @returns {[number, number]}
 */
export function placed([[a, b, c], [d, e, f]], x, y) {
  return [a * x + b * y + c, d * x + e * y + f];
}

/**
 * @param {Matrix} matrix
 * @returns {Matrix|null} null where the matrix flattens the picture
 */
export function inverse([[a, b, c], [d, e, f]]) {
  const size = a * e - b * d;
  if (Math.abs(size) < 1e-9) return null;
  return [[e / size, -b / size, (b * f - e * c) / size],
    [-d / size, a / size, (d * c - a * f) / size]];
}

/**
 * Whether the picture lies in the other as it would without any change.
 * @param {Matrix} matrix
 */
export function unchanged(matrix) {
  return [[0, 0], [1, 0], [1, 1], [0, 1]].every(([x, y]) => {
    const [there, below] = placed(matrix, x, y);
    return Math.abs(there - x) < SAME && Math.abs(below - y) < SAME;
  });
}

/**
 * The CSS transform, from the top left corner, that lays a picture over the other in a box of the
 * same size.
 * @param {Matrix} matrix
 * @param {Box} here where the picture is shown in its box
 * @param {Box} there where the other one is shown in its own
 */
export function laid([[a, b, c], [d, e, f]], here, there) {
  const across = [a * there.width / here.width, b * there.width / here.height];
  const down = [d * there.height / here.width, e * there.height / here.height];
  const x = there.left + there.width * c - across[0] * here.left - across[1] * here.top;
  const y = there.top + there.height * f - down[0] * here.left - down[1] * here.top;
  return `matrix(${[across[0], down[0], across[1], down[1], x, y].map((n) => n.toFixed(6)).join(", ")})`;
}
