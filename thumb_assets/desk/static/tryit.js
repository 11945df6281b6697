// A video that is dropped here: sent, worked on, shown with its picks, then kept or thrown away.
import { attempt, clock, get, h, keys, note, post } from "./desk.js";

const HEAD_BYTES = 4096;
const main = document.getElementById("main");
const file = h("input", { type: "file", accept: "video/*,.mkv,.mxf,.ts,.gif", multiple: true, "aria-label": "Choose a video", onchange: () => { send([...file.files]); file.value = ""; file.blur(); } });
const path = h("input", { type: "text", placeholder: "clips/one.mp4" });
const drop = h("section", { className: "drop" }, h("strong", {}, "Drop a video here"), h("span", { className: "muted" }, "or choose a file"), file,
  h("form", { className: "trypath", onsubmit: use }, h("label", {}, "or a file of the library folder, by its path", path), h("button", {}, "Try it")));
const coming = h("div", { role: "status" });
const list = h("div", { "aria-label": "Videos that are tried", role: "list" });
main.append(h("h1", {}, "Try it"), h("p", { className: "muted" }, "See which frames are chosen of a video. Then keep it in the library, or throw it away."), drop, coming, list);
const shown = new Map(); // by token: what is shown of it, and its element
const sending = []; // uploads under way, the latest last
const ending = new Set(); // tokens of trials whose work is being ended
let busy = []; // trials that are worked on, the latest first
let timer = null;
keys([["Cancel the latest work", ["Escape"], cancelLatest]]);

for (const name of ["dragenter", "dragover"]) addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
for (const name of ["dragleave", "drop"]) addEventListener(name, (event) => { event.preventDefault(); drop.classList.remove("over"); });
addEventListener("drop", (event) => send([...event.dataTransfer.files]));

async function send(files) {
  document.querySelectorAll("#notes .bad").forEach((line) => line.remove()); // of an earlier try
  for (const each of files) await attempt(() => sendOne(each));
}

async function sendOne(each) {
  const head = new Uint8Array(await each.slice(0, HEAD_BYTES).arrayBuffer());
  // Asked before: a browser shows no answer to an upload that is refused while it is still sending.
  await post("/api/tryit/announce", { name: each.name, num_bytes: each.size, head: btoa(String.fromCharCode(...head)) });
  const bar = h("progress", { max: each.size || 1, "aria-label": `Sending ${each.name}` });
  const step = h("p", { className: "step" }, "sending");
  const request = new XMLHttpRequest();
  const end = h("button", { type: "button", onclick: () => request.abort() }, "Cancel");
  const card = h("section", { className: "trial" }, h("h2", {}, each.name), bar, step, end);
  coming.append(card);
  sending.push(request);
  try {
    const answer = await new Promise((resolve, reject) => {
      request.open("POST", `/api/tryit/upload?name=${encodeURIComponent(each.name)}`);
      request.setRequestHeader("content-type", "application/octet-stream");
      request.responseType = "json";
      request.upload.onprogress = ({ loaded }) => {
        bar.value = loaded;
        const isSent = loaded >= each.size;
        step.textContent = isSent ? "reading it" : `${megabytes(loaded)} of ${megabytes(each.size)} MB`;
        end.hidden = isSent; // the desk has it now, and the work on it can be cancelled as soon as it is known
        if (isSent) forget(request);
      };
      request.onload = () => (request.status === 200 ? resolve(request.response) : reject(new Error(request.response?.error || `the desk answered ${request.status}`)));
      request.onerror = () => reject(new Error(`${each.name}: was cut off; is the desk still running?`));
      request.onabort = () => reject(new Error(`${each.name}: not sent`));
      request.send(each);
    });
    if (answer.note) note(`${each.name}: ${answer.note}`);
  } finally {
    forget(request);
    card.remove();
  }
  await look();
}

function forget(request) {
  const place = sending.indexOf(request);
  if (place >= 0) sending.splice(place, 1);
}

async function use(event) {
  event.preventDefault();
  if (!path.value.trim()) return;
  const answer = await attempt(() => post("/api/tryit/use", { path: path.value }));
  if (answer) {
    path.value = "";
    look();
  }
}

const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

/** Asks for all trials, here and in other tabs, and again while one of them is worked on. */
async function look() {
  clearTimeout(timer);
  let trials;
  try {
    trials = await get("/api/tryit/trials");
  } catch {
    timer = setTimeout(look, 3000);
    return;
  }
  for (const [token, { element }] of shown) {
    if (trials.some((trial) => trial.token === token)) continue;
    element.remove();
    shown.delete(token);
  }
  for (const trial of trials.reverse()) { // the latest is put on top last
    const text = JSON.stringify(trial), old = shown.get(trial.token);
    if (old?.text === text) continue;
    const element = old?.element || h("section", { className: "trial", role: "listitem" });
    element.replaceChildren(...contents(trial));
    if (!old) list.prepend(element);
    shown.set(trial.token, { text, element });
  }
  busy = trials.filter(isBusy).reverse();
  timer = setTimeout(look, busy.length ? 700 : 5000);
}

const isBusy = ({ state }) => state === "waiting" || state === "running";

/** Ends the work on a video; a new one has nothing but its file then. */
async function cancel(trial) {
  if (ending.has(trial.token)) return;
  ending.add(trial.token);
  shown.get(trial.token)?.element.querySelectorAll("button").forEach((button) => { button.disabled = true; button.textContent = "Cancelling…"; });
  await attempt(() => post(`/api/tryit/${trial.token}/cancel`, {}));
  ending.delete(trial.token);
  if (shown.has(trial.token)) shown.get(trial.token).text = "";
  await look();
  shown.get(trial.token)?.element.querySelector("button")?.focus();
}

function cancelLatest() {
  if (sending.length) sending.at(-1).abort();
  else if (busy.length) cancel(busy[0]);
}

async function again(trial) {
  await attempt(() => post(`/api/tryit/${trial.token}/again`, {}));
  look();
}

function contents(trial) {
  const parts = [h("h2", {}, trial.name)];
  if (trial.note) parts.push(h("p", { className: "muted" }, trial.note));
  if (isBusy(trial)) {
    const bar = h("progress", { "aria-label": `Work on ${trial.name}`, max: trial.num_all || 1 });
    if (trial.num_all) bar.value = Math.min(trial.num_done, trial.num_all);
    parts.push(bar, h("p", { className: "step" }, trial.state === "waiting" ? "waits for its turn" : trial.step));
    if (trial.stages.length) parts.push(h("p", { className: "step" }, `done: ${trial.stages.join(", ")}`));
    const end = h("button", { type: "button", onclick: () => cancel(trial), disabled: ending.has(trial.token) }, ending.has(trial.token) ? "Cancelling…" : "Cancel");
    return [...parts, h("div", { className: "words-of-trial" }, end)];
  }
  if (trial.state === "cancelled") {
    const left = trial.is_new ? "Nothing was made of it." : "What was made of it before stays; a run does the rest.";
    parts.push(h("p", { className: "muted" }, `Cancelled. ${left}`));
  }
  if (trial.state === "failed") parts.push(h("p", { className: "bad" }, trial.step));
  if (trial.nothing) parts.push(h("p", {}, `Nothing was kept: ${trial.nothing}`));
  if (trial.picks.length) parts.push(h("ul", { className: "picks" }, ...trial.picks.map((pick) => picture(trial, pick))));
  return [...parts, words(trial)];
}

function picture(trial, pick) {
  const at = clock(pick.pts_seconds, 1);
  return h("li", {}, h("img", { src: `/frame/${trial.video_id}/${pick.frame_index}/small`, alt: `Pick ${pick.rank} of ${trial.name}, at ${at}` }),
    h("p", {}, h("strong", {}, at), ` · ${pick.reason}`),
    h("a", { href: `/api/tryit/${trial.token}/still/${pick.rank}`, download: "" }, `Download ${pick.width} × ${pick.height} (${Math.ceil(pick.num_bytes / 1000).toLocaleString("en")} kB)`));
}

function words(trial) {
  const more = trial.state === "cancelled" && trial.is_new ? null : h("a", { href: `/video/${trial.video_id}` }, "All about it");
  const begin = trial.state === "cancelled" && h("button", { type: "button", onclick: () => again(trial) }, "Start again");
  if (!trial.is_upload) {
    return h("div", { className: "words-of-trial" }, begin, h("span", { className: "muted" }, "A video of the library."), h("button", { type: "button", onclick: () => say(trial, "keep") }, "Close"), more);
  }
  return h("div", { className: "words-of-trial" }, begin,
    h("button", { type: "button", className: "primary", onclick: () => say(trial, "keep") }, "Keep in the library"),
    h("button", { type: "button", onclick: () => say(trial, "throw") }, "Throw away"), more);
}

async function say(trial, word) {
  const answer = await attempt(() => post(`/api/tryit/${trial.token}/${word}`, {}));
  if (answer && trial.is_upload) note(word === "keep" ? `${trial.name} is kept: ${answer.path}` : `${trial.name} is thrown away.`);
  look();
}

look();
