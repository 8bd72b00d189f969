const at = (id) => document.getElementById(id);
const { key, most } = document.body.dataset;
let file = null, running = false, wanted = null, heat = null, asked = 0;

const number = (value) => Math.round(value).toLocaleString("en");
const size = (bytes) => bytes < 10000 ? number(bytes) + " bytes" : bytes < 1e6 ? (bytes / 1000).toFixed(1) + " kB" : (bytes / 1e6).toFixed(2) + " MB";
const seconds = (value) => value < 1 ? Math.round(1000 * value) + " ms" : value.toFixed(1) + " s";

function say(text, busy = false) {
  at("message").textContent = text;
  at("message").classList.toggle("busy", busy);
  at("message").hidden = !text;
}

async function post(path, body) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", body, headers: { "X-Tinify-Key": key } });
  } catch {
    throw new Error("The server does not answer. Is `tinify demo --serve` still running?");
  }
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  return found;
}

async function open(path, body, name) {
  const own = ++asked;
  say("Reading " + name + " …", true);
  try {
    const found = await post(path, body);
    if (own === asked) show(found);
  } catch (error) {
    if (own === asked) say(error.message);
  }
}

function give(given) {
  if (!given) return;
  if (given.size > most * 2 ** 20) return say(given.name + " has " + size(given.size) + "; this page takes up to " + most + " MB. The command has no such limit.");
  open("/signal?name=" + encodeURIComponent(given.name), given, given.name);
}

function show(found) {
  file = found;
  document.body.classList.add("given");
  const picture = file.kind === "image", shape = file.shape;
  at("title").textContent = file.name;
  at("about").textContent = (picture
    ? shape[1] + " × " + shape[0] + " pixels"
    : number(shape[0]) + " rows of " + shape[1] + (shape[1] === 1 ? " channel, " : " channels, ") + file.dtype)
    + ", " + size(file.bytes) + " as a file." + file.notes.map((note) => " Note: " + note + ".").join("");
  at("codec").replaceChildren(...file.codecs.map((codec) => new Option(codec.name, codec.name)));
  at("channel").replaceChildren(...file.names.slice(0, 500).map((name, place) => new Option(name, place)));
  at("channel-label").hidden = file.names.length < 2;
  at("picture").hidden = !picture;
  at("series").hidden = picture;
  at("series").replaceChildren();
  at("figures").replaceChildren();
  at("shares").replaceChildren();
  heat = null;
  heated(false);
  if (picture) {
    at("compare").style.aspectRatio = shape[1] + " / " + shape[0];
    at("compare").style.maxWidth = "min(100%, calc(80vh * " + shape[1] / shape[0] + "))";
    at("original").src = file.original;
    at("restored").src = file.original;
  }
  chosen();
}

function chosen() {
  const codec = file.codecs.find((one) => one.name === at("codec").value);
  at("codec-summary").textContent = codec.summary;
  at("quality").value = codec.quality;
  moved();
}

function moved() {
  at("shown-quality").textContent = at("quality").value;
  wanted = { key: file.key, codec: at("codec").value, quality: Number(at("quality").value), channel: Number(at("channel").value || 0) };
  run();
}

// One question at a time; of those that come meanwhile only the last is asked.
async function run() {
  if (running) return;
  running = true;
  at("result").classList.add("waiting");
  while (wanted) {
    const question = wanted;
    wanted = null;
    if (at("result").hidden) say("Compressing …", true);
    try {
      const found = await post("/trial", JSON.stringify(question));
      if (question.key !== file.key) continue;
      say("");
      at("result").hidden = false;
      fill(question, found);
    } catch (error) {
      say(error.message);
    }
  }
  at("result").classList.remove("waiting");
  running = false;
}

function figure(name, value, more = "", style = "") {
  const box = document.createElement("div"), dt = document.createElement("dt"), dd = document.createElement("dd");
  dt.textContent = name;
  dd.textContent = value;
  box.className = style;
  if (more) dd.append(Object.assign(document.createElement("small"), { textContent: more }));
  box.append(dt, dd);
  return box;
}

function fill(question, found) {
  const part = found.bytes / file.bytes;
  at("figures").replaceChildren(
    figure("size", size(found.bytes), part < 0.995 ? (100 * part).toPrecision(2) + " % of the file" : part.toPrecision(3) + " times the file", "size"),
    figure("of the plain samples", "1/" + (found.ratio < 10 ? found.ratio.toFixed(1) : number(found.ratio)), size(file.raw_bytes) + " uncompressed"),
    ...found.measures.map(([name, value]) => figure(name, value)),
    figure("to compress", seconds(found.seconds[0]), "and " + seconds(found.seconds[1]) + " to restore"));
  at("figures").dataset.quality = question.quality;
  at("figures").dataset.codec = question.codec;
  at("figures").dataset.bytes = found.bytes;
  at("save").download = file.name.replace(/\.[^.]*$/, "") + ".tnf";
  at("save").href = "data:application/octet-stream;base64," + found.file;
  at("shares").className = "shares";
  at("shares").replaceChildren(...found.shares.map(share));
  if (file.kind === "image") {
    at("restored").src = found.restored;
    at("after").textContent = "after, " + size(found.bytes);
    heat = found.heat;
    at("show-heat").disabled = !heat;
    at("show-heat").title = heat ? "" : "This codec does not say where its bits went.";
    if (!heat) heated(false);
    draw();
  } else {
    at("series").replaceChildren(...found.charts.flatMap((one) => {
      const title = Object.assign(document.createElement("h3"), { textContent: one.title }), box = document.createElement("div");
      box.innerHTML = one.html;
      return [title, box];
    }));
  }
}

function share(one) {
  const box = document.createElement("div"), all = one.rows.reduce((sum, row) => sum + row[1], 0) || 1;
  box.append(Object.assign(document.createElement("h3"), { textContent: one.title }));
  for (const [name, bytes] of one.rows) {
    const bar = document.createElement("div"), line = document.createElement("i");
    bar.className = "bar";
    line.style.setProperty("--part", (100 * bytes) / all + "%");
    bar.append(Object.assign(document.createElement("span"), { textContent: name }),
      Object.assign(document.createElement("b"), { textContent: size(bytes) + ", " + ((100 * bytes) / all).toFixed(bytes < 0.1 * all ? 1 : 0) + " %" }), line);
    box.append(bar);
  }
  if (one.note) box.append(Object.assign(document.createElement("p"), { className: "note", textContent: one.note }));
  return box;
}

const STOPS = [[13, 8, 60], [70, 25, 120], [160, 50, 110], [230, 100, 60], [250, 190, 70], [252, 250, 190]];
function colour(value) {
  const place = Math.min(Math.max(value, 0), 1) * (STOPS.length - 1), low = Math.min(Math.floor(place), STOPS.length - 2);
  return STOPS[low].map((from, band) => from + (STOPS[low + 1][band] - from) * (place - low));
}

function draw() {
  if (!heat || at("heat").hidden) return;
  const canvas = at("heat"), rows = heat.bits.length, columns = heat.bits[0].length, flat = heat.bits.flat();
  const top = Math.max([...flat].sort((a, b) => a - b)[Math.floor(0.99 * (flat.length - 1))], 1);
  canvas.width = columns;
  canvas.height = rows;
  canvas.style.width = (100 * columns * heat.block) / file.shape[1] + "%";
  canvas.style.height = (100 * rows * heat.block) / file.shape[0] + "%";
  const pixels = new ImageData(columns, rows);
  flat.forEach((bits, place) => pixels.data.set([...colour(bits / top), 255], 4 * place));
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  at("heat-note").textContent = "Each square is " + heat.block + " × " + heat.block + " pixels: dark took few bits, bright took many, up to about " + number(top) + " bits. Point at one to read it.";
}

function heated(on) {
  at("heat").hidden = !on;
  at("compare").classList.toggle("heated", on);
  at("show-heat").setAttribute("aria-pressed", on);
  at("show-heat").textContent = on ? "Show before and after" : "Show where the bits went";
  at("heat-note").textContent = "Drag across the picture: before is on the left, after on the right.";
  draw();
}

function pointed(event) {
  if (!heat || at("heat").hidden) return;
  const box = at("compare").getBoundingClientRect();
  const column = Math.floor(((event.clientX - box.left) / box.width) * file.shape[1] / heat.block);
  const row = Math.floor(((event.clientY - box.top) / box.height) * file.shape[0] / heat.block);
  const bits = heat.bits[row]?.[column];
  if (bits !== undefined) at("heat-note").textContent = "The square at " + column * heat.block + ", " + row * heat.block + " took " + number(bits) + " bits.";
}

at("quality").addEventListener("input", moved);
at("codec").addEventListener("change", chosen);
at("channel").addEventListener("change", moved);
at("split").addEventListener("input", () => at("compare").style.setProperty("--x", at("split").value + "%"));
at("compare").addEventListener("pointermove", pointed);
at("show-heat").addEventListener("click", () => heated(at("heat").hidden));
at("pick").addEventListener("change", () => { give(at("pick").files[0]); at("pick").value = ""; });
document.querySelectorAll("[data-sample]").forEach((button) => button.addEventListener("click", () =>
  open("/sample", JSON.stringify({ kind: button.dataset.sample }), "the sample")));
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    at("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") give(event.dataTransfer.files[0]);
  });
}
