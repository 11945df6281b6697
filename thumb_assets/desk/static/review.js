// The review: one undecided video after the other. Enter accepts, n leaves for later, and everything can be undone.
import { attempt, h, keys, note, post, typed } from "./desk.js";
import { VideoView, viewKeys } from "./videoview.js";

const main = document.getElementById("main");
const who = (sessionStorage.who ??= crypto.randomUUID?.() ?? String(Math.random()).slice(2).padEnd(12, "0"));
const count = h("p", { className: "count", role: "status" });
const bar = h("progress", { max: 1, value: 0, "aria-label": "Videos reviewed" });
const others = h("span", { className: "muted" });
const learned = h("p", { className: "message", role: "status", hidden: true });
const ended = h("p", { className: "empty", hidden: true });
const acceptText = document.createTextNode("");
const accept = h("button", { type: "button", className: "primary wide", onclick: () => accepted() }, acceptText, h("kbd", {}, "Enter"));
const later = h("button", { type: "button", onclick: () => leftForLater() }, "Later", h("kbd", {}, "n"));
const view = new VideoView({ extra: [accept, later], undo: () => undo(), onDrawn: () => { acceptText.data = whatEnterDoes(); } });
main.append(h("div", { className: "reviewbar" }, count, bar, others), learned, view.element, ended);
let isMoving = false;

async function show(progress) {
  if (!progress) return;
  const isEnd = progress.video_id === null;
  view.element.hidden = isEnd;
  ended.hidden = !isEnd;
  if (isEnd) {
    view.facts = null;
    const text = progress.num_others ? "What is left, others are looking at." : progress.num_videos ? "Every video is reviewed." : typed("There is nothing to review yet: run `thumb-assets run` first.");
    ended.replaceChildren(text, " ", h("a", { href: "/" }, "To the library"));
  } else {
    await view.open(progress.video_id);
  }
  showNumbers(progress);
}

/** Comes after the video: who waits for the number may go on then. */
function showNumbers(progress) {
  count.textContent = `${progress.num_done} of ${progress.num_videos}`;
  bar.max = Math.max(1, progress.num_videos);
  bar.value = progress.num_done;
  learned.hidden = !progress.learned;
  learned.textContent = typed(progress.learned);
  others.textContent = progress.num_others ? `${progress.num_others} with somebody else` : "";
}

/** One move from video to video at a time; a key that is pressed meanwhile does nothing, since nobody saw the next. */
async function move(action) {
  if (isMoving) return;
  await inTurn(action);
}

let turns = Promise.resolve();
function inTurn(action) {
  turns = turns.then(async () => {
    isMoving = true;
    await view.changing; // what was said before counts
    await attempt(action);
    isMoving = false;
  });
  return turns;
}

const ask = (what, videoId = null) => attempt(() => post(`/api/review/${what}`, { who, video_id: videoId }));

const isDecided = () => Object.keys(view.facts.decisions).length > 0;

function whatEnterDoes() {
  if (isDecided()) return "Go on";
  return view.chosen().length ? "Cover it and go on" : "Nothing to keep, go on";
}

/** What was decided stays; else the frame on screen becomes the cover, or nothing, where nothing was chosen. */
const accepted = () => move(async () => {
  if (!view.facts) return undefined;
  if (isDecided()) return show(await ask("next"));
  if (view.chosen().length) return (await view.say(view.at, "cover")) && show(await ask("next"));
  const videoId = view.id;
  const progress = await ask("keep", videoId);
  if (progress) view.history.push({ video_id: videoId, run: () => ask("take-up", videoId) });
  return show(progress);
});

const leftForLater = () => move(async () => {
  if (!view.facts) return;
  await show(await ask(isDecided() ? "next" : "later", view.id));
});

/** Every press counts, also while the last one is still at work. */
const undo = () => inTurn(async () => {
  const before = view.history.at(-1)?.video_id;
  if (!before) return note("There is nothing to undo.");
  view.element.hidden = false;
  ended.hidden = true;
  await view.undo();
  await ask("take-up", before);
  const progress = await ask("progress");
  if (progress) showNumbers(progress);
  return undefined;
});

keys([
  ["Go on to the next video; where nothing is decided yet, the frame on screen becomes the cover", ["Enter"], accepted],
  ["Later: the next video, this one comes at the end", ["n"], leftForLater],
  ...viewKeys(view, undo),
]);
setInterval(async () => {
  if (!view.id) return;
  const answer = await post("/api/review/claim", { who, video_id: view.id }).catch(() => null);
  if (answer && !answer.is_ours) note("Somebody else looks at this video too.");
}, 45000);
addEventListener("pagehide", () => {
  const body = JSON.stringify({ who });
  fetch("/api/review/leave", { method: "POST", headers: { "content-type": "application/json" }, body, keepalive: true });
});
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
ask("next").then(show);
