// One video as the pages `video` and `review` show it: the exact frame, the player, timeline, pictures, decisions.
import { clock, get, h, many, note, onWork, post, wakeWork } from "./desk.js";
import { Timeline, frameAt } from "./timeline.js";

const DONE = { pin: "pinned", ban: "banned", cover: "cover" };

export class VideoView {
  /** @param {{extra?: Node[], undo?: () => void, onDrawn?: () => void}} options more buttons; what undo does */
  constructor(options = {}) {
    this.options = options;
    this.element = h("div", { className: "videopage" });
    this.facts = null;
    this.at = 0;
    this.history = []; // {video_id, before}: what undo goes back to
    onWork((id, work) => { if (id === this.facts?.video_id && work.state === "done") this.reload(); });
    setInterval(() => this.follow(), 100);
  }

  get id() { return this.facts?.video_id; }

  /** Shows a video; where that is asked for, at a frame. */
  async open(videoId, frameIndex) {
    this.player?.pause();
    this.facts = null; // until the next one is here, a key would still mean the one before
    let facts;
    try {
      facts = await get(`/api/video/${encodeURIComponent(videoId)}`);
    } catch (error) {
      this.element.replaceChildren(h("p", { className: "empty" }, `${error.message}. `, h("a", { href: "/" }, "Back to the library")));
      return false;
    }
    this.facts = facts;
    this.build();
    const best = this.chosen()[0] ?? facts.runners_up[0] ?? 0;
    this.show(frameIndex ?? Number(Object.entries(facts.decisions).find(([, word]) => word === "cover")?.[0] ?? best));
    return true;
  }

  /** What is stored now, at the frame that is shown. */
  async reload() {
    const asked = this.id;
    const facts = await get(`/api/video/${encodeURIComponent(asked)}`).catch(() => null);
    if (!facts || asked !== this.id) return;
    this.facts = facts;
    const at = this.at;
    this.build();
    this.show(at);
  }

  chosen() {
    return this.facts.candidates.filter((each) => each.rank !== null).sort((a, b) => a.rank - b.rank).map((each) => each.frame_index);
  }

  /** The frames that the arrow keys go through: chosen ones, then those that came next. */
  strip() { return [...this.chosen(), ...this.facts.runners_up]; }

  build() {
    const { facts } = this;
    this.still = h("img", { alt: "" });
    for (const end of ["load", "error"]) this.still.addEventListener(end, () => this.screen.classList.remove("loading"));
    this.player = h("video", { preload: "metadata", src: `/media/${facts.video_id}`, playsInline: true, hidden: true, muted: false });
    this.player.addEventListener("error", () => {
      this.playButton.hidden = true;
      this.frameLine.dataset.cannotPlay = "yes";
    });
    this.player.addEventListener("ended", () => this.pause());
    this.playButton = h("button", { type: "button", className: "play", onclick: () => this.toggle() }, "Play", h("kbd", {}, "Space"));
    this.caption = h("figcaption", {});
    this.screen = h("figure", { className: "screen" }, this.player, this.still, this.caption, this.playButton);
    this.timeline = new Timeline(facts, (index) => this.show(index));
    this.tiles = new Map();
    this.strips = h("div", { className: "strips", "aria-label": "Pictures" },
      ...this.row("Chosen", this.chosen()));
    this.next = h("div", { className: "strips next" }, ...this.row("Came next", facts.runners_up));
    const viewer = h("div", { className: "viewer" }, this.screen, this.strips, this.timeline.element);
    this.frameLine = h("p", { className: "frame" });
    this.why = h("p", { className: "why", "aria-live": "polite" });
    this.buttons = {
      cover: this.action("Cover", "c", () => this.decide("cover")),
      pin: this.action("Pin", "p", () => this.decide("pin")),
      ban: this.action("Ban", "b", () => this.decide("ban")),
    };
    this.undoButton = this.action("Undo", "u", () => (this.options.undo ?? (() => this.undo()))());
    this.decided = h("ul", { className: "decided" });
    const size = facts.width ? `${facts.width}×${facts.height}` : "";
    const lines = [clock(facts.duration, 1), size, many(facts.seconds.length, "frame"), many(facts.shots.length, "shot"), many(facts.candidates.length, "candidate")];
    const panel = h("aside", { className: "panel", "aria-label": "The frame and what is decided" },
      h("h1", {}, facts.name), h("p", { className: "facts number" }, lines.filter(Boolean).join(" · ")),
      facts.nothing_kept && h("p", { className: "message" }, facts.nothing_kept),
      facts.state === "failed" && h("p", { className: "message" }, facts.reason),
      facts.is_remade && h("p", { className: "message" }, "This video is being remade: its scores come when that is done."),
      this.frameLine,
      h("div", { className: "actions" }, this.buttons.cover, this.buttons.pin, this.buttons.ban, ...(this.options.extra || []), this.undoButton),
      this.why, h("h2", {}, "Decided"), this.decided,
      facts.partition && h("p", { className: "facts" }, h("a", { href: facts.partition }, "Its partition in Dagster")));
    this.element.replaceChildren(viewer, h("div", { className: "beside" }, panel, this.next));
    this.loadTiles();
    this.drawDecisions();
  }

  action(text, key, run) {
    return h("button", { type: "button", onclick: run }, text, h("kbd", {}, key));
  }

  row(title, indices) {
    if (!indices.length) return [];
    const byIndex = new Map(this.facts.candidates.map((each) => [each.frame_index, each]));
    const strip = h("ul", { className: "strip", "aria-label": title });
    const height = 92, width = Math.round(Math.min(210, Math.max(52, height * this.facts.width / this.facts.height)));
    for (const index of indices) {
      const found = byIndex.get(index);
      const seconds = this.facts.seconds[index];
      const tile = h("button", { type: "button", className: "tile", "aria-pressed": "false", onclick: () => this.show(index) },
        h("span", { className: "cover loading" }, h("img", { alt: `Frame ${index} at ${clock(seconds, 1)}`, width, height })),
        h("span", { className: "text" }, h("span", {}, clock(seconds, 1)), h("span", {}, found?.score?.toFixed(2) ?? "")));
      tile.title = found?.rank ? `rank ${found.rank}` : (found?.reason || "").replaceAll("_", " ");
      this.tiles.set(index, tile);
      strip.append(h("li", {}, tile));
    }
    return [h("section", {}, h("h2", {}, title), strip)];
  }

  /** One picture after the other, by time: the next one is often decoded from where the last one was. */
  async loadTiles() {
    const own = this.facts;
    for (const index of [...this.tiles.keys()].sort((a, b) => a - b)) {
      if (own !== this.facts) return;
      const image = this.tiles.get(index).querySelector("img");
      await new Promise((resolve) => {
        image.addEventListener("load", resolve, { once: true });
        image.addEventListener("error", resolve, { once: true });
        image.src = `/frame/${own.video_id}/${index}/small`;
      });
      image.parentElement.classList.remove("loading");
    }
  }

  async show(index) {
    const { facts } = this;
    const last = facts.seconds.length - 1;
    this.pause(false);
    this.at = Math.min(Math.max(index, 0), last);
    this.showPicture();
    for (const [each, tile] of this.tiles) tile.setAttribute("aria-pressed", String(each === this.at));
    this.scrollStrip(this.tiles.get(this.at));
    this.drawDecisions();
    const shown = this.at;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(async () => {
      const answer = await get(`/api/video/${facts.video_id}/why/${shown}`).catch((error) => ({ why: error.message }));
      if (shown === this.at && facts === this.facts) this.why.textContent = answer.why.replace(/^frame \d+ \([^)]*\): /, "");
    }, 60);
  }

  showPicture() {
    const { video_id: id, seconds } = this.facts;
    clearTimeout(this.sharpening);
    this.still.alt = `Frame ${this.at} of ${this.facts.name}`;
    this.still.hidden = false;
    this.player.hidden = true;
    const small = this.tiles.get(this.at)?.querySelector("img");
    const large = `/frame/${id}/${this.at}/large`;
    if (small?.complete && small.naturalWidth) this.still.src = small.src;
    else this.screen.classList.add("loading");
    const at = this.at;
    this.sharpening = setTimeout(() => { if (at === this.at) this.still.src = large; }, 90);
    this.caption.textContent = `frame ${this.at} · ${clock(seconds[this.at], 3)}`;
  }

  /** What holds the tiles is scrolled alone: the page stays where it is. */
  scrollStrip(tile) {
    const holder = tile?.closest(".strips");
    if (!holder) return;
    const strip = holder.getBoundingClientRect(), box = tile.getBoundingClientRect();
    if (box.left < strip.left) holder.scrollLeft -= strip.left - box.left + 60;
    else if (box.right > strip.right) holder.scrollLeft += box.right - strip.right + 60;
    if (box.top < strip.top) holder.scrollTop -= strip.top - box.top + 40;
    else if (box.bottom > strip.bottom) holder.scrollTop += box.bottom - strip.bottom + 40;
  }

  step(by) { this.show(this.at + by); }

  /** The picture beside in the strip; from a frame that is not in it, the nearest in time on that side. */
  stepStrip(by) {
    const strip = this.strip(), place = strip.indexOf(this.at);
    if (!strip.length) return;
    if (place < 0) this.show(strip[0]);
    else this.show(strip[(place + by + strip.length) % strip.length]);
  }

  toggle() {
    if (this.playButton.hidden) return note("The browser cannot play this file; its frames are shown as stills.");
    if (!this.player.hidden) return this.pause();
    const { seconds } = this.facts;
    this.player.currentTime = Math.max(0, seconds[this.at] - seconds[0]);
    this.player.hidden = false;
    this.still.hidden = true;
    this.playButton.firstChild.textContent = "Pause";
    return this.player.play().catch(() => this.pause());
  }

  /** Stops at the frame that is on screen and shows that one exactly. */
  pause(isShown = true) {
    if (!this.player || this.player.hidden) return;
    this.player.pause();
    this.player.hidden = true;
    this.playButton.firstChild.textContent = "Play";
    const { seconds } = this.facts;
    if (isShown) this.show(frameAt(seconds, seconds[0] + this.player.currentTime));
  }

  follow() {
    if (!this.facts || !this.player || this.player.hidden || this.player.paused) return;
    const { seconds } = this.facts;
    this.at = frameAt(seconds, seconds[0] + this.player.currentTime);
    this.caption.textContent = `frame ${this.at} · ${clock(seconds[this.at], 3)}`;
    this.timeline.show(this.at, this.facts.decisions);
  }

  drawDecisions() {
    const { decisions, seconds } = this.facts;
    const word = decisions[this.at];
    this.frameLine.textContent = `Frame ${this.at} · ${clock(seconds[this.at], 3)}${word ? ` · ${DONE[word]}` : ""}`;
    for (const [name, button] of Object.entries(this.buttons)) button.setAttribute("aria-pressed", String(word === name));
    this.undoButton.disabled = !this.history.length;
    this.timeline.show(this.at, decisions);
    const ranks = new Map(this.facts.candidates.filter((each) => each.rank !== null).map((each) => [each.frame_index, each.rank]));
    for (const [index, tile] of this.tiles) {
      tile.querySelector(".badge")?.remove();
      const said = decisions[index];
      if (said) tile.append(h("span", { className: `badge ${said === "ban" ? "bad" : "good"}` }, DONE[said]));
      else if (ranks.has(index)) tile.append(h("span", { className: "badge" }, String(ranks.get(index))));
    }
    const rows = Object.entries(decisions).map(([index, said]) => h("li", {},
      h("a", { href: `#${index}`, onclick: (event) => { event.preventDefault(); this.show(Number(index)); } }, clock(seconds[index], 2)),
      h("span", {}, DONE[said]),
      h("button", { type: "button", className: "plain", "aria-label": `Take back: frame ${index} ${DONE[said]}`, onclick: () => this.say(Number(index), said === "ban" ? "unban" : "unpin") }, "×")));
    this.options.onDrawn?.();
    this.decided.replaceChildren(...(rows.length ? rows : [h("li", { className: "muted" }, "nothing yet")]));
  }

  /** The word on the frame that is shown; said twice it is taken back. */
  decide(word) {
    const said = this.facts.decisions[this.at];
    const back = { pin: "unpin", ban: "unban", cover: "uncover" };
    return this.say(this.at, said === word ? back[word] : word);
  }

  async say(frameIndex, word) {
    const { facts } = this, id = facts.video_id;
    const ask = () => post(`/api/video/${id}/decide`, { frame_index: frameIndex, word, seen: facts.version });
    return this.change(id, ask, facts);
  }

  /** One change after the other, in the order of the keys; `facts`: of the video that it is about, if it can be undone. */
  change(id, ask, facts) {
    this.changing = (this.changing ?? Promise.resolve()).then(() => this.changed(id, ask, facts));
    return this.changing;
  }

  async changed(id, ask, facts) {
    try {
      const before = facts && { ...facts.decisions };
      const standing = await ask();
      if (before) this.history.push({ video_id: id, before });
      if (facts) Object.assign(facts, standing);
      if (id === this.id) Object.assign(this.facts, standing);
      wakeWork();
      return true;
    } catch (error) {
      note(error.message, true);
      if (error.status === 409 && id === this.id) Object.assign(this.facts, await get(`/api/video/${id}/decisions`).catch(() => ({})));
      return false;
    } finally {
      if (id === this.id) this.drawDecisions();
    }
  }

  /** Takes the last change back, of whatever video it was. */
  async undo() {
    await this.changing;
    const last = this.history.pop();
    if (!last) return note("There is nothing to undo.");
    if (last.run) await last.run();
    if (last.video_id !== this.id && !(await this.open(last.video_id))) return undefined;
    if (!last.before) return undefined;
    const isDone = await this.change(last.video_id, () => post(`/api/video/${last.video_id}/restore`, { decisions: last.before, seen: this.facts.version }));
    if (isDone) note("Taken back.");
    return isDone;
  }
}

/** The keys of both pages. */
export const viewKeys = (view, undo = () => view.undo()) => [
  ["Picture before or after: chosen ones, then those that came next", ["ArrowLeft", "ArrowRight"], (event) => view.facts && view.stepStrip(event.key === "ArrowLeft" ? -1 : 1)],
  ["Frame before or after", [",", "."], (event) => view.facts && view.step(event.key === "," ? -1 : 1)],
  ["Play, or stop at the frame on screen", [" "], () => view.facts && view.toggle()],
  ["Make the frame the cover", ["c"], () => view.facts && view.decide("cover")],
  ["Pin the frame: it is always chosen", ["p"], () => view.facts && view.decide("pin")],
  ["Ban the frame: it is never chosen, nor what looks like it", ["b"], () => view.facts && view.decide("ban")],
  ["Undo", ["u"], undo],
];
