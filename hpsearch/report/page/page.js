// Content, filters, table and the panel of a run. The plots in the other files stand on these functions: all scripts of
// the page are joined in one function, this one first.

const content = JSON.parse(document.getElementById("content").textContent);
for (const table of [content.runs, content.attempts]) {
  for (const [name, values] of Object.entries(table)) table[name] = unpacked(values);
}

// Returns a column of a table as a list; packing.py says how it may be packed.
function unpacked(values) {
  if (Array.isArray(values)) return values;
  if ("all" in values) return new Array(values.count).fill(values.all);
  return values.rest.map((rest) => (rest === null ? null : values.base + rest));
}

// ---------------------------------------------------------------- elements and texts

// Returns a new element; attributes that are functions are listeners, children that are texts become text.
function node(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

// Returns text as plotly shows it unchanged: plotly takes <b>, <a href> and entities in labels for markup.
function plain(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

// Returns a text of at most `length` characters.
function cut(text, length) {
  const whole = String(text);
  return whole.length > length ? whole.slice(0, length - 1) + "…" : whole;
}

// Returns a number for people: at most five significant digits.
function shown(value) {
  if (typeof value !== "number") return value === null || value === undefined ? "" : String(value);
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return String(value);
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(3) : value.toPrecision(5);
  return text.includes("e") ? text.replace(/\.?0+e/, "e") : text.replace(/\.?0+$/, "");
}

// Returns how long that is, for people: "1 h 5 min".
function duration(seconds) {
  if (seconds === null || !Number.isFinite(seconds)) return "";
  if (seconds < 60) return `${seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.floor(hours / 24)} d${hours % 24 ? ` ${hours % 24} h` : ""}`;
}

// Returns a moment, local time: "2026-11-28 14:05".
function moment(epoch) {
  if (epoch === null || epoch === undefined) return "";
  const at = new Date(epoch * 1000);
  const two = (number) => String(number).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

// Returns "1 run", "1,200 runs".
function amount(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

// Returns a button that copies the text that `text()` returns.
function copyButton(text) {
  const button = node("button", { class: "copy", type: "button", title: "Copy to the clipboard" }, "Copy");
  button.addEventListener("click", async (event) => {
    event.stopPropagation();
    button.textContent = (await copied(text())) ? "Copied" : "Select and copy by hand";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return button;
}

// Puts a text on the clipboard; returns whether that worked. Pages from a file may lack navigator.clipboard.
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = node("textarea", { class: "offscreen" });
    area.value = text;
    document.body.append(area);
    area.select();
    const worked = document.execCommand("copy");
    area.remove();
    return worked;
  }
}

// ---------------------------------------------------------------- columns and runs

const SPECIAL = { nan: NaN, inf: Infinity, "-inf": -Infinity };

// Returns a cell as a number, NaN if it is none.
function numberOf(cell) {
  if (typeof cell === "number") return cell;
  return typeof cell === "string" && cell in SPECIAL ? SPECIAL[cell] : NaN;
}

// An option or a result of all runs.
class Column {
  constructor(raw) {
    Object.assign(this, raw);
    this.numbers = this.values ? this.values.map(numberOf) : null;
  }

  // Returns what run i has: number, text, list of numbers, or null.
  at(i) {
    if (!this.codes) return this.cells[i];
    const code = this.codes[i];
    return code === null ? null : this.values[code];
  }

  // Returns the number that run i has, NaN if none.
  number(i) {
    if (!this.codes) return numberOf(this.cells[i]);
    const code = this.codes[i];
    return code === null ? NaN : this.numbers[code];
  }

  // Returns what run i has as text, as the table shows it and filters name it.
  text(i) {
    const cell = this.at(i);
    if (cell === null || cell === undefined) return "";
    if (Array.isArray(cell)) return cell.length ? `${cell.length} values, last ${shown(numberOf(cell[cell.length - 1]))}` : "";
    return typeof cell === "number" ? String(cell) : cell;
  }

  // Returns the distinct texts of all runs: numbers by size, words in the grid's order.
  texts() {
    if (this.values) return this.values.map(String);
    const found = [...new Set(this.cells.map((_, i) => this.text(i)))].filter((text) => text !== "");
    return this.kind === "number" ? found.sort((a, b) => numberOf(+a) - numberOf(+b)) : found;
  }
}

const columns = content.columns.map((raw) => new Column(raw));
const columnsByName = new Map([...columns].reverse().map((each) => [each.name, each]));

// Returns the column of an option or result, undefined if there is none.
function column(name) {
  return columnsByName.get(name);
}

// Returns the names of the options over which configurations are repeated.
function seedNames() {
  return content.seeds.filter((name) => column(name));
}

// Returns the options that vary, seeds last.
function options() {
  const varying = columns.filter((each) => each.role === "option" && each.varies);
  const isSeed = (each) => content.seeds.includes(each.name);
  return [...varying.filter((each) => !isSeed(each)), ...varying.filter(isSeed)];
}

// Returns the results that are numbers.
function results() {
  return columns.filter((each) => each.role === "result" && each.kind === "number" && each.name !== "finished");
}

const runs = {
  count: content.runs.number.length,

  // Returns a run's state as text.
  state(i) {
    return content.states[content.runs.state[i]];
  },

  // Returns whether a run's results count.
  isFinished(i) {
    return content.states[content.runs.state[i]] === "finished";
  },

  // Returns a run's name for people.
  label(i) {
    const name = content.runs.number[i] ? `run ${content.runs.number[i]}` : "a run of the table";
    return content.searches.length > 1 ? `${content.searches[content.runs.search[i]].name}: ${name}` : name;
  },

  // Returns the options that vary, and their values: "lr=0.1 units=64".
  options(i) {
    return options().filter((each) => each.at(i) !== null).map((each) => `${each.name}=${each.text(i)}`).join(" ");
  },

  // Returns the command that a shell runs again; empty where it is not known.
  command(i) {
    const program = content.programs[content.runs.program[i]] || "";
    if (!program) return "";
    const words = columns.filter((each) => each.role === "option").map((each) => commandWord(each, i));
    return [program, ...words, content.runs.out[i]].filter((word) => word).join(" ");
  },
};

// Returns the word by which run i gets an option, "" if it does not.
function commandWord(option, i) {
  if (!option.words) return "";
  if (!option.codes) return option.words[i] || "";
  return option.codes[i] === null ? "" : option.words[option.codes[i]] || "";
}

// ---------------------------------------------------------------- what is shown now

const view = {
  key: "",
  larger: true,
  filters: new Map(), // name -> {label, spec, test}
  visible: [], // the runs that pass all filters, best first
  order: [], // all runs, best first
  kept: {}, // what sections want kept in the address: name -> JSON
  marks: new Uint8Array(runs.count),

  // Returns whether a run passes all filters.
  isVisible(i) {
    return view.marks[i] === 1;
  },
};

const SMALLER = /loss|err|mse|mae|rmse|perplexity|ppl|nll|latency|time|seconds|duration|bpb|fid|wer\b|cer\b/i;

// Returns whether larger values of a result are better: as the search says, for other results guessed from the name.
function isLargerBetter(key) {
  return key === content.performance.key ? content.performance.larger : !SMALLER.test(key);
}

// Returns the shown result of a finished run, NaN if there is none.
function performance(i) {
  const shownColumn = column(view.key);
  return shownColumn && runs.isFinished(i) ? shownColumn.number(i) : NaN;
}

// Returns a sort key's difference: negative if a is better than b; NaN is worst.
function better(a, b) {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
  if (a === b) return 0;
  return a > b === view.larger ? -1 : 1;
}

// Returns the configurations of some runs, best mean first: runs that differ in nothing but seeds, with mean, standard
// deviation (of a sample: n - 1) and the number of values. Those with less than half as many values as another are last.
function configurations(indexes) {
  const names = options().filter((each) => !content.seeds.includes(each.name));
  const groups = new Map();
  for (const i of indexes) {
    const value = performance(i);
    if (Number.isNaN(value)) continue;
    const key = names.map((each) => (each.codes ? each.codes[i] : each.text(i))).join("\u0000");
    const group = groups.get(key);
    if (group) group.runs.push(i), group.values.push(value);
    else groups.set(key, { runs: [i], values: [value] });
  }
  const found = [...groups.values()];
  found.forEach((group) => Object.assign(group, spread(group.values)));
  const most = found.reduce((count, group) => Math.max(count, group.n), 0);
  const isThin = (group) => 2 * group.n < most;
  return found.sort((a, b) => isThin(a) - isThin(b) || better(a.mean, b.mean));
}

// Returns mean, standard deviation of a sample (0 for a single value) and number of some values.
function spread(values) {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: n > 1 ? Math.sqrt(squares / (n - 1)) : 0, n };
}

// Returns "0.951 ± 0.004 (5)", or the value alone where there is one.
function meanText({ mean, std, n }) {
  return n > 1 ? `${shown(mean)} ± ${shown(Number(std.toPrecision(2)))} (${n})` : shown(mean);
}

// ---------------------------------------------------------------- filters

// Returns the function (run -> passes?) of a filter.
function filterTest(spec) {
  if (spec.runs) return runsTest(spec.runs);
  if (spec.state) return (i) => spec.state.includes(runs.state(i));
  if (spec.failure !== undefined) return runsTest(content.failures.filter((group) => group.cause === spec.failure).flatMap((group) => group.runs));
  if (spec.text !== undefined) return textTest(spec.text);
  const of = column(spec.column);
  if (!of) return () => true;
  if (spec.values) return valuesTest(of, new Set(spec.values));
  return (i) => of.number(i) >= spec.low && of.number(i) <= spec.high;
}

// Returns the test whether a run is one of some.
function runsTest(indexes) {
  const wanted = new Set(indexes);
  return (i) => wanted.has(i);
}

// Returns the test whether a run has one of some values; "" stands for none.
function valuesTest(of, wanted) {
  if (!of.codes) return (i) => wanted.has(of.text(i));
  const passes = of.values.map((value) => wanted.has(String(value)));
  return (i) => (of.codes[i] === null ? wanted.has("") : passes[of.codes[i]]);
}

// Returns the test whether every word of a text is found in a run: its label, state, cause, options or results.
function textTest(text) {
  const tests = text.toLowerCase().split(/\s+/).filter((word) => word).map(wordTest);
  return (i) => tests.every((test) => test(i));
}

// Returns the test of one word; "lr=0.1" asks for that value of that column.
function wordTest(word) {
  const has = (cell) => String(cell).toLowerCase().includes(word);
  const [, name, value] = word.match(/^([^=]+)=(.+)$/) || [];
  const named = name && columns.find((each) => each.name.toLowerCase() === name);
  if (named) return (i) => named.text(i).toLowerCase() === value;
  const tests = columns.map((each) => {
    if (!each.codes) return (i) => has(each.text(i));
    const passes = each.values.map(has);
    return (i) => each.codes[i] !== null && passes[each.codes[i]];
  });
  const causes = content.causes.map(has);
  return (i) =>
    has(runs.state(i)) || has(runs.label(i)) || (content.runs.cause[i] !== null && causes[content.runs.cause[i]]) ||
    tests.some((test) => test(i));
}

// Adds or replaces a filter; the whole page follows.
function addFilter(name, label, spec) {
  view.filters.set(name, { label, spec, test: filterTest(spec) });
  changed();
}

// Takes a filter away; the whole page follows.
function removeFilter(name) {
  if (view.filters.delete(name)) changed();
}

// Takes the choice of a result in.
function showResult(key, larger = isLargerBetter(key)) {
  view.key = key;
  view.larger = larger;
  sortRuns();
  changed();
}

// Sorts all runs, best first: numbers, then finished runs without one, then the others.
function sortRuns() {
  const values = Float64Array.from({ length: runs.count }, (_, i) => performance(i));
  const rank = (i) => (!Number.isNaN(values[i]) ? 0 : runs.isFinished(i) ? 1 : 2);
  const order = Array.from({ length: runs.count }, (_, i) => i);
  view.order = order.sort((a, b) => rank(a) - rank(b) || better(values[a], values[b]) || a - b);
}

let isChanging = false;

// Notes that filters, result or theme have changed: everything is brought up to date before the next picture.
function changed() {
  if (isChanging) return;
  isChanging = true;
  requestAnimationFrame(() => {
    isChanging = false;
    update();
  });
}

// Brings everything up to date now.
function update() {
  const tests = [...view.filters.values()].map((filter) => filter.test);
  view.visible = view.order.filter((i) => tests.every((test) => test(i)));
  view.marks.fill(0);
  for (const i of view.visible) view.marks[i] = 1;
  writeAddress();
  drawBar();
  refreshSections();
}

// ---------------------------------------------------------------- the address keeps filters and choices

// Keeps a section's choice in the address.
function keep(name, value) {
  view.kept[name] = value;
  writeAddress();
}

// Writes filters and choices behind the address, so that a reload or a bookmark shows the same.
function writeAddress() {
  const filters = [...view.filters].map(([name, { label, spec }]) => [name, label, spec]);
  const state = { key: view.key, larger: view.larger, filters, kept: view.kept };
  try {
    history.replaceState(null, "", "#" + encodeURIComponent(JSON.stringify(state)));
  } catch (error) {
    if (!(error instanceof DOMException)) throw error; // pages inside others may have no address of their own
  }
}

// Takes filters and choices from the address, as far as they fit.
function readAddress() {
  let state = {};
  try {
    state = JSON.parse(decodeURIComponent(location.hash.slice(1)) || "{}") || {};
  } catch {
    return; // the address was typed or cut
  }
  if (results().some((each) => each.name === state.key)) {
    view.key = state.key;
    view.larger = state.larger !== false;
  }
  for (const [name, label, spec] of Array.isArray(state.filters) ? state.filters : []) {
    if (spec && typeof spec === "object") view.filters.set(String(name), { label: String(label), spec, test: filterTest(spec) });
  }
  if (state.kept && typeof state.kept === "object") view.kept = state.kept;
}

// ---------------------------------------------------------------- the bar

// Draws the bar: which result, search text, filters, how many runs are shown.
function drawBar() {
  const bar = document.getElementById("bar");
  if (!bar.firstChild) bar.append(...newBar());
  document.getElementById("chosen-key").value = view.key;
  document.getElementById("direction").textContent = view.larger ? "larger is better" : "smaller is better";
  const chips = [...view.filters].map(([name, filter]) =>
    node(
      "button",
      { class: "chip", type: "button", title: `Remove this filter: ${filter.label}`, click: () => dropFilter(name) },
      node("span", {}, cut(filter.label, 60)),
      node("span", { class: "cross", "aria-hidden": "true" }, "×"),
    ),
  );
  if (chips.length > 1) chips.push(node("button", { class: "chip clear", type: "button", click: clearFilters }, "Clear all"));
  document.getElementById("chips").replaceChildren(...chips);
  const count = view.visible.length;
  const text = count === runs.count ? amount(count, "run") : `${count.toLocaleString("en")} of ${amount(runs.count, "run")}`;
  document.getElementById("shown-count").textContent = text;
}

// Returns the parts of the bar.
function newBar() {
  const choices = results().map((each) => node("option", { value: each.name }, each.name));
  const direction = { id: "direction", class: "quiet", type: "button", title: "Turn the order round" };
  const search = { id: "search", type: "search", placeholder: "Search: lr=0.1 adam failed", "aria-label": "Search runs" };
  return [
    node("label", { hidden: choices.length === 0 }, "Result ", node("select", { id: "chosen-key", change: (event) => showResult(event.target.value) }, choices)),
    node("button", { ...direction, hidden: choices.length === 0, click: () => showResult(view.key, !view.larger) }),
    node("input", { ...search, value: textOfSearch(), input: (event) => searchFor(event.target.value) }),
    node("span", { id: "shown-count", "aria-live": "polite" }),
    node("span", { id: "chips" }),
    node("button", { id: "theme", class: "quiet", type: "button", title: "Light or dark", click: turnTheme }, "◐"),
  ];
}

function textOfSearch() {
  return view.filters.has("search") ? view.filters.get("search").spec.text : "";
}

function searchFor(text) {
  if (text.trim()) addFilter("search", `“${text.trim()}”`, { text });
  else removeFilter("search");
}

// Takes away a filter by its chip; sections that show it elsewhere (a brush) see it gone.
function dropFilter(name) {
  if (name === "search") document.getElementById("search").value = "";
  removeFilter(name);
}

function clearFilters() {
  [...view.filters.keys()].forEach(dropFilter);
}

// ---------------------------------------------------------------- colours and plots

// Returns whether the page is dark now.
function isDark() {
  const wanted = document.documentElement.dataset.theme;
  return wanted ? wanted === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function turnTheme() {
  view.kept.theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = view.kept.theme;
  changed();
}

// Returns the computed value of one of the style's colours.
function styleColour(name) {
  const probe = node("span", { style: `color: var(--${name}); display: none` });
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

const VIRIDIS = ["#440154", "#3b528b", "#21918c", "#5ec962", "#fde725"];
const OKABE_ITO = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#000000"];

// Returns the colours of the theme that is shown now; all are told apart by colour-blind people.
function colours() {
  const names = ["text", "muted", "line", "surface", "accent", "best"];
  const found = Object.fromEntries(names.map((name) => [name, styleColour(name)]));
  const scale = VIRIDIS.map((colour, k) => [k / (VIRIDIS.length - 1), colour]);
  const words = isDark() ? OKABE_ITO.map((colour) => (colour === "#000000" ? "#bbbbbb" : colour)) : OKABE_ITO;
  return { ...found, scale, words, states: stateColours() };
}

// Returns state -> colour.
function stateColours() {
  const groups = { finished: "state-good", running: "state-busy", queued: "state-wait" };
  const names = { ...groups, planned: "state-none", cancelled: "state-none" };
  return Object.fromEntries(content.states.map((state) => [state, styleColour(names[state] || "state-bad")]));
}

// Draws traces into an element with the page's fonts and colours; returns plotly's promise.
function plot(element, traces, layout = {}, config = {}) {
  const { text, line, surface } = colours();
  const axis = { gridcolor: line, zerolinecolor: line, linecolor: line, automargin: true };
  const base = {
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: text },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 50, r: 16, t: 16, b: 44 },
    hoverlabel: { bgcolor: surface, bordercolor: line, font: { color: text, size: 12 } },
    showlegend: false,
    ...layout,
  };
  for (const name of ["xaxis", "yaxis", ...Object.keys(layout).filter((key) => /^[xy]axis\d+$/.test(key))]) {
    base[name] = { ...axis, ...(layout[name] || {}) };
  }
  const removed = ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"];
  return Plotly.react(element, traces, base, { displaylogo: false, responsive: true, modeBarButtonsToRemove: removed, ...config });
}

// ---------------------------------------------------------------- sections

const ORDER = ["summary", "table", "parallel", "options", "heatmap", "importance", "curves", "seeds", "progress", "timeline", "failures", "provenance"];
const sections = new Map();

// Registers a part of the page: draw(body) is called once, when it comes near; redraw(body) when something has changed;
// empty() returns a sentence if there is nothing to show.
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
    if (part.isNear && part.isStale) drawSection(part);
  }
}

// Draws a section now, or says why there is nothing to see.
function drawSection(part) {
  part.isStale = false;
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
}

// Draws what is in sight anew; the rest when it comes into sight.
function refreshSections() {
  for (const part of sections.values()) {
    part.isStale = true;
    if (part.isNear) drawSection(part);
  }
}

// Draws everything: paper has no scrolling.
function drawAll() {
  for (const part of sections.values()) if (part.isStale) drawSection(part);
}

// ---------------------------------------------------------------- the panel of a run

// Shows a run beside the page.
function openRun(i) {
  const panel = document.getElementById("panel");
  const close = node("button", { class: "close", type: "button", "aria-label": "Close", click: closeRun }, "×");
  const command = runs.command(i);
  panel.replaceChildren(
    node("header", {}, node("h2", {}, runs.label(i)), close),
    node("p", {}, runs.state(i)),
    ...(command ? [node("pre", {}, command), copyButton(() => command)] : []),
  );
  panel.hidden = false;
  keep("run", i);
}

function closeRun() {
  document.getElementById("panel").hidden = true;
  delete view.kept.run;
  writeAddress();
}

// ---------------------------------------------------------------- start

function start() {
  const names = results().map((each) => each.name);
  view.key = names.includes(content.performance.key) ? content.performance.key : names[0] || content.performance.key;
  view.larger = isLargerBetter(view.key);
  readAddress();
  if (["light", "dark"].includes(view.kept.theme)) document.documentElement.dataset.theme = view.kept.theme;
  const name = content.searches.map((each) => each.name).join(", ");
  document.title = `${cut(name, 60)} - hpsearch report`;
  document.getElementById("title").textContent = cut(name, 120);
  document.getElementById("foot").textContent = `Made by hpsearch ${content.version}, ${content.made.replace("T", " ")}. ${content.cut.join(" ")}`;
  document.querySelector("noscript")?.remove();
  placeSections();
  sortRuns();
  update();
  if (Number.isInteger(view.kept.run) && view.kept.run >= 0 && view.kept.run < runs.count) openRun(view.kept.run);
  document.addEventListener("keydown", (event) => event.key === "Escape" && closeRun());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  addEventListener("beforeprint", drawAll);
  if (content.watch_s) setTimeout(() => location.reload(), content.watch_s * 1000);
  document.documentElement.dataset.ready = "yes";
}
