// A map of images: points on a canvas, to be drawn around, moved and zoomed; images where few are in sight.
const RADIUS = 2.2, RING = 4.5, SMALL_RING = 3, MANY_ERRORS = 500, NEAR = 12, TILE = 30, MOST_TILES = 120, MARGIN = 14, MOST_CORNERS = 100;
const WRONG = "#D55E00", RIGHT = "#0072B2", MOST_AREAS = 4, COLUMNS = 20;

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".map");
  root.map ??= new ImageMap(root);
  root.map.show(data, (areas) => setTriggerValue("areas", areas));
}

class ImageMap {
  constructor(root) {
    this.root = root;
    this.canvas = root.querySelector("canvas");
    this.tip = root.querySelector(".tip");
    this.mode = "lasso";
    this.tiles = new Map();
    this.whole();
    const pressed = { whole: () => this.whole(), closer: () => this.zoom(1.6), farther: () => this.zoom(1 / 1.6) };
    root.querySelectorAll("button").forEach((button) => {
      button.onclick = () => {
        if (pressed[button.name]) pressed[button.name]();
        else this.mode = button.name;
        this.marks();
        this.draw();
      };
    });
    this.marks();
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTimeout(() => this.draw(), 300));
    this.canvas.onpointerdown = (event) => this.down(event);
    this.canvas.onpointermove = (event) => this.move(event);
    this.canvas.onpointerup = this.canvas.onpointercancel = (event) => this.up(event);
    this.canvas.onpointerleave = () => { this.tip.hidden = true; };
    this.canvas.ondblclick = () => { this.whole(); this.draw(); };
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 400), ...this.at(event));
      this.draw();
    }, { passive: false });
  }

  marks() {
    this.root.querySelectorAll("button[aria-pressed]").forEach((button) =>
      button.setAttribute("aria-pressed", String(button.name === this.mode)));
  }

  whole() { this.scale = 1; this.left = 0; this.top = 0; }

  async show(data, choose) {
    this.choose = choose;
    const other = this.data?.points !== data.points;
    this.data = data;
    this.selected = data.selected === null ? null : Uint8Array.from(atob(data.selected), (c) => c.charCodeAt(0));
    if (other) {
      this.ready = false;
      this.tiles.clear();
      this.whole();
      const answer = await fetch(data.points);
      if (!answer.ok) return;
      const buffer = await answer.arrayBuffer();
      if (this.data.points !== data.points) return;
      const n = buffer.byteLength / 11, xy = new Float32Array(buffer, 0, 2 * n);
      const rest = (part) => new Uint8Array(buffer, 8 * n + part * n, n);
      Object.assign(this, { n, xy, labels: rest(0), predicted: rest(1), confidence: rest(2) });
      this.ring = rest(0).filter((label, i) => label !== this.predicted[i]).length > MANY_ERRORS ? SMALL_RING : RING;
      this.ends = [Infinity, Infinity, -Infinity, -Infinity];
      for (let i = 0; i < n; i++) for (const axis of [0, 1]) {
        this.ends[axis] = Math.min(this.ends[axis], xy[2 * i + axis]);
        this.ends[2 + axis] = Math.max(this.ends[2 + axis], xy[2 * i + axis]);
      }
      this.ready = true;
    }
    this.draw();
  }

  // From the map's coordinates to the canvas's pixels, and back.
  place(x, y) {
    const [x0, y0, x1, y1] = this.ends, { width, height } = this.canvas.getBoundingClientRect();
    const u = (x - x0) / (x1 - x0 || 1), v = (y1 - y) / (y1 - y0 || 1);
    return [(u - this.left) * this.scale * (width - 2 * MARGIN) + MARGIN,
            (v - this.top) * this.scale * (height - 2 * MARGIN) + MARGIN];
  }

  back(px, py) {
    const [x0, y0, x1, y1] = this.ends, { width, height } = this.canvas.getBoundingClientRect();
    return [x0 + ((px - MARGIN) / this.scale / (width - 2 * MARGIN) + this.left) * (x1 - x0),
            y1 - ((py - MARGIN) / this.scale / (height - 2 * MARGIN) + this.top) * (y1 - y0)];
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  zoom(factor, px, py) {
    const { width, height } = this.canvas.getBoundingClientRect();
    const scale = Math.min(400, Math.max(1, this.scale * factor));
    const shift = (p, side) => (p - MARGIN) / (side - 2 * MARGIN) * (1 / this.scale - 1 / scale);
    this.left += shift(px ?? width / 2, width);
    this.top += shift(py ?? height / 2, height);
    this.scale = scale;
    this.inside();
  }

  inside() {
    const most = 1 - 1 / this.scale;
    this.left = Math.min(most, Math.max(0, this.left));
    this.top = Math.min(most, Math.max(0, this.top));
  }

  down(event) {
    if (!this.ready) return;
    try { this.canvas.setPointerCapture(event.pointerId); } catch { /* it has gone already */ }
    this.tip.hidden = true;
    this.path = [this.at(event)];
    this.adds = event.shiftKey;
  }

  move(event) {
    if (!this.ready) return;
    const here = this.at(event);
    if (!this.path) return this.hover(here);
    if (this.mode === "move") {
      const [before, { width, height }] = [this.path.at(-1), this.canvas.getBoundingClientRect()];
      this.left -= (here[0] - before[0]) / this.scale / (width - 2 * MARGIN);
      this.top -= (here[1] - before[1]) / this.scale / (height - 2 * MARGIN);
      this.inside();
    }
    this.path.push(here);
    this.draw();
  }

  up() {
    const path = this.path;
    this.path = null;
    if (!path) return;
    if (this.mode === "lasso" && path.length > 3) {
      const step = Math.max(1, (path.length - 1) / (MOST_CORNERS - 1)), corners = [];
      for (let i = 0; i < path.length && corners.length < MOST_CORNERS; i += step) corners.push(path[Math.floor(i)]);
      const text = corners.map((one) => this.back(...one).map((v) => +v.toPrecision(6)).join(",")).join(";");
      const kept = this.adds ? this.data.areas.map((area) => area.map((one) => one.join(",")).join(";")) : [];
      this.choose([...kept, text].slice(-MOST_AREAS).join("/"));
    }
    this.draw();
  }

  // Indices of the points in sight, those that are drawn last at the end.
  sight() {
    const { width, height } = this.canvas.getBoundingClientRect(), kinds = [[], [], [], []];
    for (let i = 0; i < this.n; i++) {
      const [x, y] = this.place(this.xy[2 * i], this.xy[2 * i + 1]);
      if (x < 0 || y < 0 || x > width || y > height) continue;
      kinds[2 * this.isSelected(i) + (this.labels[i] !== this.predicted[i])].push([i, x, y]);
    }
    return kinds;
  }

  isSelected(i) { return this.selected === null || (this.selected[i >> 3] >> (7 - (i & 7))) & 1; }

  colour(i) {
    const { colouring, colours } = this.data;
    if (colouring === "correctness") return this.labels[i] === this.predicted[i] ? RIGHT : WRONG;
    if (colouring === "confidence") {
      // From what stands out on light and dark to the quiet grey of what is sure.
      const least = 1 / colours.length, sure = Math.max(0, (this.confidence[i] / 255 - least) / (1 - least));
      return `rgb(${160 - 22 * sure}, ${32 + 106 * sure}, ${240 - 102 * sure})`;
    }
    return colours[(colouring === "class" ? this.labels : this.predicted)[i]];
  }

  draw() {
    const { width, height } = this.canvas.getBoundingClientRect(), ratio = devicePixelRatio;
    if (!this.ready || !width) return;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const kinds = this.sight(), seen = kinds.flat();
    this.seen = seen;
    const asTiles = seen.length <= MOST_TILES && this.scale > 1;
    if (asTiles) this.fetch(seen.map(([i]) => i).filter((i) => !this.tiles.has(i)));
    this.root.dataset.shows = asTiles ? "images" : "points";
    for (const [kind, points] of kinds.entries()) {
      const wrong = kind % 2;
      const strength = asTiles ? [0.35, 1, 1] : [0.12, 0.6, 0.95];
      pen.globalAlpha = strength[kind < 2 ? 0 : 1 + wrong];
      for (const [i, x, y] of points) {
        if (asTiles && this.tiles.get(i)) this.tile(pen, i, x, y);
        else this.point(pen, i, x, y, wrong);
      }
    }
    pen.globalAlpha = 1;
    if (!asTiles) this.captions(pen);
    this.outlines(pen);
  }

  point(pen, i, x, y, wrong) {
    pen.fillStyle = this.colour(i);
    pen.beginPath();
    pen.arc(x, y, wrong ? this.ring : RADIUS, 0, 7);
    pen.fill();
    if (!wrong) return;
    pen.strokeStyle = WRONG;
    pen.lineWidth = this.ring / 3;
    pen.stroke();
  }

  tile(pen, i, x, y) {
    const { picture, column, row, wide, high } = this.tiles.get(i);
    pen.imageSmoothingEnabled = false;
    pen.fillStyle = this.labels[i] === this.predicted[i] ? RIGHT : WRONG;
    pen.fillRect(x - TILE / 2, y + TILE / 2, TILE, 3);
    pen.drawImage(picture, column * wide, row * high, wide, high, x - TILE / 2, y - TILE / 2, TILE, TILE);
  }

  // One picture has all that are missing.
  async fetch(indices) {
    if (!indices.length) return;
    const of = this.data.points;
    indices.forEach((i) => this.tiles.set(i, null));
    const picture = new Image();
    picture.src = `${this.data.images}&images=${indices.join(",")}`;
    try { await picture.decode(); } catch { return; }
    if (this.data.points !== of) return;
    const columns = Math.min(COLUMNS, indices.length), wide = picture.width / columns;
    const high = picture.height / Math.ceil(indices.length / columns);
    indices.forEach((i, n) =>
      this.tiles.set(i, { picture, column: n % columns, row: Math.floor(n / columns), wide, high }));
    this.draw();
  }

  captions(pen) {
    const size = this.data.captions.length > 16 ? 11 : 15, high = size + 5;
    pen.font = `600 ${size}px ${getComputedStyle(this.root).fontFamily}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    const captions = this.data.captions.map(({ x, y, text }) =>
      ({ text, at: this.place(x, y), wide: pen.measureText(text).width + 8 }));
    apart(captions, high);
    for (const { text, at: [px, py], wide } of captions) {
      pen.fillStyle = getComputedStyle(this.root).backgroundColor;
      pen.globalAlpha = 0.75;
      pen.fillRect(px - wide / 2, py - high / 2, wide, high);
      pen.globalAlpha = 1;
      pen.fillStyle = getComputedStyle(this.root).color;
      pen.fillText(text, px, py);
    }
  }

  outlines(pen) {
    const drawn = this.data.areas.map((area) => area.map(([x, y]) => this.place(x, y)));
    if (this.path && this.mode === "lasso") drawn.push(this.path);
    pen.strokeStyle = getComputedStyle(this.root).color;
    pen.lineWidth = 1.5;
    pen.setLineDash([5, 4]);
    for (const corners of drawn) {
      pen.beginPath();
      corners.forEach(([x, y]) => pen.lineTo(x, y));
      pen.closePath();
      pen.stroke();
    }
  }

  hover([x, y]) {
    let best = null, least = NEAR ** 2;
    for (const [i, px, py] of this.seen ?? []) {
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance <= least) [best, least] = [[i, px, py], distance];
    }
    this.tip.hidden = !best;
    if (!best) return;
    const [i, px, py] = best, { names } = this.data, { width } = this.canvas.getBoundingClientRect();
    if (this.tip.dataset.image !== String(i)) {
      this.tip.dataset.image = i;
      this.tip.querySelector("img").src = `${this.data.images}&images=${i}`;
      const sure = Math.round(this.confidence[i] / 2.55);
      this.tip.querySelector("span").textContent =
        `${names[this.labels[i]]} → ${names[this.predicted[i]]} · ${sure} % · image ${i.toLocaleString("en")}`;
    }
    this.tip.style.left = `${Math.min(px + 12, width - 130)}px`;
    this.tip.style.top = `${Math.max(0, py - 90)}px`;
  }
}

// Moves captions up and down until none covers another, or as far as that goes.
function apart(captions, high) {
  for (let pass = 0, moved = true; moved && pass < 40; pass++) {
    moved = false;
    for (const [n, one] of captions.entries()) for (const other of captions.slice(n + 1)) {
      const over = high - Math.abs(one.at[1] - other.at[1]);
      if (over < 0.5 || Math.abs(one.at[0] - other.at[0]) >= (one.wide + other.wide) / 2) continue;
      const way = one.at[1] <= other.at[1] ? over / 2 : -over / 2;
      one.at[1] -= way;
      other.at[1] += way;
      moved = true;
    }
  }
}
