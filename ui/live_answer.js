// A drawing's prediction that follows the pen. While a person draws, the network runs here, in a worker; what the
// server says of the same strokes takes its place, and is all there is where the network cannot run.
const AGREE = 1e-3; // between this page's probabilities and the server's; the two differ by about 1e-6
const FORGOTTEN = 3000; // ms after which a stroke that the canvas has not told the server was none
const SLOW = 50; // ms for one drawing, from which a person is told
const MOST_BARS = 12;

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".live");
  root.answer ??= new LiveAnswer(root);
  root.answer.told(data);
  return () => {
    root.answer?.end();
    root.answer = null;
  };
}

class LiveAnswer {
  constructor(root) {
    this.at = (name) => root.querySelector(name);
    this.finished = []; // strokes of the pen that the server has not answered yet: {told, ended}
    this.pen = null; // points of the stroke that is being drawn
    this.version = 0; // of the drawing; each point makes another
    this.shown = 0; // version that the page shows
    this.busy = this.waiting = false;
    this.times = [];
    this.broken = {}; // what of the preprocessing is switched off
    root.querySelectorAll("input").forEach((input) => { input.onchange = () => this.breaks(root); });
    const on = { pointerdown: this.down, pointermove: this.move, pointerup: this.up, pointercancel: this.up };
    this.listening = new AbortController();
    for (const [name, heard] of Object.entries(on))
      document.addEventListener(name, heard.bind(this), { capture: true, signal: this.listening.signal });
  }

  /** The worker, or null where this browser or this network has none. */
  engine() {
    if (this.worker !== undefined || !this.data.network) return this.worker ?? null;
    try {
      this.worker = new Worker(new URL(this.data.engine, document.baseURI), { type: "module" });
      this.worker.onmessage = ({ data }) => this.read(data);
      this.worker.onerror = () => this.stop();
    } catch {
      this.worker = null;
    }
    return this.worker;
  }

  stop() {
    this.worker?.terminate();
    this.worker = null;
    this.at("details").hidden = true;
    this.broken = {};
    this.waiting = this.busy = false;
    this.settle();
  }

  end() {
    this.worker?.terminate();
    this.listening.abort();
  }

  /** What the server knows: the strokes that it has, and its answer to them. */
  told(data) {
    const before = this.data;
    if (before?.network !== data.network) {
      this.times = [];
      if (this.worker === null) this.worker = undefined; // another network may run where one did not
    }
    this.data = data;
    if (!before || before.start !== data.start || before.strokes.length > data.strokes.length) this.finished = [];
    else this.finished.splice(0, data.strokes.length - before.strokes.length);
    this.finished = this.finished.filter(({ ended }) => performance.now() - ended < FORGOTTEN);
    if (!before || before.names.join("\n") !== data.names.join("\n")) this.rows();
    this.at(".answer").dataset.strokes = data.strokes.length;
    this.caption();
    this.version++;
    if (data.strokes.length && !data.probabilities) this.stop(); // it cannot be read, and the message says why
    this.at("details").hidden = !this.engine();
    if (this.engine()) this.ask(); // also what the server has answered, to compare
    this.settle();
  }

  /** Reads the drawing anew, with what the switches say. */
  breaks(root) {
    const on = [...root.querySelectorAll("input:checked")].map(({ name }) => name), resized = on.includes("resized");
    this.broken = on.length === 0 ? {} : {
      inverted: on.includes("inverted"), thick: on.includes("thick"), side: this.data.side,
      uncentred: resized || on.includes("uncentred"), unscaled: resized || on.includes("unscaled"),
    };
    this.version++;
    this.caption();
    this.ask();
    this.settle();
  }

  get isBroken() { return "side" in this.broken; }

  caption() {
    this.at(".unusual").textContent = this.isBroken ? `Not made as in ${this.data.dataset}` : this.data.caption;
  }

  /** Whether the server's last answer is about what is on the canvas. */
  get settled() { return !this.pen && !this.finished.length && !(this.isBroken && this.data.strokes.length); }

  /** Shows the server's answer, unless the page knows more of the drawing. */
  settle() {
    if (!this.settled && this.worker && this.times.length) return;
    this.shown = this.version;
    const { image, probabilities, message } = this.data;
    this.show(Uint8Array.from(atob(image), (one) => one.charCodeAt(0)), probabilities, message, "server");
  }

  down(event) {
    const path = event.composedPath(), [canvas] = path, frame = `st-key-${this.data.canvas}-frame`;
    const ours = canvas.matches?.(".upper-canvas") && path.some((one) => one.classList?.contains(frame));
    if (!ours || !event.isPrimary || event.button !== 0) return;
    this.canvas = canvas;
    this.pen = [];
    this.move(event);
  }

  move(event) {
    if (!this.pen || !event.isPrimary) return;
    const box = this.canvas.getBoundingClientRect();
    this.pen.push([
      (event.clientX - box.left) * (this.canvas.width / box.width),
      (event.clientY - box.top) * (this.canvas.height / box.height),
    ]);
    this.version++;
    this.ask();
  }

  up(event) {
    if (!this.pen || !event.isPrimary) return;
    this.finished.push({ told: this.pen, ended: performance.now() });
    this.pen = null;
    this.version++;
    this.ask();
  }

  /** Has the drawing read as it is now, once what was asked before is answered. */
  ask() {
    if (!this.engine()) return;
    this.waiting = true;
    if (this.busy) return;
    const { network, like } = this.data;
    const strokes = this.data.strokes, pens = [...this.finished.map(({ told }) => told), ...(this.pen ? [this.pen] : [])];
    this.waiting = false;
    if (!strokes.length && !pens.length) return;
    this.busy = true;
    const address = new URL(network, document.baseURI).href;
    this.asked = { network: address, version: this.version, settled: this.settled };
    this.worker.postMessage({ network: address, strokes, pens, like, broken: this.broken, version: this.version });
  }

  read({ network, version, image, probabilities, ms, error }) {
    this.busy = false;
    if (error) return this.stop();
    const { settled } = this.asked, current = network === new URL(this.data.network, document.baseURI).href;
    this.times = [...this.times.slice(-8), ms];
    if (settled && version === this.version && current) {
      // The same strokes: the server's answer is shown, and a network that says otherwise is not asked again.
      const known = this.data.probabilities;
      if (known && !known.every((p, i) => Math.abs(p - probabilities[i]) < AGREE)) return this.stop();
    } else if (current && version > this.shown) {
      this.shown = version;
      this.show(image, probabilities, "", "page");
    }
    const median = [...this.times].sort((a, b) => a - b)[this.times.length >> 1];
    this.at(".slow").textContent = median > SLOW
      ? `Here this network takes ${Math.round(median)} ms to read a drawing, so its answer follows the pen more slowly.` : "";
    if (this.waiting) this.ask();
  }

  show(image, probabilities, message, by) {
    const [height, width] = this.data.like.shape, canvas = this.at(".seen"), answer = this.at(".answer");
    [canvas.height, canvas.width] = [height, width];
    const pixels = new ImageData(width, height);
    image.forEach((one, i) => pixels.data.set([one, one, one, 255], 4 * i));
    canvas.ariaLabel = `The input image of ${width}×${height} pixels`;
    canvas.getContext("2d").putImageData(pixels, 0, 0);
    answer.dataset.by = by;
    // A screen reader is told when the pen rests.
    answer.ariaBusy = String(Boolean(this.pen));
    this.say(probabilities, message);
    this.bars(probabilities);
  }

  say(probabilities, message) {
    const { threshold, names, item } = this.data, answer = this.at(".answer");
    if (!probabilities) return answer.replaceChildren(word("hint", message));
    const top = highest(probabilities)[0], sure = threshold === null || probabilities[top] >= threshold;
    if (sure) return answer.replaceChildren(word("class", names[top]), word("percent", percent(probabilities[top])));
    const perhaps = word("perhaps", "perhaps ");
    perhaps.append(word("class rejected", names[top]));
    answer.replaceChildren(word("unsure", `Not sure it is a ${item}`), perhaps);
  }

  rows() {
    this.at(".bars").replaceChildren(...this.data.names.slice(0, MOST_BARS).flatMap((name) => {
      const track = word("track", "", "div");
      track.append(word("fill", "", "div"));
      return [word("", name), track, word("percent", "")];
    }));
  }

  bars(probabilities) {
    const { names } = this.data, bars = this.at(".bars"), order = probabilities ? highest(probabilities) : [];
    // Of more classes, the most probable.
    const drawn = names.length > MOST_BARS && probabilities ? order.slice(0, MOST_BARS) : names.map((_, label) => label);
    drawn.slice(0, MOST_BARS).forEach((label, row) => {
      const [name, track, number] = [...bars.children].slice(3 * row, 3 * row + 3);
      const top = label === order[0], p = probabilities?.[label];
      name.textContent = names[label];
      name.className = top ? "top" : "";
      track.firstChild.className = top ? "fill right" : "fill";
      track.firstChild.style.width = `${(100 * (p ?? 0)).toFixed(1)}%`;
      number.className = top ? "percent top" : "percent";
      number.textContent = p === undefined ? "" : percent(p);
    });
    const spoken = order.slice(0, 3).map((label) => `${names[label]} ${percent(probabilities[label])}`).join(", ");
    bars.ariaLabel = spoken ? `Probabilities, highest first: ${spoken}`
      : `Probabilities of the classes ${names[0]} to ${names.at(-1)}: none yet`;
  }
}

const percent = (p) => `${Math.min(99, Math.round(100 * p))} %`;
const highest = (probabilities) => [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]);

function word(kind, text, tag = "span") {
  const made = document.createElement(tag);
  made.className = kind;
  made.textContent = text;
  return made;
}
