// Reads drawings in a thread of its own: strokes to input image to probabilities, one drawing a message.
import { fromStrokes, penStroke } from "./input_image.js";
import { Network } from "./network.js";

let address = null, loading = null;

onmessage = async ({ data: { network, strokes, pens, like, broken, version } }) => {
  try {
    if (address !== network) {
      address = network;
      loading = load(network);
    }
    const engine = await loading;
    const begun = performance.now();
    const image = fromStrokes([...strokes, ...pens.map(penStroke)], like, broken);
    const probabilities = engine.run(image).slice();
    postMessage({ network, version, image, probabilities, ms: performance.now() - begun });
  } catch (error) {
    postMessage({ network, version, error: String(error) });
  }
};

async function load(network) {
  const answer = await fetch(network);
  if (!answer.ok) throw new Error(`the server has no such network: ${answer.status}`);
  return new Network(await answer.arrayBuffer());
}
