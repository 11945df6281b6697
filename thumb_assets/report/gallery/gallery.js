// Filters and order of the page of covers; cards are added as the page is scrolled. Names are set as text, never markup.
"use strict";
(() => {
  const { flags, cards } = window.GALLERY;
  const grid = document.getElementById("grid"), form = document.getElementById("filters");
  if (!grid) return;
  const end = document.getElementById("end"), empty = document.getElementById("empty"), count = document.getElementById("count");
  const [ID, NAME, SECONDS, STATE, WHY, PICTURE, WIDTH, HEIGHT, SCORE, FLAGS] = Array(10).keys();
  const AT_A_TIME = 96;
  const BADGES = { failed: ["failed", "bad"], nothing: ["nothing kept", "warn"], unfinished: ["not finished", ""] };
  const LAST_RESORT = flags.indexOf("last_resort"), DECIDED = flags.indexOf("decided");
  let shown = cards, placed = grid.children.length;

  const element = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const clock = (seconds) => {
    const minutes = Math.floor(seconds / 60), rest = seconds - 60 * minutes;
    if (minutes >= 60) return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${String(Math.floor(rest)).padStart(2, "0")}`;
    return `${minutes}:${String(Math.floor(rest)).padStart(2, "0")}.${Math.floor(rest * 10) % 10}`;
  };
  const made = (card) => {
    const item = element("li", "card"), link = element("a"), cover = element("div", "cover");
    link.href = `videos/${encodeURIComponent(card[ID])}.html`;
    if (card[PICTURE]) {
      const image = element("img");
      image.loading = "lazy"; image.decoding = "async"; image.alt = "";
      image.width = card[WIDTH]; image.height = card[HEIGHT];
      image.src = card[PICTURE].split("/").map(encodeURIComponent).join("/");
      cover.append(image);
    } else cover.append(element("span", "none", card[WHY] || "no still yet"));
    const text = element("div", "text"), name = element("span", "name", card[NAME]), facts = element("span", "facts");
    name.title = card[NAME];
    if (card[SECONDS] !== null) facts.append(element("span", "", clock(card[SECONDS])));
    if (card[SCORE] !== null) facts.append(element("span", "", `score ${card[SCORE].toFixed(2)}`));
    if (BADGES[card[STATE]]) facts.append(element("span", `badge ${BADGES[card[STATE]][1]}`, BADGES[card[STATE]][0]));
    if (card[FLAGS].includes(LAST_RESORT)) facts.append(element("span", "badge warn", "last resort"));
    if (card[FLAGS].includes(DECIDED)) facts.append(element("span", "badge good", "decided"));
    text.append(name, facts); link.append(cover, text); item.append(link);
    return item;
  };
  const add = () => {
    const part = document.createDocumentFragment();
    for (const card of shown.slice(placed, placed + AT_A_TIME)) part.append(made(card));
    placed = Math.min(shown.length, placed + AT_A_TIME);
    grid.append(part);
  };
  const sorters = {
    best: (a, b) => (b[SCORE] ?? -1) - (a[SCORE] ?? -1),
    worst: (a, b) => (a[SCORE] ?? 9) - (b[SCORE] ?? 9),
    shortest: (a, b) => (a[SECONDS] ?? Infinity) - (b[SECONDS] ?? Infinity),
    longest: (a, b) => (b[SECONDS] ?? -1) - (a[SECONDS] ?? -1),
  };
  const choose = () => {
    const asked = Object.fromEntries(new FormData(form));
    const words = asked.words.toLowerCase().split(/\s+/).filter(Boolean);
    const [least, most] = asked.length ? asked.length.split("-").map((text) => (text === "" ? Infinity : Number(text))) : [0, Infinity];
    const flag = flags.indexOf(asked.flag);
    shown = cards.filter((card) =>
      words.every((word) => card[NAME].toLowerCase().includes(word) || card[ID].includes(word))
      && (!asked.state || card[STATE] === asked.state)
      && (flag < 0 || card[FLAGS].includes(flag))
      && (!asked.decided || card[FLAGS].includes(DECIDED) === (asked.decided === "yes"))
      && (!asked.length || (card[SECONDS] !== null && card[SECONDS] >= least && card[SECONDS] < most)));
    if (sorters[asked.order]) shown = [...shown].sort(sorters[asked.order]);
    const all = cards.length.toLocaleString("en");
    count.textContent = shown.length === cards.length ? `${all} videos` : `${shown.length.toLocaleString("en")} of ${all} videos`;
    grid.replaceChildren(); placed = 0; add();
    empty.hidden = shown.length > 0;
    const kept = new URLSearchParams(Object.entries(asked).filter(([name, value]) => value && !(name === "order" && value === "name")));
    history.replaceState(null, "", kept.size ? `#${kept}` : location.href.split("#")[0]);
    more();
  };
  // An observer tells of crossings only: while the end stays in sight, cards are added in further turns.
  const more = () => {
    if (placed < shown.length && end.getBoundingClientRect().top < innerHeight + 1500) { add(); requestAnimationFrame(more); }
  };
  new IntersectionObserver(more, { rootMargin: "1500px" }).observe(end);
  form.addEventListener("input", choose);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("reset").addEventListener("click", () => { form.reset(); choose(); });
  form.hidden = false;
  const before = new URLSearchParams(location.hash.slice(1));
  for (const [name, value] of before) if (form.elements[name]) form.elements[name].value = value;
  if (before.size) choose();
})();
