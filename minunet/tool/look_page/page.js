"use strict";
/* What the page knows, and how it asks the network: everything else draws this, or changes it. */

const find = (id) => document.getElementById(id);
const payload = JSON.parse(find("payload").textContent);
const layers = payload.layers; // as network.js wants them; their weights come from the pack

const state = {
  slice: 0, channel: payload.shown, tool: "point", brush: 4, pixel: [0, 0],
  cuts: [], silenced: {}, // levels whose skip is cut; numbers of channels by the name of their map
  scene: null, paint: null, offset: [0, 0], // the scan, what was painted, how the tumour was moved
  truth: null, maps: {}, ranges: {}, before: null, // of each channel [least, largest] at first
};

let pack = null; // bytes: weights and slices, as page.py packed them
let worker = null, busy = false, run = 0; // runs count the slices chosen
const changed = new Set();

/* The pack: base64 of what zlib made smaller. */
async function unpack() {
  const packed = Uint8Array.from(atob(find("pack").textContent.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  pack = await new Response(stream).arrayBuffer();
}

/* An array of the pack by its entry {type, at, length}. Of numbers of two bytes all low bytes come
   first, then all high ones. */
function unpacked({type, at, length}) {
  const low = new Uint8Array(pack, at, length);
  if (type === "uint8") return low;
  const high = new Uint8Array(pack, at + length, length);
  const numbers = Uint16Array.from(low, (byte, k) => byte + 256 * high[k]);
  return type === "float16" ? Float32Array.from(numbers, half) : numbers;
}

/* The number that 16 bits stand for: a sign, 5 bits of exponent, 10 of fraction. */
function half(bits) {
  const sign = bits >> 15 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/* A slice as the network takes it. */
function sliceMap(slice) {
  const steps = unpacked(slice.x), C = payload.channels.length;
  const data = Float32Array.from(steps, (q, k) => payload.low[k % C] + q * payload.step[k % C]);
  return {H: payload.size[0], W: payload.size[1], C, data};
}

/* The worker is made of this page's own text: a file that stands alone can load no other. */
function startWorker() {
  const text = new Blob([find("network").textContent], {type: "text/javascript"});
  worker = new Worker(URL.createObjectURL(text));
  worker.onmessage = ({data}) => receive(data);
  worker.postMessage({layers});
}

/* Ask for what follows from a change of the maps `names`. While the network is at work, changes
   gather; it is asked again when it has answered, so that the newest is always shown. */
function think(...names) {
  names.forEach((name) => changed.add(name));
  if (busy || !changed.size) return;
  busy = true;
  document.body.setAttribute("aria-busy", "true");
  worker.postMessage({
    image: changed.has("image") ? currentImage() : null, changed: [...changed],
    cuts: state.cuts, silenced: state.silenced, run,
  });
  changed.clear();
}

function receive({maps, milliseconds, run: asked}) {
  Object.assign(state.maps, maps);
  busy = false;
  if (changed.size) think();
  if (asked !== run) return; // of a slice that is gone
  if (!state.before) remember();
  find("time").textContent =
    `The network took ${Math.round(milliseconds)} ms for ${Object.keys(maps).length} maps.`;
  drawAll(Object.keys(maps));
  if (!busy) document.body.removeAttribute("aria-busy");
}

/* What the network says of the untouched slice: what later is compared with, and drawn against. */
function remember() {
  for (const [name, map] of Object.entries(state.maps)) {
    const ranges = Array.from({length: map.C}, () => [Infinity, -Infinity]);
    map.data.forEach((value, k) => {
      const range = ranges[k % map.C];
      if (value < range[0]) range[0] = value;
      if (value > range[1]) range[1] = value;
    });
    state.ranges[name] = ranges;
  }
  state.before = {...measure(), mask: predictedMask()};
}

/* Where the likeliest class is no background: the mask, a byte a pixel. */
function predictedMask() {
  const {data, C, H, W} = state.maps.probability, mask = new Uint8Array(H * W);
  for (let p = 0; p < H * W; p++) {
    if (C === 1) mask[p] = data[p] > 0.5 ? 1 : 0;
    else for (let k = 1; k < C; k++) if (data[p * C + k] > data[p * C]) mask[p] = 1;
  }
  return mask;
}

/* Dice = 2 |A ∩ B| / (|A| + |B|), where the truth is known. */
function measure() {
  const mask = predictedMask(), area = mask.reduce((a, b) => a + b, 0);
  if (!state.truth) return {area, dice: null};
  let both = 0, known = 0;
  mask.forEach((inside, p) => {
    both += inside & state.truth[p];
    known += state.truth[p];
  });
  return {area, dice: area + known ? (2 * both) / (area + known) : null};
}
