/* How one number of a map is made: what it reads, the weights, and the sum. */

let place = [0, 0]; // row and column in the open map

function pointAt(picture, c, event) {
  const map = state.maps[openLayer], edge = picture.getBoundingClientRect();
  const limit = (value, size) => Math.max(0, Math.min(size - 1, Math.floor(value)));
  place = [limit(((event.clientY - edge.top) / edge.height) * map.H, map.H),
           limit(((event.clientX - edge.left) / edge.width) * map.W, map.W)];
  chooseChannel(c);
  explain();
}

const ARROWS = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]};

function channelKey(c, event) {
  const map = state.maps[openLayer], step = ARROWS[event.key];
  const turn = {PageUp: -1, PageDown: 1}[event.key];
  if (!step && !turn) return;
  event.preventDefault();
  if (turn) {
    const next = (c + turn + map.C) % map.C;
    find("channels").children[next].querySelector("canvas").focus();
  } else {
    place = place.map((at, axis) =>
      Math.max(0, Math.min([map.H, map.W][axis] - 1, at + step[axis])));
  }
  explain();
}

const digits = (value) => value.toFixed(Math.abs(value) < 10 ? 2 : 1).replace("-", "−");

/* Show the sum for the pixel `place` of the channel `openChannel`. */
function explain() {
  const layer = layerOf[openLayer], map = state.maps[openLayer];
  drawChannel(openChannel);
  drawSeen();
  const value = map.data[(place[0] * map.W + place[1]) * map.C + openChannel];
  const head = paragraph(`${openLayer}, channel ${openChannel}, row ${place[0]}, column ` +
    `${place[1]}: ${digits(value)}`);
  find("sum").replaceChildren(head, ...PARTS[layer.kind](layer, value));
}

/* The part of the scan that the number depends on. */
function drawSeen() {
  const name = openLayer === "probability" ? "head" : openLayer, seen = box(name, place);
  drawOutlined(find("seen"), 3, (context) => drawBox(context, 3, seen));
  find("seen-text").textContent = `It sees ${sees(...seen)} of the scan.`;
}

const PARTS = {
  conv: (layer, value) => weightedSum(layer, value, 3),
  head: (layer, value) => weightedSum(layer, value, 1),
  up: (layer, value) => upSum(layer, value),
  pool: (layer) => {
    const numbers = patch(state.maps[layer.from[0]], openChannel, 2, 2 * place[0], 2 * place[1]);
    return [table("These four, and the largest of them goes on:", numbers, 2)];
  },
  concat: (layer) => {
    const skip = state.maps[layer.from[0]].C, fromSkip = openChannel < skip;
    return [paragraph(`A copy of channel ${fromSkip ? openChannel : openChannel - skip} of ` +
      `${layer.from[fromSkip ? 0 : 1]}` +
      (fromSkip && state.cuts.includes(layer.level) ? ", but the skip is cut: 0." : "."))];
  },
  probability: (layer) => {
    const logits = patchOfAll(state.maps.head);
    return [paragraph(logits.length === 1
      ? `1 / (1 + e⁻ᶻ) of the logit z = ${digits(logits[0])}.`
      : `The softmax of the logits ${logits.map(digits).join(", ")}.`)];
  },
};

/* K × K numbers of channel c, from row h and column w on; zeros outside. */
function patch({data, H, W, C}, c, K, h, w) {
  return Array.from({length: K * K}, (_, k) => {
    const row = h + Math.floor(k / K), column = w + (k % K);
    const outside = row < 0 || column < 0 || row >= H || column >= W;
    return outside ? 0 : data[(row * W + column) * C + c];
  });
}

function patchOfAll({data, W, C}) {
  const start = (place[0] * W + place[1]) * C;
  return Array.from(data.subarray(start, start + C));
}

/* A convolution: the channel of the input that counts most here in full, all of them in sum. */
function weightedSum(layer, value, K) {
  const input = state.maps[layer.from[0]], F = layer.b.length, P = (K - 1) / 2;
  const parts = Array.from({length: input.C}, (_, c) => {
    const numbers = patch(input, c, K, place[0] - P, place[1] - P);
    const weights = numbers.map((_, k) => layer.w[(k * input.C + c) * F + openChannel]);
    const products = numbers.map((number, k) => number * weights[k]);
    return {c, numbers, weights, products, sum: products.reduce((a, b) => a + b, 0)};
  });
  const most = parts.reduce((a, b) => (Math.abs(b.sum) > Math.abs(a.sum) ? b : a));
  const all = parts.reduce((total, part) => total + part.sum, 0), bias = layer.b[openChannel];
  const total = all + bias, isRelu = layer.kind === "conv";
  return [
    paragraph(`Channel ${most.c} of ${layer.from[0]} counts most here. It sees`),
    sideBySide(table("these numbers,", most.numbers, K), table("times the weights", most.weights, K),
               table(`make ${digits(most.sum)} in sum`, most.products, K)),
    paragraph(`${input.C > 1 ? `All ${input.C} channels: ${digits(all)}. ` : ""}Plus the bias ` +
      `${digits(bias)}: ${digits(total)}.${isRelu ? ` ReLU: ${digits(Math.max(0, total))}.` : ""}` +
      silencedNote(value, isRelu ? Math.max(0, total) : total)),
  ];
}

function silencedNote(value, expected) {
  return value === 0 && expected !== 0 ? " The channel is silenced: 0." : "";
}

function upSum(layer, value) {
  const input = state.maps[layer.from[0]], {C} = input, F = layer.b.length;
  const [h, w] = place.map((at) => at >> 1), corner = 2 * (place[0] % 2) + (place[1] % 2);
  let sum = layer.b[openChannel];
  for (let c = 0; c < C; c++) {
    sum += input.data[(h * input.W + w) * C + c] * layer.w[(corner * F + openChannel) * C + c];
  }
  const side = `${place[0] % 2 ? "lower" : "upper"} ${place[1] % 2 ? "right" : "left"}`;
  return [paragraph(`It is the ${side} of the four pixels that row ${h}, column ${w} of ` +
    `${layer.from[0]} becomes: its ${C} channels times the weights of this corner, plus the bias ` +
    `${digits(layer.b[openChannel])}, make ${digits(sum)}.${silencedNote(value, sum)} Each corner ` +
    "has weights of its own: that is why these maps are chequered.")];
}

function sideBySide(...tables) {
  const element = document.createElement("div");
  element.className = "side-by-side";
  element.append(...tables);
  return element;
}

function paragraph(text) {
  const element = document.createElement("p");
  element.textContent = text;
  return element;
}

function table(caption, numbers, K) {
  const element = document.createElement("table");
  element.createCaption().textContent = caption;
  for (let i = 0; i < K; i++) {
    const row = element.insertRow();
    for (let j = 0; j < K; j++) row.insertCell().textContent = digits(numbers[i * K + j]);
  }
  return element;
}
