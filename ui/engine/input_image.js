// From pen strokes to a network's input image, as digitcore/drawing/strokes.py makes it, within one grey level.
// A stroke is an array of points [x, y]. `like` is a DrawingInput: shape [height, width], box, centring, pen_width.

const MOST_LINES = 1000; // as in Python

/**
 * Uint8Array of the image's pixels, row by row, white ink on black; the strokes have at least one point.
 *
 * `broken` is what goes wrong on purpose: inverted, thick (a pen twice as wide), uncentred (the ink lies as on the
 * canvas), unscaled (it keeps its size there), of a canvas of `side` pixels. Unscaled and uncentred together are the
 * canvas resized.
 */
export function fromStrokes(strokes, like, broken = {}) {
  const pen = like.pen_width * (broken.thick ? 2 : 1);
  let lines = toLines(boxed(strokes.filter((stroke) => stroke.length), pen, like, broken));
  let ink = inked(lines, pen, like.shape);
  if (!broken.uncentred && like.centring === "mass") {
    const [x, y] = shift(ink, lines, pen, like.shape);
    lines = lines.map(([ax, ay, bx, by]) => [ax + x, ay + y, bx + x, by + y]);
    ink = inked(lines, pen, like.shape);
  }
  const image = Uint8Array.from(ink, (one) => roundEven(255 * one));
  return broken.inverted ? image.map((one) => 255 - one) : image;
}

/** The points of a stroke as the canvas keeps it: Fabric.js draws curves through what the pointer told. */
export function penStroke(told) {
  const points = [told[0]];
  // Fabric leaves out what is nearer than 0.4 pixels, and always the last point but one.
  for (let i = 1; i < told.length - 2; i++)
    if (distance(told[i], points.at(-1)) >= 0.4) points.push(told[i]);
  if (told.length > 1) points.push(told.at(-1));
  const [low, high] = bounds(points);
  if (Math.max(high[0] - low[0], high[1] - low[1]) < 0.1) return [points[0]];
  const stroke = [points[0]];
  for (let i = 0; i < points.length - 1; i++)
    stroke.push(...curve(stroke.at(-1), points[i], middle(points[i], points[i + 1])));
  return [...stroke, points.at(-1)];
}

/** Points of a quadratic Bézier curve without its first, about two pixels apart. */
function curve(a, b, c) {
  const length = manhattan(a, b) + manhattan(b, c), count = Math.floor(Math.min(Math.max(length / 2, 4), 64));
  return Array.from({ length: count }, (_, k) => {
    const t = (k + 1) / count, s = 1 - t;
    return [0, 1].map((axis) => s * s * a[axis] + 2 * s * t * b[axis] + t * t * c[axis]);
  });
}

const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
const manhattan = (a, b) => Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1]);
const middle = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];

function bounds(points) {
  const low = [Infinity, Infinity], high = [-Infinity, -Infinity];
  for (const point of points)
    for (const axis of [0, 1]) {
      low[axis] = Math.min(low[axis], point[axis]);
      high[axis] = Math.max(high[axis], point[axis]);
    }
  return [low, high];
}

/** The strokes scaled so that the longer side of all ink fills the box, in the middle of the image. */
function boxed(strokes, pen, { box, shape: [height, width] }, { unscaled, uncentred, side }) {
  const [low, high] = bounds(strokes.flat()), shape = [width, height];
  const span = Math.max(high[0] - low[0], high[1] - low[1]);
  const largest = Math.max(...low.map(Math.abs), ...high.map(Math.abs)) || 1;
  const fitting = span / largest / 2 > 1e-12 ? (box - pen) / span : 0;
  const scale = unscaled ? height / side : fitting;
  const from = middle(low, high), to = shape.map((length, axis) => {
    if (!uncentred) return length / 2;
    const half = ((high[axis] - low[axis]) * scale + pen) / 2; // kept inside where it fits
    return Math.max(Math.min(half, length / 2), Math.min(from[axis] * length / side, length - half));
  });
  return strokes.map((stroke) => stroke.map((point) =>
    [0, 1].map((axis) => (point[axis] - from[axis]) * scale + to[axis])));
}

/** Straight lines [ax, ay, bx, by] that draw the strokes; a dot is a line to itself. */
function toLines(strokes) {
  if (strokes.reduce((count, stroke) => count + stroke.length, 0) > 200) {
    const length = strokes.reduce((sum, stroke) => sum + lengths(stroke).at(-1), 0);
    const step = Math.max(0.25, length / MOST_LINES);
    strokes = strokes.map((stroke) => stroke.length > 2 ? thinned(stroke, step) : stroke);
  }
  const lines = strokes.flatMap((stroke) => stroke.length === 1
    ? [[...stroke[0], ...stroke[0]]]
    : stroke.slice(1).map((point, i) => [...stroke[i], ...point]));
  if (lines.length <= MOST_LINES) return lines;
  const rounded = lines.map((line) => line.map((one) => roundEven(one * 8) / 8));
  rounded.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2] || a[3] - b[3]);
  const unique = rounded.filter((line, i) => i === 0 || line.some((one, k) => one !== rounded[i - 1][k]));
  const every = Math.ceil(unique.length / MOST_LINES);
  return unique.filter((_, i) => i % every === 0);
}

/** The pen's way up to each point. */
function lengths(stroke) {
  let sum = 0;
  return stroke.map((point, i) => sum += i ? distance(point, stroke[i - 1]) : 0);
}

/** The first point, the last, and one for every `step` pixels of the pen's path. */
function thinned(stroke, step) {
  const steps = lengths(stroke).map((length) => Math.floor(length / step));
  return stroke.filter((_, i) => i === 0 || i === stroke.length - 1 || steps[i] > steps[i - 1]);
}

/** Fraction of each pixel under the pen, from its distance to the nearest line. */
function inked(lines, pen, [height, width]) {
  const reach = pen / 2 + 0.5, nearest = new Float64Array(height * width).fill(reach * reach);
  for (const [ax, ay, bx, by] of lines) {
    const dx = bx - ax, dy = by - ay, squared = dx * dx + dy * dy || 1;
    // Pixels that the line's ink can reach.
    const top = Math.max(0, Math.floor(Math.min(ay, by) - reach)), left = Math.max(0, Math.floor(Math.min(ax, bx) - reach));
    const bottom = Math.min(height, Math.ceil(Math.max(ay, by) + reach)), right = Math.min(width, Math.ceil(Math.max(ax, bx) + reach));
    for (let y = top; y < bottom; y++)
      for (let x = left; x < right; x++) {
        const px = x + 0.5 - ax, py = y + 0.5 - ay;
        const along = Math.min(Math.max((px * dx + py * dy) / squared, 0), 1);
        const awayX = px - along * dx, awayY = py - along * dy, away = awayX * awayX + awayY * awayY;
        if (away < nearest[y * width + x]) nearest[y * width + x] = away;
      }
  }
  return nearest.map((away) => Math.min(Math.max(reach - Math.sqrt(away), 0), 1));
}

/** Shift [x, y] in pixels that centres the mass as far as all ink stays in the image. */
function shift(ink, lines, pen, [height, width]) {
  let mass = 0, massX = 0, massY = 0;
  ink.forEach((one, i) => {
    mass += one;
    massX += one * (i % width);
    massY += one * Math.floor(i / width);
  });
  const [low, high] = bounds(lines.flatMap(([ax, ay, bx, by]) => [[ax, ay], [bx, by]]));
  const within = (axis, length, centre) =>
    Math.min(Math.max(length / 2 - centre, pen / 2 - low[axis]), length - high[axis] - pen / 2);
  return [within(0, width, massX / mass), within(1, height, massY / mass)];
}

/** Rounds as NumPy does: halves to the even number. */
function roundEven(x) {
  const floor = Math.floor(x), rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2) ? floor + 1 : floor;
}
