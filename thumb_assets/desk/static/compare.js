// Settings side by side: what is chosen now, and what these would choose, as the sliders move.
import { attempt, clock, get, h, keys, many, note, onWork, post, typed, wakeWork } from "./desk.js";

const main = document.getElementById("main");
const PAGE = 50;
let present = {}, start = 0, total = 0, asking = 0, isAsking = false;
const inputs = {};
const summary = h("p", { className: "count", role: "status" });
const list = h("div", { className: "changes" });
const panel = h("form", { className: "panel settings", "aria-label": "Settings", onsubmit: (event) => event.preventDefault() });
const onlyChanges = h("input", { type: "checkbox", checked: true, onchange: () => draw() });
const before = h("button", { type: "button", onclick: () => turn(-PAGE) }, "Previous 50");
const after = h("button", { type: "button", onclick: () => turn(PAGE) }, "Next 50");
const keep = h("button", { type: "button", className: "primary", disabled: true, onclick: () => confirm() }, "Keep for the library…");
const back = h("button", { type: "button", disabled: true, onclick: () => reset() }, "Back to the library's");
const dialog = h("dialog", { "aria-labelledby": "keep-title" });
main.append(h("div", { className: "comparepage" },
  h("div", {}, h("div", { className: "reviewbar" }, summary, h("label", {}, onlyChanges, " only what changes"), before, after), list), panel), dialog);

/** `lacking`: why the slider would change nothing, if so. */
function slider(name, label, text, value, least, most, step, lacking = "") {
  const shown = h("output", { className: "number" }, lacking ? "without data" : String(value));
  const input = h("input", { type: "range", min: least, max: most, step, title: lacking || text, disabled: Boolean(lacking), oninput: () => { shown.textContent = input.value; ask(); } });
  input.value = value;
  inputs[name] = { read: () => Number(input.value), write: (v) => { input.value = v; if (!lacking) shown.textContent = String(v); } };
  return h("label", { className: "slider", title: lacking }, h("span", {}, label), shown, input);
}

function textField(name, text) {
  const input = h("input", { type: "search", value: present[name] ?? "", placeholder: text, onchange: () => ask() });
  inputs[name] = { read: () => input.value.trim() || null, write: (v) => { input.value = v ?? ""; } };
  return h("label", { className: "field" }, h("span", {}, name.split(".").at(-1).replaceAll("_", " ")), input);
}

async function begin() {
  const found = await attempt(() => get("/api/compare/settings"));
  if (!found) return;
  present = found.values;
  const preset = h("select", { onchange: () => ask() }, h("option", { value: "" }, "none"),
    ...Object.entries(found.presets).map(([value, about]) => h("option", { value, title: about }, value.replaceAll("_", " "))));
  preset.value = present["selection.preset"] ?? "";
  inputs["selection.preset"] = { read: () => preset.value || null, write: (v) => { preset.value = v ?? ""; } };
  const isNumber = typeof present["selection.top_k"] === "number";
  panel.append(h("h1", {}, "Settings to try"),
    h("label", { className: "field" }, h("span", {}, "preset"), preset),
    ...(isNumber ? [slider("selection.top_k", "frames per video, at most", "selection.top_k", present["selection.top_k"], 1, 12, 1)] : []),
    textField("selection.looking_for", "words, such as a dog on a beach"), textField("selection.avoid", "words"),
    h("h2", {}, "Weights"),
    ...found.weights.map(({ name, label, about }) => slider(name, label, about, present[name], 0, 2, 0.05, typed(found.without_data[name]))),
    h("div", { className: "actions" }, h("span", { className: "wide" }, keep), h("span", { className: "wide" }, back)));
  ask();
}

function changes() {
  const found = {};
  for (const [name, { read }] of Object.entries(inputs)) if (read() !== (present[name] ?? null)) found[name] = read();
  return found;
}

/** Asks for what is set now; while an answer is awaited, only the last state is asked for next. */
async function ask() {
  asking += 1;
  if (isAsking) return;
  isAsking = true;
  const own = asking;
  const answer = await attempt(() => post("/api/compare/select", { changes: changes(), start }));
  isAsking = false;
  if (answer && own === asking) show(answer);
  if (own !== asking) ask();
}

let last = null, mostRemade = 0;
onWork((_id, work) => { if (["done", "failed", "cancelled"].includes(work.state)) ask(); });

function show(answer) {
  last = answer;
  total = answer.num_videos;
  const isTried = Object.keys(changes()).length > 0;
  keep.disabled = back.disabled = !isTried;
  before.hidden = after.hidden = total <= PAGE;
  before.disabled = start === 0;
  after.disabled = start + PAGE >= total;
  draw();
}

function draw() {
  if (!last) return;
  const changed = last.videos.filter((video) => video.is_change);
  const milliseconds = Math.max(1, Math.round(last.seconds * 1000));
  const isTried = Object.keys(changes()).length > 0, left = last.remaking.length;
  mostRemade = left ? Math.max(mostRemade, left) : 0;
  if (left && changed.length && !isTried) summary.textContent = `being remade, ${mostRemade - left} of ${many(mostRemade, "video")} done`;
  else summary.textContent = `${changed.length} of ${many(last.videos.length, "video")} would change (${milliseconds} ms)`;
  const shown = onlyChanges.checked ? changed : last.videos;
  list.replaceChildren(...shown.map(row), ...last.left_out.map((line) => h("p", { className: "message" }, typed(line))));
  if (!shown.length && last.videos.length) list.append(h("p", { className: "empty" }, "These settings choose the same frames. Move a slider."));
}

function row(video) {
  const now = video.now.map(([frame]) => frame), then = video.then.map(([frame]) => frame);
  return h("section", { className: "change" },
    h("h2", {}, h("a", { href: `/video/${video.video_id}` }, video.name)),
    strip("now", video, video.now, then, "goes"), strip("then", video, video.then, now, "comes"));
}

function strip(title, video, frames, others, word) {
  return h("div", { className: "side" }, h("span", { className: "muted" }, title),
    h("ul", { className: "strip" }, ...frames.map(([frame, seconds], place) => h("li", { className: "picture" },
      h("img", { src: `/frame/${video.video_id}/${frame}/small`, loading: "lazy", alt: `Frame ${frame} at ${clock(seconds, 1)}` }),
      h("span", { className: `badge ${others.includes(frame) ? "" : word === "comes" ? "good" : "bad"}` }, others.includes(frame) ? String(place + 1) : `${place + 1} ${word}`)))),
    !frames.length && h("span", { className: "muted" }, "nothing"));
}

function turn(by) {
  start = Math.max(0, start + by);
  ask();
}

function reset() {
  for (const [name, { write }] of Object.entries(inputs)) write(present[name]);
  ask();
}

async function confirm() {
  const wanted = changes();
  const found = await attempt(() => post("/api/compare/count", { changes: wanted }));
  if (!found) return;
  const isRemade = h("input", { type: "checkbox", checked: found.num_changed > 0, disabled: !found.num_changed });
  const rows = Object.entries(wanted).map(([name, value]) => h("li", {}, `${name}: ${present[name] ?? "none"} → ${value ?? "none"}`));
  dialog.replaceChildren(h("h2", { id: "keep-title" }, "Keep for the library?"), h("ul", {}, ...rows),
    h("p", {}, `${found.num_changed} of ${many(found.num_videos, "video")} would be chosen from otherwise. Later runs use these settings.`),
    h("label", {}, isRemade, ` make the stills of ${many(found.num_changed, "video")} again now`),
    h("form", { method: "dialog" }, h("button", {}, "Cancel"), " ",
      h("button", { className: "primary", onclick: () => kept(wanted, isRemade.checked) }, "Keep")));
  dialog.showModal();
}

async function kept(wanted, isRemade) {
  const done = await attempt(() => post("/api/compare/keep", { changes: wanted, is_remade: isRemade }));
  if (!done) return;
  note(`Kept in ${done.path}.`);
  present = { ...present, ...wanted };
  wakeWork();
  reset();
}

keys([["Back to the library's settings", ["Backspace"], reset], ["The 50 videos before or after", ["[", "]"], (event) => (event.key === "[" ? start > 0 && turn(-PAGE) : start + PAGE < total && turn(PAGE))]]);
begin();
