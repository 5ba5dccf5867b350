"use strict";
/* How a slice is drawn: the scan, and on it the masks as outlines, filled, or as errors. */

const find = (id) => document.getElementById(id);
const page = JSON.parse(find("payload").textContent);
const {depth, rows, columns, across, aspect, words, labels} = page;
const SIDE = 1024; // pixels of the picture's longer side, however few the slice has
const THUMB = 16; // pixels, of a slider
const canvas = find("slice"), context = canvas.getContext("2d");
const small = new OffscreenCanvas(columns, rows);
const smallContext = small.getContext("2d", {willReadFrequently: true});

const filled = (mask) => `${words[mask]}, ${labels.length > 1 ? "by label" : "filled"}`;
const MODES = {
  lines: {name: "outlines", opacity: 1},
  found: {name: filled("found"), opacity: .6},
};
if (page.masks.truth) {
  MODES.truth = {name: filled("truth"), opacity: .6};
  MODES.errors = {name: words.difference, opacity: .7};
}
const state = {slice: page.first, channel: page.shown, mode: "lines", marks: true};

async function load(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

/* Where slice d lies in a sheet. */
const corner = (d) => [(d % across) * columns, Math.floor(d / across) * rows];

/* The labels of slice d, numbers from 0, a byte a pixel; null for a mask that is not known. */
function labelsOf(name, d) {
  const mask = page.masks[name];
  if (!mask) return null;
  smallContext.clearRect(0, 0, columns, rows);
  smallContext.drawImage(mask.image, ...corner(d), columns, rows, 0, 0, columns, rows);
  const {data} = smallContext.getImageData(0, 0, columns, rows);
  return Uint8Array.from({length: rows * columns}, (_, p) => data[4 * p]);
}

function draw() {
  const {width, height} = canvas;
  context.globalAlpha = 1;
  context.fillStyle = "rgb(60, 60, 60)";
  context.fillRect(0, 0, width, height);
  const channel = page.channels[state.channel];
  context.imageSmoothingEnabled = true;
  if (channel) {
    context.drawImage(channel.image, ...corner(state.slice), columns, rows, 0, 0, width, height);
  }
  if (state.marks) drawMarks();
}

function drawMarks() {
  const found = labelsOf("found", state.slice), truth = labelsOf("truth", state.slice);
  context.globalAlpha = MODES[state.mode].opacity;
  if (state.mode === "lines") {
    // Beneath an outline that agrees, a wider one still shows on both sides.
    if (truth) outline(truth, page.colors.truth, 7);
    outline(found, page.colors.found, 3);
  } else if (state.mode === "errors") {
    const kind = (p) => found[p] ? (truth[p] ? "hit" : "false_alarm") : truth[p] ? "missed" : null;
    fill((p) => page.colors[kind(p)]);
  } else {
    const mask = state.mode === "truth" ? truth : found;
    fill((p) => mask[p] ? colourOf(mask[p]) : null);
  }
}

/* The colour of a label; a single one has that of the mask's outline. */
const colourOf = (label) =>
  labels.length > 1 ? labels[label - 1].color : page.colors[state.mode];

/* Give each pixel of the slice the colour "#rrggbb" that is said of it, or none. */
function fill(colour) {
  const image = smallContext.createImageData(columns, rows);
  for (let p = 0; p < rows * columns; p++) {
    const hex = colour(p);
    if (!hex) continue;
    for (let k = 0; k < 3; k++) image.data[4 * p + k] = parseInt(hex.slice(2 * k + 1, 2 * k + 3), 16);
    image.data[4 * p + 3] = 255;
  }
  smallContext.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}

/* A line along every side of a pixel that parts inside from outside. */
function outline(mask, colour, width) {
  const x = canvas.width / columns, y = canvas.height / rows;
  const inside = (r, c) => r >= 0 && c >= 0 && r < rows && c < columns && mask[r * columns + c] > 0;
  context.beginPath();
  for (let r = 0; r <= rows; r++) {
    for (let c = 0; c <= columns; c++) {
      if (inside(r, c) !== inside(r, c - 1)) {
        context.moveTo(c * x, r * y);
        context.lineTo(c * x, (r + 1) * y);
      }
      if (inside(r, c) !== inside(r - 1, c)) {
        context.moveTo(c * x, r * y);
        context.lineTo((c + 1) * x, r * y);
      }
    }
  }
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.lineCap = "round";
  context.stroke();
}

/* Above the slider: how much is marked in each slice, as bars, and a mark where the reader is. If
   there is a truth, the bars are of it, and a line over them is what was found. */
function drawProfile() {
  const profile = find("profile"), paper = profile.getContext("2d");
  profile.width = profile.clientWidth * devicePixelRatio;
  profile.height = profile.clientHeight * devicePixelRatio;
  const {width, height} = profile, edge = THUMB / 2 * devicePixelRatio;
  const step = (width - 2 * edge) / Math.max(1, depth - 1);
  const left = (d) => edge + (d - .5) * step; // as the slider's thumb goes
  const {found, truth} = page.masks;
  const most = Math.max(1, ...found.voxels, ...(truth ? truth.voxels : []));
  const top = (voxels) => height - (voxels && Math.max(3, voxels / most * (height - 3)));
  paper.fillStyle = page.colors[truth ? "truth" : "found"];
  (truth || found).voxels.forEach((voxels, d) => {
    paper.fillRect(left(d), top(voxels), step + .5, height);
  });
  if (truth) {
    paper.beginPath();
    found.voxels.forEach((voxels, d) => {
      paper.lineTo(left(d), top(voxels));
      paper.lineTo(left(d + 1), top(voxels));
    });
    paper.strokeStyle = page.colors.found;
    paper.lineWidth = 2.5 * devicePixelRatio;
    paper.stroke();
  }
  paper.fillStyle = getComputedStyle(document.body).color;
  paper.fillRect(0, height - 1, width, 1);
  paper.fillRect(left(state.slice + .5) - 1, 0, 2, height);
}
