/* The scan: drawn with both outlines, and with the field of the pixel that is pointed at. */

const canvas = find("scan");
const scratch = document.createElement("canvas"); // a pixel of it is a pixel of a map

/* A map's channel as a picture of grey, on `scratch`. */
function grey(map, c, [low, high]) {
  scratch.width = map.W;
  scratch.height = map.H;
  const picture = new ImageData(map.W, map.H), scale = high > low ? 255 / (high - low) : 0;
  for (let p = 0; p < map.W * map.H; p++) {
    const value = (map.data[p * map.C + c] - low) * scale;
    picture.data.set([value, value, value, 255], 4 * p);
  }
  scratch.getContext("2d").putImageData(picture, 0, 0);
  return scratch;
}

function drawScan() {
  const [H, W] = payload.size, scale = Math.max(1, Math.floor(768 / Math.max(H, W)));
  if (canvas.width !== W * scale) canvas.width = W * scale;
  if (canvas.height !== H * scale) canvas.height = H * scale;
  const context = canvas.getContext("2d"), c = state.channel;
  context.imageSmoothingEnabled = false;
  const range = [payload.low[c], payload.low[c] + 65535 * payload.step[c]];
  context.drawImage(grey(currentImage(), c, range), 0, 0, canvas.width, canvas.height);
  if (state.tool === "point") drawField(context, scale);
  if (state.truth) drawOutline(context, state.truth, scale, "#56b4e9");
  if (state.maps.probability) drawOutline(context, predictedMask(), scale, "#e69f00");
  drawCursor(context, scale);
}

/* The edges between pixels inside and outside of a mask. */
function drawOutline(context, mask, scale, colour) {
  const [H, W] = payload.size;
  const at = (h, w) => (h < 0 || w < 0 || h >= H || w >= W ? 0 : mask[h * W + w]);
  context.beginPath();
  for (let h = 0; h <= H; h++) {
    for (let w = 0; w <= W; w++) {
      if (at(h, w) !== at(h - 1, w)) line(w, h, w + 1, h);
      if (at(h, w) !== at(h, w - 1)) line(w, h, w, h + 1);
    }
  }
  function line(x, y, toX, toY) {
    context.moveTo(x * scale, y * scale);
    context.lineTo(toX * scale, toY * scale);
  }
  stroke(context, colour, 3);
}

/* A coloured line with a dark rim: seen on bright tissue and on dark. */
function stroke(context, colour, width, dash = []) {
  context.setLineDash(dash);
  for (const [style, extra] of [["rgba(0, 0, 0, 0.6)", 2], [colour, 0]]) {
    context.strokeStyle = style;
    context.lineWidth = width + extra;
    context.stroke();
  }
  context.setLineDash([]);
}

/* The point of the coarse grid nearest to the pixel, for which page.py has found the effect. */
function gridPoint() {
  const nearest = (points, i) => points.reduce(
    (best, point, k) => (Math.abs(point - i) < Math.abs(points[best] - i) ? k : best), 0);
  const {rows, columns} = payload.field;
  return nearest(rows, state.pixel[0]) * columns.length + nearest(columns, state.pixel[1]);
}

function drawField(context, scale) {
  const {effect} = payload.slices[state.slice], [H, W] = payload.size, cell = payload.field.cell;
  const h = H / cell, w = W / cell, point = gridPoint();
  const heat = unpacked(effect).subarray(point * h * w, (point + 1) * h * w);
  heat.forEach((value, p) => {
    if (!value) return;
    context.fillStyle = `rgba(224, 63, 176, ${(0.8 * value) / payload.field.levels})`;
    context.fillRect((p % w) * cell * scale, Math.floor(p / w) * cell * scale, cell * scale,
                     cell * scale);
  });
  const [top, bottom, left, right] = box();
  context.beginPath();
  context.rect(left * scale + 1, top * scale + 1, (right - left + 1) * scale - 2,
               (bottom - top + 1) * scale - 2);
  stroke(context, "#ffffff", 2, [8, 6]);
}

/* In theory the pixel depends on these rows and columns, first and last. */
function box() {
  const {low, high} = payload.field, [row, column] = state.pixel;
  return [low[0][row], high[0][row], low[1][column], high[1][column]];
}

function drawCursor(context, scale) {
  const [row, column] = state.pixel, painting = !["point", "move"].includes(state.tool);
  if (state.tool === "move") return;
  context.beginPath();
  if (painting) {
    context.arc((column + 0.5) * scale, (row + 0.5) * scale, state.brush * scale, 0, 7);
  } else context.rect(column * scale, row * scale, scale, scale);
  stroke(context, "#ffffff", 2);
}

/* In words what the picture shows. */
function describe() {
  const now = measure(), was = state.before, text = [];
  const share = (value) => (value === null ? "none, there is no tumour" : value.toFixed(2));
  if (state.truth) text.push(`Dice ${share(now.dice)}`);
  text.push(`${now.area} pixels within the outline`);
  const same = now.area === was.area && now.dice === was.dice;
  const before = state.truth ? `Dice ${share(was.dice)}, ${was.area} pixels` : `${was.area} pixels`;
  const cuts = state.cuts.length ? `Cut: skip ${state.cuts.join(", ")}. ` : "";
  find("result").textContent = `${cuts}${text.join(", ")}.` + (same ? "" : ` Before: ${before}.`);
  describePixel();
}

function describePixel() {
  const [row, column] = state.pixel, {data, C} = state.maps.probability;
  const at = (row * payload.size[1] + column) * C;
  const probability = C === 1 ? data[at] : 1 - data[at]; // of several the first is background
  const [top, bottom, left, right] = box(), {sides} = payload.slices[state.slice];
  const [half, most] = sides[gridPoint()];
  find("where").textContent =
    `Pixel in row ${row}, column ${column}: tumour with probability ${probability.toFixed(2)}. ` +
    `In theory it sees ${bottom - top + 1} × ${right - left + 1} pixels, rows ${top} to ` +
    `${bottom}, columns ${left} to ${right}. In effect half of what counts lies within ` +
    `${half} × ${half} pixels around it, 95 % within ${most} × ${most}.`;
}
