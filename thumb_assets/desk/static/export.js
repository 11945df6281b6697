// The export of a dataset: chosen in a dialog, written beside the pages, followed until it is there.
import { attempt, get, h, post } from "./desk.js";

const dialog = h("dialog", { className: "export", "aria-labelledby": "export-title" });
const format = h("select", { onchange: describe });
const name = h("input", { type: "text", value: "stills", maxLength: 60 });
const about = h("p", { className: "muted" });
const status = h("div", { role: "status" });
const begin = h("button", { type: "button", className: "primary", onclick: start }, "Export");
let abouts = {};

export function exportButton() {
  document.body.append(dialog);
  dialog.append(h("h2", { id: "export-title" }, "Export a dataset"),
    h("label", {}, "Format", format, about),
    h("label", {}, "Name of its folder", name), status,
    h("form", { method: "dialog" }, h("button", {}, "Close"), " ", begin));
  return h("button", { type: "button", onclick: open }, "Export…");
}

async function open() {
  const found = await attempt(() => get("/api/library/export"));
  if (!found) return;
  abouts = found.formats;
  if (!format.options.length) format.append(...Object.keys(abouts).map((value) => h("option", { value }, value)));
  describe();
  show(found.work);
  dialog.showModal();
}

function describe() {
  about.textContent = abouts[format.value] || "";
}

async function start() {
  begin.disabled = true;
  try {
    show(await post("/api/library/export", { format_name: format.value, name: name.value.trim() }));
  } catch (error) {
    begin.disabled = false;
    status.replaceChildren(h("p", { className: "bad" }, error.message));
  }
}

function show(work) {
  begin.disabled = work.state === "running";
  if (work.state === "none") return status.replaceChildren();
  if (work.state === "failed") return status.replaceChildren(h("p", { className: "bad" }, work.text));
  if (work.state === "running") {
    const bar = h("progress", { "aria-label": "Export", max: work.num_all || 1 });
    if (work.num_all) bar.value = work.num_done;
    const of = work.num_all ? ` ${work.num_done.toLocaleString("en")} of ${work.num_all.toLocaleString("en")}` : "";
    status.replaceChildren(h("p", {}, `${work.folder}: ${work.text}${of}`), bar);
    setTimeout(look, 500);
    return undefined;
  }
  return status.replaceChildren(h("p", {}, `Written: ${work.text}`), h("p", { className: "place" }, work.folder),
    ...work.notes.map((text) => h("p", { className: "muted" }, text)), h("p", { className: "muted" }, "Load it:"), h("p", { className: "place" }, work.loads));
}

async function look() {
  try {
    show((await get("/api/library/export")).work);
  } catch (error) {
    status.replaceChildren(h("p", { className: "bad" }, error.message));
    if (dialog.open) setTimeout(look, 3000);
  }
}
