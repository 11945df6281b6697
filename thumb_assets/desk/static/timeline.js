// The timeline of a video: scores of every frame, shots, chapters, cues, candidates, selections and the frame shown.
import { clock, h } from "./desk.js";

const BAND = 9; // height of the band of chapters above and of cues below, in pixels
const HEIGHT = 118;

export class Timeline {
  /** @param {(frameIndex: number) => void} onChoose */
  constructor(facts, onChoose) {
    this.facts = facts;
    this.at = 0;
    this.series = "sharpness";
    this.decisions = {};
    const select = h("select", { "aria-label": "Score of every frame", onchange: () => { this.series = select.value; this.draw(); } },
      ...Object.keys(facts.series).map((name) => h("option", { value: name }, name)));
    this.canvas = h("canvas", { tabIndex: 0, role: "slider", "aria-label": "Frame of the video", "aria-valuemin": "0", "aria-valuemax": String(facts.seconds.length - 1) });
    this.hint = h("p", { className: "hint" });
    const legend = (kind, text) => h("span", { className: "legend" }, h("i", { className: kind }), text);
    this.element = h("section", { className: "timeline", "aria-label": "Timeline" },
      h("div", { className: "bar" }, h("label", { className: "legend" }, h("i", { className: "line" }), select),
        legend("candidate", "candidates"), legend("selection", "chosen")),
      this.canvas, this.hint);
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      onChoose(this.frameNear(event));
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.buttons) onChoose(this.frameNear(event));
      this.tell(event);
    });
    this.canvas.addEventListener("pointerleave", () => { this.hint.textContent = ""; });
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  get begin() { return this.facts.seconds[0] ?? 0; }
  get length() { return Math.max(this.facts.duration, 1e-6); }

  secondsAt(event) {
    const box = this.canvas.getBoundingClientRect();
    return this.begin + (event.clientX - box.left) / box.width * this.length;
  }

  /** The frame on screen at the pointer, or a candidate that is drawn within 6 pixels of it. */
  frameNear(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = event.clientX - box.left, wanted = this.secondsAt(event);
    const near = this.facts.candidates
      .map((each) => [Math.abs((each.seconds - this.begin) / this.length * box.width - x), each.frame_index])
      .sort((a, b) => a[0] - b[0])[0];
    if (near && near[0] <= 6) return near[1];
    return frameAt(this.facts.seconds, wanted);
  }

  tell(event) {
    const seconds = this.secondsAt(event);
    const parts = [clock(seconds, 2)];
    for (const list of [this.facts.shots, this.facts.chapters, this.facts.cues]) {
      const found = list.find((each) => each.start <= seconds && seconds < each.end);
      if (found?.text) parts.push(list === this.facts.cues ? `“${found.text}”` : found.text);
    }
    this.hint.textContent = parts.join(" · ");
  }

  show(frameIndex, decisions) {
    this.at = frameIndex;
    this.decisions = decisions;
    this.canvas.setAttribute("aria-valuenow", String(frameIndex));
    this.canvas.setAttribute("aria-valuetext", `frame ${frameIndex}, ${clock(this.facts.seconds[frameIndex], 2)}`);
    this.draw();
  }

  draw() {
    const { canvas, facts } = this;
    const width = canvas.clientWidth, ratio = devicePixelRatio || 1;
    if (!width) return;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(HEIGHT * ratio);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const style = getComputedStyle(canvas);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const x = (seconds) => (seconds - this.begin) / this.length * width;
    const top = BAND + 8, bottom = HEIGHT - BAND - 6;

    facts.shots.forEach((shot, number) => {
      pen.fillStyle = number % 2 ? colour("raised") : colour("ground");
      pen.fillRect(x(shot.start), top - 4, x(shot.end) - x(shot.start), bottom - top + 8);
    });
    this.band(pen, facts.chapters, 0, colour("accent"), x);
    this.band(pen, facts.cues, HEIGHT - BAND, colour("muted"), x);
    this.line(pen, facts.series[this.series], x, top, bottom, width, colour("series"));

    const scores = facts.candidates.map((each) => each.score ?? 0);
    const most = Math.max(1, ...scores);
    const y = (score) => bottom - (score ?? 0) / most * (bottom - top);
    for (const each of facts.candidates.filter((candidate) => candidate.rank === null)) {
      pen.beginPath();
      pen.arc(x(each.seconds), y(each.score), 3.5, 0, 7);
      pen.lineWidth = 2;
      pen.strokeStyle = colour("candidate");
      pen.globalAlpha = each.stage === "reject" ? 0.45 : 1;
      pen.fillStyle = colour("surface");
      pen.fill();
      pen.stroke();
      pen.globalAlpha = 1;
    }
    pen.font = "600 10px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (const each of facts.candidates.filter((candidate) => candidate.rank !== null)) {
      const middle = Math.min(Math.max(x(each.seconds), 8), width - 8), high = Math.max(y(each.score), top + 3);
      pen.fillStyle = colour("selection");
      pen.beginPath();
      pen.roundRect(middle - 7, high - 7, 14, 14, 3);
      pen.fill();
      pen.fillStyle = colour("surface");
      pen.fillText(String(each.rank), middle, high + 0.5);
    }
    for (const [index, word] of Object.entries(this.decisions)) {
      pen.fillStyle = word === "ban" ? colour("bad") : colour("good");
      pen.fillRect(x(facts.seconds[index]) - 1.5, top - 6, 3, 8);
    }
    const now = Math.round(x(facts.seconds[this.at] ?? this.begin));
    pen.fillStyle = colour("text");
    pen.fillRect(Math.min(now, width - 1.5), top - 6, 1.5, bottom - top + 12);
  }

  band(pen, spans, y, colour, x) {
    spans.forEach((span, number) => {
      pen.globalAlpha = number % 2 ? 0.45 : 0.75;
      pen.fillStyle = colour;
      pen.fillRect(x(span.start), y + 1, Math.max(1, x(span.end) - x(span.start) - 1), BAND - 3);
    });
    pen.globalAlpha = 1;
  }

  /** The least and the greatest value of every pixel, so that no frame is left out. */
  line(pen, values, x, top, bottom, width, colour) {
    let most = 0;
    for (const value of values) if (value !== null && value > most) most = value;
    if (!most) return;
    const columns = new Map();
    values.forEach((value, index) => {
      if (value === null) return;
      const column = Math.round(x(this.facts.seconds[index]));
      const span = columns.get(column);
      if (!span) columns.set(column, [value, value]);
      else { span[0] = Math.min(span[0], value); span[1] = Math.max(span[1], value); }
    });
    pen.beginPath();
    for (const [column, [least, greatest]] of columns) {
      const low = bottom - least / most * (bottom - top), high = bottom - greatest / most * (bottom - top);
      pen.lineTo(Math.min(column, width), low);
      if (low - high > 0.5) pen.lineTo(Math.min(column, width), high);
    }
    pen.strokeStyle = colour;
    pen.lineWidth = 1.25;
    pen.lineJoin = "round";
    pen.stroke();
  }
}

/** The frame that is on screen at a time. */
export function frameAt(seconds, wanted) {
  let low = 0, high = seconds.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (seconds[middle] <= wanted + 1e-6) low = middle;
    else high = middle - 1;
  }
  return low;
}
