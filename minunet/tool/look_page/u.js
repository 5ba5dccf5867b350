/* The U: a picture of each block's maps, the skips between them, and a block's channels large. */

const MOSAIC = 2; // so many channels across and down in a block's picture
const blocks = {}; // by name: the layers, the last of which is drawn
const layerOf = {};
let openLevel = "", openLayer = "", openChannel = 0;

function listBlocks() {
  for (const layer of layers) {
    layerOf[layer.name] = layer;
    const name = ["head", "probability"].includes(layer.name) ? "output" : layer.name.split(".")[0];
    (blocks[name] ||= []).push(layer.name);
  }
}

/* What a block hands on: the second convolution, though in the encoder a pooling follows. */
function shownMap(block) {
  return block === "output" ? "probability" : `${block}.conv2`;
}

function buildU() {
  const u = find("u"), row = (...parts) => u.append(...parts);
  for (let level = 1; level <= payload.depth; level++) {
    row(blockButton(`enc${level}`, level), skipToggle(level), blockButton(`dec${level}`, level));
  }
  const bottom = blockButton("bottom", payload.depth + 1);
  bottom.classList.add("bottom");
  row(bottom);
  const out = blockButton("output", 1), arrow = document.createElement("div");
  arrow.className = "across";
  arrow.id = "short"; // in short what #result says, beside the output
  arrow.setAttribute("aria-hidden", "true");
  const empty = document.createElement("div");
  u.prepend(empty, arrow, out);
}

function blockButton(name, level) {
  const button = document.createElement("button"), map = document.createElement("canvas");
  button.type = "button";
  button.className = "map";
  button.id = `block-${name}`;
  // Deeper maps are smaller, though less so than in truth, so that they can be seen.
  button.style.width = `min(100%, ${11.5 - 1.5 * (level - 1)}rem)`;
  const size = document.createElement("span");
  size.className = "size";
  button.append(map, name, size);
  button.addEventListener("click", () => {
    open(name);
    find("level-title").scrollIntoView();
    find("level-title").focus({preventScroll: true});
  });
  return button;
}

function skipToggle(level) {
  const box = document.createElement("div"), button = document.createElement("button");
  box.className = "skip";
  button.type = "button";
  button.id = `skip-${level}`;
  button.textContent = `cut skip ${level}`;
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    const isCut = !state.cuts.includes(level);
    state.cuts = state.cuts.filter((other) => other !== level).concat(isCut ? level : []).sort();
    showCuts();
    think(`dec${level}.concat`);
  });
  box.append(button);
  return box;
}

function showCuts() {
  for (let level = 1; level <= payload.depth; level++) {
    const isCut = state.cuts.includes(level), button = find(`skip-${level}`);
    button.textContent = isCut ? `restore skip ${level}` : `cut skip ${level}`;
    button.setAttribute("aria-pressed", isCut);
    button.parentElement.classList.toggle("cut", isCut);
  }
}

/* The channels of a map, first those that vary most in the untouched slice. */
function ranked(name) {
  const spread = state.ranges[name].map(([low, high]) => high - low);
  return [...spread.keys()].sort((a, b) => spread[b] - spread[a]);
}

/* A block's picture: the four channels that vary most. */
function drawBlock(name) {
  const map = state.maps[shownMap(name)], ranges = state.ranges[shownMap(name)];
  const button = find(`block-${name}`), picture = button.querySelector("canvas");
  const size = button.querySelector(".size");
  size.textContent = `${map.H} × ${map.W}, ${map.C} channel${map.C > 1 ? "s" : ""}`;
  if (name === "output") return void drawOutlined(picture, 3);
  picture.width = map.W * MOSAIC;
  picture.height = map.H * MOSAIC;
  ranked(shownMap(name)).slice(0, MOSAIC ** 2).sort((a, b) => a - b).forEach((c, k) => {
    picture.getContext("2d").drawImage(grey(map, c, ranges[c]), (k % MOSAIC) * map.W,
                                       Math.floor(k / MOSAIC) * map.H);
  });
}

/* Show all channels of a block. */
function open(name) {
  openLevel = name;
  for (const block of Object.keys(blocks)) {
    find(`block-${block}`).setAttribute("aria-pressed", block === name);
  }
  find("level-title").textContent = `The channels of ${name}`;
  find("layers").replaceChildren(...blocks[name].map((layer) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = layer;
    button.dataset.layer = layer;
    button.addEventListener("click", () => openMap(layer));
    return button;
  }));
  openMap(shownMap(name));
}

const MEANING = {
  conv: "A convolution of 3 × 3 pixels and ReLU.",
  pool: "Max pooling: of each 2 × 2 pixels the largest.",
  up: "The up-convolution: each pixel becomes 2 × 2 pixels.",
  concat: "Side by side: first the channels that the skip brings, then those from below.",
  head: "The logit: a weighted sum of dec1's channels, at each pixel alone.",
  probability: "From logits to probabilities.",
};

function openMap(name) {
  openLayer = name;
  openChannel = 0;
  const {H, W} = state.maps[name]; // the same place as the pixel that is pointed at in the scan
  place = [H, W].map((size, axis) => Math.floor(state.pixel[axis] * size / payload.size[axis]));
  for (const button of find("layers").children) {
    button.setAttribute("aria-pressed", button.dataset.layer === name);
  }
  const layer = layerOf[name], {C} = state.maps[name], channels = find("channels");
  find("layer-text").textContent = `${MEANING[layer.kind]} It reads ${layer.from.join(" and ")}. ` +
    "Point at a channel to see how a number of it is made; in focus: arrow keys move the pixel, " +
    "Page Up and Page Down the channel.";
  channels.style.setProperty("--side", C > 64 ? "4.2rem" : C > 32 ? "5.5rem" : "7rem");
  channels.replaceChildren(...Array.from({length: C}, (_, c) => channelView(name, c)));
  drawChannels();
  chooseChannel(ranked(name)[0]);
  explain();
}

function channelView(name, c) {
  const view = document.createElement("div"), map = document.createElement("canvas");
  view.className = "channel";
  map.setAttribute("role", "application");
  map.setAttribute("aria-label", `Channel ${c} of ${name}`);
  map.addEventListener("pointermove", (event) => pointAt(map, c, event));
  map.addEventListener("pointerdown", (event) => pointAt(map, c, event));
  map.addEventListener("focus", () => chooseChannel(c));
  map.addEventListener("keydown", (event) => channelKey(c, event));
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = layerOf[name].kind === "probability" ? `class ${c}` : `silence ${c}`;
  button.disabled = layerOf[name].kind === "probability";
  button.addEventListener("click", () => toggleChannel(name, c));
  view.append(map, button);
  return view;
}

function toggleChannel(name, c) {
  const silent = new Set(state.silenced[name]);
  if (!silent.delete(c)) silent.add(c);
  state.silenced[name] = [...silent];
  showSilenced();
  think(name);
}

function showSilenced() {
  [...find("channels").children].forEach((view, c) => {
    const silent = (state.silenced[openLayer] || []).includes(c);
    view.classList.toggle("silenced", silent);
    view.querySelector("button").setAttribute("aria-pressed", silent);
  });
}

function drawChannels() {
  for (let c = 0; c < state.maps[openLayer].C; c++) drawChannel(c);
  showSilenced();
}

function drawChannel(c) {
  const map = state.maps[openLayer], scale = Math.max(1, Math.round(160 / map.W));
  const picture = find("channels").children[c].querySelector("canvas");
  picture.width = map.W * scale;
  picture.height = map.H * scale;
  const context = picture.getContext("2d");
  context.imageSmoothingEnabled = false;
  const pixels = grey(map, c, state.ranges[openLayer][c]);
  context.drawImage(pixels, 0, 0, picture.width, picture.height);
  if (c !== openChannel) return;
  context.beginPath();
  context.rect(place[1] * scale, place[0] * scale, scale, scale);
  stroke(context, "#ffffff", 2);
}

/* The one channel that Tab stops at: the others are reached from it. */
function chooseChannel(c) {
  const last = openChannel;
  openChannel = c;
  if (find("channels").children[last]) drawChannel(last);
  [...find("channels").children].forEach((view, other) => {
    for (const part of view.children) part.tabIndex = other === c ? 0 : -1;
  });
}

function drawFilters() {
  const layer = layers[0], F = layer.b.length, C = payload.channels.length, cell = 6;
  const picture = find("filters"), step = 4 * cell, largest = Math.max(...layer.w.map(Math.abs));
  picture.width = F * step;
  picture.height = C * step;
  const context = picture.getContext("2d");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
  context.clearRect(0, 0, picture.width, picture.height);
  layer.w.forEach((weight, k) => {
    const f = k % F, c = Math.floor(k / F) % C, place = Math.floor(k / F / C);
    context.globalAlpha = Math.abs(weight) / largest;
    context.fillStyle = colour(weight > 0 ? "--plus" : "--minus");
    context.fillRect(f * step + (place % 3) * cell, c * step + Math.floor(place / 3) * cell, cell,
                     cell);
  });
}
