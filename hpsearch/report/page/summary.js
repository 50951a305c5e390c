// What a reader wants first: how far each search is, its best configuration and command; and the origin of its code.

section({
  id: "summary",
  title: "Summary",
  isAnswer: true,
  draw(body) {
    const cards = content.searches.map((_, k) => searchCard(k));
    refill(body, shownBest(), node("div", { class: "cards" }, cards));
  },
});

const bests = new Map(); // search -> its best configuration; emptied when another result is shown

// Returns the best configuration of a search, undefined if none has a result.
function bestOf(k) {
  if (!bests.has(k)) bests.set(k, configurations(withLargestBudget(k, view.order.filter((i) => content.runs.search[i] === k)))[0]);
  return bests.get(k);
}

// Returns the runs with the largest budget, if the search has budgets: runs with less do not compare.
function withLargestBudget(k, indexes) {
  const budget = content.searches[k].budget && column(content.searches[k].budget, "option");
  if (!budget) return indexes;
  const largest = indexes.reduce((most, i) => (runs.isFinished(i) ? Math.max(most, budget.number(i)) : most), -Infinity);
  return indexes.filter((i) => budget.number(i) === largest);
}

// Returns in one line the best of the runs shown, null if all are shown: then the cards tell it.
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

// Returns why none of the runs that count (by `counts`: run -> does it count?) has a result.
function noResultText(counts = () => true) {
  const hasFinished = content.runs.number.some((_, i) => counts(i) && runs.isFinished(i));
  if (!hasFinished) return "No run has finished yet.";
  return view.key ? `No finished run has a number under ${view.key}.` : "No result is a number.";
}

// Returns the card of a search: what it was, and its results.
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
