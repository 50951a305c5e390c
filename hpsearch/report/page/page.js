// The page's content, its sections, and its start. All scripts of the page are joined in one function, this one first.

const content = JSON.parse(document.getElementById("content").textContent);
for (const table of [content.runs, content.attempts]) {
  for (const [name, values] of Object.entries(table)) table[name] = unpacked(values);
}

// Returns a column of a table as a list; packing.py says how it may be packed.
function unpacked(values) {
  if (Array.isArray(values)) return values;
  if ("all" in values) return new Array(values.count).fill(values.all);
  if ("first" in values) return Array.from({ length: values.count }, (_, i) => values.first + i);
  return values.rest.map((rest) => (rest === null ? null : values.base + rest));
}

// ---------------------------------------------------------------- sections

const ORDER = ["summary", "table", "parallel", "options", "heatmap", "importance", "curves", "seeds", "progress", "timeline", "failures", "provenance"];
const sections = new Map();

// Registers a part of the page: draw(body) is called once, when it comes near; redraw(body) when something has changed;
// empty() returns a sentence if there is nothing to show. isAnswer: it follows a filter at once, before the others; isPlot:
// it takes plotly.
function section(part) {
  sections.set(part.id, { empty: () => "", redraw: part.draw, ...part, isDrawn: false, isNear: false, isStale: true });
}

// Puts all sections on the page, in order, and draws those in sight.
function placeSections() {
  const main = document.getElementById("sections");
  const watcher = new IntersectionObserver(noteSights, { rootMargin: "300px" });
  const present = ORDER.filter((id) => sections.has(id));
  for (const id of present) {
    const part = sections.get(id);
    part.body = node("div", { class: "body" });
    part.element = node("section", { id }, node("h2", {}, part.title), part.body);
    main.append(part.element);
    watcher.observe(part.element);
  }
  const links = present.map((id) => node("a", { href: `#${id}`, click: (event) => goTo(event, id) }, sections.get(id).title));
  document.getElementById("contents").append(...links);
}

// The address holds the filters, so links scroll by themselves.
function goTo(event, id) {
  event.preventDefault();
  document.getElementById(id).scrollIntoView({ behavior: "smooth" });
}

function noteSights(entries) {
  for (const entry of entries) {
    const part = sections.get(entry.target.id);
    part.isNear = entry.isIntersecting;
    noteDue(part);
  }
  drawSoon();
}

// Tells people who wait, and screen readers, whether a section has yet to be drawn.
function noteDue(part) {
  part.element.setAttribute("aria-busy", String(part.isNear && part.isStale));
}

// Returns whether some of a section is in the window.
function isInSight({ element }) {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

let isDrawingSoon = false;

// Draws outdated sections that are near, sections in sight first, each in a frame of its own: so keys and clicks in
// between are handled, and their changes drawn at once.
function drawSoon() {
  if (isDrawingSoon) return;
  isDrawingSoon = true;
  requestAnimationFrame(() => setTimeout(drawNext));
}

function drawNext() {
  isDrawingSoon = false;
  const canBeDrawn = (part) => part.isNear && part.isStale && (window.Plotly || !part.isPlot);
  const due = ORDER.map((id) => sections.get(id)).filter(canBeDrawn);
  const part = due.find(isInSight) || due[0];
  if (!part) return;
  drawSection(part);
  drawSoon();
}

// Draws a section now, or says why there is nothing to see.
function drawSection(part) {
  part.isStale = false;
  noteDue(part);
  const why = part.empty();
  if (why) {
    part.isDrawn = false;
    part.body.replaceChildren(node("p", { class: "nothing" }, why));
    return;
  }
  if (part.isDrawn) {
    part.redraw(part.body);
    return;
  }
  part.body.replaceChildren();
  part.draw(part.body);
  part.isDrawn = true;
  part.body.style.minHeight = ""; // what a reload kept free
}

// Draws the answer now, other sections in sight soon, and the rest when it comes into sight.
function refreshSections() {
  for (const part of sections.values()) {
    part.isStale = true;
    if (part.isAnswer && (part.isNear || !part.isDrawn)) drawSection(part);
    else noteDue(part);
  }
  drawSoon();
}

// Draws everything for paper, which has no scrolling: light, and as wide as the window; printers shrink it.
function takeToPaper() {
  if (isDark()) {
    document.documentElement.dataset.theme = "light";
    for (const part of sections.values()) part.isStale = true;
  }
  document.body.style.width = `${document.documentElement.clientWidth}px`;
  drawAll();
}

function takeFromPaper() {
  document.body.style.width = "";
  if (view.kept.theme) document.documentElement.dataset.theme = view.kept.theme;
  else delete document.documentElement.dataset.theme;
  changed();
}

// Draws everything that has changed.
function drawAll() {
  runPlotly();
  for (const part of sections.values()) if (part.isStale) drawSection(part);
}

// ---------------------------------------------------------------- start

function start() {
  const names = results().map((each) => each.name);
  view.key = names.includes(content.performance.key) ? content.performance.key : names[0] || content.performance.key;
  view.larger = isLargerBetter(view.key);
  readAddress();
  if (["light", "dark"].includes(view.kept.theme)) document.documentElement.dataset.theme = view.kept.theme;
  writeTitles();
  placeSections();
  restoreHeights();
  sortRuns();
  update();
  const open = runs.withId(view.kept.run);
  if (open >= 0) openRun(open, false);
  restorePlace();
  listen();
  if (content.watch_s) watch();
  document.documentElement.dataset.ready = "yes";
  requestAnimationFrame(() => setTimeout(loadPlotly));
}

// Writes what the page is about.
function writeTitles() {
  const name = content.searches.map((each) => each.name).join(", ");
  document.title = `${cut(name, 60)} - hpsearch report`;
  document.getElementById("title").textContent = cut(name, 120);
  document.getElementById("title").title = content.searches.map((each) => each.folder).join("\n");
  const anew = content.watch_s ? `It loads itself anew every ${duration(content.watch_s)}. ` : "";
  const text = `Made by hpsearch ${content.version}, ${content.made.replace("T", " ")}. ${anew}${content.cut.join(" ")}`;
  document.getElementById("foot").textContent = text;
  document.querySelector("noscript")?.remove();
}

// Follows keys, clicks, the theme of the system, and what people do with the page's address.
function listen() {
  document.addEventListener("keydown", notePageKey);
  document.addEventListener("pointerdown", noteOutside);
  document.addEventListener("focusin", noteOutside);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  addEventListener("beforeprint", takeToPaper);
  addEventListener("afterprint", takeFromPaper);
  addEventListener("beforeunload", () => writeAddressNow(readerPlace()));
  addEventListener("hashchange", () => location.reload());
}
