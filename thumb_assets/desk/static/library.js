// The grid of the whole library. Only the rows on screen exist, and only they are asked for.
import { attempt, clock, get, h, keys, many, onWork, typed, wakeWork } from "./desk.js";
import { openExport } from "./export.js";

const GAP = 12, TEXT_HEIGHT = 58, PAGE = 60;
const main = document.getElementById("main");
const FIELDS = [
  ["state", "State", [["", "all"], ["done", "done"], ["nothing", "nothing worth keeping"], ["failed", "failed"], ["unfinished", "unfinished"], ["running", "running now"]]],
  ["problem", "Problem", [["", "any or none"], ["last_resort", "kept as a last resort"]]],
  ["is_decided", "Decided", [["", "all"], ["no", "not yet"], ["yes", "decided"]]],
  ["seconds", "Duration", [["", "any"], ["0-60", "under 1 minute"], ["60-600", "1 to 10 minutes"], ["600-3600", "10 to 60 minutes"], ["3600-", "over an hour"]]],
  ["has_faces", "Faces", [["", "all"], ["yes", "with faces"], ["no", "without"]]],
  ["has_text", "Writing", [["", "all"], ["yes", "with writing"], ["no", "without"]]],
  ["is_screen", "Screen", [["", "all"], ["yes", "recordings of screens"], ["no", "no recordings"]]],
  ["order", "Order", [["name", "name"], ["doubtful", "doubtful first"], ["shortest", "shortest first"], ["longest", "longest first"]]],
];
const chosen = { words: "", ...Object.fromEntries(new URLSearchParams(location.search)) };

const words = h("input", { type: "search", value: chosen.words, placeholder: "part of the file's name", oninput: changed });
const selects = {};
const filters = h("form", { className: "filters", role: "search", onsubmit: (event) => event.preventDefault() },
  h("label", { className: "words" }, "File", words));
for (const [name, label, options] of FIELDS) {
  selects[name] = h("select", { onchange: changed }, ...options.map(([value, text]) => h("option", { value }, text)));
  selects[name].value = chosen[name] ?? options[0][0];
  filters.append(h("label", {}, label, selects[name]));
}
filters.append(h("button", { type: "button", className: "filters-button", "aria-expanded": "false", onclick: (event) => {
  event.currentTarget.setAttribute("aria-expanded", String(filters.classList.toggle("open")));
} }, "Filters"));
filters.querySelector(".words").after(filters.lastChild);
const countLine = h("p", { className: "count", role: "status" });
const grid = h("div", { className: "grid", role: "list", "aria-label": "Videos" });
main.append(h("h1", { className: "skip" }, "Library"), filters, h("div", { className: "countbar" }, countLine, h("button", { type: "button", onclick: () => openExport() }, "Export…")), grid);

let query = new URLSearchParams();
let total = 0, generation = 0, layout = null;
let pages = new Map(); // by number: the cards, or a promise of them
const shown = new Map(); // by position: the element

function asked() {
  const params = new URLSearchParams();
  if (words.value.trim()) params.set("words", words.value.trim());
  for (const [name, , options] of FIELDS) {
    const value = selects[name].value;
    const isSet = value !== options[0][0];
    selects[name].dataset.set = isSet && name !== "order" ? "yes" : "no";
    if (isSet) params.set(name, value);
  }
  return params;
}

function forServer(params) {
  const sent = new URLSearchParams(params);
  const [least, most] = (params.get("seconds") || "").split("-");
  sent.delete("seconds");
  if (least) sent.set("least_seconds", least);
  if (most) sent.set("most_seconds", most);
  return sent;
}

let waiting = null;
function changed(event) {
  clearTimeout(waiting);
  waiting = setTimeout(load, event?.target === words ? 200 : 0);
}

async function load() {
  const params = asked();
  history.replaceState(null, "", params.size ? `?${params}` : location.pathname);
  query = forServer(params);
  sessionStorage.setItem("library", query.toString());
  generation += 1;
  pages = new Map();
  total = 0;
  shown.forEach((element) => element.remove());
  shown.clear();
  const first = await page(0);
  if (!first) return;
  const isFiltered = params.size > (params.has("order") ? 1 : 0);
  const waiting = first.num_waiting ? [" · ", h("a", { href: "/try" }, `${many(first.num_waiting, "upload")} to keep or throw away`)] : [];
  countLine.replaceChildren(many(total, "video"), ...waiting, isFiltered ? h("button", { type: "button", onclick: clearFilters }, "Show all") : "");
  grid.replaceChildren();
  if (!total) grid.append(h("p", { className: "empty" }, typed(first.empty) || "No video is like that. Choose other filters."));
  measure();
}

function clearFilters() {
  words.value = "";
  for (const [name, , options] of FIELDS) if (name !== "order") selects[name].value = options[0][0];
  load();
}

async function page(number) {
  const own = generation;
  if (!pages.has(number)) {
    const params = new URLSearchParams(query);
    params.set("start", number * PAGE);
    params.set("num_videos", PAGE);
    pages.set(number, attempt(() => get(`/api/library/videos?${params}`)).then((answer) => {
      if (!answer) pages.delete(number);
      else if (own === generation) {
        total = answer.num_videos;
        pages.set(number, answer);
      }
      return answer;
    }));
  }
  return pages.get(number);
}

function measure() {
  const width = grid.clientWidth;
  const least = width < 560 ? 150 : 215;
  const columns = Math.max(1, Math.floor((width + GAP) / (least + GAP)));
  const cell = (width - GAP * (columns - 1)) / columns;
  const row = Math.round(cell * 9 / 16) + TEXT_HEIGHT + GAP;
  layout = { columns, cell, row };
  if (total) grid.style.height = `${Math.ceil(total / columns) * row}px`;
  else grid.style.height = "";
  shown.forEach((element, position) => place(element, position));
  draw();
}

function place(element, position) {
  const { columns, cell, row } = layout;
  element.style.width = `${cell}px`;
  element.style.height = `${row - GAP}px`;
  element.style.transform = `translate(${(position % columns) * (cell + GAP)}px, ${Math.floor(position / columns) * row}px)`;
}

/** Makes the cards on screen and two screens around, and removes the others. */
function draw() {
  if (!layout || !total) return;
  const top = -grid.getBoundingClientRect().top, height = innerHeight;
  const firstRow = Math.max(0, Math.floor((top - height) / layout.row));
  const lastRow = Math.ceil((top + 2 * height) / layout.row);
  const first = firstRow * layout.columns, end = Math.min(total, (lastRow + 1) * layout.columns);
  for (const [position, element] of shown) {
    if ((position < first || position >= end) && element !== document.activeElement) {
      drop(element);
      shown.delete(position);
    }
  }
  for (let number = Math.floor(first / PAGE); number * PAGE < end; number += 1) {
    const cards = pages.get(number);
    if (!cards || cards instanceof Promise) {
      const own = generation;
      page(number).then((answer) => answer && own === generation && draw());
    }
    for (let position = Math.max(first, number * PAGE); position < Math.min(end, (number + 1) * PAGE); position += 1) {
      const video = cards && !(cards instanceof Promise) ? cards.videos[position - number * PAGE] : null;
      const old = shown.get(position);
      if (old && (old.dataset.isFull === "yes" || !video)) continue;
      const element = video ? card(video, position) : h("div", { className: "card", "aria-hidden": "true" });
      element.dataset.isFull = video ? "yes" : "no";
      place(element, position);
      if (old) old.replaceWith(element);
      else insert(element, position);
      shown.set(position, element);
    }
  }
}

/** Removes a card; a picture that is still on its way would keep those that are wanted now waiting. */
function drop(element) {
  const image = element.querySelector("img");
  if (image && !image.complete) image.removeAttribute("src");
  element.remove();
}

/** Keeps the elements in the order of their positions, so that Tab goes on as the eye does. */
function insert(element, position) {
  let next = null, nearest = Infinity;
  for (const [other, each] of shown) if (other > position && other < nearest) [next, nearest] = [each, other];
  grid.insertBefore(element, next);
}

export function card(video, position) {
  const badges = h("span", { className: "badges" });
  const add = (text, kind) => badges.append(h("span", { className: `badge ${kind}` }, text));
  if (video.state === "failed") add("failed", "bad");
  if (video.state === "nothing") add("nothing kept", "warn");
  if (video.state === "unfinished") add("unfinished", "warn");
  if (video.is_last_resort) add("last resort", "warn");
  if (video.is_running) add("running", "busy");
  if (video.is_waiting) add("waits: keep or throw away", "warn");
  const { cover = 0, pin = 0, ban = 0 } = video.decisions;
  if (cover) add("cover set", "good");
  else if (pin) add(`${pin} pinned`, "good");
  else if (ban) add(`${ban} banned`, "good");
  if (video.seconds !== null) add(clock(video.seconds), "right number");
  const picture = video.cover
    ? h("img", { src: `/cover/${video.video_id}/${video.cover}`, alt: `Cover of ${video.name}`, decoding: "async" })
    : h("span", { className: "none" }, h("span", {}, video.reason || "no still yet"));
  const facts = [many(video.num_selections, "pick")];
  if (video.has_faces) facts.push("faces");
  if (video.has_text) facts.push("writing");
  if (video.is_screen) facts.push("screen");
  const text = video.cover || !video.reason ? facts.join(" · ") : "no picks";
  return h("a", { className: "card", role: "listitem", href: `/video/${video.video_id}#${position}`, title: video.reason || video.name },
    h("span", { className: "cover" }, picture, badges),
    h("span", { className: "text" }, h("span", { className: "name" }, video.name), h("span", { className: "facts" }, text)));
}

function move(step) {
  const now = [...shown].find(([, element]) => element === document.activeElement);
  const position = now ? Math.min(total - 1, Math.max(0, now[0] + step)) : Math.max(0, Math.ceil(-grid.getBoundingClientRect().top / layout.row) * layout.columns);
  const target = shown.get(position);
  if (!target) return;
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block: "nearest" });
}

keys([
  ["Search for a file", ["/"], () => words.focus()],
  ["Go to the card beside", ["ArrowLeft", "ArrowRight"], (event) => move(event.key === "ArrowLeft" ? -1 : 1)],
  ["Go to the card above or below", ["ArrowUp", "ArrowDown"], (event) => move(event.key === "ArrowUp" ? -layout.columns : layout.columns)],
  ["Review what is not decided", ["r"], () => { location.href = "/review"; }],
]);

async function numbers() {
  const found = await get("/api/library/counts").catch(() => null);
  if (!found?.states) return;
  for (const option of selects.state.options) {
    const number = found.states[option.value];
    if (option.value && option.value !== "running") option.textContent = `${option.textContent.replace(/ \(.*/, "")} (${(number || 0).toLocaleString("en")})`;
  }
  selects.problem.options[1].textContent = `kept as a last resort (${found.num_last_resort})`;
  for (const [stage, number] of Object.entries(found.failed_stages)) {
    if (![...selects.problem.options].some((option) => option.value === `stage:${stage}`)) {
      selects.problem.append(h("option", { value: `stage:${stage}` }, `failed: ${stage} (${number})`));
    }
  }
  if (chosen.problem) selects.problem.value = chosen.problem;
}

let isDrawing = false;
addEventListener("scroll", () => {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => { isDrawing = false; draw(); });
}, { passive: true });
new ResizeObserver(() => layout && measure()).observe(main);
onWork((_id, work) => { if (work.state === "done") { pages = new Map(); shown.forEach((element) => { element.dataset.isFull = "no"; }); draw(); } });
if (chosen.problem?.startsWith("stage:")) selects.problem.append(h("option", { value: chosen.problem }, chosen.problem.slice(6))), (selects.problem.value = chosen.problem);
load().then(numbers);
wakeWork();
