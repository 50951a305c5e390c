// Filters: what they let pass, the address that keeps them, and the bar that shows them.

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

// Returns the test whether a run is one of some runs, or none of them.
function runsTest({ runs: some, not }) {
  const wanted = new Set(some);
  return not ? (i) => !wanted.has(i) : (i) => wanted.has(i);
}

// Returns the function (text -> contains it?), which ignores upper and lower case.
function containing(part) {
  const wanted = part.toLowerCase();
  return (text) => String(text).toLowerCase().includes(wanted);
}

// Returns the test whether a run's value in a column passes.
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

// Notes that filters, result or theme have changed: everything is updated before the next frame.
function changed() {
  if (isChanging) return;
  isChanging = true;
  requestAnimationFrame(() => {
    isChanging = false;
    update();
  });
}

// Updates everything now.
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
let addressWrites_ms = []; // when it was written lately

// Writes the address now, or soon if it changes all the time: Safari refuses more than 100 changes in 30 seconds. At
// once otherwise: a page that is loaded anew right after a click has to find it.
function writeAddress() {
  clearTimeout(addressTimer);
  const now_ms = Date.now();
  addressWrites_ms = addressWrites_ms.filter((at_ms) => now_ms - at_ms < 10000);
  if (addressWrites_ms.length < 25) writeAddressNow();
  else addressTimer = setTimeout(writeAddressNow, 300);
}

// Writes filters and choices into the address, so that a reload or a bookmark shows the same. place: where the reader
// is, which only a reload needs.
function writeAddressNow(place = null) {
  clearTimeout(addressTimer);
  addressWrites_ms.push(Date.now());
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

// Reads filters and choices from the address, as far as they fit.
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

// Reads a filter from the address; a cut or mistyped one is left out.
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
  const searchSoon = debounced(searchFor, typingPause_ms());
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

// Returns how long to wait for the next key: a filter of some thousand runs is quick enough to follow each of them.
function typingPause_ms() {
  return runs.count > 20000 ? 200 : 40;
}

function searchFor(text) {
  if (text.trim()) addFilter("search", `“${text.trim()}”`, { text });
  else removeFilter("search");
}

// Removes a filter by its chip; sections that show it elsewhere (a brush) are updated.
function dropFilter(name) {
  if (name === "search") document.getElementById("search").value = "";
  removeFilter(name);
}

function clearFilters() {
  [...view.filters.keys()].forEach(dropFilter);
}
