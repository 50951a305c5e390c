// What all parts of the page stand on: its content, which result is shown, colours and plots, sections. All scripts of the
// page are joined in one function, this one first.

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
  if (seconds < 99.5) return `${seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 600) return whole % 60 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${whole / 60} min`;
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

// Returns the function that calls another once nobody has asked for it for some milliseconds, with the last arguments.
function debounced(call, wait_ms) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(call, wait_ms, ...given);
  };
}

// Replaces an element's children; what had the focus has it again, by its data-focus.
function refill(element, ...children) {
  const key = element.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
  element.replaceChildren(...children.flat().filter((child) => child !== null && child !== ""));
  if (key) element.querySelector(`[data-focus="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

// Returns "1 run", "1,200 runs".
function amount(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

// Returns a button that copies the text that `text()` returns.
function copyButton(text, label = "Copy") {
  const button = node("button", { class: "copy", type: "button", title: "Copy to the clipboard" }, label);
  button.addEventListener("click", async (event) => {
    event.stopPropagation();
    button.textContent = (await copied(text())) ? "Copied" : "The browser refused";
    setTimeout(() => (button.textContent = label), 1500);
  });
  return button;
}

// Returns a text with a button that copies it.
function copiedText(text) {
  return node("div", { class: "command" }, node("pre", {}, text), copyButton(() => text));
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

// An option or a result of all runs, or a fact about them (role "run"): state, duration, ...
class Column {
  constructor(raw) {
    Object.assign(this, raw);
    this.id = `${this.role} ${this.name}`;
    this.numbers = this.values ? this.values.map(numberOf) : null;
    this.decimals = this.role === "result" && this.kind === "number" ? decimalsOf(this) : null;
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

  // Returns the whole of what run i has as text, as filters name it.
  text(i) {
    const cell = this.at(i);
    if (cell === null || cell === undefined) return "";
    if (!Array.isArray(cell)) return String(cell);
    return cell.length ? `${amount(this.length(i), "value")}, last ${shown(lastOf(cell))}` : "";
  }

  // Returns how many numbers run i's list had: long ones come thinned.
  length(i) {
    return this.lengths?.[i] ?? this.at(i).length;
  }

  // Returns what run i has for people.
  shown(i) {
    const cell = this.at(i);
    return typeof cell === "number" ? this.shownNumber(cell) : this.text(i);
  }

  // Returns a number of this column for people; results have as many decimals as the others.
  shownNumber(number) {
    if (this.format) return this.format(number);
    const isPlain = Number.isFinite(number) && this.decimals !== null && (number === 0 || Math.abs(number) >= 10 ** (2 - this.decimals));
    if (isPlain) return number.toFixed(this.decimals);
    const text = String(number);
    return text.length > 9 ? shown(number) : text;
  }

  // Returns the distinct texts of all runs and how many runs have each: numbers by size, words in the grid's order.
  texts() {
    const counts = new Map((this.values || []).map((value) => [String(value), 0]));
    for (let i = 0; i < runs.count; i++) {
      const text = this.text(i);
      if (text !== "") counts.set(text, (counts.get(text) || 0) + 1);
    }
    const found = [...counts].filter(([, count]) => count);
    return this.kind === "number" && !this.values ? found.sort(([a], [b]) => Number(a) - Number(b)) : found;
  }

  // Returns a number for each run by which the table sorts, NaN for none: size, place in the grid, or in the alphabet.
  sortKeys() {
    if (this.kind === "number") return floats((i) => this.number(i));
    if (this.kind === "list") return floats((i) => lastOf(this.at(i) || []));
    if (this.codes) return floats((i) => (this.codes[i] === null ? NaN : this.codes[i]));
    const sorted = this.texts().map(([text]) => text).sort(new Intl.Collator(undefined, { numeric: true }).compare);
    const ranks = new Map(sorted.map((text, rank) => [text, rank]));
    return floats((i) => ranks.get(this.text(i)) ?? NaN);
  }
}

// Returns a number for each run.
function floats(number) {
  const found = new Float64Array(content.runs.number.length);
  for (let i = 0; i < found.length; i++) found[i] = number(i);
  return found;
}

// Returns the last number of a list, NaN if there is none.
function lastOf(list) {
  return list.length ? numberOf(list[list.length - 1]) : NaN;
}

// Returns with how many decimals a result's numbers are shown: as many as they have, but at most five digits in all for
// the largest. null: each on its own.
function decimalsOf({ values, cells }) {
  const numbers = (values || cells).map(numberOf).filter(Number.isFinite);
  const largest = numbers.reduce((most, number) => Math.max(most, Math.abs(number)), 0);
  if (largest >= 1e6 || largest < 1e-2) return null;
  const most = Math.max(0, 4 - Math.floor(Math.log10(largest)));
  let found = 0;
  for (let k = 0; k < numbers.length && found < most; k++) found = Math.max(found, Math.min(most, decimalsIn(numbers[k])));
  return found || null;
}

// Returns how many decimals a number is written with.
function decimalsIn(number) {
  const text = String(number);
  if (text.includes("e")) return Infinity;
  return text.includes(".") ? text.length - text.indexOf(".") - 1 : 0;
}

const columns = content.columns.map((raw) => new Column(raw));
const facts = newFacts();
const columnsByName = new Map([...facts, ...columns].reverse().flatMap((each) => [[each.id, each], ...(each.role === "run" ? [] : [[each.name, each]])]));

// Returns what is known of all runs beside options and results, as columns.
function newFacts() {
  const { search, number, state, seconds, submitted, ended, place, job, attempts, cause } = content.runs;
  const fact = (name, kind, rest) => new Column({ name, role: "run", kind, log: false, varies: true, ...rest });
  return [
    fact("search", "word", { values: content.searches.map((each) => each.name), codes: search }),
    fact("run", "number", { cells: number }),
    fact("state", "word", { values: content.states, codes: state }),
    fact("duration", "number", { cells: seconds, format: duration }),
    fact("attempts", "number", { cells: attempts }),
    fact("cause", "word", { values: content.causes, codes: cause }),
    fact("place", "word", { values: content.places, codes: place }),
    fact("job", "word", { cells: job }),
    fact("submitted", "number", { cells: submitted, format: moment, isMoment: true }),
    fact("ended", "number", { cells: ended, format: moment, isMoment: true }),
  ];
}

// Returns the column of an option or result, undefined if there is none; options come first if no role is given.
function column(name, role = "") {
  return columnsByName.get(role ? `${role} ${name}` : name);
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

let runsById = null;

// Returns what a run has of some options: "lr=0.1 units=64".
function optionsText(some, i) {
  return some.filter((each) => each.text(i) !== "").map((each) => `${each.name}=${each.shown(i)}`).join(" ");
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

  // Returns whether a run finished, or was stopped early because it was hopeless.
  isDone(i) {
    return ["finished", "stopped early"].includes(runs.state(i));
  },

  // Returns a run's name for people.
  label(i) {
    return content.searches.length > 1 ? `${content.searches[content.runs.search[i]].name}: ${runs.shortLabel(i)}` : runs.shortLabel(i);
  },

  // Returns a run's name for people who know which search is meant.
  shortLabel(i) {
    return content.runs.number[i] ? `run ${content.runs.number[i]}` : "a run of the table";
  },

  // Returns the options that vary, and their values: "lr=0.1 units=64".
  options(i) {
    return optionsText(options(), i);
  },

  // Returns the run's configuration, without seeds: "lr=0.1 units=64".
  configuration(i) {
    return optionsText(configurationOptions(), i);
  },

  // Returns the folder of a run.
  folder(i) {
    const folder = content.runs.folder[i] || "";
    return !folder || folder.startsWith("/") ? folder : `${content.searches[content.runs.search[i]].folder}/${folder}`;
  },

  // Returns the text by which the address names a run: others come and go while a search runs.
  id(i) {
    return `${content.runs.search[i]}:${content.runs.number[i] || `row${i}`}`;
  },

  // Returns the run of such a text (or of its index), -1 if there is none.
  withId(id) {
    if (typeof id === "number") return Number.isInteger(id) && id >= 0 && id < runs.count ? id : -1;
    runsById ||= new Map(Array.from({ length: runs.count }, (_, i) => [runs.id(i), i]));
    return runsById.get(id) ?? -1;
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
  performance: new Float64Array(runs.count), // what `performance` returns

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
  return view.performance[i];
}

// Returns a sort key's difference: negative if a is better than b; NaN is worst.
function better(a, b) {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
  if (a === b) return 0;
  return a > b === view.larger ? -1 : 1;
}

// Returns the options that tell configurations apart: all that vary but the seeds.
function configurationOptions() {
  return options().filter((each) => !content.seeds.includes(each.name));
}

let configurationIds = null;

// Returns the number of a run's configuration: runs of a search that differ in nothing but seeds have the same.
function configurationId(i) {
  configurationIds ||= newConfigurationIds();
  return configurationIds[i];
}

// Numbers the configurations: each option splits those of the options before it.
function newConfigurationIds() {
  const ids = Int32Array.from(content.runs.search);
  for (const option of configurationOptions()) {
    const known = new Map();
    const idOf = (key) => known.get(key) ?? (known.set(key, known.size), known.size - 1);
    const codes = option.codes || textCodes(option);
    for (let i = 0; i < ids.length; i++) ids[i] = idOf(ids[i] * (runs.count + 2) + (codes[i] ?? -1) + 1);
  }
  // Runs whose options nobody knows may differ in all of them.
  const known = columns.filter((each) => each.role === "option").map((option) => option.codes || option.cells);
  if (known.length) ids.forEach((_, i) => known.every((cells) => cells[i] === null) && (ids[i] = -1 - i));
  return ids;
}

// Returns a number for each run that is the same where a column's text is.
function textCodes(of) {
  const known = new Map();
  return Array.from({ length: runs.count }, (_, i) => {
    const text = of.text(i);
    if (!known.has(text)) known.set(text, known.size);
    return known.get(text);
  });
}

// Returns the configurations of some runs, best mean first: runs that differ in nothing but seeds, with mean, standard
// deviation (of a sample: n - 1) and the number of values. Those with less than half as many values as another are last.
function configurations(indexes) {
  const groups = new Map();
  for (const i of indexes) {
    const value = performance(i);
    if (Number.isNaN(value)) continue;
    const group = groups.get(configurationId(i));
    if (group) group.runs.push(i), group.values.push(value);
    else groups.set(configurationId(i), { runs: [i], values: [value] });
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
  if (n < 2) return shown(mean);
  // The mean has as many decimals as two digits of its spread.
  const decimals = std > 0 ? 1 - Math.floor(Math.log10(std)) : NaN;
  const text = (value) => (decimals >= 0 && decimals <= 6 ? value.toFixed(decimals) : shown(value));
  return `${text(mean)} ± ${decimals >= 0 ? text(std) : shown(Number(std.toPrecision(2)))} (${n})`;
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

const STATE_VARIABLES = { finished: "state-good", running: "state-busy", queued: "state-wait", planned: "state-none", "not collected": "state-none", cancelled: "state-none", "stopped early": "state-stop" };

// Returns the name of a state's colour in the style.
function stateVariable(state) {
  return STATE_VARIABLES[state] || "state-bad";
}

// Returns state -> colour.
function stateColours() {
  return Object.fromEntries(content.states.map((state) => [state, styleColour(stateVariable(state))]));
}

let isPlotlyLoading = false;

// Hands plotly's script, which is a text until then, to the browser; the page is drawn on once it has run. As a blob it is
// parsed beside the page, which goes on answering: that takes a second. The browser parses it but once for a page that is
// loaded anew, if it is a part of that page.
function loadPlotly() {
  if (window.Plotly || isPlotlyLoading) return;
  isPlotlyLoading = true;
  if (placeBefore !== null) return runPlotly();
  const inert = document.getElementById("plotly");
  try {
    const src = URL.createObjectURL(new Blob([inert.textContent], { type: "text/javascript" }));
    inert.after(node("script", { src, load: () => (inert.remove(), drawSoon()), error: runPlotly }));
  } catch {
    runPlotly();
  }
}

// Runs plotly's script now, as a part of the page.
function runPlotly() {
  if (window.Plotly) return;
  const inert = document.getElementById("plotly");
  inert.replaceWith(node("script", {}, inert.textContent));
  drawSoon();
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

// Tells those who wait, or do not see the page, whether a section is still to be drawn.
function noteDue(part) {
  part.element.setAttribute("aria-busy", String(part.isNear && part.isStale));
}

let isDrawingSoon = false;

// Draws the sections in sight that are not up to date, from the top, each after a picture of its own: keys and clicks in
// between are heard, and what they change is drawn at once.
function drawSoon() {
  if (isDrawingSoon) return;
  isDrawingSoon = true;
  requestAnimationFrame(() => setTimeout(drawNext));
}

function drawNext() {
  isDrawingSoon = false;
  const canBeDrawn = (part) => part.isNear && part.isStale && (window.Plotly || !part.isPlot);
  const part = ORDER.map((id) => sections.get(id)).find(canBeDrawn);
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

// Draws the answer anew now, what else is in sight soon, and the rest when it comes into sight.
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
