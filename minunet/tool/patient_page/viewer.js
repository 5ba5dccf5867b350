/* What the reader does: slices, channels, marks. */

const number = (count) => count.toLocaleString("en-US");

function show() {
  draw();
  drawProfile();
  find("number").value = state.slice + 1;
  const file = page.slices[state.slice];
  const marked = Object.entries(page.masks).map(([name, mask]) =>
    `${words[name]} ${number(mask.voxels[state.slice])}`);
  find("where").textContent = `Slice ${state.slice + 1} of ${depth}${file ? `: ${file}` : ""}. ` +
    `Pixels: ${marked.join(", ")}.`;
}

function goTo(d) {
  const slice = Math.min(Math.max(d, 0), depth - 1);
  if (slice === state.slice) return;
  state.slice = slice;
  show();
}

function chooseMode(mode) {
  state.mode = mode;
  find("mode").value = mode;
  const percent = Math.round(100 * MODES[mode].opacity);
  find("opacity").value = percent;
  find("opacity-value").textContent = `${percent} %`;
  const {colors} = page;
  const keys = {
    lines: [[words.found, colors.found], ...(page.masks.truth ? [[words.truth, colors.truth]] : [])],
    errors: ["hit", "missed", "false_alarm"].map((name) => [words[name], colors[name]]),
  }[mode] || (labels.length === 1 ? [[words[mode], colors[mode]]] :
    labels.map(({name, color}) => [name, color]));
  find("legend").replaceChildren(...keys.map(([name, colour]) => {
    const entry = document.createElement("li"), key = document.createElement("span");
    key.className = "key";
    key.style.background = colour;
    entry.append(key, ` ${name}`);
    return entry;
  }));
}

function chooseChannel(c) {
  state.channel = c;
  find("channel").value = c;
}

function toggleMarks(shown = !state.marks) {
  state.marks = shown;
  find("marks").checked = shown;
}

function fillSelect(select, names) {
  select.replaceChildren(...names.map(([value, name]) => new Option(name, value)));
}

const KEYS = {
  ArrowRight: () => goTo(state.slice + 1), ArrowUp: () => goTo(state.slice + 1),
  ArrowLeft: () => goTo(state.slice - 1), ArrowDown: () => goTo(state.slice - 1),
  PageUp: () => goTo(state.slice + 10), PageDown: () => goTo(state.slice - 10),
  Home: () => goTo(0), End: () => goTo(depth - 1),
  m: () => { toggleMarks(); show(); },
  c: () => {
    if (page.channels.length < 2) return;
    chooseChannel((state.channel + 1) % page.channels.length);
    show();
  },
};

function listen() {
  find("number").addEventListener("input", (event) => goTo(event.target.value - 1));
  find("channel").addEventListener("change", (event) => {
    chooseChannel(Number(event.target.value));
    show();
  });
  find("mode").addEventListener("change", (event) => {
    chooseMode(event.target.value);
    toggleMarks(true);
    show();
  });
  find("marks").addEventListener("change", (event) => { toggleMarks(event.target.checked); show(); });
  find("opacity").addEventListener("input", (event) => {
    MODES[state.mode].opacity = event.target.value / 100;
    chooseMode(state.mode);
    show();
  });
  document.addEventListener("keydown", (event) => {
    const own = ["SELECT", "INPUT"].includes(event.target.tagName); // arrows are theirs
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[key]) return;
    if (own && (key.length > 1 || event.target.tagName === "SELECT")) return;
    event.preventDefault();
    KEYS[key]();
  });
  listenToWheel();
  listenToDrag();
  new ResizeObserver(drawProfile).observe(find("profile"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawProfile);
}

/* A notch of a mouse is one slice; a touchpad sends many small steps, which add up. */
function listenToWheel() {
  let turned = 0;
  find("stage").addEventListener("wheel", (event) => {
    if (event.ctrlKey) return; // it zooms the page
    event.preventDefault();
    const pixels = event.deltaMode === 0 ? event.deltaY : 40 * event.deltaY;
    turned = Math.sign(turned) === Math.sign(pixels) ? turned + pixels : pixels;
    if (Math.abs(turned) < 40) return;
    goTo(state.slice - Math.sign(turned));
    turned = 0;
  }, {passive: false});
}

/* Across the picture, by finger or mouse: its width is all slices, at 2 to 12 pixels a slice. */
function listenToDrag() {
  let from = null;
  canvas.addEventListener("pointerdown", (event) => {
    from = {x: event.clientX, slice: state.slice};
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!from) return;
    const step = Math.min(12, Math.max(2, canvas.clientWidth / depth));
    goTo(from.slice + Math.round((event.clientX - from.x) / step));
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => { from = null; });
  }
}

async function start() {
  const pictures = [...page.channels, ...Object.values(page.masks)];
  await Promise.all(pictures.map(async (one) => { one.image = await load(one.url); }));
  canvas.width = Math.round(aspect > 1 ? SIDE / aspect : SIDE);
  canvas.height = Math.round(aspect > 1 ? SIDE : SIDE * aspect);
  find("number").max = depth;
  fillSelect(find("channel"), page.channels.map(({name}, c) => [c, name]));
  find("channel-line").hidden = find("channel-key").hidden = page.channels.length < 2;
  fillSelect(find("mode"), Object.entries(MODES).map(([mode, {name}]) => [mode, name]));
  find("through").hidden = find("ways").hidden = depth < 2;
  find("viewer").hidden = find("controls").hidden = false;
  chooseChannel(state.channel);
  chooseMode(page.channels.length ? "lines" : "found"); // without a scan there is nothing below
  listen();
  show();
  document.body.dataset.ready = "yes";
}

start();
