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

// ---------------------------------------------------------------- filters

// Returns the function (run -> passes?) of a filter.
function filterTest(spec) {
  if (spec.all) return allTest(spec.all.map(filterTest));
  if (spec.runs) return runsTest(spec);
  if (spec.state) return (i) => spec.state.includes(runs.state(i));
  if (spec.failure !== undefined) return runsTest({ runs: content.failures.filter((group) => group.cause === spec.failure).flatMap((group) => group.runs) });
  const of = column(spec.column, spec.role);
  if (spec.text !== undefined && !spec.column) return textTest(String(spec.text));
  if (!of) return () => true;
  if (spec.text !== undefined) return cellTest(of, containing(String(spec.text)));
  if (spec.values) return valuesTest(of, new Set(spec.values.map(String)));
  // JSON has no infinity: an open end is null in the address.
  const low = spec.low ?? -Infinity;
  const high = spec.high ?? Infinity;
  return (i) => of.number(i) >= low && of.number(i) <= high;
}

function allTest(tests) {
  return (i) => tests.every((test) => test(i));
}

// Returns the test whether a run is one of some, or none of them.
function runsTest({ runs: some, not }) {
  const wanted = new Set(some);
  return not ? (i) => !wanted.has(i) : (i) => wanted.has(i);
}

// Returns the function (text -> contains it?), for which large and small letters are the same.
function containing(part) {
  const wanted = part.toLowerCase();
  return (text) => String(text).toLowerCase().includes(wanted);
}

// Returns the test whether what a run has of a column passes.
function cellTest(of, has) {
  if (!of.codes) return (i) => of.at(i) !== null && has(of.text(i));
  const passes = of.values.map(has);
  return (i) => of.codes[i] !== null && passes[of.codes[i]];
}

// Returns the test whether a run has one of some values; "" stands for none.
function valuesTest(of, wanted) {
  if (!of.codes) return (i) => wanted.has(of.text(i));
  const passes = of.values.map((value) => wanted.has(String(value)));
  return (i) => (of.codes[i] === null ? wanted.has("") : passes[of.codes[i]]);
}

// Returns the test whether every word of a text is found in a run: its label, state, cause, place, options or words.
function textTest(text) {
  return allTest(text.split(/\s+/).filter((word) => word).map(wordTest));
}

const COMPARISONS = {
  "=": (of, text) => valuesTest(of, new Set(of.texts().map(([each]) => each).filter((each) => isSame(each, text)))),
  "<": (of, text) => (i) => of.number(i) < Number(text),
  ">": (of, text) => (i) => of.number(i) > Number(text),
  "<=": (of, text) => (i) => of.number(i) <= Number(text),
  ">=": (of, text) => (i) => of.number(i) >= Number(text),
};

// Returns whether two texts say the same value: "1e-3" is "0.001".
function isSame(a, b) {
  return a.toLowerCase() === b.toLowerCase() || (a.trim() !== "" && Number(a) === Number(b));
}

// Returns the test of one word; "lr=0.1" and "acc>0.9" ask for values of that column.
function wordTest(word) {
  const [, name, sign, value] = word.match(/^([^=<>]+)([<>]=?|=)(.+)$/) || [];
  const named = name && [...columns, ...facts].find((each) => each.name.toLowerCase() === name.toLowerCase());
  if (named) return COMPARISONS[sign](named, value);
  const has = containing(word);
  // Digits of results would be found everywhere.
  const isSameInAll = (each) => each.name === "search" && each.role === "run" && content.searches.length === 1;
  const searched = [...columns, ...facts].filter((each) => (each.kind === "word" || each.role === "option") && !isSameInAll(each));
  const tests = searched.map((each) => cellTest(each, has));
  return (i) => has(runs.label(i)) || tests.some((test) => test(i));
}

// Adds or replaces a filter; the whole page follows.
function addFilter(name, label, spec) {
  view.filters.set(name, newFilter(label, spec));
  changed();
}

// Returns a filter, with a mark for each run that passes it.
function newFilter(label, spec) {
  const test = filterTest(spec);
  const passes = new Uint8Array(runs.count);
  for (let i = 0; i < runs.count; i++) passes[i] = test(i) ? 1 : 0;
  return { label, spec, passes };
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
  const of = column(view.key, "result");
  const values = floats((i) => (of && runs.isFinished(i) ? of.number(i) : NaN));
  view.performance = values;
  bests.clear();
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
  view.marks.fill(1);
  for (const { passes } of view.filters.values()) for (let i = 0; i < runs.count; i++) view.marks[i] &= passes[i];
  view.visible = view.order.filter(view.isVisible);
  writeAddress();
  drawBar();
  refreshSections();
}

// ---------------------------------------------------------------- the address keeps filters and choices

// Keeps a section's choice in the address; undefined: no longer.
function keep(name, value) {
  if (value === undefined) delete view.kept[name];
  else view.kept[name] = value;
  writeAddress();
}

let addressTimer = 0;
let addressWritten_ms = 0;

// Writes the address soon: browsers refuse pages that change it all the time.
function writeAddress() {
  clearTimeout(addressTimer);
  const wait_ms = addressWritten_ms + 300 - Date.now();
  if (wait_ms <= 0) writeAddressNow();
  else addressTimer = setTimeout(writeAddressNow, wait_ms);
}

// Writes filters and choices behind the address, so that a reload or a bookmark shows the same. place: where the reader
// is, which only a reload needs.
function writeAddressNow(place = null) {
  clearTimeout(addressTimer);
  addressWritten_ms = Date.now();
  const filters = [...view.filters].map(([name, { label, spec }]) => [name, label, withRuns(spec, runs.id)]);
  const state = { key: view.key, larger: view.larger, filters, kept: view.kept };
  try {
    history.replaceState(place, "", "#" + encodeURIComponent(JSON.stringify(state)));
  } catch (error) {
    if (!(error instanceof DOMException)) throw error; // pages inside others may have no address of their own
  }
}

// Returns a filter with its runs named another way.
function withRuns(spec, name) {
  return spec.runs ? { ...spec, runs: spec.runs.map(name).filter((each) => each !== -1) } : spec;
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
  for (const filter of Array.isArray(state.filters) ? state.filters : []) readFilter(filter);
  if (state.kept && typeof state.kept === "object") view.kept = state.kept;
}

// Takes a filter from the address; one that was cut or typed wrongly is left out.
function readFilter(filter) {
  try {
    const [name, label, spec] = filter;
    view.filters.set(String(name), newFilter(String(label), withRuns(spec, runs.withId)));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

// ---------------------------------------------------------------- the bar

// Draws the bar: which result, search text, filters, how many runs are shown.
function drawBar() {
  const bar = document.getElementById("bar");
  if (!bar.firstChild) bar.append(...newBar());
  document.getElementById("chosen-key").value = view.key;
  document.getElementById("direction").textContent = view.larger ? "↑ larger is better" : "↓ smaller is better";
  const chips = [...view.filters].map(([name, filter]) =>
    node(
      "button",
      { class: "chip", type: "button", "data-focus": `chip ${name}`, title: `Remove this filter: ${filter.label}`, click: () => dropFilter(name) },
      node("span", {}, cut(filter.label, 60)),
      node("span", { class: "cross", "aria-hidden": "true" }, "×"),
    ),
  );
  if (chips.length > 1) chips.push(node("button", { class: "chip clear", type: "button", click: clearFilters }, "Clear all"));
  refill(document.getElementById("chips"), chips);
  const count = view.visible.length;
  const text = count === runs.count ? amount(count, "run") : `${count.toLocaleString("en")} of ${amount(runs.count, "run")}`;
  document.getElementById("shown-count").textContent = text;
}

// Returns the parts of the bar.
function newBar() {
  const choices = results().map((each) => node("option", { value: each.name }, each.name));
  const direction = { id: "direction", class: "quiet", type: "button", title: "Turn the order round" };
  const help = "Words that a run's options, state, place or cause contain; also lr=0.1 or acc_val>0.9";
  const search = { id: "search", type: "search", placeholder: "Search: adam lr=0.1 failed", "aria-label": "Search runs", title: help };
  const searchSoon = debounced(searchFor, 150);
  return [
    node("label", { hidden: choices.length === 0 }, "Result ", node("select", { id: "chosen-key", change: (event) => showResult(event.target.value) }, choices)),
    node("button", { ...direction, hidden: choices.length === 0, click: () => showResult(view.key, !view.larger) }),
    node("input", { ...search, value: textOfSearch(), input: (event) => searchSoon(event.target.value) }),
    node("span", { id: "shown-count", "aria-live": "polite" }),
    node("button", { id: "newer", type: "button", hidden: true, title: "The page waits until you are done", click: () => location.reload() }, "Load newer results"),
    node("span", { id: "chips" }),
    node("button", { id: "theme", class: "quiet", type: "button", title: "Light or dark", "aria-label": "Light or dark", click: turnTheme }, "◐"),
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

const STATE_VARIABLES = { finished: "state-good", running: "state-busy", queued: "state-wait", planned: "state-none", "not collected": "state-none", cancelled: "state-none" };

// Returns the name of a state's colour in the style.
function stateVariable(state) {
  return STATE_VARIABLES[state] || "state-bad";
}

// Returns state -> colour.
function stateColours() {
  return Object.fromEntries(content.states.map((state) => [state, styleColour(stateVariable(state))]));
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
  part.body.style.minHeight = ""; // what a reload kept free
}

// Draws what is in sight anew; the rest when it comes into sight.
function refreshSections() {
  for (const part of sections.values()) {
    part.isStale = true;
    if (part.isNear) drawSection(part);
  }
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
  for (const part of sections.values()) if (part.isStale) drawSection(part);
}

// ---------------------------------------------------------------- menus

let menu = null; // {element, button}

// Opens a menu below a button, or closes it; a click elsewhere and Escape close it, too.
function openMenu(button, label, ...children) {
  const isOpen = menu !== null && menu.button === button;
  closeMenu();
  if (isOpen) return;
  const element = node("div", { class: "menu", role: "dialog", "aria-label": label }, ...children);
  document.body.append(element);
  placeMenu(element, button.getBoundingClientRect());
  button.setAttribute("aria-expanded", "true");
  menu = { element, button };
  element.querySelector("input, button")?.focus({ preventScroll: true });
}

// Puts a menu below a place of the window, or above it where there is more room.
function placeMenu(element, { left, top, bottom }) {
  const width = document.documentElement.clientWidth;
  const below = innerHeight - bottom;
  element.style.maxHeight = `${Math.max(below, top) - 16}px`;
  element.style.left = `${Math.max(8, Math.min(left, width - element.offsetWidth - 8)) + scrollX}px`;
  element.style.top = `${(below >= Math.min(element.offsetHeight, top) ? bottom + 4 : top - element.offsetHeight - 4) + scrollY}px`;
}

// Closes the menu; what opened it has the focus again if the menu had it.
function closeMenu() {
  if (menu === null) return;
  const { element, button } = menu;
  menu = null;
  const hadFocus = element.contains(document.activeElement);
  element.remove();
  // The table's header may have been drawn anew in the meantime.
  const key = button.dataset.focus;
  const now = button.isConnected || !key ? button : document.querySelector(`[data-focus="${CSS.escape(key)}"]`);
  now?.setAttribute("aria-expanded", "false");
  if (hadFocus) now?.focus({ preventScroll: true });
}

// Closes the menu if something outside is clicked or gets the focus.
function noteOutside(event) {
  if (menu !== null && !menu.element.contains(event.target) && !menu.button.contains(event.target)) closeMenu();
}

// Returns a line of a menu that is ticked or not; change(isTicked) is called.
function tickLine(isTicked, change, ...children) {
  const box = node("input", { type: "checkbox", change: (event) => change(event.target.checked) });
  box.checked = isTicked;
  return node("label", { class: "tick" }, box, ...children);
}

// ---------------------------------------------------------------- filters of columns

// Returns the name of the filter that a column's menu sets.
function filterName(of) {
  return `column ${of.id}`;
}

// Filters by a column; null: no longer.
function filterColumn(of, part) {
  if (part === null) removeFilter(filterName(of));
  else addFilter(filterName(of), columnLabel(of, part), { column: of.name, role: of.role, ...part });
}

// Returns a filter's label: "lr 0.001 to 0.1", "act: relu, tanh".
function columnLabel(of, { low, high, values, text }) {
  if (text !== undefined) return `${of.name} contains ${text}`;
  if (values) return `${of.name}: ${values.map((each) => each || "none").join(", ")}`;
  if (low === null || high === null) return low === null ? `${of.name} ≤ ${of.shownNumber(high)}` : `${of.name} ≥ ${of.shownNumber(low)}`;
  return `${of.name} ${of.shownNumber(low)} to ${of.shownNumber(high)}`;
}

// Opens the menu by which a column filters.
function openFilterMenu(of, button) {
  const spec = view.filters.get(filterName(of))?.spec || {};
  const texts = of.texts();
  const isNumber = of.kind === "number";
  const parts = [node("h3", {}, of.name)];
  if (isNumber) parts.push(rangePart(of, spec));
  if (!isNumber && texts.length > 8) parts.push(containsPart(of, spec));
  if (texts.length <= (isNumber ? 30 : 300) && !of.isMoment) parts.push(ticksPart(of, spec, texts));
  parts.push(node("button", { type: "button", click: () => (filterColumn(of, null), closeMenu()) }, "Show all"));
  openMenu(button, `Filter ${of.name}`, ...parts);
}

// Returns the inputs of a range: from, to.
function rangePart(of, spec) {
  const type = of.isMoment ? { type: "datetime-local" } : { type: "number", step: "any" };
  const input = (end, value) => node("input", { ...type, "data-end": end, value: rangeText(of, value) });
  const [low, high] = [input("low", spec.low), input("high", spec.high)];
  const apply = () => {
    const part = { low: rangeNumber(of, low.value), high: rangeNumber(of, high.value) };
    filterColumn(of, part.low === null && part.high === null ? null : part);
  };
  const hint = of.format === duration ? node("p", { class: "hint" }, "in seconds") : null;
  return node("div", { class: "range", input: debounced(apply, 200) }, node("label", {}, "from ", low), node("label", {}, "to ", high), hint);
}

// Returns an end of a range as its input has it, "" if it is open.
function rangeText(of, value) {
  if (value === null || value === undefined) return "";
  return of.isMoment ? moment(value).replace(" ", "T") : String(value);
}

// Returns the end of a range that an input holds, null if it is open.
function rangeNumber(of, text) {
  const number = of.isMoment ? new Date(text).getTime() / 1000 : Number(text);
  return text.trim() === "" || Number.isNaN(number) ? null : number;
}

// Returns the input of a text that has to be contained.
function containsPart(of, spec) {
  const apply = debounced((text) => filterColumn(of, text.trim() ? { text: text.trim() } : null), 200);
  const value = spec.text || "";
  return node("label", { class: "contains" }, "contains ", node("input", { type: "search", value, input: (event) => apply(event.target.value) }));
}

// Returns boxes for all values and for none; what is ticked is shown.
function ticksPart(of, spec, texts) {
  const ticked = new Set(spec.values || []);
  const change = (text) => (isTicked) => {
    if (isTicked) ticked.add(text);
    else ticked.delete(text);
    filterColumn(of, ticked.size ? { values: [...ticked] } : null);
  };
  const missing = runs.count - texts.reduce((sum, [, count]) => sum + count, 0);
  const lines = missing ? [...texts, ["", missing]] : texts;
  const line = ([text, count]) =>
    tickLine(ticked.has(text), change(text), node("span", { class: "value", title: text }, text || "none"), node("span", { class: "count" }, count.toLocaleString("en")));
  return node("fieldset", {}, node("legend", {}, "Show only"), ...lines.map(line));
}

// ---------------------------------------------------------------- the summary

section({
  id: "summary",
  title: "Summary",
  draw(body) {
    const cards = content.searches.map((_, k) => searchCard(k));
    refill(body, shownBest(), node("div", { class: "cards" }, cards));
  },
});

const bests = new Map(); // search -> its best configuration; emptied when another result is shown

// Returns the best configuration of a search, undefined if none has a result.
function bestOf(k) {
  if (!bests.has(k)) bests.set(k, configurations(view.order.filter((i) => content.runs.search[i] === k))[0]);
  return bests.get(k);
}

// Returns in one line what is best of the runs shown, null if all are shown: then the cards say it.
function shownBest() {
  if (view.visible.length === runs.count || !view.visible.length) return null;
  const [best] = configurations(view.visible);
  if (!best) return null;
  const words = [`best of the ${amount(view.visible.length, "run")} shown: `, node("strong", {}, meanText(best)), " with "];
  return node("p", { class: "shown-best" }, ...words, configurationLink(best, "shown"));
}

// Returns a button that shows the runs of a configuration, or opens its only run.
function configurationLink(best, place) {
  const [first] = best.runs;
  const title = best.n > 1 ? "Show the runs of this configuration" : "Open this run";
  const click = () => (best.n > 1 ? filterConfiguration(first) : openRun(first));
  const text = cut(runs.configuration(first) || "the only configuration", 300);
  return node("button", { class: "link mono", type: "button", title, "data-focus": `configuration ${place}`, click }, text);
}

// Returns why no run of those that `counts` (run -> does it count?) tells of has a result.
function noResultText(counts = () => true) {
  const hasFinished = content.runs.number.some((_, i) => counts(i) && runs.isFinished(i));
  if (!hasFinished) return "No run has finished yet.";
  return view.key ? `No finished run has a number under ${view.key}.` : "No result is a number.";
}

// Returns what a search was and what came out.
function searchCard(k) {
  const search = content.searches[k];
  const best = bestOf(k);
  return node(
    "article",
    { class: "card" },
    // A single search has its name at the top of the page.
    content.searches.length > 1 ? node("header", {}, searchName(search), node("span", { class: "badge" }, search.state)) : null,
    best ? bestLines(best, search.name) : node("p", { class: "nothing" }, noResultText((i) => content.runs.search[i] === k)),
    stateBar(search),
    node("p", { class: "facts" }, searchFacts(search)),
    search.notes.map((note) => node("p", { class: "note" }, note)),
    search.command ? copiedText(search.command) : null,
  );
}

// Returns the name of one of several searches; a click shows this one alone.
function searchName(search) {
  const show = () => addFilter("search of runs", search.name, { column: "search", role: "run", values: [search.name] });
  const button = { class: "link", type: "button", title: `Show only the runs of ${search.folder}`, "data-focus": `search ${search.name}`, click: show };
  return node("h3", {}, node("button", button, search.name));
}

// Returns the best result and the configuration it came from.
function bestLines(best, place) {
  const [first] = best.runs;
  const several = best.n > 1;
  const spreadText = `mean ± standard deviation of ${best.n} runs; the best of them: `;
  return node(
    "div",
    { class: "best" },
    node("p", { class: "best-result" }, node("span", { class: "muted" }, `best ${view.key} `), node("strong", {}, meanText(best))),
    node("p", { class: "with" }, node("span", { class: "muted" }, several ? "with" : `${runs.shortLabel(first)}, with`), configurationLink(best, place)),
    several ? node("p", { class: "hint" }, spreadText, runLink(first, runs.shortLabel(first)), ` ${shown(performance(first))}`) : null,
  );
}

// Shows only the runs of a run's configuration.
function filterConfiguration(i) {
  const parts = configurationOptions().map((each) => ({ column: each.name, role: "option", values: [each.text(i)] }));
  addFilter("configuration", runs.configuration(i), { all: parts });
}

// Returns a button that opens a run.
function runLink(i, text = runs.label(i)) {
  return node("button", { class: "link", type: "button", click: () => openRun(i) }, text);
}

// Returns a bar of the states of a search's runs; a click on one shows these runs.
function stateBar(search) {
  const known = content.states.filter((state) => search.counts[state]);
  const parts = known.map((state) => {
    const count = search.counts[state];
    const style = `flex-grow: ${count}; background: var(--${stateVariable(state)})`;
    return node("span", { style, title: `${count} ${state}` });
  });
  const legend = known.map((state) => {
    const show = () => addFilter("state", state, { state: [state] });
    const button = { class: "link", type: "button", title: `Show only these runs`, "data-focus": `state ${search.name} ${state}`, click: show };
    return node("button", button, stateDot(state), `${search.counts[state].toLocaleString("en")} ${state}`);
  });
  return node("div", { class: "states" }, node("div", { class: "state-bar", "aria-hidden": "true" }, parts), node("div", { class: "legend" }, legend));
}

// Returns a dot in a state's colour.
function stateDot(state) {
  return node("span", { class: "dot", style: `background: var(--${stateVariable(state)})` });
}

// Returns how long all machines worked together.
function machineTime(hours) {
  if (hours < 1) return `${duration(3600 * hours)} of machine time`;
  return `${shown(Number(hours.toPrecision(3)))} machine hour${hours === 1 ? "" : "s"}`;
}

// Returns when a search began and how long it took, in one line.
function searchFacts({ state, started, ended, machine_hours }) {
  const until = ended ?? new Date(content.made).getTime() / 1000;
  const took = started === null ? "" : `${duration(until - started)}${ended === null ? " so far" : ""}`;
  const hours = machine_hours === null ? "" : machineTime(machine_hours);
  const alone = content.searches.length > 1 ? "" : state;
  return [alone, took, hours, started === null ? "" : `started ${moment(started)}`].filter((text) => text).join(" · ");
}

// ---------------------------------------------------------------- the table

const ROW_px = matchMedia("(pointer: coarse)").matches ? 36 : 28;
const EXTRA_ROWS = 10; // drawn beyond those in sight, so that little has to be drawn while scrolling

const table = {
  rows: [], // in order: a run's index, or a configuration {id, runs, isGroup}
  open: new Set(), // the configurations whose runs are listed
  chosen: new Set(), // the runs that are ticked
  active: 0, // the row that the keyboard is at
  drawn: "", // which rows are in the document
  widths: new Map(), // column and kind of rows -> px
  parts: null, // the elements
};

section({
  id: "table",
  title: "Runs",
  empty: () => (runs.count ? "" : "There is no run yet."),
  draw(body) {
    table.parts = newTable();
    body.append(...Object.values(table.parts).filter((part) => part.dataset.place === "body"));
    this.redraw();
    restoreTable();
  },
  redraw() {
    table.rows = tableRows();
    table.active = Math.max(0, Math.min(table.active, table.rows.length - 1));
    drawTools();
    drawHeader();
    drawRows(true);
  },
});

// Returns the table's elements.
function newTable() {
  const tools = node("div", { class: "tools", "data-place": "body" });
  const constants = node("p", { class: "constants hint", "data-place": "body" }, constantsText());
  const head = node("thead");
  const rows = node("tbody", { click: noteRowClick });
  const sizes = node("colgroup");
  const attributes = { role: "grid", "aria-label": "Runs", "aria-multiselectable": "true", tabindex: 0, "data-focus": "grid", keydown: noteTableKey };
  const grid = node("table", attributes, sizes, head, rows);
  const scroller = node("div", { class: "grid", "data-place": "body" }, grid);
  scroller.style.setProperty("--row", `${ROW_px}px`);
  scroller.addEventListener("scroll", () => requestAnimationFrame(() => drawRows(false)), { passive: true });
  new ResizeObserver(() => drawRows(false)).observe(scroller);
  return { tools, constants, scroller, grid, sizes, head, rows };
}

// Returns the options that are the same in all runs, null if there are none.
function constantsText() {
  const same = columns.filter((each) => each.role === "option" && !each.varies && texts(each).length);
  if (!same.length) return null;
  const parts = same.map((each) => node("span", { title: `${each.name}=${texts(each)[0]}` }, cut(`${each.name}=${texts(each)[0]}`, 60)));
  return [node("span", {}, "the same in all runs: "), ...parts];
}

function texts(of) {
  return of.texts().map(([text]) => text);
}

// Returns all columns that the table can show, in order: what was looked for comes first.
function tableColumns() {
  const [search, run, state, ...rest] = facts;
  const others = columns.filter((each) => each.role === "result" && each.name !== view.key && each.name !== "finished");
  const byKind = (kind) => others.filter((each) => each.kind === kind);
  const constant = columns.filter((each) => each.role === "option" && !each.varies);
  const shownResult = column(view.key, "result");
  const all = [search, shownResult, ...options(), state, ...byKind("number"), ...byKind("word"), ...byKind("list"), ...rest, ...constant];
  return all.filter((each) => each && each !== run);
}

// Returns whether the table shows a column before anybody has chosen.
function isShownAtFirst(of) {
  if (of.role === "option") return of.varies;
  if (of.role === "result") return of.name === view.key || of.varies && columns.filter((each) => each.role === "result").indexOf(of) < 12;
  if (of.name === "search") return content.searches.length > 1;
  if (of.name === "state") return of.texts().some(([text]) => text !== "finished");
  if (of.name === "cause") return content.causes.length > 0;
  return of.name === "duration" || (of.name === "attempts" && content.runs.attempts.some((count) => count > 1));
}

// Returns the columns that the table shows.
function shownColumns() {
  const chosen = Array.isArray(view.kept.columns) ? new Set(view.kept.columns) : null;
  return tableColumns().filter((each) => (chosen ? chosen.has(each.id) : isShownAtFirst(each)));
}

let areSeedsRepeated = null;

// Returns whether some configuration was run several times.
function hasSeeds() {
  areSeedsRepeated ??= seedNames().length > 0 && new Set(Array.from({ length: runs.count }, (_, i) => configurationId(i))).size < runs.count;
  return areSeedsRepeated;
}

// Returns whether the table has a row for each configuration.
function isByConfiguration() {
  return hasSeeds() && view.kept.rows !== "runs";
}

// Returns the rows of the table, in order.
function tableRows() {
  if (!isByConfiguration()) return sortedRuns().filter(view.isVisible);
  return sortedGroups().flatMap((group) => (table.open.has(group.id) ? [group, ...group.runs] : [group]));
}

// Returns the runs shown, in the table's order.
function runsInOrder() {
  return isByConfiguration() ? sortedGroups().flatMap((group) => group.runs) : sortedRuns().filter(view.isVisible);
}

// Returns the column by which the table is sorted, with the direction; null: best first.
function sorting() {
  const [id, direction] = Array.isArray(view.kept.sort) ? view.kept.sort : [];
  const of = id === "run run" ? facts[1] : tableColumns().find((each) => each.id === id);
  return of ? { of, direction: direction === -1 ? -1 : 1 } : null;
}

// Returns the difference of two sort keys; NaN is last in both directions.
function keyDifference(a, b, direction) {
  if (a === b) return 0;
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
  return a < b ? -direction : direction;
}

const sorted = { by: "", base: null, order: [] };

// Returns all runs in the table's order; the same order stays sorted.
function sortedRuns() {
  const by = sorting();
  if (by === null) return view.order;
  const name = `${by.of.id} ${by.direction}`;
  if (sorted.by !== name || sorted.base !== view.order) {
    const keys = by.of.sortKeys();
    const order = [...view.order].sort((a, b) => keyDifference(keys[a], keys[b], by.direction));
    Object.assign(sorted, { by: name, base: view.order, order });
  }
  return sorted.order;
}

// Returns the configurations of the runs shown, with all of their runs, in the table's order.
function sortedGroups() {
  const groups = new Map();
  for (const i of sortedRuns()) {
    if (!view.isVisible(i)) continue;
    const id = configurationId(i);
    if (groups.has(id)) groups.get(id).runs.push(i);
    else groups.set(id, { id, runs: [i], isGroup: true });
  }
  const found = [...groups.values()];
  const by = sorting();
  const key = by ? groupKey(by.of) : rankOfConfiguration(found);
  found.forEach((group) => (group.key = key(group)));
  return found.sort((a, b) => keyDifference(a.key, b.key, by ? by.direction : 1));
}

// Returns the function (configuration -> place by its mean result), NaN without one.
function rankOfConfiguration() {
  const ranks = new Map(configurations(view.visible).map((each, rank) => [configurationId(each.runs[0]), rank]));
  return (group) => ranks.get(group.id) ?? NaN;
}

// Returns the function (configuration -> sort key): the mean of its runs, of words the first.
function groupKey(of) {
  const keys = of.sortKeys();
  if (of.kind !== "number") return (group) => keys[group.runs[0]];
  return (group) => spread(group.runs.map((i) => keys[i]).filter((key) => !Number.isNaN(key))).mean;
}

// ---------------------------------------------------------------- the table: tools above it

// Draws the tools: runs or configurations, columns, copy, and what to do with the chosen runs.
function drawTools() {
  const count = table.chosen.size;
  const chosen = count
    ? [
        node("span", {}, `${amount(count, "run")} chosen`),
        tool("Show only these", () => filterChosen(false)),
        tool("Hide these", () => filterChosen(true)),
        tool("Choose none", () => choose([...table.chosen], false)),
      ]
    : [];
  refill(
    table.parts.tools,
    hasSeeds() ? rowsSwitch() : null,
    node("button", { type: "button", "data-focus": "columns", "aria-haspopup": "dialog", click: (event) => openColumnsMenu(event.currentTarget) }, "Columns ▾"),
    copyButton(csvText, "Copy as CSV"),
    sorting() ? tool("Best first", () => sortBy(null)) : null,
    node("span", { class: "chosen-runs", "aria-live": "polite" }, ...chosen),
  );
}

function tool(text, click) {
  return node("button", { type: "button", "data-focus": text, click }, text);
}

// Returns the switch between a row for each configuration and one for each run.
function rowsSwitch() {
  const turn = (rows) => () => {
    keep("rows", rows);
    table.parts.scroller.scrollTop = 0;
    redrawTable();
  };
  const isBy = isByConfiguration();
  const part = (text, rows, isOn) => node("button", { type: "button", "aria-pressed": String(isOn), "data-focus": `rows ${rows}`, click: turn(rows) }, text);
  return node("span", { class: "switch", role: "group", "aria-label": "Rows" }, part("Configurations", "configurations", isBy), part("Runs", "runs", !isBy));
}

function redrawTable() {
  sections.get("table").redraw();
}

// Opens the menu of columns.
function openColumnsMenu(button) {
  const isShown = new Set(shownColumns().map((each) => each.id));
  const change = (of) => (isTicked) => {
    if (isTicked) isShown.add(of.id);
    else isShown.delete(of.id);
    keep("columns", [...isShown]);
    redrawTable();
  };
  const line = (of) => tickLine(isShown.has(of.id), change(of), node("span", { class: "value", title: of.name }, of.name));
  const group = (title, some) => (some.length ? node("fieldset", {}, node("legend", {}, title), ...some.map(line)) : null);
  const all = tableColumns();
  const ofRole = (role) => all.filter((each) => each.role === role);
  const reset = () => {
    keep("columns", undefined);
    redrawTable();
    closeMenu();
  };
  openMenu(button, "Columns", group("Options", ofRole("option")), group("Results", ofRole("result")), group("Run", ofRole("run")), tool("As at first", reset));
}

// Filters by the chosen runs.
function filterChosen(not) {
  const some = [...table.chosen].sort((a, b) => a - b);
  table.chosen.clear();
  const name = not ? "hidden runs" : "chosen runs";
  const before = not ? view.filters.get(name)?.spec.runs || [] : [];
  const all = [...new Set([...before, ...some])];
  addFilter(name, `${not ? "without " : ""}${all.length === 1 ? runs.label(all[0]) : amount(all.length, not ? "run" : "chosen run")}`, { runs: all, ...(not ? { not } : {}) });
}

// Returns what the table shows as CSV: all rows, not just those in sight, and numbers with all digits.
function csvText() {
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
  const parts = csvColumns();
  const rows = isByConfiguration() ? table.rows.filter((row) => row.isGroup) : table.rows;
  const lines = [parts.map(({ name }) => name), ...rows.map((row) => parts.map(({ text }) => text(row)))];
  return lines.map((line) => line.map(quoted).join(",") + "\r\n").join("");
}

// Returns the columns of the CSV: [{name, text(row)}]; of configurations, numbers have mean, standard deviation and number.
function csvColumns() {
  if (!isByConfiguration()) return [facts[1], ...shownColumns()].map((of) => ({ name: of.name, text: (i) => (Array.isArray(of.at(i)) ? of.at(i).join(" ") : of.text(i)) }));
  return shownColumns().flatMap((of) => {
    if (of.role === "option" || of.kind !== "number") return [{ name: of.name, text: (group) => groupText(of, group) }];
    const part = (name, digits) => ({ name: `${of.name} ${name}`, text: (group) => digits(spread(numbersOf(of, group))) });
    return [part("mean", ({ mean }) => (Number.isNaN(mean) ? "" : String(mean))), part("std", ({ std, n }) => (n > 1 ? String(std) : "")), part("n", ({ n }) => String(n))];
  });
}

// ---------------------------------------------------------------- the table: header

// Draws the header and settles the columns' widths.
function drawHeader() {
  const { head, sizes, grid } = table.parts;
  const shownNow = shownColumns();
  const widths = [firstWidth(), ...shownNow.map(widthOf)];
  sizes.replaceChildren(...widths.map((width) => node("col", { style: `width: ${width}px` })));
  grid.style.width = `${widths.reduce((sum, width) => sum + width, 0)}px`;
  grid.setAttribute("aria-rowcount", table.rows.length + 1);
  refill(head, node("tr", { "aria-rowindex": 1 }, headerCell(facts[1]), ...shownNow.map(headerCell)));
}

// Returns a column's header: a click sorts, the funnel filters.
function headerCell(of) {
  const by = sorting() || { of: column(view.key, "result"), direction: view.larger ? -1 : 1 };
  const direction = by.of === of ? by.direction : 0;
  const isFiltered = view.filters.has(filterName(of));
  const sort = { class: "sort", type: "button", title: `${of.name}: sort`, "data-focus": `sort ${of.id}`, click: () => sortBy(of) };
  const label = isFiltered ? `Filter ${of.name}: filtered` : `Filter ${of.name}`;
  const open = (event) => openFilterMenu(of, event.currentTarget);
  const funnel = { class: `funnel${isFiltered ? " on" : ""}`, type: "button", title: label, "aria-label": label, "aria-haspopup": "dialog", "data-focus": label, click: open };
  return node(
    "th",
    { scope: "col", class: of.kind === "number" ? "number" : "", "aria-sort": direction ? (direction > 0 ? "ascending" : "descending") : "none" },
    node("span", {}, node("button", sort, node("span", { class: "name" }, of.name), direction ? node("span", { "aria-hidden": "true" }, direction > 0 ? "↑" : "↓") : null), of.kind === "list" ? null : node("button", funnel)),
  );
}

// Sorts by a column, by the same the other way round; null: best first.
function sortBy(of) {
  const by = sorting();
  const isBestFirst = of !== null && of.role === "result" && of.kind === "number";
  const first = isBestFirst && isLargerBetter(of.name) ? -1 : 1;
  const isSame = of !== null && (by ? by.of === of : of.name === view.key && of.role === "result");
  const before = by ? by.direction : view.larger ? -1 : 1;
  keep("sort", of === null ? undefined : [of.id, isSame ? -before : first]);
  table.parts.scroller.scrollTop = 0;
  table.active = 0;
  redrawTable();
}

const pen = document.createElement("canvas").getContext("2d");

// Returns how wide a text is in the table, in px.
function textWidth(text) {
  pen.font = `600 13px ${getComputedStyle(document.body).fontFamily}`;
  return pen.measureText(text).width;
}

// Returns the width of a column, in px, by its header and some of its cells.
function widthOf(of) {
  const key = `${isByConfiguration()} ${of.id}`;
  if (!table.widths.has(key)) {
    const step = Math.max(1, Math.floor(table.rows.length / 100));
    const cells = table.rows.filter((_, k) => k % step === 0).map((row) => cellText(of, row));
    const known = of.codes && of.values.length < 100 && !isByConfiguration() ? texts(of).map((text) => cut(text, 40)) : [];
    const longest = [...cells, ...known].reduce((long, text) => (text.length > long.length ? text : long), "");
    const wide = of.kind === "list" ? 90 : textWidth(longest) + (of.name === "state" ? 16 : 0);
    table.widths.set(key, Math.round(Math.max(56, Math.min(260, Math.max(wide + 22, textWidth(of.name) + 66)))));
  }
  return table.widths.get(key);
}

// Returns the width of the column that stays in sight, in px.
function firstWidth() {
  const largest = content.runs.number.reduce((most, number) => Math.max(most, number || 0), 0);
  return isByConfiguration() ? 136 : Math.round(Math.max(96, textWidth(String(largest)) + 70));
}

// ---------------------------------------------------------------- the table: rows

// Draws the rows in sight, and some above and below them.
function drawRows(isChanged) {
  const { scroller, grid, rows } = table.parts;
  const count = table.rows.length;
  const first = Math.max(0, Math.floor(scroller.scrollTop / ROW_px) - EXTRA_ROWS);
  const from = first - (first % EXTRA_ROWS); // whole steps: most scroll events then draw nothing
  const to = Math.min(count, from + Math.ceil(scroller.clientHeight / ROW_px) + 3 * EXTRA_ROWS);
  if (!isChanged && table.drawn === `${from} ${to}`) return;
  table.drawn = `${from} ${to}`;
  const shownNow = shownColumns();
  const best = bestRow();
  const lines = (low, high) => table.rows.slice(low, high).map((row, k) => rowLine(row, low + k, shownNow, best));
  const near = [...rows.children].filter((line) => line.dataset.row >= from && line.dataset.row < to);
  if (isChanged || !near.length) rows.replaceChildren(spacer(from), ...(count ? lines(from, to) : [emptyLine(shownNow)]), spacer(count - to));
  else moveRows(rows, near, from, to, lines);
  grid.setAttribute("aria-activedescendant", count ? `row-${table.active}` : "");
}

// Keeps the rows that stay in sight, which spares most of the work of scrolling, and draws those before and after them.
function moveRows(rows, near, from, to, lines) {
  const [first, last] = [near[0], near[near.length - 1]];
  for (const line of [...rows.children]) if (!near.includes(line)) line.remove();
  const [firstKept, lastKept] = [Number(first.dataset.row), Number(last.dataset.row)];
  rows.prepend(spacer(from), ...lines(from, firstKept));
  rows.append(...lines(lastKept + 1, to), spacer(table.rows.length - to));
}

// Returns a line as high as some rows.
function spacer(count) {
  return node("tr", { class: "spacer", "aria-hidden": "true", style: `height: ${Math.max(0, count) * ROW_px}px` });
}

function emptyLine(shownNow) {
  const clear = node("button", { class: "link", type: "button", click: clearFilters }, "Show all");
  return node("tr", { class: "empty" }, node("td", { colspan: shownNow.length + 1 }, "No run passes all filters. ", clear));
}

// Returns the row that is marked: the best run, or the configuration with the best mean. undefined: none has a result.
function bestRow() {
  if (isByConfiguration()) return table.rows.find((row) => row.isGroup && row.id === bestConfiguration());
  return Number.isNaN(performance(view.visible[0])) ? undefined : view.visible[0];
}

function bestConfiguration() {
  const [best] = configurations(view.visible);
  return best ? configurationId(best.runs[0]) : -1;
}

// Returns a row of the table.
function rowLine(row, k, shownNow, best) {
  const members = row.isGroup ? row.runs : [row];
  const isChosen = members.every((i) => table.chosen.has(i));
  const isInside = !row.isGroup && isByConfiguration();
  const classes = [row === best && "best", isInside && "inside", k === table.active && "active", isChosen && "chosen", row === panelRun && "opened"];
  const attributes = { id: `row-${k}`, class: classes.filter((each) => each).join(" "), "data-row": k, "aria-rowindex": k + 2, "aria-selected": String(isChosen) };
  if (row.isGroup) attributes["aria-expanded"] = String(table.open.has(row.id));
  return node("tr", attributes, firstCell(row, isChosen, row === best), ...shownNow.map((of) => cell(of, row)));
}

// Returns the cell that stays in sight: a box to choose, the run's number, a star for the best.
function firstCell(row, isChosen, isBest) {
  const box = node("input", { type: "checkbox", tabindex: -1, "aria-label": row.isGroup ? "Choose its runs" : `Choose ${runs.label(row)}` });
  box.checked = isChosen;
  const name = row.isGroup ? `${table.open.has(row.id) ? "▾" : "▸"} ${amount(row.runs.length, "run")}` : String(content.runs.number[row] || "–");
  const star = isBest ? node("span", { class: "star", title: `the best ${view.key} of the runs shown` }, "★") : null;
  return node("th", { scope: "row" }, box, node("span", {}, name), star);
}

// Returns a cell of a column.
function cell(of, row) {
  if (of.kind === "list" && row.isGroup) return node("td", {}, sparkline(row.runs.slice(0, 10).map((i) => of.at(i))));
  if (of.kind === "list") return node("td", { title: of.text(row) }, sparkline([of.at(row)]));
  const text = cellText(of, row);
  const dot = of.name === "state" && of.role === "run" && text ? stateDots(row) : null;
  const title = row.isGroup ? text : of.format ? text : of.text(row);
  return node("td", { class: of.kind === "number" ? "number" : "", title: title.length > 6 ? title : null }, dot, cut(text, 80));
}

// Returns dots in the colours of the states of a row.
function stateDots(row) {
  return [...new Set((row.isGroup ? row.runs : [row]).map(runs.state))].map(stateDot);
}

// Returns a cell's text, for people.
function cellText(of, row) {
  return row.isGroup ? groupText(of, row) : of.shown(row);
}

// Returns what the runs of a configuration have of a column: their value, their mean and spread, or how many values.
function groupText(of, group) {
  if (of.kind === "number" && of.role === "result") {
    const numbers = numbersOf(of, group);
    return numbers.length ? meanText(spread(numbers)) : "";
  }
  if (of.kind === "number" && of.role === "option") return numbersText(of, new Set(numbersOf(of, group)));
  const counts = new Map();
  for (const i of group.runs) counts.set(of.shown(i), (counts.get(of.shown(i)) || 0) + 1);
  if (of.name === "state" && of.role === "run" && counts.size > 1) return [...counts].map(([text, count]) => `${count} ${text}`).join(", ");
  if (of.format === duration && counts.size > 1) return `${duration(spread(numbersOf(of, group)).mean)} each`;
  return counts.size < 5 ? [...counts.keys()].filter((text) => text !== "").join(", ") : `${counts.size} values`;
}

// Returns some different numbers of a column: "1, 2, 3".
function numbersText(of, distinct) {
  if (distinct.size > 4) return `${distinct.size} values`;
  return [...distinct].sort((a, b) => a - b).map((number) => of.shownNumber(number)).join(", ");
}

// Returns the numbers that the runs of a configuration have of a column.
function numbersOf(of, group) {
  return group.runs.map((i) => of.number(i)).filter((number) => !Number.isNaN(number));
}

// Returns small lines of lists of numbers, null if there is no number.
function sparkline(lists) {
  const all = lists.map((list) => (list || []).map(numberOf));
  const finite = all.flat().filter(Number.isFinite);
  if (!finite.length) return null;
  const low = finite.reduce((a, b) => Math.min(a, b));
  const high = finite.reduce((a, b) => Math.max(a, b));
  const picture = drawing("svg", { class: "spark", width: 70, height: 16, "aria-hidden": "true" });
  picture.append(...all.map((numbers) => drawing("path", { d: linePath(numbers, low, high - low || 1) })));
  return picture;
}

// Returns a new element of a drawing.
function drawing(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// Returns the path of a line 70 x 16 px through numbers; those that are not finite leave a gap.
function linePath(numbers, low, size) {
  const step = Math.max(1, Math.floor(numbers.length / 80));
  let path = "";
  let move = "M";
  for (let k = 0; k < numbers.length; k += step) {
    const x = (k / Math.max(1, numbers.length - 1)) * 68 + 1;
    if (Number.isFinite(numbers[k])) path += `${move}${x.toFixed(1)} ${(15 - ((numbers[k] - low) / size) * 14).toFixed(1)}`;
    move = Number.isFinite(numbers[k]) ? "L" : "M";
  }
  return path;
}

// ---------------------------------------------------------------- the table: mouse and keys

let lastChosen = 0;

// Opens or chooses what was clicked; with Shift, chooses all rows since the last.
function noteRowClick(event) {
  const line = event.target.closest("tr[data-row]");
  if (!line || String(getSelection()) !== "") return; // the end of selecting a text is no click
  const k = Number(line.dataset.row);
  const isBox = event.target.matches("input");
  table.active = k;
  if (!isBox && !event.ctrlKey && !event.metaKey && !event.shiftKey) return enterRow(k);
  const [low, high] = event.shiftKey ? [Math.min(k, lastChosen), Math.max(k, lastChosen)] : [k, k];
  const some = table.rows.slice(low, high + 1).flatMap((row) => (row.isGroup ? row.runs : [row]));
  choose(some, isBox ? event.target.checked : event.shiftKey || !isRowChosen(k));
  lastChosen = k;
}

function isRowChosen(k) {
  const row = table.rows[k];
  return (row.isGroup ? row.runs : [row]).every((i) => table.chosen.has(i));
}

// Ticks runs, or no longer.
function choose(some, isChosen) {
  for (const i of some) {
    if (isChosen) table.chosen.add(i);
    else table.chosen.delete(i);
  }
  drawTools();
  drawRows(true);
}

// Opens the run of a row, or lists the runs of a configuration, or no longer.
function enterRow(k) {
  const row = table.rows[k];
  if (!row.isGroup) return openRun(row);
  if (!table.open.delete(row.id)) table.open.add(row.id);
  redrawTable();
}

// Opens or closes a configuration.
function unfold(k, isOpen) {
  const row = table.rows[k];
  if (row.isGroup && table.open.has(row.id) !== isOpen) enterRow(k);
}

// Follows the keyboard: arrows, pages, Enter, space.
function noteTableKey(event) {
  if (event.target !== table.parts.grid || event.ctrlKey || event.metaKey || event.altKey || !table.rows.length) return;
  const page = Math.max(1, Math.floor(table.parts.scroller.clientHeight / ROW_px) - 2);
  const k = table.active;
  const actions = {
    ArrowDown: () => moveTo(k + 1),
    ArrowUp: () => moveTo(k - 1),
    PageDown: () => moveTo(k + page),
    PageUp: () => moveTo(k - page),
    Home: () => moveTo(0),
    End: () => moveTo(table.rows.length - 1),
    Enter: () => enterRow(k),
    " ": () => choose(table.rows[k].isGroup ? table.rows[k].runs : [table.rows[k]], !isRowChosen(k)),
  };
  if (isByConfiguration()) Object.assign(actions, { ArrowRight: () => unfold(k, true), ArrowLeft: () => unfold(k, false) });
  if (!actions[event.key]) return;
  event.preventDefault();
  actions[event.key]();
}

// Makes a row the active one and brings it into sight.
function moveTo(k) {
  const { scroller, head } = table.parts;
  table.active = Math.max(0, Math.min(table.rows.length - 1, k));
  const top = table.active * ROW_px;
  const room = scroller.clientHeight - head.offsetHeight - ROW_px;
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  else if (top > scroller.scrollTop + room) scroller.scrollTop = top - room;
  drawRows(true);
}

// ---------------------------------------------------------------- the panel of a run

let panelRun = -1; // the run it shows, -1 if it is closed
let panelOpener = null; // what had the focus before

// Shows a run beside the page; takesFocus: whether the keyboard goes there.
function openRun(i, takesFocus = true) {
  const panel = document.getElementById("panel");
  if (panel.hidden) panelOpener = document.activeElement;
  panelRun = i;
  keep("run", runs.id(i));
  panel.hidden = false;
  refill(panel, panelHeader(i), ...panelParts(i));
  panel.scrollTop = 0;
  if (takesFocus && !panel.contains(document.activeElement)) panel.querySelector("[data-focus=close]").focus({ preventScroll: true });
  if (table.parts) drawRows(true);
}

// Closes the panel; the focus goes back to where it came from.
function closeRun() {
  const panel = document.getElementById("panel");
  if (panel.hidden) return;
  const hadFocus = panel.contains(document.activeElement);
  panel.hidden = true;
  panel.replaceChildren();
  panelRun = -1;
  keep("run", undefined);
  if (table.parts) drawRows(true);
  const back = panelOpener?.isConnected && panelOpener !== document.body ? panelOpener : table.parts?.grid;
  if (hadFocus) back?.focus({ preventScroll: true });
}

// Opens the run before (-1) or after (1) the one that is open, in the table's order.
function stepRun(step) {
  const order = runsInOrder();
  const next = order[order.indexOf(panelRun) + step];
  if (next !== undefined) openRun(next);
}

// Returns the panel's head: the run's name, steps to others, a cross.
function panelHeader(i) {
  const order = runsInOrder();
  const place = order.indexOf(i);
  const step = (text, label, by, isOff) =>
    node("button", { type: "button", class: "quiet", title: label, "aria-label": label, "data-focus": label, disabled: isOff, click: () => stepRun(by) }, text);
  return node(
    "header",
    {},
    node("h2", { id: "panel-title" }, runs.label(i)),
    node(
      "span",
      { class: "steps" },
      node("span", { class: "muted" }, place < 0 ? "" : `${(place + 1).toLocaleString("en")} of ${order.length.toLocaleString("en")}`),
      step("←", "Previous run (arrow key)", -1, place < 1),
      step("→", "Next run (arrow key)", 1, place === order.length - 1),
      node("button", { class: "close", type: "button", "aria-label": "Close", title: "Close (Escape)", "data-focus": "close", click: closeRun }, "×"),
    ),
  );
}

// Returns the parts of the panel, what matters most first.
function panelParts(i) {
  const command = runs.command(i);
  const folder = runs.folder(i);
  const cause = content.runs.cause[i] === null ? "" : content.causes[content.runs.cause[i]];
  return [
    node("p", { class: "run-state" }, stateDot(runs.state(i)), stateLine(i)),
    Number.isNaN(performance(i)) ? null : node("p", { class: "best-result" }, node("span", { class: "muted" }, `${view.key} `), node("strong", {}, shown(performance(i))), node("span", { class: "muted" }, rankText(i))),
    cause ? panelPart("Why it failed", node("pre", { class: "cause" }, cause)) : null,
    panelPart("Configuration", pairs(panelOptions().map((each) => [each.name, each.at(i)]))),
    seedsPart(i),
    panelPart("Results", pairs(columns.filter((each) => each.role === "result").map((each) => [each.name, each.at(i), each.text(i)]))),
    command ? panelPart("Command", copiedText(command)) : null,
    attemptsPart(i),
    logPart(i, folder),
    folder ? panelPart("Folder", copiedText(folder)) : null,
  ].filter((part) => part !== null);
}

function panelPart(title, ...children) {
  return node("div", { class: "part" }, node("h3", {}, title), ...children);
}

// Returns in one line how and where a run went.
function stateLine(i) {
  const { seconds, place, job, ended } = content.runs;
  const where = place[i] === null ? "" : `on ${content.places[place[i]]}`;
  const number = job[i] === null ? "" : `job ${job[i]}`;
  return [runs.state(i), duration(seconds[i]), where, number, ended[i] === null ? "" : `ended ${moment(ended[i])}`].filter((text) => text).join(" · ");
}

// Returns which place a run's result has among those shown.
function rankText(i) {
  const valued = view.visible.filter((other) => !Number.isNaN(performance(other)));
  const place = valued.filter((other) => better(performance(other), performance(i)) < 0).length + 1;
  return view.isVisible(i) ? `, place ${place.toLocaleString("en")} of ${valued.length.toLocaleString("en")}` : "";
}

// Returns all options, those that vary first.
function panelOptions() {
  const all = columns.filter((each) => each.role === "option");
  return [...all.filter((each) => each.varies), ...all.filter((each) => !each.varies)];
}

// Returns a list of names and values, for lists also what they are; a name without a value is left out.
function pairs(some) {
  const present = some.filter(([, cell]) => cell !== null && cell !== undefined && cell !== "");
  if (!present.length) return node("p", { class: "nothing" }, "none");
  return node("dl", { class: "pairs" }, ...present.flatMap(([name, cell, text]) => [node("dt", {}, name), node("dd", {}, longValue(cell, text))]));
}

// Returns a value; a list or a long text is folded.
function longValue(cell, listText) {
  if (Array.isArray(cell)) {
    if (!cell.length) return "no values";
    return node("details", {}, node("summary", {}, sparkline([cell]), ` ${listText}`), node("pre", {}, cell.map((each) => shown(each)).join("\n")));
  }
  const text = String(cell);
  const line = text.split("\n", 1)[0];
  if (text.length <= 300 && line === text) return text;
  return node("details", {}, node("summary", {}, cut(line, 80)), node("pre", {}, text), copyButton(() => text));
}

// Returns the other runs of the same configuration, null if there are none.
function seedsPart(i) {
  const same = view.order.filter((other) => configurationId(other) === configurationId(i));
  if (same.length < 2) return null;
  const values = same.map(performance).filter((value) => !Number.isNaN(value));
  const seedText = (other) => optionsText(seedNames().map((name) => column(name)), other);
  const line = (other) => {
    const result = Number.isNaN(performance(other)) ? runs.state(other) : shown(performance(other));
    const name = `${runs.shortLabel(other)} `;
    return node("li", {}, other === i ? node("strong", {}, name) : runLink(other, name), ` ${seedText(other)} `, node("span", { class: "muted" }, result));
  };
  const mean = values.length ? node("p", {}, `${view.key} ${meanText(spread(values))}`) : null;
  return panelPart("Same configuration", mean, node("ul", {}, ...same.slice(0, 100).map(line)), same.length > 100 ? node("p", { class: "hint" }, `and ${same.length - 100} more`) : null);
}

let attemptsByRun = null;

// Returns the indexes of a run's attempts.
function attemptsOf(i) {
  if (attemptsByRun === null) {
    attemptsByRun = new Map();
    content.attempts.run.forEach((run, k) => (attemptsByRun.has(run) ? attemptsByRun.get(run).push(k) : attemptsByRun.set(run, [k])));
  }
  return attemptsByRun.get(i) || [];
}

// Returns the table of a run's attempts, null if there are none.
function attemptsPart(i) {
  const found = attemptsOf(i);
  if (!found.length) return null;
  const head = node("tr", {}, ...["", "where", "started", "took", "how it ended"].map((title) => node("th", { scope: "col" }, title)));
  return panelPart(found.length > 1 ? `${found.length} attempts` : "Attempt", node("table", { class: "attempts" }, node("thead", {}, head), node("tbody", {}, ...found.map(attemptLine))));
}

function attemptLine(k) {
  const { attempt, slot, submitted, started, ended, state } = content.attempts;
  const from = started[k] ?? submitted[k];
  const name = content.states[state[k]];
  const cells = [attempt[k], content.slots[slot[k]] ?? "", moment(from), from === null || ended[k] === null ? "" : duration(ended[k] - from)];
  return node("tr", {}, ...cells.map((text) => node("td", {}, String(text ?? ""))), node("td", {}, stateDot(name), name));
}

// Returns the end of a run's log, or where it lies.
function logPart(i, folder) {
  const text = content.logs[i];
  if (text !== undefined) return panelPart("End of its log", node("pre", { class: "log-end" }, text), copyButton(() => text));
  if (!folder || !attemptsOf(i).length) return null;
  const search = content.searches[content.runs.search[i]];
  const command = `hpsearch logs ${shellWord(search.folder)} ${content.runs.number[i]}`;
  return panelPart("Log", node("p", { class: "hint" }, "Its log is not in this page. To see it:"), copiedText(command));
}

// Returns a word as a shell reads it.
function shellWord(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replace(/'/g, `'"'"'`)}'`;
}

// Follows the keyboard in the panel and closes what is open.
function notePageKey(event) {
  if (event.key === "Escape" && menu !== null) closeMenu();
  else if (event.key === "Escape") closeRun();
  const isTyping = event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey;
  const inPanel = document.getElementById("panel").contains(event.target);
  if (inPanel && !isTyping && event.key === "ArrowLeft") stepRun(-1);
  if (inPanel && !isTyping && event.key === "ArrowRight") stepRun(1);
}

// ---------------------------------------------------------------- provenance

section({
  id: "provenance",
  title: "Provenance",
  empty: () => (content.searches.some((each) => each.provenance.length) ? "" : "It is not known with what these runs were made."),
  draw(body) {
    const known = content.searches.filter((each) => each.provenance.length);
    body.append(...known.map((each) => node("div", { class: "part" }, content.searches.length > 1 ? node("h3", {}, each.name) : null, pairs(each.provenance))));
  },
  redraw() {}, // filters change nothing of it
});

// ---------------------------------------------------------------- a page that loads itself anew

let lastAction_ms = 0;
let pointersDown = 0;

// Returns where the reader is, for the page after this one.
function readerPlace() {
  const at = document.activeElement;
  const heights = [...sections.values()].map((part) => [part.id, part.isDrawn ? part.body.offsetHeight : 0]);
  const cursor = at?.id === "search" ? [at.selectionStart, at.selectionEnd] : null;
  return {
    heights: Object.fromEntries(heights.filter(([, height]) => height)),
    y: scrollY,
    panel: document.getElementById("panel").scrollTop,
    table: table.parts && {
      top: table.parts.scroller.scrollTop,
      left: table.parts.scroller.scrollLeft,
      active: table.active,
      chosen: [...table.chosen].map(runs.id),
      open: sortedGroupsOpen().map((group) => runs.id(group.runs[0])),
    },
    focus: at?.id || at?.dataset?.focus || "",
    cursor,
  };
}

// Returns the configurations whose runs are listed.
function sortedGroupsOpen() {
  return table.rows.filter((row) => row.isGroup && table.open.has(row.id));
}

const placeBefore = history.state && typeof history.state === "object" ? history.state : null;

// Keeps as much room for the sections as they had, so that the page is as long as it was.
function restoreHeights() {
  for (const [id, height] of Object.entries(placeBefore?.heights || {})) {
    const part = sections.get(id);
    if (part) part.body.style.minHeight = `${height}px`;
  }
}

// Goes back to where the reader was in the table.
function restoreTable() {
  const place = placeBefore?.table;
  if (!place) return;
  const known = (ids) => ids.map(runs.withId).filter((i) => i >= 0);
  table.active = place.active;
  table.chosen = new Set(known(place.chosen));
  table.open = new Set(known(place.open).map(configurationId));
  redrawTable();
  table.parts.scroller.scrollTo(place.left, place.top);
}

// Goes back to where the reader was on the page.
function restorePlace() {
  if (placeBefore === null) return;
  history.scrollRestoration = "manual";
  scrollTo(0, placeBefore.y);
  document.getElementById("panel").scrollTop = placeBefore.panel;
  const key = CSS.escape(placeBefore.focus || "");
  const at = key ? document.querySelector(`#${key}, [data-focus="${key}"]`) : null;
  at?.focus({ preventScroll: true });
  if (placeBefore.cursor) at?.setSelectionRange?.(...placeBefore.cursor);
}

// Returns whether the reader is doing something that loading the page anew would disturb.
function isBusy() {
  const at = document.activeElement;
  const isTyping = at !== null && at.matches("input, select, textarea") && Date.now() - lastAction_ms < 3000;
  const isSelecting = String(getSelection()) !== "";
  return document.hidden || menu !== null || pointersDown > 0 || isSelecting || isTyping || Date.now() - lastAction_ms < 1000;
}

// Loads the page anew once the time has come and the reader does nothing else.
function watch() {
  const note = () => (lastAction_ms = Date.now());
  for (const kind of ["keydown", "input", "pointerdown", "wheel", "touchmove"]) addEventListener(kind, note, { passive: true, capture: true });
  addEventListener("pointerdown", () => (pointersDown = 1), { capture: true });
  for (const kind of ["pointerup", "pointercancel"]) addEventListener(kind, () => (pointersDown = 0), { capture: true });
  const due_ms = Date.now() + content.watch_s * 1000;
  setInterval(() => {
    if (Date.now() < due_ms) return;
    if (isBusy()) document.getElementById("newer").hidden = false;
    else location.reload();
  }, 250);
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
