/* Changes to the scan: brushes, and the tumour taken from its place and put elsewhere. */

const TOOLS = {
  point: ["Point", "Point at a pixel to see its receptive field. Nothing outside the dashed box can " +
    "change what the network says of it; where the scan glows, it really does. (The glow is that of " +
    "the untouched slice and network, for the nearest point of a coarse grid.) With a small field " +
    "the network would see a patch, and could not tell a tumour from bone or an eye."],
  brighter: ["Brighter", "Paint brighter: in FLAIR, for one, a tumour is bright."],
  darker: ["Darker", "Paint darker."],
  erase: ["Erase", "Erase what is there: the brush leaves the mean of its surroundings."],
  restore: ["Restore", "The brush gives back the scan as it was."],
  move: ["Move the tumour", "Drag the tumour to another place; what it leaves is filled from its " +
    "border. With the arrow keys it moves by two pixels."],
};
const STRENGTH = 0.35; // standard deviations of the tissue, each time that the brush passes

/* The scan with the tumour where it is now, and what was painted. */
function currentImage() {
  const {scene, paint} = state;
  return {...scene, data: scene.data.map((value, k) => value + paint[k])};
}

/* Use the brush around the pixel. */
function brush() {
  const [H, W] = payload.size, [row, column] = state.pixel, r = state.brush;
  const image = currentImage(), C = image.C;
  const channels = find("one-channel").checked ? [state.channel] : [...Array(C).keys()];
  const around = state.tool === "erase" ? surroundings(image, row, column, r) : null;
  for (let h = Math.max(0, row - r); h <= Math.min(H - 1, row + r); h++) {
    for (let w = Math.max(0, column - r); w <= Math.min(W - 1, column + r); w++) {
      const softness = Math.min(1, r + 1 - Math.hypot(h - row, w - column)); // 0 at the rim
      if (softness <= 0) continue;
      for (const c of channels) {
        const k = (h * W + w) * C + c;
        state.paint[k] += softness * stepOf(image.data[k], k, c, around);
      }
    }
  }
  think("image");
}

/* How much the brush changes a number; brightness stays within what the scan has. */
function stepOf(value, k, c, around) {
  const low = payload.low[c], high = payload.high[c];
  if (state.tool === "brighter") return Math.min(STRENGTH, high - value);
  if (state.tool === "darker") return Math.max(-STRENGTH, low - value);
  if (state.tool === "erase") return around[c] - value;
  return -state.paint[k];
}

/* The mean of each channel in a ring around the brush. */
function surroundings({data, H, W, C}, row, column, r) {
  const sums = new Array(C).fill(0);
  let count = 0;
  for (let h = Math.max(0, row - r - 3); h <= Math.min(H - 1, row + r + 3); h++) {
    for (let w = Math.max(0, column - r - 3); w <= Math.min(W - 1, column + r + 3); w++) {
      const distance = Math.hypot(h - row, w - column);
      if (distance <= r || distance > r + 3) continue;
      count++;
      for (let c = 0; c < C; c++) sums[c] += data[(h * W + w) * C + c];
    }
  }
  return sums.map((sum) => sum / count);
}

/* Put the tumour `offset` pixels below and to the right of where it was found. */
function moveTumour(offset) {
  const slice = payload.slices[state.slice], [H, W] = payload.size;
  const original = sliceMap(slice), truth = unpacked(slice.truth), {C} = original;
  state.offset = offset;
  state.truth = new Uint8Array(H * W);
  state.scene = {...original, data: filled(original, grown(truth))};
  const rim = grown(truth);
  for (let p = 0; p < H * W; p++) {
    const h = Math.floor(p / W) + offset[0], w = (p % W) + offset[1], q = h * W + w;
    if (!rim[p] || h < 0 || w < 0 || h >= H || w >= W) continue;
    const share = truth[p] ? 1 : 0.5; // the rim is half the tumour's, half the new place's
    if (truth[p]) state.truth[q] = 1;
    for (let c = 0; c < C; c++) {
      const there = state.scene.data[q * C + c];
      state.scene.data[q * C + c] = there + share * (original.data[p * C + c] - there);
    }
  }
  think("image");
}

/* A mask and the pixels that touch it. */
function grown(mask) {
  const [H, W] = payload.size;
  return mask.map((inside, p) => {
    const h = Math.floor(p / W), w = p % W;
    return inside || (h && mask[p - W]) || (h < H - 1 && mask[p + W]) || (w && mask[p - 1]) ||
      (w < W - 1 && mask[p + 1]) ? 1 : 0;
  });
}

/* Fill a hole so that each pixel becomes the mean of its four neighbours: a soap film. */
function filled({data, H, W, C}, hole) {
  const result = data.slice(), inside = [];
  hole.forEach((isHole, p) => isHole && inside.push(p));
  for (let sweep = 0; sweep < 200; sweep++) {
    for (const p of inside) {
      const neighbours = [];
      if (p >= W) neighbours.push(p - W);
      if (p < (H - 1) * W) neighbours.push(p + W);
      if (p % W) neighbours.push(p - 1);
      if ((p + 1) % W) neighbours.push(p + 1);
      for (let c = 0; c < C; c++) {
        const sum = neighbours.reduce((total, q) => total + result[q * C + c], 0);
        result[p * C + c] = sum / neighbours.length;
      }
    }
  }
  return result;
}
