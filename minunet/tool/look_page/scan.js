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
  const context = drawOutlined(canvas, scale, state.tool === "point" ? drawField : null);
  drawCursor(context, scale);
}

/* The slice with its outlines on any canvas; `under` draws what lies beneath the outlines. */
function drawOutlined(picture, scale, under) {
  const [H, W] = payload.size, c = state.channel, context = picture.getContext("2d");
  picture.width = W * scale;
  picture.height = H * scale;
  context.imageSmoothingEnabled = false;
  const slice = grey(currentImage(), c, [payload.low[c], payload.high[c]]);
  context.drawImage(slice, 0, 0, picture.width, picture.height);
  if (under) under(context, scale);
  const width = picture === canvas ? 3 : 2;
  if (state.truth) drawOutline(context, state.truth, scale, "#56b4e9", width);
  if (!state.before) return context;
  const mask = predictedMask();
  const same = mask.every((inside, p) => inside === state.before.mask[p]);
  find("before-key").hidden = same;
  if (!same) {
    drawOutline(context, state.before.mask, scale, "#f5d491", 1, [2, 4]);
  }
  drawOutline(context, mask, scale, "#e69f00", width);
  return context;
}

/* The edges between pixels inside and outside of a mask. */
function drawOutline(context, mask, scale, colour, width, dash) {
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
  stroke(context, colour, width, dash);
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

/* The pixel of the coarse grid nearest to the one that is pointed at: page.py has found what it
   sees in effect. Gives its number in the grid, its row and its column. */
function gridPoint() {
  const nearest = (points, i) => points.reduce(
    (best, point, k) => (Math.abs(point - i) < Math.abs(points[best] - i) ? k : best), 0);
  const {rows, columns} = payload.field;
  const i = nearest(rows, state.pixel[0]), j = nearest(columns, state.pixel[1]);
  return [i * columns.length + j, rows[i], columns[j]];
}

function drawField(context, scale) {
  const {effect} = payload.slices[state.slice], [H, W] = payload.size, cell = payload.field.cell;
  const h = H / cell, w = W / cell, [point, row, column] = gridPoint();
  const heat = unpacked(effect).subarray(point * h * w, (point + 1) * h * w);
  heat.forEach((value, p) => {
    if (!value) return;
    context.fillStyle = `rgba(224, 63, 176, ${(0.85 * value) / payload.field.levels})`;
    context.fillRect((p % w) * cell * scale, Math.floor(p / w) * cell * scale, cell * scale,
                     cell * scale);
  });
  context.beginPath();
  context.arc((column + 0.5) * scale, (row + 0.5) * scale, 0.4 * scale, 0, 7);
  stroke(context, "#e03fb0", 2);
  drawBox(context, scale, box("head", state.pixel));
}

function drawBox(context, scale, [top, bottom, left, right]) {
  context.beginPath();
  context.rect(left * scale + 1, top * scale + 1, (right - left + 1) * scale - 2,
               (bottom - top + 1) * scale - 2);
  stroke(context, "#ffffff", 2, [8, 6]);
}

/* In theory a number of a map depends on these rows and columns of the scan, first and last. */
function box(name, [row, column]) {
  const [rows, columns] = payload.size.map((size) => reach(name, size));
  return [rows.low[row], rows.high[row], columns.low[column], columns.high[column]];
}

/* Along one axis: the first and the last pixel of the scan that each pixel of a map sees. A
   convolution sees one further on both sides, pooling two as one, and a skip, which has seen less,
   changes nothing of what comes from below. */
function reach(name, size) {
  if (name === "image") return {low: [...Array(size).keys()], high: [...Array(size).keys()]};
  const {kind, from} = layerOf[name], [{low, high}, below] = from.map((one) => reach(one, size));
  if (kind === "conv") {
    return {low: [low[0], ...low.slice(0, -1)], high: [...high.slice(1), high[high.length - 1]]};
  }
  if (kind === "pool") {
    return {low: low.filter((_, i) => i % 2 === 0), high: high.filter((_, i) => i % 2)};
  }
  if (kind === "up") {
    return {low: low.flatMap((i) => [i, i]), high: high.flatMap((i) => [i, i])};
  }
  if (kind === "concat") {
    return {low: low.map((i, k) => Math.min(i, below.low[k])),
            high: high.map((i, k) => Math.max(i, below.high[k]))};
  }
  return {low, high};
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
  const share = (value) => (value === null ? "–" : value.toFixed(2));
  if (state.truth) text.push(`Dice ${share(now.dice)}`);
  text.push(`${now.area} pixels within the outline`);
  const same = now.area === was.area && now.dice === was.dice;
  const before = state.truth ? `Dice ${share(was.dice)}, ${was.area} pixels` : `${was.area} pixels`;
  find("short").textContent = (state.truth ? `Dice ${share(now.dice)}` : `${now.area} pixels`) +
    (same ? "" : ` (before ${state.truth ? share(was.dice) : was.area})`);
  const cuts = state.cuts.length ? `Cut: skip ${state.cuts.join(", ")}. ` : "";
  find("result").textContent = `${cuts}${text.join(", ")}.` + (same ? "" : ` Before: ${before}.`);
  describePixel();
}

function describePixel() {
  const [row, column] = state.pixel, {data, C} = state.maps.probability;
  const at = (row * payload.size[1] + column) * C;
  const probability = C === 1 ? data[at] : 1 - data[at]; // of several the first is background
  const [top, bottom, left, right] = box("head", state.pixel);
  const {sides} = payload.slices[state.slice];
  const [point, gridRow, gridColumn] = gridPoint(), [half, most] = sides[point];
  const exact = gridRow === row && gridColumn === column;
  const nearby = exact ? "" : ` (found at row ${gridRow}, column ${gridColumn})`;
  find("where").textContent =
    `Pixel in row ${row}, column ${column}: tumour with probability ${probability.toFixed(2)} ` +
    "(above 0.5 it lies within the outline). " +
    `In theory it sees ${sees(top, bottom, left, right)}. In effect, before any ` +
    `change${nearby}, half of what counts lies within ${half} × ${half} pixels around it, 95 % within ${most} × ${most}.`;
}

function sees(top, bottom, left, right) {
  const [H, W] = payload.size, rows = bottom - top + 1, columns = right - left + 1;
  return `${rows} × ${columns} pixels` + (rows === H && columns === W ? ", the whole slice"
    : ` (rows ${top} to ${bottom}, columns ${left} to ${right})`);
}
