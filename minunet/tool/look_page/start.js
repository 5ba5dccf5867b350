/* From the reader's hands to the state; and the start. */

function drawAll(names) {
  drawScan();
  describe();
  for (const block of Object.keys(blocks)) if (names.includes(shownMap(block))) drawBlock(block);
  if (!openLevel) return open("enc1");
  if (names.includes(openLayer)) drawChannels();
  explain();
}

function chooseSlice(index) {
  const slice = payload.slices[index];
  run++;
  Object.assign(state, {slice: index, scene: sliceMap(slice), offset: [0, 0], cuts: [],
                        silenced: {}, before: null, pixel: slice.pixel,
                        truth: slice.truth ? unpacked(slice.truth) : null});
  state.paint = new Float32Array(state.scene.data.length);
  find("slice-name").textContent = `${slice.name} (${index + 1} of the ${payload.slices.length} here)`;
  find("slice").setAttribute("aria-valuetext", slice.name);
  showCuts();
  think("image", ...payload.layers.map((layer) => layer.name));
}

function chooseTool(name) {
  state.tool = name;
  canvas.style.touchAction = name === "point" ? "pan-y" : "none"; // a finger paints, or scrolls
  find("tool-help").textContent = TOOLS[name][1];
  if (state.maps.probability) drawScan();
}

function buildControls() {
  find("about").textContent = payload.about;
  const names = Object.keys(TOOLS).filter((name) => name !== "move" || payload.truth);
  for (const name of names) {
    const label = document.createElement("label"), input = document.createElement("input");
    Object.assign(input, {type: "radio", name: "tool", value: name, checked: name === state.tool});
    input.addEventListener("change", () => chooseTool(name));
    label.append(input, TOOLS[name][0]);
    find("tools").append(label);
  }
  payload.channels.forEach((name, c) => find("channel").append(new Option(name, c)));
  find("channel").value = state.channel;
  find("slice").max = payload.slices.length - 1;
  find("slice").value = payload.first;
  find("slice-line").hidden = payload.slices.length < 2;
  find("truth-key").hidden = find("dice-help").hidden = !payload.truth;
  find("channel").addEventListener("change", (event) => {
    state.channel = Number(event.target.value);
    drawScan();
    drawBlock("output");
    explain();
  });
  find("slice").addEventListener("input", (event) => chooseSlice(Number(event.target.value)));
  find("reset").addEventListener("click", () => chooseSlice(state.slice));
  const size = () => {
    state.brush = Number(find("brush").value);
    find("brush-size").textContent = `${2 * state.brush + 1} pixels`;
    if (state.maps.probability) drawScan();
  };
  find("brush").addEventListener("input", size);
  size();
}

/* The pixel under the pointer. */
function pixelAt(event) {
  const edge = canvas.getBoundingClientRect(), [H, W] = payload.size;
  const limit = (value, most) => Math.max(0, Math.min(most - 1, Math.floor(value)));
  return [limit(((event.clientY - edge.top) / edge.height) * H, H),
          limit(((event.clientX - edge.left) / edge.width) * W, W)];
}

let dragged = null; // where the tumour was taken, and how far it had been moved then

function pointer(event) {
  const pixel = pixelAt(event), held = event.buttons > 0;
  if (event.type === "pointerdown") {
    canvas.setPointerCapture(event.pointerId);
    dragged = {pixel, offset: state.offset};
  } else if (pixel[0] === state.pixel[0] && pixel[1] === state.pixel[1]) return;
  state.pixel = pixel;
  if (state.tool === "move") {
    if (held && dragged && event.type === "pointermove") {
      moveTumour(pixel.map((at, axis) => at - dragged.pixel[axis] + dragged.offset[axis]));
    }
  } else if (state.tool !== "point" && held) brush();
  drawScan();
  describePixel();
}

function scanKey(event) {
  const step = ARROWS[event.key], far = event.shiftKey ? 8 : 1;
  if (!step && event.key !== " ") return;
  event.preventDefault();
  if (step && state.tool === "move") {
    return moveTumour(state.offset.map((at, axis) => at + 2 * step[axis]));
  }
  if (step) {
    state.pixel = state.pixel.map((at, axis) =>
      Math.max(0, Math.min(payload.size[axis] - 1, at + far * step[axis])));
  } else if (!["point", "move"].includes(state.tool)) brush();
  drawScan();
  describePixel();
}

async function start() {
  await unpack();
  for (const layer of layers) {
    for (const part of ["w", "b"]) if (layer[part]) layer[part] = unpacked(layer[part]);
  }
  listBlocks();
  buildControls();
  buildU();
  drawFilters();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawFilters);
  chooseTool("point");
  for (const kind of ["pointerdown", "pointermove"]) canvas.addEventListener(kind, pointer);
  canvas.addEventListener("keydown", scanKey);
  startWorker();
  chooseSlice(payload.first);
}

start().catch((error) => {
  find("result").textContent = `This browser cannot run the page: ${error.message}. A newer one can.`;
});
