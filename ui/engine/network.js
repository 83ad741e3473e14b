// A trained network in the browser: reads the layers that digitcore/runs/folded.py packs, and runs them.
// Values lie as in Keras: row by row, the channels of a pixel side by side.

// A convolution or dense layer takes most of the time. Its weights are laid out for four output channels at a
// time, so that the inner loop keeps eight sums, of two positions and four channels, in registers. Float64,
// because JavaScript computes in it: float32 would be converted at each step.
const CHANNELS = 4, POSITIONS = 2;
const SLOPE = 0.2; // of leaky_relu below zero

/** The network in `buffer`, an ArrayBuffer of a packed file. */
export class Network {
  constructor(buffer) {
    const length = Number(new DataView(buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
    this.input = JSON.parse(header.__metadata__.input);
    this.layers = JSON.parse(header.__metadata__.layers);
    const tensor = (name) => {
      const [first, last] = header[name].data_offsets;
      return new Float32Array(buffer, 8 + length + first, (last - first) / 4);
    };
    let shape = this.input, values = this.pixels = new Float32Array(size(shape));
    this.outputs = []; // of each layer, for the image that was run last
    this.steps = this.layers.map((layer, number) => {
      const weights = (name) => tensor(`${number}.${name}`);
      const output = new Float32Array(size(layer.shape));
      const step = MAKERS[layer.kind](layer, shape, values, output, weights);
      const activate = ACTIVATIONS[layer.activation ?? "linear"];
      [shape, values] = [layer.shape, output];
      this.outputs.push(output);
      return () => { step(); activate?.(output); };
    });
    this.probabilities = values;
  }

  /** The probabilities of an image: Uint8Array of its pixels, row by row, white ink on black. Overwritten by the next. */
  run(image) {
    for (let i = 0; i < image.length; i++) this.pixels[i] = image[i] / 255;
    for (const step of this.steps) step();
    return this.probabilities;
  }
}

const size = (shape) => shape.reduce((a, b) => a * b, 1);

/** Sums of products: of each of `positions` rows of `length` inputs with each output channel's weights. */
function product(kernel, bias, length) {
  const channels = bias.length, blocks = Math.ceil(channels / CHANNELS);
  const weights = new Float64Array(blocks * length * CHANNELS);
  for (let k = 0; k < channels; k++)
    for (let l = 0; l < length; l++)
      weights[((k >> 2) * length + l) * CHANNELS + (k & 3)] = kernel[l * channels + k];
  return (rows, positions, output, start) => {
    for (let block = 0; block < blocks; block++) {
      const first = block * CHANNELS, last = Math.min(first + CHANNELS, channels), from = block * length * CHANNELS;
      for (let place = 0; place < positions; place += POSITIONS) {
        let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
        const row = place * length;
        for (let l = 0, w = from; l < length; l++, w += CHANNELS) {
          const a = rows[row + l], b = rows[row + length + l];
          const w0 = weights[w], w1 = weights[w + 1], w2 = weights[w + 2], w3 = weights[w + 3];
          a0 += a * w0; a1 += a * w1; a2 += a * w2; a3 += a * w3;
          b0 += b * w0; b1 += b * w1; b2 += b * w2; b3 += b * w3;
        }
        let at = start + place * channels;
        for (let k = first; k < last; k++)
          output[at + k] = bias[k] + (k === first ? a0 : k === first + 1 ? a1 : k === first + 2 ? a2 : a3);
        if (place + 1 < positions) {
          at += channels;
          for (let k = first; k < last; k++)
            output[at + k] = bias[k] + (k === first ? b0 : k === first + 1 ? b1 : k === first + 2 ? b2 : b3);
        }
      }
    }
  };
}

/** Pixels before the image's edge, as TensorFlow pads: what is odd comes after it. */
function before({ kernel, stride, padding }, length) {
  if (padding !== "same") return 0;
  return Math.max((Math.ceil(length / stride) - 1) * stride + kernel - length, 0) >> 1;
}

const MAKERS = {
  conv(layer, [height, width, channels], input, output, weights) {
    const { kernel, stride } = layer, [rows, columns, filters] = layer.shape;
    const top = before(layer, height), left = before(layer, width), length = kernel * kernel * channels;
    const multiply = product(weights("kernel"), weights("bias"), length);
    // What each output pixel of one row sees, side by side; one row more where their number is odd.
    const patches = new Float64Array((columns + columns % POSITIONS) * length);
    return () => {
      for (let y = 0; y < rows; y++) {
        for (let x = 0; x < columns; x++) {
          const x0 = x * stride - left, first = Math.max(0, -x0), last = Math.min(kernel, width - x0);
          for (let i = 0; i < kernel; i++) {
            const row = y * stride - top + i;
            let to = x * length + i * kernel * channels;
            if (row < 0 || row >= height) {
              patches.fill(0, to, to + kernel * channels);
              continue;
            }
            for (const end = to + first * channels; to < end;) patches[to++] = 0;
            let from = (row * width + x0 + first) * channels;
            for (const end = from + (last - first) * channels; from < end;) patches[to++] = input[from++];
            for (const end = to + (kernel - last) * channels; to < end;) patches[to++] = 0;
          }
        }
        multiply(patches, columns, output, y * columns * filters);
      }
    };
  },

  depthwise_conv(layer, [height, width, channels], input, output, weights) {
    const { kernel, stride } = layer, [rows, columns] = layer.shape;
    const top = before(layer, height), left = before(layer, width);
    const values = weights("kernel"), bias = weights("bias"), sums = new Float64Array(channels);
    return () => {
      for (let y = 0; y < rows; y++)
        for (let x = 0; x < columns; x++) {
          sums.set(bias);
          for (let i = 0; i < kernel; i++)
            for (let j = 0; j < kernel; j++) {
              const row = y * stride - top + i, column = x * stride - left + j;
              if (row < 0 || row >= height || column < 0 || column >= width) continue;
              const from = (row * width + column) * channels, at = (i * kernel + j) * channels;
              for (let c = 0; c < channels; c++) sums[c] += input[from + c] * values[at + c];
            }
          output.set(sums, (y * columns + x) * channels);
        }
    };
  },

  dense(layer, shape, input, output, weights) {
    const multiply = product(weights("kernel"), weights("bias"), size(shape));
    const row = new Float64Array(POSITIONS * size(shape));
    return () => { row.set(input); multiply(row, 1, output, 0); };
  },

  scale(layer, [...shape], input, output, weights) {
    const scale = weights("scale"), bias = weights("bias"), channels = scale.length;
    return () => {
      for (let i = 0, c = 0; i < output.length; i++, c = c + 1 === channels ? 0 : c + 1)
        output[i] = input[i] * scale[c] + bias[c];
    };
  },

  pool(layer, [, width, channels], input, output) {
    const { size: side, method } = layer, [rows, columns] = layer.shape, most = method === "max";
    return () => {
      for (let y = 0, at = 0; y < rows; y++)
        for (let x = 0; x < columns; x++)
          for (let c = 0; c < channels; c++, at++) {
            let value = most ? -Infinity : 0;
            for (let i = 0; i < side; i++)
              for (let j = 0; j < side; j++) {
                const one = input[((y * side + i) * width + x * side + j) * channels + c];
                value = most ? Math.max(value, one) : value + one;
              }
            output[at] = most ? value : value / (side * side);
          }
    };
  },

  global_pool(layer, [height, width, channels], input, output) {
    const positions = height * width;
    return () => {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let i = c; i < input.length; i += channels) sum += input[i];
        output[c] = sum / positions;
      }
    };
  },

  flatten: (layer, shape, input, output) => () => output.set(input),
  softmax: (layer, shape, input, output) => () => { output.set(input); softmax(output); },
};

function each(change) {
  return (values) => { for (let i = 0; i < values.length; i++) values[i] = change(values[i]); };
}

const ACTIVATIONS = {
  linear: null,
  relu: each((x) => x > 0 ? x : 0),
  leaky_relu: each((x) => x > 0 ? x : SLOPE * x),
  gelu: each((x) => 0.5 * x * (1 + erf(x / Math.SQRT2))),
  silu: each((x) => x / (1 + Math.exp(-x))),
  tanh: each(Math.tanh),
  softmax,
};

function softmax(values) {
  const most = values.reduce((a, b) => Math.max(a, b));
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] = Math.exp(values[i] - most);
  for (let i = 0; i < values.length; i++) values[i] /= sum;
}

/** The error function within 1.5e-7 (Abramowitz and Stegun, 1964, 7.1.26). */
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - sum * Math.exp(-x * x));
}
