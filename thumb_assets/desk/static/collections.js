// The collections: their frames, other names, a dataset of one of them.
import { attempt, clock, get, h, keys, many, note, post } from "./desk.js";
import { openExport } from "./export.js";

const main = document.getElementById("main");
let known = {}, name = new URLSearchParams(location.search).get("name") || "";
let shown = []; // the frames of the collection with their elements, in the order shown
let generation = 0;
const undone = []; // {name, video_id, frame_index}: frames that were taken out

const chosen = h("select", { onchange: () => go(chosen.value) });
const count = h("p", { className: "count", role: "status" });
const buttons = {
  rename: h("button", { type: "button", onclick: openRename }, "Rename…", h("kbd", {}, "r")),
  export: h("button", { type: "button", onclick: exportThis }, "Export…", h("kbd", {}, "e")),
  remove: h("button", { type: "button", onclick: openDelete }, "Delete…", h("kbd", {}, "d")),
  undo: h("button", { type: "button", onclick: undo, hidden: true }, "Undo", h("kbd", {}, "u")),
};
const bar = h("div", { className: "collectionbar" }, h("label", {}, "Collection", chosen), h("span", { className: "collectionwords" }, ...Object.values(buttons)));
const list = h("ul", { className: "foundlist", "aria-label": "Frames" });
const dialog = h("dialog", { className: "collect", "aria-labelledby": "collection-title" });
main.append(h("h1", { className: "skip" }, "Collections"), bar, count, list, dialog);

async function begin() {
  const found = await attempt(() => get("/api/collections/list"));
  if (!found) return;
  known = found.collections;
  const names = Object.keys(known);
  if (!(name in known)) name = names[0] || "";
  chosen.replaceChildren(...names.map((each) => h("option", { value: each }, `${each} (${known[each].toLocaleString("en")})`)));
  chosen.value = name;
  bar.hidden = !name && !undone.length;
  [chosen, buttons.rename, buttons.export, buttons.remove].forEach((each) => { each.disabled = !name; });
  buttons.undo.hidden = !undone.length;
  history.replaceState(null, "", name ? `?${new URLSearchParams({ name })}` : location.pathname);
  await show();
}

async function show(at = 0) {
  const own = ++generation;
  if (!name) {
    shown = [];
    count.textContent = "";
    list.replaceChildren(h("li", { className: "empty" }, "No collections yet. Find frames on the page Search, select them with x, and put them into one with k."));
    return;
  }
  const frames = await attempt(() => post("/api/collections/frames", { name }));
  if (!frames || own !== generation) return;
  const videos = new Set(frames.map((each) => each.video_id)).size;
  const gone = frames.filter((each) => !each.is_here).length;
  count.textContent = `${many(frames.length, "frame")} of ${many(videos, "video")}${gone ? ` · ${gone} of files that are not here` : ""}`;
  shown = frames.map((each) => ({ ...each, element: item(each) }));
  list.replaceChildren(...shown.map((each) => each.element));
  if (at) shown[Math.min(at, shown.length) - 1]?.element.querySelector("a").focus();
  loadPictures(own);
}

function item(each) {
  const at = each.offset_seconds === null ? "" : clock(each.offset_seconds, 1);
  const picture = each.is_here ? h("img", { alt: `Frame ${each.frame_index} at ${at} of ${each.file}` }) : h("span", { className: "none" }, "its file is not here");
  const link = h("a", { href: `/video/${encodeURIComponent(each.video_id)}#@${each.frame_index}` }, h("span", { className: "cover" }, picture),
    h("span", { className: "text" }, h("span", { className: "name", title: each.file }, each.file),
      h("span", { className: "facts number" }, h("span", {}, at), h("span", {}, `frame ${each.frame_index}`))));
  const out = each.is_here && h("button", { type: "button", className: "select", title: "Take out (x)", "aria-label": `Take frame ${each.frame_index} of ${each.file} out`, onclick: () => takeOut(each) }, "×");
  return h("li", { className: "found" }, link, out);
}

/** One picture after the other, as they stand: more at once would keep the next question waiting. */
async function loadPictures(own) {
  for (const each of shown) {
    const image = each.element.querySelector("img");
    if (own !== generation) return;
    if (!image) continue;
    await new Promise((resolve) => {
      image.addEventListener("load", resolve, { once: true });
      image.addEventListener("error", resolve, { once: true });
      image.src = `/frame/${each.video_id}/${each.frame_index}/small`;
    });
  }
}

function go(to) {
  name = to;
  begin();
}

function turn(by) {
  const names = Object.keys(known), next = names[names.indexOf(name) + by];
  if (next !== undefined) go(next);
}

const focused = () => shown.find((each) => each.element.contains(document.activeElement));

async function takeOut(each) {
  if (!each) return note("Go to a frame first, with the arrow keys.");
  if (!each.is_here) return note("Its file is not here, so it stays.");
  const at = shown.findIndex((other) => other.video_id === each.video_id && other.frame_index === each.frame_index) + 1;
  const change = { name, video_id: each.video_id, frames: [each.frame_index] };
  if (!(await attempt(() => post("/api/collections/remove", change)))) return undefined;
  undone.push(change);
  const former = name;
  await begin();
  if (name === former) shown[Math.min(at, shown.length) - 1]?.element.querySelector("a").focus();
  return undefined;
}

async function undo() {
  const last = undone.pop();
  if (!last) return note("There is nothing to undo.");
  if (await attempt(() => post("/api/collections/remove", { ...last, is_in: true }))) name = last.name;
  await begin();
  return note("Put back.");
}

function ask(title, content, word, run, kind = "primary") {
  const said = h("p", { className: "bad", role: "alert" });
  const form = h("form", { onsubmit: async (event) => {
    event.preventDefault();
    try {
      await run();
      dialog.close();
      await begin();
    } catch (error) {
      said.textContent = error.message;
    }
  } }, ...content, said, h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"), " ", h("button", { className: kind }, word));
  dialog.replaceChildren(h("h2", { id: "collection-title" }, title), form);
  dialog.showModal();
}

function openRename() {
  if (!name) return;
  const field = h("input", { type: "text", value: name, maxLength: 100, required: true });
  const into = h("p", { className: "muted" });
  field.addEventListener("input", () => {
    const other = field.value.trim();
    into.textContent = other !== name && other in known ? `“${other}” is there already: these frames join it.` : "";
  });
  ask("Rename the collection", [h("label", {}, "Name", field), into], "Rename", async () => {
    name = (await post("/api/collections/rename", { name, new_name: field.value })).name;
  });
  field.select();
}

function openDelete() {
  if (!name) return;
  ask("Delete the collection?", [h("p", {}, `“${name}” and its list of ${many(known[name], "frame")}. The videos, their stills and what is pinned stay.`)], "Delete",
    () => post("/api/collections/rename", { name, new_name: null }));
}

function exportThis() {
  if (!name) return;
  openExport({ collection: name }, name.normalize("NFKD").replace(/[^A-Za-z0-9_-]+/g, "-").replace(/^-+|-+$/g, "") || "collection");
}

function move(by) {
  const at = shown.indexOf(focused());
  const target = shown[at < 0 ? 0 : Math.min(shown.length - 1, Math.max(0, at + by))]?.element.querySelector("a");
  target?.focus({ preventScroll: true });
  target?.scrollIntoView({ block: "nearest" });
}

const numColumns = () => getComputedStyle(list).gridTemplateColumns.split(" ").length;

keys([
  ["Go to the frame beside", ["ArrowLeft", "ArrowRight"], (event) => move(event.key === "ArrowLeft" ? -1 : 1)],
  ["Go to the frame above or below", ["ArrowUp", "ArrowDown"], (event) => move(event.key === "ArrowUp" ? -numColumns() : numColumns())],
  ["Open the video at the frame", ["Enter"], () => focused()?.element.querySelector("a").click()],
  ["Take the frame out", ["x", "Delete"], () => takeOut(focused())],
  ["Put the last one back", ["u"], undo],
  ["The collection before or after", ["[", "]"], (event) => turn(event.key === "[" ? -1 : 1)],
  ["Rename it", ["r"], openRename],
  ["Export it", ["e"], exportThis],
  ["Delete it", ["d"], openDelete],
]);
begin();
