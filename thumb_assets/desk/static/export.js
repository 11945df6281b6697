// The export of a dataset: chosen in a dialog, written beside the pages, followed until it is there.
import { attempt, get, h, post } from "./desk.js";

const dialog = h("dialog", { className: "export", "aria-labelledby": "export-title" });
const format = h("select", { onchange: describe });
const name = h("input", { type: "text", value: "stills", maxLength: 60 });
const about = described(format, "");
const tokens = h("input", { type: "number", min: 1, step: 1, required: true });
const budget = h("div", { hidden: true }, h("label", {}, "Tokens", tokens), described(tokens, "What its sheets and its text may cost a model."));
const fields = h("div", { className: "options" });
const status = h("div", { role: "status" });
const begin = h("button", { type: "submit", className: "primary" }, "Export");
const form = h("form", { onsubmit: start }, h("div", {}, h("label", {}, "Format", format), about), h("div", {}, h("label", {}, "Name of its folder", name)), budget, fields,
  status, h("div", { className: "ends" }, h("button", { type: "button", onclick: () => dialog.close() }, "Close"), begin));
let offered = null; // formats and options, as the desk knows them
let controls = []; // of the options: what was offered, the element, and how its value is read

dialog.append(h("h2", { id: "export-title" }, "Export a dataset"), form);
document.body.append(dialog);

/** Opens the dialog, which begins with values of options and the name of a folder where some are given. */
export async function openExport(values = {}, folder = "") {
  const found = await attempt(() => get("/api/library/export"));
  if (!found) return;
  if (!offered) offer(found);
  for (const { option, write } of controls) if (option.name in values) write(values[option.name]);
  if (folder) name.value = folder;
  describe();
  show(found.work);
  dialog.showModal();
}

function offer(found) {
  offered = found;
  tokens.value = found.tokens;
  format.append(...Object.keys(found.formats).map((value) => h("option", { value }, value)));
  controls = found.options.map((option) => ({ option, ...CONTROLS[option.kind](option) }));
  fields.append(...controls.map(({ element }) => element));
}

const CONTROLS = {
  choice: (option) => {
    const input = h("select", {}, ...option.choices.map((value) => h("option", { value }, value)));
    input.value = option.value;
    return { element: labelled(option, input), read: () => input.value };
  },
  number: (option) => {
    const input = h("input", { type: "number", step: option.is_whole ? 1 : "any", value: option.value, required: true });
    return { element: labelled(option, input), read: () => input.valueAsNumber };
  },
  text: (option) => {
    const input = h("input", { type: "text", value: option.value, maxLength: 100 });
    return { element: labelled(option, input), read: () => input.value.trim(), write: (value) => { input.value = value; } };
  },
  flag: (option) => {
    const input = h("input", { type: "checkbox", checked: option.value });
    return { element: labelled(option, input, "flag"), read: () => input.checked };
  },
  shares: (option) => {
    const inputs = Object.entries(option.value).map(([split, share]) => [split, h("input", { type: "number", min: 0, step: "any", value: share, required: true })]);
    const element = h("fieldset", {}, h("legend", {}, option.title), h("div", { className: "shares" }, ...inputs.map(([split, input]) => h("label", {}, split, input))));
    element.append(described(element, option.about));
    return { element, read: () => Object.fromEntries(inputs.map(([split, input]) => [split, input.valueAsNumber])) };
  },
};

function labelled(option, input, className = "") {
  const inside = className === "flag" ? [input, option.title] : [option.title, input];
  return h("div", { className }, h("label", {}, ...inside), described(input, option.about));
}

/** A line on an element, which a reader of screens says with it; of a code's back-ticks a page has no use. */
function described(element, text) {
  const line = h("small", { className: "muted", id: `export-about-${described.number = (described.number || 0) + 1}` }, text.replaceAll("`", ""));
  element.setAttribute("aria-describedby", line.id);
  return line;
}

function describe() {
  const isDigest = format.value === offered.by_tokens;
  about.textContent = offered.formats[format.value] || "";
  budget.hidden = !isDigest;
  tokens.disabled = !isDigest; // else a form checks what nobody sees
  for (const { option, element } of controls) {
    const isOff = isDigest && !option.is_of_digest;
    element.hidden = isOff;
    element.querySelectorAll("input, select").forEach((input) => { input.disabled = isOff; });
  }
}

/** The options that differ from the library's settings, which say the others. */
function changed() {
  const read = controls.filter(({ element }) => !element.hidden).map(({ option, read: value }) => [option, value()]);
  return Object.fromEntries(read.filter(([option, value]) => JSON.stringify(value) !== JSON.stringify(option.value)).map(([option, value]) => [option.name, value]));
}

async function start(event) {
  event.preventDefault();
  begin.disabled = true;
  const isDigest = format.value === offered.by_tokens;
  try {
    show(await post("/api/library/export", { format_name: format.value, name: name.value.trim(), values: changed(), num_tokens: isDigest ? tokens.valueAsNumber : null }));
  } catch (error) {
    begin.disabled = false;
    tell(h("p", { className: "bad" }, error.message));
  }
}

function tell(...lines) {
  status.replaceChildren(...lines);
  status.scrollIntoView({ block: "nearest" });
}

function show(work) {
  begin.disabled = work.state === "running";
  if (work.state === "none") return status.replaceChildren();
  if (work.state === "failed") return tell(h("p", { className: "bad" }, work.text));
  if (work.state === "running") {
    const bar = h("progress", { "aria-label": "Export", max: work.num_all || 1 });
    if (work.num_all) bar.value = work.num_done;
    const of = work.num_all ? ` ${work.num_done.toLocaleString("en")} of ${work.num_all.toLocaleString("en")}` : "";
    tell(h("p", {}, `${work.folder}: ${work.text}${of}`), bar);
    setTimeout(look, 500);
    return undefined;
  }
  return tell(h("p", {}, `Written: ${work.text}`), h("p", { className: "place" }, work.folder),
    ...work.notes.map((text) => h("p", { className: "muted" }, text)), h("p", { className: "muted" }, "Load it:"), h("p", { className: "place" }, work.loads));
}

async function look() {
  try {
    show((await get("/api/library/export")).work);
  } catch (error) {
    tell(h("p", { className: "bad" }, error.message));
    if (dialog.open) setTimeout(look, 3000);
  }
}
