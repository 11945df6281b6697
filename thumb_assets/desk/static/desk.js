// What all pages share: elements without markup, questions to the server, keys, notes, and how far the stills are.

/** Makes an element; texts are text, whatever stands in them. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A text of the desk, "" for none, with the commands it names as they can be typed where the desk was started. */
export const typed = (text) => (text ?? "").replace(/(?<![\w./-])thumb-assets(?= [a-z])/g, () => document.body.dataset.program);

async function answered(response) {
  const isJson = (response.headers.get("content-type") || "").startsWith("application/json");
  const body = isJson ? await response.json() : {};
  if (response.ok) return body;
  const error = new Error(typed(body.error) || `the desk answered ${response.status}`);
  error.status = response.status;
  throw error;
}

async function asked(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error(typed("the desk does not answer; is `thumb-assets desk` still running?"));
  }
  return answered(response);
}

export const get = (path, options = {}) => asked(path, options);
export const post = (path, body) =>
  asked(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

/** Shows a line for some seconds; a failure stays longer. */
export function note(text, isBad = false) {
  const line = h("div", { className: isBad ? "note bad" : "note" }, text);
  const place = document.getElementById("notes");
  place.append(line);
  while (place.children.length > 3) place.firstChild.remove();
  setTimeout(() => line.remove(), isBad ? 9000 : 3000);
}

/** Runs something and shows its failure. */
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    if (error.name !== "AbortError") note(error.message, true);
    return undefined;
  }
}

/** Seconds as a player shows them, rounded as the command's pages do. */
export function clock(seconds, digits = 0) {
  if (seconds === null || seconds === undefined) return "";
  const whole = Math.floor(Math.max(0, seconds) * 10 ** digits + 0.5) / 10 ** digits;
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  const rest = (whole % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** A line of the library as a sentence. */
export const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? "" : "."}`;

export const many = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

// Keys: [name on the page, what it does, event.key values, action].
const known = [];
const SHOWN = { " ": "Space", ArrowLeft: "←", ArrowRight: "→" };

export function keys(list) {
  for (const [text, values, run] of list) known.push({ text, values, run });
  const rows = document.querySelector("#keys dl");
  rows.replaceChildren();
  for (const { text, values } of known) {
    const names = values.filter((value) => value === value.toLowerCase() || value.length > 1).map((v) => SHOWN[v] || v);
    rows.append(h("dt", {}, ...names.flatMap((name, i) => (i ? [" ", h("kbd", {}, name)] : [h("kbd", {}, name)]))), h("dd", {}, text));
  }
}

function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "SELECT", "TEXTAREA"].includes(target.tagName));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape" && isTyping(event.target)) event.target.blur();
  if (isTyping(event.target)) return;
  const isPress = event.target instanceof HTMLElement && ["BUTTON", "A"].includes(event.target.tagName);
  if (isPress && (event.key === "Enter" || event.key === " ")) return; // the element's own
  const found = known.find(({ values }) => values.includes(event.key));
  if (!found) return;
  event.preventDefault();
  found.run(event);
});

export function showKeys() {
  document.getElementById("keys").showModal();
}
document.querySelector(".top nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" }); // on a narrow screen
document.getElementById("keys-button").addEventListener("click", showKeys);
keys([["Show these keys", ["?"], showKeys]]);

document.querySelector(".top nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" }); // on a narrow screen

// Stills that are remade: asked for again and again while there is something to wait for.
const listeners = [];
let timer = null;
let isWanted = false; // work was begun after the last question, maybe before its answer
let before = null; // the states that were seen last; of what had ended before this page came nothing is news

export function onWork(listener) {
  listeners.push(listener);
}

export function wakeWork() {
  isWanted = true;
  if (timer === null) timer = setTimeout(look, 300);
}

async function look() {
  isWanted = false;
  let work;
  try {
    work = await get("/api/work");
  } catch {
    timer = setTimeout(look, 3000);
    return;
  }
  const ids = Object.keys(work);
  const running = ids.filter((id) => work[id].state === "running");
  const waiting = ids.filter((id) => work[id].state === "waiting");
  const line = document.getElementById("work");
  line.hidden = !running.length && !waiting.length;
  const more = waiting.length ? ` (${waiting.length} waiting)` : "";
  const first = running[0] ?? waiting[0], upload = first && work[first].upload;
  const what = upload ? `Working on the upload ${upload}` : `Remaking stills${running.length ? `: ${first}` : ""}`;
  line.textContent = `${what}${running.length ? `: ${work[first].step}` : ""}${more}`;
  const seen = Object.fromEntries(ids.map((id) => [id, `${work[id].state} ${work[id].end}`]));
  for (const id of ids) {
    const isNews = before !== null && before[id] !== seen[id];
    if (isNews && work[id].state === "failed") note(`${id}: ${typed(work[id].step)}`, true);
    if (isNews) listeners.forEach((listener) => listener(id, work[id]));
  }
  before = seen;
  timer = running.length || waiting.length || isWanted ? setTimeout(look, 1000) : null;
}
wakeWork();
