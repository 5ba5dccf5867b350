"use strict";
/* The U-Net's way forward, by hand, as minunet/plain.py has it in Python.

   A map holds H × W pixels of C channels: {H, W, C, data}, and data[(h * W + w) * C + c] is the
   number of channel c at row h, column w. A layer is {name, kind, from, w, b}: `from` lists the
   names of the maps that it reads. Weights are flat as well: of a convolution from C to F channels
   w[((i * K + j) * C + c) * F + f] belongs to row i, column j of the kernel. Normalisation has no
   layer here: with stored statistics it is one factor and one summand a channel, which have been
   multiplied into the weights and added to the bias of the convolution before it. */

function newMap(H, W, C) {
  return {H, W, C, data: new Float32Array(H * W * C)};
}

/* y[h, w, f] = b[f] + Σ over i, j, c of x[h + i − P, w + j − P, c] · w[i, j, c, f]: at each pixel,
   the kernel's weights times the numbers that it covers. Around x there are zeros. */
function convolution(x, layer, K) {
  const {w, b} = layer, F = b.length, y = newMap(x.H, x.W, F);
  const numbers = new Float64Array(K * K * x.C), rows = new Int32Array(K * K * x.C);
  for (let pixel = 0; pixel < x.H * x.W; pixel++) {
    const count = collect(x, K, Math.floor(pixel / x.W), pixel % x.W, F, numbers, rows);
    let f = 0;
    for (; f + 4 <= F; f += 4) addFour(y.data, pixel * F, f, w, b, numbers, rows, count);
    for (; f < F; f++) addOne(y.data, pixel * F, f, w, b, numbers, rows, count);
  }
  return y;
}

/* What the kernel covers at row h, column w: the numbers, and where the F weights of each begin.
   Zeros are left out, and after a ReLU that is half of them. Gives how many there are. */
function collect(x, K, h, w, F, numbers, rows) {
  const P = (K - 1) / 2;
  let count = 0;
  for (let i = 0; i < K; i++) {
    const xh = h + i - P;
    if (xh < 0 || xh >= x.H) continue; // outside of x
    for (let j = 0; j < K; j++) {
      const xw = w + j - P;
      if (xw < 0 || xw >= x.W) continue;
      for (let c = 0; c < x.C; c++) {
        const value = x.data[(xh * x.W + xw) * x.C + c];
        if (value === 0) continue;
        numbers[count] = value;
        rows[count++] = ((i * K + j) * x.C + c) * F;
      }
    }
  }
  return count;
}

/* The sum of channel f of a pixel, whose numbers in y begin at `at`. */
function addOne(y, at, f, w, b, numbers, rows, count) {
  let sum = b[f];
  for (let k = 0; k < count; k++) sum += numbers[k] * w[rows[k] + f];
  y[at + f] = sum;
}

/* The same for f to f + 3 in one go, which is quicker: nearly all of the time is spent here. */
function addFour(y, at, f, w, b, numbers, rows, count) {
  let sum0 = b[f], sum1 = b[f + 1], sum2 = b[f + 2], sum3 = b[f + 3];
  for (let k = 0; k < count; k++) {
    const value = numbers[k], row = rows[k] + f;
    sum0 += value * w[row];
    sum1 += value * w[row + 1];
    sum2 += value * w[row + 2];
    sum3 += value * w[row + 3];
  }
  y[at + f] = sum0;
  y[at + f + 1] = sum1;
  y[at + f + 2] = sum2;
  y[at + f + 3] = sum3;
}

/* ReLU, in place: what is negative becomes 0. */
function relu(y) {
  for (let k = 0; k < y.data.length; k++) if (y.data[k] < 0) y.data[k] = 0;
  return y;
}

/* Max pooling: of each 2 × 2 pixels the largest number, for each channel. */
function maxPool(x) {
  const y = newMap(x.H / 2, x.W / 2, x.C), C = x.C, below = x.W * C;
  for (let h = 0, k = 0; h < y.H; h++) {
    for (let w = 0; w < y.W; w++) {
      for (let c = 0; c < C; c++, k++) {
        const at = (2 * h * x.W + 2 * w) * C + c;
        y.data[k] = Math.max(x.data[at], x.data[at + C], x.data[at + below],
                             x.data[at + below + C]);
      }
    }
  }
  return y;
}

/* The up-convolution: each pixel becomes 2 × 2, y[2h + i, 2w + j, f] = b[f] + Σ over c of
   x[h, w, c] · w[i, j, f, c]. The weights of a corner have their axes in the other order. */
function upConvolution(x, layer) {
  const {w, b} = layer, F = b.length, C = x.C, y = newMap(2 * x.H, 2 * x.W, F);
  for (let h = 0; h < y.H; h++) {
    for (let column = 0; column < y.W; column++) {
      const corner = (2 * (h % 2) + column % 2) * F * C;
      const from = ((h >> 1) * x.W + (column >> 1)) * C, to = (h * y.W + column) * F;
      for (let f = 0; f < F; f++) {
        let sum = b[f];
        for (let c = 0; c < C; c++) sum += x.data[from + c] * w[corner + f * C + c];
        y.data[to + f] = sum;
      }
    }
  }
  return y;
}

/* A skip arrives: its channels, then those of the way up, side by side. A skip that is cut
   brings zeros. */
function concatenation(skip, up, isCut) {
  const y = newMap(up.H, up.W, skip.C + up.C);
  for (let pixel = 0; pixel < up.H * up.W; pixel++) {
    if (!isCut) {
      y.data.set(skip.data.subarray(pixel * skip.C, (pixel + 1) * skip.C), pixel * y.C);
    }
    y.data.set(up.data.subarray(pixel * up.C, (pixel + 1) * up.C), pixel * y.C + skip.C);
  }
  return y;
}

/* From logits to probabilities: 1 / (1 + e⁻ᶻ) of one logit, softmax of several. */
function probability(z) {
  const y = newMap(z.H, z.W, z.C);
  for (let start = 0; start < z.data.length; start += z.C) {
    const logits = z.data.subarray(start, start + z.C);
    if (z.C === 1) y.data[start] = 1 / (1 + Math.exp(-logits[0]));
    else {
      const largest = Math.max(...logits); // taken off, so that no power overflows
      const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
      const sum = powers.reduce((a, power) => a + power, 0);
      y.data.set(powers.map((power) => power / sum), start);
    }
  }
  return y;
}

/* Silenced channels say 0 everywhere. */
function silence(y, channels) {
  for (const c of channels || []) for (let k = c; k < y.data.length; k += y.C) y.data[k] = 0;
  return y;
}

const OPS = {
  conv: (layer, x) => relu(convolution(x, layer, 3)),
  pool: (layer, x) => maxPool(x),
  up: (layer, x) => upConvolution(x, layer),
  concat: (layer, skip, up, cuts) => concatenation(skip, up, cuts.includes(layer.level)),
  head: (layer, x) => convolution(x, layer, 1),
  probability: (layer, z) => probability(z),
};

/* The whole network. `layers` come in the order in which data meets them; `maps` holds what the
   last run left, by name, and `changed` the names of what is new since: only what reads something
   new, directly or not, is computed again. Gives the set of all that is new. */
function forward(layers, maps, cuts, silenced, changed) {
  const fresh = new Set(changed);
  for (const layer of layers) {
    if (!fresh.has(layer.name) && !layer.from.some((name) => fresh.has(name))) continue;
    const inputs = layer.from.map((name) => maps[name]);
    maps[layer.name] = silence(OPS[layer.kind](layer, ...inputs, cuts), silenced[layer.name]);
    fresh.add(layer.name);
  }
  return fresh;
}
