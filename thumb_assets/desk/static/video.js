// The page of one video.
import { attempt, get, h, keys, note } from "./desk.js";
import { VideoView, viewKeys } from "./videoview.js";

const moreLike = () => { if (view.facts) location.href = `/search?${new URLSearchParams({ like: `${view.id}:${view.at}` })}`; };
const like = h("button", { type: "button", className: "two", onclick: moreLike }, "More like this", h("kbd", {}, "m"));
const view = new VideoView({ extra: [like] });
const main = document.getElementById("main");
main.append(view.element);
const videoId = decodeURIComponent(location.pathname.split("/")[2]);
const [place, frame] = location.hash.slice(1).split("@"); // place in the library's order, and a frame
view.open(videoId, frame ? Number(frame) : undefined).then((isOpen) => { if (isOpen) document.title = `${view.facts.name} - desk`; });

/** The video before or after, in the order in which the library was shown last. */
async function go(by) {
  const now = Number(place || 0) + by;
  if (now < 0) return note("This is the first video.");
  const params = new URLSearchParams(sessionStorage.getItem("library") || "");
  params.set("start", now);
  params.set("num_videos", 1);
  const answer = await attempt(() => get(`/api/library/videos?${params}`));
  if (!answer) return undefined;
  if (!answer.videos.length) return note("This is the last video.");
  location.href = `/video/${answer.videos[0].video_id}#${now}`;
  return undefined;
}

keys([
  ...viewKeys(view),
  ["More like this frame, in the whole library", ["m"], moreLike],
  ["Next video, or with Shift the one before", ["n", "N"], (event) => go(event.key === "n" ? 1 : -1)],
  ["Back to the library", ["l", "Escape"], () => { location.href = "/"; }],
]);
