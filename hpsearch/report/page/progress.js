// How the search went on: the best result so far, after each run that ended, or over time.

const FEW_POINTS = 3000; // more are drawn by WebGL
const MOST_SENTENCES = 8;

section({
  id: "progress",
  title: "Progress",
  isPlot: true,
  empty: () => (view.visible.some((i) => !Number.isNaN(performance(i))) ? "" : noResultText()),
  draw(body) {
    this.sentence = node("p", { class: "sentence" });
    this.choices = node("p", { class: "choices" });
    this.plot = node("div", { class: "plot" });
    this.hint = node("p", { class: "hint" });
    body.replaceChildren(this.sentence, this.choices, this.plot, this.hint);
    this.redraw(body);
  },
  redraw() {
    const choice = progressChoice();
    const courses = coursesOfSearches(choice);
    const range = robustRange(courses);
    const outside = courses.flatMap((course) => course.points).filter(({ y }) => y < range.low || y > range.high).length;
    this.choices.replaceChildren(...progressButtons(choice));
    const left = courses.length - MOST_SENTENCES;
    const more = left > 0 ? [node("span", { class: "line" }, `and ${left} more ${left === 1 ? "search" : "searches"}`)] : [];
    this.sentence.replaceChildren(...courses.slice(0, MOST_SENTENCES).flatMap((course) => bestSentence(course, choice)), ...more);
    const thin = courses.some((course) => course.points.some((point) => !point.counts));
    const thinText = thin ? "Hollow points have less than half as many values as others and do not count. " : "";
    const all = { click: () => chooseProgress({ all: !choice.all }), class: "link", type: "button" };
    const cutText = outside ? `${amount(outside, "result")} far off ${outside === 1 ? "is" : "are"} drawn at the edge. ` : "";
    const { traces, layout } = progressPicture(courses, range, choice);
    const dotted = traces.some((trace) => trace.line && trace.line.dash === "dot");
    const dottedText = dotted ? "Dotted: what random order would be expected to find. " : "";
    this.hint.replaceChildren(thinText, cutText, dottedText, ...(outside || choice.all ? [node("button", all, choice.all ? "Cut what is far off" : "Show all")] : []));
    plot(this.plot, traces, layout);
    openOnPointClick(this.plot);
  },
});

// Returns the reader's choices: {by: "runs" | "time", of: "runs" | "means", all: whether nothing is cut off}.
function progressChoice() {
  const kept = view.kept.progress && typeof view.kept.progress === "object" ? view.kept.progress : {};
  const hasTimes = view.visible.some((i) => content.runs.ended[i] !== null);
  return { by: kept.by === "time" && hasTimes ? "time" : "runs", of: kept.of === "means" && seedNames().length ? "means" : "runs", all: kept.all === true, hasTimes };
}

// Keeps a choice of the reader, and draws the section anew.
function chooseProgress(change) {
  const { by, of, all } = { ...progressChoice(), ...change };
  keep("progress", { by, of, all });
  drawSection(sections.get("progress"));
}

// Returns the switches above the plot.
function progressButtons(choice) {
  const button = (name, value, text) =>
    node("button", { type: "button", "aria-pressed": String(choice[name] === value), click: () => chooseProgress({ [name]: value }) }, text);
  const by = [button("by", "runs", "By runs ended"), ...(choice.hasTimes ? [button("by", "time", "By time")] : [])];
  const of = seedNames().length ? [button("of", "runs", "Best run"), button("of", "means", `Best mean over ${cut(seedNames().join(", "), 40)}`)] : [];
  return [by, of].filter((group) => group.length > 1).map((group) => node("span", { class: "choice" }, group));
}

// Makes clicks on points open their runs.
function openOnPointClick(element) {
  element.removeAllListeners("plotly_click");
  element.on("plotly_click", ({ points }) => {
    const run = points.map((point) => point.customdata).find(Number.isInteger);
    if (run !== undefined) openRun(run);
  });
}

// ---------------------------------------------------------------- what happened

// Returns for each search what happened in it, in order: {search, points, marks, best, failed, ended, pending, from}.
function coursesOfSearches(choice) {
  const bySearch = new Map();
  for (const i of view.visible) {
    const search = content.runs.search[i];
    if (bySearch.has(search)) bySearch.get(search).push(i);
    else bySearch.set(search, [i]);
  }
  const found = [...bySearch].sort(([a], [b]) => a - b).map(([search, indexes]) => courseOf(search, indexes, choice));
  return found.filter((course) => course.points.length);
}

// Returns what happened in one search; points have {run, x, y, value, text}; marks are those that were the best so far.
function courseOf(search, indexes, choice) {
  const from = startOf(search, indexes);
  const ended = indexes.filter(hasEnded).sort(byEnd);
  const places = new Map(ended.map((i, k) => [i, k + 1]));
  const x = (i) => (choice.by === "time" ? (content.runs.ended[i] === null ? NaN : content.runs.ended[i] - from) : places.get(i));
  const points = choice.of === "means" ? meanPoints(indexes, x) : runPoints(ended, x);
  const counted = points.filter((point) => !Number.isNaN(point.x));
  const failed = ended.filter((i) => !runs.isFinished(i)).map((i) => ({ run: i, x: x(i), text: `${runs.label(i)}: ${endingText(i)}` }));
  const marks = [];
  for (const point of counted) if (point.counts && better(point.y, marks.length ? marks[marks.length - 1].y : NaN) < 0) marks.push(point);
  const pending = indexes.filter((i) => !hasEnded(i));
  return { search, from, points: counted, marks, failed: failed.filter((each) => !Number.isNaN(each.x)), ended, pending };
}

// Orders runs by their ends; those without one are first.
function byEnd(a, b) {
  return (content.runs.ended[a] ?? -Infinity) - (content.runs.ended[b] ?? -Infinity) || content.runs.number[a] - content.runs.number[b] || a - b;
}

// Returns when a search began, in seconds since the epoch.
function startOf(search, indexes) {
  const submitted = indexes.map((i) => content.runs.submitted[i]).filter((at) => at !== null);
  const first = submitted.reduce((least, at) => Math.min(least, at), Infinity);
  const said = content.searches[search].started;
  return Math.min(first, said === null || said === undefined ? Infinity : said);
}

// Returns a point for each run that has a result.
function runPoints(ended, x) {
  const valued = ended.filter((i) => !Number.isNaN(performance(i)));
  return valued.map((i) => ({ run: i, x: x(i), y: performance(i), counts: true, value: shown(performance(i)), text: `${runs.label(i)}: ${shown(performance(i))}` }));
}

// Returns a point for each configuration all of whose runs have ended: when the last one did.
function meanPoints(indexes, x) {
  const keyOf = configurationKey();
  const open = new Set(indexes.filter((i) => !hasEnded(i)).map(keyOf));
  const lastEnd = new Map();
  for (const i of indexes.filter(hasEnded).sort(byEnd)) lastEnd.set(keyOf(i), i);
  const found = configurations(indexes);
  const most = found.reduce((count, each) => Math.max(count, each.n), 0);
  const closed = found.filter((each) => !open.has(keyOf(each.runs[0])));
  const points = closed.map((each) => {
    const last = lastEnd.get(keyOf(each.runs[0]));
    // Few values prove little: such a configuration ranks last everywhere.
    const counts = 2 * each.n >= most;
    return { run: last, x: x(last), y: each.mean, counts, value: meanText(each), text: `${meanText(each)}, last ${runs.label(last)}` };
  });
  return points.sort((a, b) => a.x - b.x);
}

// Returns the function (run -> text that runs of the same configuration share).
function configurationKey() {
  const names = options().filter((each) => !content.seeds.includes(each.name));
  return (i) => names.map((each) => (each.codes ? each.codes[i] : each.text(i))).join("\u0000");
}

// Returns how a run ended, for people.
function endingText(i) {
  const cause = content.runs.cause[i];
  return cause === null || cause === undefined ? runs.state(i) : `${runs.state(i)}: ${cut(content.causes[cause], 100)}`;
}

// ---------------------------------------------------------------- what is said of it

// Returns the sentence about the best of one search.
function bestSentence(course, choice) {
  const last = course.marks[course.marks.length - 1];
  const name = content.searches.length > 1 ? [node("b", {}, content.searches[course.search].name), ": "] : [];
  const pending = pendingText(course);
  if (!last) return [node("span", { class: "line" }, ...name, "no result yet. ", pending)];
  const link = node("button", { class: "link", type: "button", click: () => openRun(last.run) }, runs.label(last.run));
  const at = course.ended.indexOf(last.run) + 1;
  const best = choice.of === "means" ? "best mean" : "best";
  const took = content.runs.ended[last.run] === null ? "" : ` and ${duration(content.runs.ended[last.run] - course.from)}`;
  const found = `, known after ${at.toLocaleString("en")} of ${amount(course.ended.length, "run")}${took}. `;
  const since = course.ended.length - at;
  const later = since === 1 ? "The run since then did not beat it. " : since ? `The ${amount(since, "run")} since then did not beat it. ` : "";
  const start = `${name.length ? best : best.replace("b", "B")}${course.pending.length ? " so far" : ""}: ${last.value} by ${choice.of === "means" ? "the configuration of " : ""}`;
  return [node("span", { class: "line" }, ...name, start, link, found, later, pending)];
}

// Returns the runs still to come, as a sentence: "4 running, 10 planned."; empty if there are none.
function pendingText({ pending }) {
  const counts = NOT_ENDED.map((state) => [state, pending.filter((i) => runs.state(i) === state).length]).reverse();
  const parts = counts.filter(([, count]) => count).map(([state, count]) => `${count.toLocaleString("en")} ${state}`);
  return parts.length ? `Still to come: ${parts.join(", ")}.` : "";
}

// ---------------------------------------------------------------- the picture

// Returns {low, high} of results without extreme ones: beyond three times the middle half's height on either side.
function robustRange(courses) {
  const values = Float64Array.from(courses.flatMap((course) => course.points.map((point) => point.y)).filter(Number.isFinite)).sort();
  if (!values.length) return { low: 0, high: 1 };
  const [least, most] = [values[0], values[values.length - 1]];
  if (progressChoice().all) return { low: least, high: most };
  const at = (share) => values[Math.round(share * (values.length - 1))];
  const height = at(0.75) - at(0.25) || at(0.95) - at(0.05) || most - least;
  const near = values.filter((value) => value >= at(0.25) - 3 * height && value <= at(0.75) + 3 * height);
  const bests = courses.flatMap((course) => course.marks.slice(-1).map((mark) => mark.y)).filter(Number.isFinite);
  return { low: Math.min(near[0], ...bests), high: Math.max(near[near.length - 1], ...bests) };
}

// Returns plotly's traces and layout.
function progressPicture(courses, range, choice) {
  const scale = timeScale(courses, choice);
  const pad = (range.high - range.low || Math.abs(range.high) || 1) * 0.06;
  const [low, high] = [range.low - 2 * pad, range.high + pad];
  const shownY = (y) => Math.min(range.high + pad / 2, Math.max(range.low - pad / 2, y));
  const { words, accent, line, muted } = colours();
  const isOne = content.searches.length === 1;
  const shades = courses.map((course) => (isOne ? accent : words[course.search % words.length]));
  const count = courses.reduce((sum, course) => sum + course.points.length, 0);
  const type = count > FEW_POINTS ? "scattergl" : "scatter";
  const pieces = courses.map((course, k) => [
    pointTrace(course, shades[k], shownY, scale, range, type),
    failedTrace(course, low + 0.6 * pad, scale, type),
    ...bestTraces(course, shades[k], shownY, scale, choice),
    ...expectedTraces(course, shownY, choice),
  ]);
  const title = choice.by === "time" ? `${scale.unit} since the ${isOne ? "search" : "searches"} began` : choice.of === "means" ? "runs ended (a mean counts when its last run has)" : "runs ended";
  const ahead = courses.length === 1 ? aheadOf(courses[0], choice, line, muted) : { shapes: [], annotations: [] };
  const layout = {
    height: 340,
    showlegend: !isOne,
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    hovermode: "closest",
    margin: { l: 56, r: 16, t: 12, b: 44 },
    xaxis: { title: { text: title }, rangemode: "tozero", zeroline: false },
    yaxis: { title: { text: plain(cut(view.key, 40)) }, range: [low, high], zeroline: false },
    ...ahead,
  };
  return { traces: pieces.flat(), layout };
}

// Returns {unit, of(x)}: time in the unit that fits; runs as they are.
function timeScale(courses, choice) {
  if (choice.by !== "time") return { unit: "", of: (x) => x };
  const longest = courses.reduce((most, course) => course.points.reduce((far, point) => Math.max(far, point.x), most), 0);
  const [unit, seconds] = longest < 300 ? ["seconds", 1] : longest < 3 * 3600 ? ["minutes", 60] : longest < 3 * 86400 ? ["hours", 3600] : ["days", 86400];
  return { unit, of: (x) => x / seconds };
}

// Returns the faint points of all results; those that are cut off are triangles at the edge.
function pointTrace(course, colour, shownY, scale, range, type) {
  const { points } = course;
  const symbol = ({ y, counts }) => (y > range.high ? "triangle-up" : y < range.low ? "triangle-down" : counts ? "circle" : "circle-open");
  return {
    type,
    mode: "markers",
    x: points.map((point) => scale.of(point.x)),
    y: points.map((point) => shownY(point.y)),
    customdata: points.map((point) => point.run),
    text: points.map((point) => progressHover(point)),
    hoverinfo: "text",
    showlegend: false,
    marker: { color: colour, size: 6, opacity: points.length > 1000 ? 0.25 : 0.4, symbol: points.map(symbol) },
  };
}

// Returns ticks at the bottom for the runs that ended without finishing.
function failedTrace({ failed }, y, scale, type) {
  const { states } = colours();
  return {
    type,
    mode: "markers",
    x: failed.map((each) => scale.of(each.x)),
    y: failed.map(() => y),
    customdata: failed.map((each) => each.run),
    text: failed.map((each) => progressHover(each)),
    hoverinfo: "text",
    showlegend: false,
    marker: { symbol: "line-ns", size: 9, line: { width: 1.5, color: failed.map((each) => states[runs.state(each.run)]) } },
  };
}

// Returns the stepped line of the best so far, and its marks.
function bestTraces(course, colour, shownY, scale, choice) {
  const { marks, ended, points } = course;
  if (!marks.length) return [];
  const last = choice.by === "time" ? points.reduce((far, point) => Math.max(far, point.x), 0) : ended.length;
  const name = plain(cut(content.searches[course.search].name, 40));
  const x = marks.map((mark) => scale.of(mark.x));
  const y = marks.map((mark) => shownY(mark.y));
  const line = { shape: "hv", color: colour, width: 2 };
  const marker = { color: colour, size: 9, line: { color: colours().surface, width: 1.5 } };
  const texts = marks.map((mark) => `new best: ${progressHover(mark)}`);
  return [
    { mode: "lines", x: [...x, scale.of(Math.max(last, marks[marks.length - 1].x))], y: [...y, y[y.length - 1]], line, name, hoverinfo: "skip", legendgroup: name },
    { mode: "markers", x, y, marker, text: texts, hoverinfo: "text", customdata: marks.map((mark) => mark.run), showlegend: false, legendgroup: name },
  ];
}

// Returns the faint line of the best so far if the same runs came in random order; only for a complete grid.
function expectedTraces(course, shownY, choice) {
  const { search, ended, pending, points } = course;
  if (!content.searches[search].whole || pending.length || choice.by === "time" || choice.of === "means") return [];
  const expected = expectedBest(points.map((point) => point.y), ended.length);
  const name = "expected in random order";
  const line = { color: colours().muted, width: 1.5, dash: "dot" };
  const text = expected.map(({ k, y }) => plain(`${name}: ${shown(y)} after ${amount(k, "run")}`));
  return [{ mode: "lines", x: expected.map(({ k }) => k), y: expected.map(({ y }) => shownY(y)), line, name, text, hoverinfo: "text" }];
}

// Returns the mean of the best of k results drawn from all without putting any back, for some k: [{k, y}].
function expectedBest(values, count) {
  const finite = values.filter(Number.isFinite).sort(better);
  if (finite.length < 2) return [];
  // A run without a result is as bad as the worst.
  while (finite.length < count) finite.push(finite[finite.length - 1]);
  const wanted = new Set(Array.from({ length: Math.min(count, 60) }, (_, i) => Math.round(count ** ((i + 1) / Math.min(count, 60)))));
  return [...wanted].map((k) => {
    // The chance that the best of all is among them, then that it is not and the second is, ...
    let [chance, y] = [k / count, 0];
    for (let i = 0; i + k <= count; i += 1) {
      y += chance * finite[i];
      chance *= (count - i - k) / Math.max(1, count - i - 1);
    }
    return { k, y };
  });
}

// Returns what a point says: the run, its result and options.
function progressHover(point) {
  return [point.text, ...linesOfText(runs.options(point.run), 60)].map(plain).join("<br>");
}

// Returns a text in lines of about that many characters, at most 6.
function linesOfText(text, length) {
  const lines = [""];
  for (const word of text.split(" ")) {
    if (lines[lines.length - 1] && lines[lines.length - 1].length + word.length >= length) lines.push("");
    lines[lines.length - 1] += (lines[lines.length - 1] ? " " : "") + cut(word, length);
  }
  return lines.length > 6 ? [...lines.slice(0, 6), "…"] : lines;
}

// Returns shapes and words for the runs that are still to come, beyond the last that ended.
function aheadOf(course, choice, line, muted) {
  const count = course.pending.length;
  if (choice.by === "time" || !count) return { shapes: [], annotations: [] };
  const ended = course.ended.length;
  // Thousands of planned runs would leave no room for those that ended.
  const width = Math.min(count, Math.max(3, 0.25 * ended));
  const box = { type: "rect", xref: "x", yref: "paper", x0: ended, x1: ended + width, y0: 0, y1: 1, layer: "below" };
  const words = `${count.toLocaleString("en")} to come${width < count ? " →" : ""}`;
  // The sentence above the plot says it, too.
  const text = width / (ended + width) > 0.06 ? plain(words) : "";
  return {
    shapes: [{ ...box, fillcolor: line, opacity: 0.5, line: { width: 0 } }],
    annotations: [{ xref: "x", yref: "paper", x: ended + width, y: 1, xanchor: "right", yanchor: "top", text, showarrow: false, font: { size: 11, color: muted } }],
  };
}
