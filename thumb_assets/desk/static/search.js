// The search: frames of the whole library by words, like an example, within ranges; they are pinned or collected here.
import { attempt, clock, get, h, keys, many, note, post, sentence, wakeWork } from "./desk.js";

const STEP = 48;
const DONE = { pin: "pinned", ban: "banned", cover: "cover" };
const main = document.getElementById("main");
const given = new URLSearchParams(location.search);
let like = given.get("like") || "";
let limit = STEP;
let found = []; // {video_id, frame_index, ...} with its element, in the order shown
let videos = {}; // by id: name, decisions, version
const chosen = new Set(); // the elements of `found` that are selected
const undone = []; // {video_id, before, version}: what undo goes back to, from which decisions
let generation = 0;

const words = h("input", { type: "search", value: given.get("words") || "", maxLength: 500, placeholder: "seen, said or written" });
const where = h("input", { type: "search", value: given.get("where") || "", maxLength: 500, placeholder: "sharpness>=0.5, num_faces>=1" });
const scores = h("select", { onchange: addScore }, h("option", { value: "" }, "of …"));
const perVideo = h("select", { onchange: ask }, h("option", { value: "" }, "any number"), ...["1", "3"].map((value) => h("option", { value }, value)));
perVideo.value = given.get("per_video") || "";
const example = h("div", { className: "example", hidden: true });
const form = h("form", { className: "filters open searchform", role: "search", onsubmit: submit },
  h("label", { className: "words" }, "Words", words), h("label", { className: "words" }, "Ranges of scores", where),
  h("label", {}, "Add a range", scores), h("label", {}, "Of each video", perVideo),
  h("button", { className: "primary" }, "Search"));
const count = h("p", { className: "count", role: "status" });
const notes = h("div", { className: "notices" });
const actions = {
  pin: h("button", { type: "button", onclick: pin }, "Pin", h("kbd", {}, "p")),
  collect: h("button", { type: "button", onclick: openCollect }, "Collect", h("kbd", {}, "k")),
  all: h("button", { type: "button", onclick: chooseAll }, "Select all", h("kbd", {}, "a")),
  undo: h("button", { type: "button", onclick: undo, hidden: true }, "Undo pin", h("kbd", {}, "u")),
};
const bar = h("div", { className: "chosenbar", hidden: true }, h("span", { className: "number" }), ...Object.values(actions));
const list = h("ul", { className: "foundlist", "aria-label": "Frames" });
const more = h("button", { type: "button", hidden: true, onclick: () => { limit += 2 * STEP; load(true); } }, "Show more");
const nameField = h("input", { type: "search", maxLength: 100, required: true, list: "collections", autocomplete: "off" });
const names = h("datalist", { id: "collections" });
const dialog = h("dialog", { className: "collect", "aria-labelledby": "collect-title" }, h("h2", { id: "collect-title" }, "Put into a collection"),
  h("form", { method: "dialog", onsubmit: collect }, h("label", {}, "Name", nameField, names),
    h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"), " ", h("button", { className: "primary" }, "Collect")));
main.append(h("h1", { className: "skip" }, "Search"), form, example, count, notes, bar, list, more, dialog);

function submit(event) {
  event.preventDefault();
  if (words.value.trim()) like = "";
  ask();
}

function addScore() {
  const before = where.value.trim();
  where.value = `${before}${before ? ", " : ""}${scores.value}>=`;
  scores.value = "";
  where.focus();
}

/** Asks what the form says; the address says it too, so that "back" from a video leads here again. */
function ask() {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries({ words: words.value.trim(), like, where: where.value.trim(), per_video: perVideo.value })) {
    if (value) params.set(name, value);
  }
  history.replaceState(null, "", params.size ? `?${params}` : location.pathname);
  limit = STEP;
  load();
}

async function load(isMore = false) {
  const own = ++generation;
  const params = new URLSearchParams(location.search);
  const kept = new Set(isMore ? [...chosen].map(key) : []);
  chosen.clear();
  if (!["words", "like", "where"].some((name) => params.get(name))) return begin();
  params.set("limit", Math.min(limit, 480));
  main.setAttribute("aria-busy", "true");
  count.textContent = "Searching…";
  let answer;
  try {
    answer = await get(`/api/search/frames?${params}`);
  } catch (error) {
    answer = { found: [], notes: [], videos: {}, error: error.message };
  }
  if (own !== generation) return undefined;
  main.removeAttribute("aria-busy");
  return show(answer, own, kept);
}

function begin() {
  show({ found: [], notes: [], videos: {}, hint: "Give words, ranges of scores, or open a video and press m for more like a frame of it." }, generation);
}

function show(answer, own, kept = new Set()) {
  videos = answer.videos;
  const within = answer.num_in_ranges ?? null;
  const among = answer.num_frames === undefined ? "" : `${many(answer.found.length, "frame")} of ${answer.num_frames.toLocaleString("en")}`;
  count.textContent = among + (within === null || !among ? "" : ` · ${within.toLocaleString("en")} within the ranges`);
  notes.replaceChildren(...(answer.error ? [h("p", { className: "message", role: "alert" }, sentence(answer.error))] : []),
    ...answer.notes.map((text) => h("p", { className: "muted" }, sentence(text))));
  showExample(answer.example);
  found = answer.found.map((each) => ({ ...each, element: null }));
  found.forEach((each) => { each.element = item(each); });
  found.filter((each) => kept.has(key(each))).forEach((each) => chosen.add(each));
  const none = answer.hint || (answer.error ? "" : "No frame is like that. Take other words or wider ranges.");
  list.replaceChildren(...(found.length ? found.map((each) => each.element) : none ? [h("li", { className: "empty" }, none)] : []));
  more.hidden = !answer.is_more_possible;
  drawChosen();
  loadPictures(own);
  const last = sessionStorage.getItem("search_opened"); // whoever comes back from a video goes on from there
  sessionStorage.removeItem("search_opened");
  found.find((each) => key(each) === last)?.element.querySelector("a").focus();
}

function showExample(frame) {
  example.hidden = !like;
  if (!like) return;
  const name = frame ? `frame ${frame.frame_index} of ${videos[frame.video_id].name}` : like;
  const picture = frame ? h("a", { href: place(frame) }, h("img", { src: `/frame/${frame.video_id}/${frame.frame_index}/small`, alt: "The example" })) : null;
  example.replaceChildren(...(picture ? [picture] : []), h("span", {}, `More like ${name}`),
    h("button", { type: "button", "aria-label": "Without the example", onclick: () => { like = ""; ask(); } }, "×"));
}

const key = (each) => `${each.video_id}:${each.frame_index}`;
const place = (each) => `/video/${encodeURIComponent(each.video_id)}#@${each.frame_index}`;

function item(each) {
  const { name } = videos[each.video_id];
  const at = clock(each.pts_seconds, 1);
  const link = h("a", { href: place(each), onclick: () => sessionStorage.setItem("search_opened", key(each)) },
    h("span", { className: "cover" }, h("img", { alt: `Frame ${each.frame_index} at ${at} of ${name}` }), h("span", { className: "badges" })),
    h("span", { className: "text" },
      h("span", { className: "name", title: name }, name),
      h("span", { className: "facts number" }, h("span", {}, at), h("span", {}, each.score.toPrecision(3))),
      h("span", { className: "reason", title: each.why }, each.why)));
  const select = h("button", { type: "button", className: "select", "aria-pressed": "false", title: "Select (x)", "aria-label": `Select frame ${each.frame_index} of ${name}`, onclick: () => choose(each) }, "✓");
  const likeIt = h("button", { type: "button", className: "like", title: "More like this (m)", "aria-label": `More like frame ${each.frame_index} of ${name}`, onclick: () => moreLike(each) }, "≈");
  return h("li", { className: "found" }, link, select, likeIt);
}

/** One picture after the other, as they stand: more at once would keep the next question waiting. */
async function loadPictures(own) {
  for (const each of found) {
    if (own !== generation) return;
    const image = each.element.querySelector("img");
    await new Promise((resolve) => {
      image.addEventListener("load", resolve, { once: true });
      image.addEventListener("error", resolve, { once: true });
      image.src = `/frame/${each.video_id}/${each.frame_index}/small`;
    });
  }
}

function drawChosen() {
  for (const each of found) {
    each.element.querySelector(".select").setAttribute("aria-pressed", String(chosen.has(each)));
    const said = videos[each.video_id].decisions[each.frame_index];
    const badges = said ? [h("span", { className: `badge ${said === "ban" ? "bad" : "good"}` }, DONE[said])] : [];
    if (each.rejected) badges.push(h("span", { className: "badge bad" }, each.rejected));
    if (videos[each.video_id].is_waiting) badges.push(h("span", { className: "badge warn" }, "upload: keep or throw away"));
    if (each.collected) badges.push(h("span", { className: "badge busy" }, each.collected));
    each.element.querySelector(".badges").replaceChildren(...badges);
  }
  bar.hidden = !found.length;
  bar.firstChild.textContent = chosen.size ? `${chosen.size} selected` : "Nothing selected";
  actions.pin.disabled = actions.collect.disabled = !chosen.size;
  actions.all.firstChild.textContent = found.length && chosen.size === found.length ? "Select none" : "Select all";
  actions.undo.hidden = !undone.length;
}

function choose(each) {
  if (!chosen.delete(each)) chosen.add(each);
  drawChosen();
}

function chooseAll() {
  const isNone = chosen.size === found.length;
  chosen.clear();
  if (!isNone) found.forEach((each) => chosen.add(each));
  drawChosen();
}

const focused = () => found.find((each) => each.element.contains(document.activeElement));

/** What was selected; without that the frame that the keys are at. */
function meant() {
  const one = focused();
  return chosen.size ? found.filter((each) => chosen.has(each)) : one ? [one] : [];
}

function moreLike(each) {
  if (!each) return note("Go to a frame first, with the arrow keys.");
  words.value = "";
  like = key(each);
  scrollTo(0, 0);
  return ask();
}

/** Pins one after the other by the page of their video; a frame that is decided already is left as it is. */
async function pin() {
  const frames = meant().filter((each) => !videos[each.video_id].decisions[each.frame_index]);
  if (!frames.length) return note(meant().length ? "These are decided already; open the video to decide otherwise." : "Select frames first, with x.");
  const known = videos; // another question may be answered meanwhile
  let number = 0;
  for (const { video_id: id, frame_index: frame } of frames) {
    const before = { ...known[id].decisions };
    const standing = await attempt(() => post(`/api/video/${id}/decide`, { frame_index: frame, word: "pin", seen: known[id].version }));
    if (!standing) {
      Object.assign(known[id], await get(`/api/video/${id}/decisions`).catch(() => ({})));
      continue;
    }
    Object.assign(known[id], standing);
    undone.push({ video_id: id, before, version: standing.version });
    number += 1;
  }
  wakeWork();
  drawChosen();
  return number && note(`${many(number, "frame")} pinned.`);
}

async function undo() {
  const last = undone.pop();
  if (!last) return note("There is nothing to undo.");
  const { video_id: id, before, version } = last;
  const standing = await attempt(() => post(`/api/video/${id}/restore`, { decisions: before, seen: version }));
  if (standing && videos[id]) Object.assign(videos[id], standing);
  wakeWork();
  drawChosen();
  return standing && note("Taken back.");
}

async function openCollect() {
  if (!meant().length) return note("Select frames first, with x.");
  const known = await attempt(() => get("/api/search/collections"));
  if (!known) return undefined;
  names.replaceChildren(...Object.entries(known).map(([name, number]) => h("option", { value: name }, many(number, "frame"))));
  nameField.value = sessionStorage.getItem("collection") || "";
  dialog.frames = meant();
  dialog.showModal();
  nameField.select();
  return undefined;
}

async function collect() {
  const name = nameField.value.trim(), ofVideo = new Map();
  for (const each of dialog.frames) ofVideo.set(each.video_id, [...(ofVideo.get(each.video_id) || []), each]);
  let number = 0;
  for (const [id, own] of ofVideo) {
    const done = await attempt(() => post("/api/search/collect", { name, video_id: id, frames: own.map((each) => each.frame_index) }));
    if (!done) continue;
    number += done.num_new;
    own.forEach((each) => { each.collected = name; });
    sessionStorage.setItem("collection", name);
  }
  drawChosen();
  if ([...ofVideo.values()].flat().some((each) => each.collected === name)) note(`${number} new in the collection “${name}”.`);
}

function move(columns) {
  const links = found.map((each) => each.element.querySelector("a"));
  if (!links.length) return;
  const at = found.indexOf(focused());
  const target = links[at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + columns))];
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block: "nearest" });
}

const numColumns = () => getComputedStyle(list).gridTemplateColumns.split(" ").length;

keys([
  ["Search for words", ["/"], () => words.focus()],
  ["Go to the frame beside", ["ArrowLeft", "ArrowRight"], (event) => move(event.key === "ArrowLeft" ? -1 : 1)],
  ["Go to the frame above or below", ["ArrowUp", "ArrowDown"], (event) => move(event.key === "ArrowUp" ? -numColumns() : numColumns())],
  ["Open the video at the frame", ["Enter"], () => focused()?.element.querySelector("a").click()],
  ["More like the frame", ["m"], () => moreLike(focused())],
  ["Select the frame, or not", ["x"], () => (focused() ? choose(focused()) : note("Go to a frame first, with the arrow keys."))],
  ["Select all, or none", ["a"], chooseAll],
  ["Pin what is selected, or the frame", ["p"], pin],
  ["Put it into a collection", ["k"], openCollect],
  ["Undo the last pin", ["u"], undo],
]);

attempt(async () => {
  const all = await get("/api/search/scores");
  scores.append(...all.map(({ name, label, about }) => h("option", { value: name, title: about }, label)));
});
load();
if (!location.search) words.focus();
