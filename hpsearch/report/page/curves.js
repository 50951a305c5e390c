// Learning curves: what a run's summary lists, side by side for the values of an option.

// How many thin lines at most, how many points of each, about how many pictures, and how wide they are at least.
const CURVES = { lines: 200, points: 150, groups: 8, width: 280 };

section({
  id: "curves",
  title: "Learning curves",
  isPlot: true,
  empty() {
    if (!curveColumns().length) return "No result is a list of numbers. A keyword with several numbers in the summary, such as one loss for each epoch, is drawn here.";
    return view.visible.some((i) => hasCurve(chosenCurves().of, i)) ? "" : "No run that passes the filters has a curve.";
  },
  draw(body) {
    const pick = (label, names, change) => node("select", { "aria-label": label, change: (event) => change(event.target.value) }, names.map(([value, name]) => node("option", { value }, cut(name, 60))));
    const keys = curveColumns().map(({ name }) => [name, name]);
    const splits = [["", "nothing"], ...curveOptions().map(({ name }) => [name, name])];
    this.parts = {
      key: pick("Curve", keys, (key) => chooseCurves(this.parts, { key })),
      by: pick("Side by side", splits, (by) => chooseCurves(this.parts, { by })),
      log: node("input", { type: "checkbox", change: (event) => chooseCurves(this.parts, { log: event.target.checked }) }),
      figure: node("div", { class: "plot" }),
      hint: node("p", { class: "hint" }),
    };
    const { key, by, log, figure, hint } = this.parts;
    const tools = [node("label", {}, "Curve ", key), node("label", {}, "Side by side ", by), node("label", {}, log, " logarithmic")];
    body.append(node("p", { class: "tools" }, tools), figure, hint);
    this.redraw();
    new ResizeObserver(() => this.parts.across !== picturesAcross(this.parts) && drawCurves(this.parts)).observe(figure);
  },
  redraw() {
    drawCurves(this.parts);
  },
});

// Returns the results that are lists.
function curveColumns() {
  return columns.filter((each) => each.role === "result" && each.kind === "list");
}

// Returns the options by which curves can be told apart.
function curveOptions() {
  return options().filter((each) => !content.seeds.includes(each.name));
}

// Returns the choices {of, by, log}: which curves, side by side for which option (undefined: none), logarithmic axis.
function chosenCurves() {
  const kept = view.kept.curves || {};
  const of = curveColumns().find(({ name }) => name === kept.key) || curveColumns()[0];
  const [first] = content.importance ? content.importance.shares.map(([name]) => name) : [];
  const named = (name) => curveOptions().find((each) => each.name === name);
  const by = kept.by === "" ? undefined : named(kept.by) || named(first) || curveOptions()[0];
  return { of, by, log: kept.log };
}

// Takes a choice in; another result starts with its own kind of axis.
function chooseCurves(parts, choice) {
  const { of, by, log } = chosenCurves();
  const before = { key: of.name, by: by ? by.name : "", log: "key" in choice ? undefined : log };
  keep("curves", { ...before, ...choice });
  drawCurves(parts);
}

// ---------------------------------------------------------------- values

// Returns a run's curve as numbers, empty if it has none.
function curvePoints(of, i) {
  const cell = of.at(i);
  return Array.isArray(cell) ? cell : cell === null || cell === undefined ? [] : [cell];
}

function hasCurve(of, i) {
  return curvePoints(of, i).some((point) => Number.isFinite(numberOf(point)));
}

// Returns how many points a run's curve had before the page left some out.
function curveLength(of, i) {
  return (of.lengths && of.lengths[i]) || curvePoints(of, i).length;
}

// Returns the steps at which curves are drawn: 1, 2, ... or, of long curves, as many as can be told apart.
function curveSteps(of, indexes) {
  const longest = indexes.reduce((most, i) => Math.max(most, curveLength(of, i)), 1);
  const count = Math.min(longest, CURVES.points);
  return Array.from({ length: count }, (_, k) => 1 + Math.round((k * (longest - 1)) / Math.max(1, count - 1)));
}

// Returns a run's value at each step: null after the end, and where it is no number.
function curveAt(of, i, steps) {
  const points = curvePoints(of, i);
  const length = curveLength(of, i);
  const share = length > 1 ? (points.length - 1) / (length - 1) : 0;
  return steps.map((step) => {
    const value = step <= length ? numberOf(points[Math.round((step - 1) * share)]) : NaN;
    return Number.isFinite(value) ? value : null;
  });
}

// Returns {y, counts}: the mean of curves at each step, over those that have a number there, null if none has.
function meanCurve(curves, steps) {
  const sums = new Float64Array(steps.length);
  const counts = new Uint32Array(steps.length);
  for (const curve of curves) {
    curve.forEach((value, k) => {
      if (value === null) return;
      sums[k] += value;
      counts[k] += 1;
    });
  }
  return { y: steps.map((_, k) => (counts[k] ? sums[k] / counts[k] : null)), counts };
}

// Returns the pictures: {label, runs (best first), curves, drawn: how many of them}, each with at least one curve.
function curveGroups({ of, by }, steps, indexes) {
  const { groups, codes } = by ? groupsOf(scaleOf(by), CURVES.groups) : { groups: [{ label: "" }], codes: null };
  const found = groups.map(({ label }) => ({ label: by ? `${by.name} ${label}` : "", runs: [], curves: [] }));
  for (const i of indexes) {
    const group = found[codes ? codes[i] : 0];
    group.runs.push(i);
    group.curves.push(curveAt(of, i, steps));
  }
  const shown = found.filter((group) => group.runs.length);
  const most = indexes.length <= CURVES.lines ? Infinity : Math.ceil(CURVES.lines / shown.length);
  shown.forEach((group) => (group.drawn = Math.min(most, group.runs.length)));
  return shown;
}

// Returns whether values need a logarithmic axis: all positive and spread widely, as losses are. What grows from almost
// nothing, such as an accuracy, is spread too.
function isWide(values, key) {
  const [low, high] = extent(values);
  return low > 0 && high / low >= (isLargerBetter(key) ? 1e4 : 50);
}

// Returns the smallest and the largest number.
function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

// Returns {range, isCut} of the axis: a few extreme values, of diverged curves, are left outside.
function curveRange(values, isLog) {
  const sorted = (isLog ? values.filter((value) => value > 0).map(Math.log10) : values).sort((a, b) => a - b);
  if (!sorted.length) return { range: [0, 1], isCut: false };
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  const isCut = at(1) - at(0) > 20 * (at(0.98) - at(0.02)) && at(0.98) > at(0.02);
  const [low, high] = isCut ? [at(0.02), at(0.98)] : [at(0), at(1)];
  const margin = (high - low) * 0.05 || Math.abs(high) * 0.05 || 1;
  return { range: [low - margin, high + margin], isCut };
}

// ---------------------------------------------------------------- drawing

function picturesAcross({ figure }) {
  return Math.max(1, Math.floor(figure.clientWidth / CURVES.width));
}

// Returns how many of `count` pictures stand in a row, so that the last row is about as full as the others.
function evenly(count, most) {
  return Math.ceil(count / Math.ceil(count / most));
}

// Draws the curves, and says what the lines are.
function drawCurves(parts) {
  const chosen = chosenCurves();
  const indexes = view.visible.filter((i) => hasCurve(chosen.of, i));
  const steps = curveSteps(chosen.of, indexes);
  const groups = curveGroups(chosen, steps, indexes);
  const drawn = groups.flatMap((group) => group.curves.slice(0, group.drawn).flat()).filter((value) => value !== null);
  const isLog = chosen.log === undefined ? isWide(drawn, chosen.of.name) : chosen.log === true;
  const { range, isCut } = curveRange(drawn, isLog);
  // Plotly writes powers a quarter larger.
  const ticks = isLog && range[1] - range[0] > 1.2 ? { dtick: Math.ceil((range[1] - range[0]) / 6), exponentformat: "power", tickfont: { size: 10 } } : { nticks: 6 };
  const best = bestCurve(chosen.of, steps);
  parts.across = picturesAcross(parts);
  [parts.key.value, parts.by.value, parts.log.checked] = [chosen.of.name, chosen.by ? chosen.by.name : "", isLog];
  const layout = curveLayout(groups, steps, { range, type: isLog ? "log" : "linear", ...ticks }, evenly(groups.length, parts.across));
  const done = plot(parts.figure, groups.flatMap((group, k) => groupTraces(group, k, steps, best)), layout, { displayModeBar: false });
  parts.hint.replaceChildren(...curveHint({ ...chosen, groups, indexes, steps, best, isCut }));
  if (!parts.isHeard) parts.isHeard = done.then(() => parts.figure.on("plotly_click", ({ points }) => Number.isInteger(points[0].customdata) && openRun(points[0].customdata)));
}

// Returns {runs, y} of the best configuration, null if no run has both result and curve.
function bestCurve(of, steps) {
  const [first] = configurations(view.visible);
  const known = first ? first.runs.filter((i) => hasCurve(of, i)) : [];
  return known.length ? { runs: known, y: meanCurve(known.map((i) => curveAt(of, i, steps)), steps).y } : null;
}

// Returns the traces of a picture: runs, their mean, the best configuration.
function groupTraces(group, k, steps, best) {
  const { accent, muted, best: red } = colours();
  const axes = { xaxis: axisName("x", k), yaxis: axisName("y", k) };
  const traces = runTraces(group, steps, muted);
  if (group.runs.length > 1) traces.push(meanCurveTrace(group, steps, accent));
  if (best && group.runs.includes(best.runs[0])) traces.push(bestCurveTrace(best, steps, red));
  return traces.map((trace) => ({ type: "scatter", hovertemplate: "%{hovertext}<extra></extra>", ...trace, ...axes }));
}

function axisName(letter, k) {
  return k ? `${letter}${k + 1}` : letter;
}

// Returns one trace with all thin lines, and one with the points that have no neighbour: they are in no line.
function runTraces(group, steps, color) {
  const lines = { x: [], y: [], customdata: [], hovertext: [] };
  const points = { x: [], y: [], customdata: [], hovertext: [] };
  const put = (trace, x, y, i, text) => (trace.x.push(x), trace.y.push(y), trace.customdata.push(i), trace.hovertext.push(text));
  group.runs.slice(0, group.drawn).forEach((i, place) => {
    const curve = group.curves[place];
    const text = runHover(i);
    curve.forEach((y, j) => {
      put(lines, steps[j], y, i, text);
      const isAlone = y !== null && !Number.isFinite(curve[j - 1] ?? NaN) && !Number.isFinite(curve[j + 1] ?? NaN);
      if (isAlone) put(points, steps[j], y, i, text);
    });
    put(lines, null, null, i, "");
  });
  const opacity = group.drawn > 40 ? 0.3 : 0.5;
  const traces = [{ ...lines, mode: "lines", line: { color, width: 1 }, opacity }];
  return points.x.length ? [...traces, { ...points, mode: "markers", marker: { color, size: 5 }, opacity: 0.7 }] : traces;
}

function meanCurveTrace(group, steps, color) {
  const { y, counts } = meanCurve(group.curves, steps);
  const hovertext = steps.map((step, j) => plain(`mean of ${amount(counts[j], "run")}, step ${step}: ${shown(y[j])}`));
  return thickTrace(steps, y, color, hovertext);
}

function bestCurveTrace(best, steps, color) {
  const hovertext = steps.map((step, j) => plain(`best configuration, step ${step}: ${shown(best.y[j])}`));
  return { ...thickTrace(steps, best.y, color, hovertext), customdata: steps.map(() => best.runs[0]) };
}

function thickTrace(x, y, color, hovertext) {
  return { x, y, hovertext, mode: x.length > 1 ? "lines" : "markers", line: { color, width: 2.5 }, marker: { color, size: 10 } };
}

// Returns a layout with a picture for each group, all with the same axes.
function curveLayout(groups, steps, y, across) {
  const rows = Math.ceil(groups.length / across);
  const height = rows === 1 ? 320 : rows * 220;
  const layout = {
    height: height + 40,
    hovermode: "closest",
    margin: { l: 48, r: 12, t: 24, b: 40 },
    grid: { rows, columns: across, pattern: "independent", xgap: 0.08, ygap: 40 / (height / rows) },
    annotations: [],
  };
  const last = steps[steps.length - 1];
  groups.forEach((group, k) => {
    const [nameX, nameY] = [axisName("x", k), axisName("y", k)];
    const isLowest = k + across >= groups.length;
    const x = { matches: k ? "x" : undefined, range: [1 - (last - 1) * 0.02 - 0.001, last + (last - 1) * 0.02 + 0.001], showticklabels: isLowest, nticks: 6 };
    layout[nameX.replace("x", "xaxis")] = { ...x, title: isLowest ? { text: "step", standoff: 4 } : undefined, zeroline: false };
    layout[nameY.replace("y", "yaxis")] = { ...y, matches: k ? "y" : undefined, showticklabels: k % across === 0, zeroline: false };
    layout.annotations.push({ text: plain(cut(group.label, 36)), xref: `${nameX} domain`, yref: `${nameY} domain`, x: 0, y: 1, xanchor: "left", yanchor: "bottom", showarrow: false });
  });
  return layout;
}

// Returns what the lines are, each named in its colour.
function curveHint({ by, groups, indexes, steps, best, isCut }) {
  const key = (name) => node("span", { style: `color: var(--${name}); font-weight: 600` }, "━ ");
  const drawn = groups.reduce((sum, group) => sum + group.drawn, 0);
  const some = `Of ${amount(indexes.length, "curve")}, the best ${drawn.toLocaleString("en")} are drawn${by ? ", as many for each value" : ""}; means are over all. `;
  const stride = steps.length > 1 ? (steps[steps.length - 1] - 1) / (steps.length - 1) : 1;
  return [
    key("muted"), "a run: a click opens it. ",
    key("accent"), "mean of the runs that got that far. ",
    ...(best ? [key("best"), `best configuration${best.runs.length > 1 ? `, mean of ${amount(best.runs.length, "run")}` : ""}. `] : []),
    drawn < indexes.length ? some : "",
    stride > 1 ? `About every ${Math.round(stride) > 1 ? `${Math.round(stride)}th` : "second"} step is drawn. ` : "",
    isCut ? "Some values lie far outside the picture. " : "",
  ];
}
