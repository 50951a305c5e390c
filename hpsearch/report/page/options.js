// The result over each option: a small plot for each, all with the same range of results.

// One figure with many axes, drawn as SVG: plotly's WebGL takes half a minute for them where there is no GPU, and shows
// means below the points. So many points in all are drawn quickly, and more would hide each other anyway.
const SMALL_PLOTS = { most: 12, width: 270, height: 200, gap: 26, points: 3000, best: 20, values: 20 };

section({
  id: "options",
  title: "Result over each option",
  isPlot: true,
  empty: () => (options().length ? (view.order.some((i) => !Number.isNaN(performance(i))) ? "" : noResultText()) : "No option varies."),
  draw(body) {
    const all = node("button", { type: "button", click: () => keep("options", { all: !isEveryOptionShown() }) || this.redraw() });
    this.parts = { figure: node("div", { class: "plot" }), hint: node("p", { class: "hint" }), all };
    body.append(this.parts.figure, this.parts.hint, all);
    new ResizeObserver(() => this.parts.width !== body.clientWidth && this.redraw()).observe(body);
    this.redraw();
  },
  redraw() {
    drawOptions(this.parts);
  },
});

function isEveryOptionShown() {
  return Boolean(view.kept.options && view.kept.options.all);
}

// Draws all plots and the text below.
function drawOptions(parts) {
  parts.width = parts.figure.parentElement.clientWidth;
  const most = SMALL_PLOTS.most;
  const every = mainOptions(Infinity);
  const chosen = (isEveryOptionShown() ? every : mainOptions(most)).map((each) => scaleOf(each));
  const shownScales = chosen.length ? chosen : options().map((each) => scaleOf(each));
  const measured = view.visible.filter((i) => !Number.isNaN(performance(i)));
  const range = resultRange(measured.map(performance));
  const { points: all, best } = SMALL_PLOTS;
  const points = [...measured.slice(0, best), ...sampled(measured.slice(best), all / shownScales.length)];
  const grid = gridOf(shownScales.length, parts.width);
  const traces = shownScales.flatMap((scale, k) => optionTraces(scale, k, { measured, points, range }));
  parts.scales = shownScales;
  const drawn = plot(parts.figure, traces, optionsLayout(shownScales, grid, range), { displayModeBar: false });
  if (!parts.isHeard) parts.isHeard = drawn.then(() => listenToOptions(parts));
  parts.all.hidden = every.length <= most;
  parts.all.textContent = isEveryOptionShown() ? `Show the ${most} that matter most` : `Show all ${every.length} options`;
  parts.hint.textContent = optionsHint(measured, points, range);
}

function optionsHint(measured, points, { outside }) {
  return [
    "Points are runs, with mean and standard deviation for each value; the star is the best run. A click on a point opens its run.",
    isByTouch() ? "" : "Dragging over values filters.",
    points.length < measured.length ? `Drawn: the best and a random sample, ${amount(points.length, "run")} of ${measured.length.toLocaleString("en")}; means are over all.` : "",
    outside ? `${amount(outside, "result")} beyond the range: drawn at its edge, and counted there in means.` : "",
  ].join(" ");
}

// ---------------------------------------------------------------- layout

// Returns whether fingers scroll the page: then dragging over a plot must scroll, too.
function isByTouch() {
  return matchMedia("(pointer: coarse)").matches;
}

// Returns {columns, rows, height, width of a plot}.
function gridOf(count, width) {
  const columns = Math.max(1, Math.min(count, Math.floor(width / SMALL_PLOTS.width)));
  const rows = Math.ceil(count / columns);
  return { columns, rows, height: rows * SMALL_PLOTS.height + 20, plotWidth: (width - 70) / columns - SMALL_PLOTS.gap, width: width - 70 };
}

function optionsLayout(scalesShown, grid, range) {
  const margin = (range.high - range.low) * 0.06;
  const layout = {
    height: grid.height,
    margin: { l: 54, r: 16, t: 8, b: 12 },
    dragmode: isByTouch() ? false : "select",
    selectdirection: "h",
    hovermode: "closest",
    selections: [],
    shapes: scalesShown.flatMap(chosenShapes),
  };
  scalesShown.forEach((scale, k) => {
    const [row, at] = [Math.floor(k / grid.columns), k % grid.columns];
    layout[`xaxis${k ? k + 1 : ""}`] = optionAxisLayout(scale, k, grid, at);
    layout[`yaxis${k ? k + 1 : ""}`] = {
      anchor: axisId("x", k),
      domain: [1 - ((row + 1) * SMALL_PLOTS.height - 56) / (grid.height - 20), 1 - (row * SMALL_PLOTS.height) / (grid.height - 20)],
      range: [range.low - margin, range.high + margin],
      showticklabels: at === 0,
      nticks: 6,
      automargin: false,
      zeroline: false,
      fixedrange: true,
      title: at === 0 ? { text: plain(cut(view.key, 24)), standoff: 4 } : undefined,
    };
  });
  return layout;
}

function optionAxisLayout(scale, k, grid, at) {
  const share = 1 / grid.columns;
  const [ticks, length] = optionTicks(scale, grid.plotWidth);
  return {
    anchor: axisId("y", k),
    domain: [at * share, (at + 1) * share - SMALL_PLOTS.gap / grid.width],
    range: [-0.07, 1.07],
    tickvals: ticks.map((tick) => tick.at),
    ticktext: ticks.map((tick) => plain(cut(tick.label, length))),
    tickangle: 0,
    showgrid: false,
    zeroline: false,
    automargin: false,
    fixedrange: true,
    title: { text: plain(shortened(scale.of.name, Math.floor(grid.plotWidth / 8))), standoff: 6 },
  };
}

// Returns the ticks that have room side by side, and how long their texts may be.
function optionTicks({ ticks, isStepped }, width) {
  if (isStepped && ticks.length <= 6) return [ticks, Math.max(3, Math.floor(width / ticks.length / 7.5))];
  // Texts are centred below their places, in letters of about 7 px.
  const needed = (tick, last) => ((Math.min(14, tick.label.length) + Math.min(14, last.label.length)) / 2 + 1) * 7;
  let last = null;
  const kept = ticks.filter((tick) => (last === null || (tick.at - last.at) * width >= needed(tick, last) ? ((last = tick), true) : false));
  return [kept, 14];
}

function axisId(letter, k) {
  return k ? `${letter}${k + 1}` : letter;
}

// Returns shades over the values that a filter lets pass.
function chosenShapes(scale, k) {
  const place = { type: "rect", layer: "below", xref: axisId("x", k), yref: `${axisId("y", k)} domain`, y0: 0, y1: 1 };
  const look = { fillcolor: colours().accent, opacity: 0.14, line: { width: 0 } };
  return filteredStretches(scale).map(({ low, high }) => ({ ...place, ...look, x0: low, x1: high }));
}

// ---------------------------------------------------------------- traces

// Returns the traces of one plot: runs, runs beyond the range, means, the best run.
function optionTraces(scale, k, { measured, points, range }) {
  const { accent, text, best, surface } = colours();
  const axes = { xaxis: axisId("x", k), yaxis: axisId("y", k) };
  const alpha = Math.max(0.15, Math.min(0.6, 8 / Math.sqrt(points.length)));
  const dots = { color: accent, size: points.length > 500 ? 4 : 6, opacity: alpha };
  const traces = [
    runTrace(scale, k, points.filter((i) => isInside(i, range)), range, { ...axes, marker: dots }),
    runTrace(scale, k, points.filter((i) => !isInside(i, range)), range, { ...axes, marker: { ...dots, symbol: "triangle-up", opacity: 0.8, size: 8 } }),
    { ...axes, ...meanTrace(scale, measured, range), marker: { color: text, size: 7, line: { color: surface, width: 1 } } },
  ];
  const star = { symbol: "star", size: 14, color: best, line: { color: surface, width: 1 } };
  return measured.length ? [...traces, runTrace(scale, k, measured.slice(0, 1), range, { ...axes, marker: star })] : traces;
}

function isInside(i, { low, high }) {
  return performance(i) >= low && performance(i) <= high;
}

function runTrace(scale, k, indexes, range, look) {
  const around = Math.min(0.06, scale.room * 0.6);
  return {
    type: "scatter",
    mode: "markers",
    x: indexes.map((i) => scale.entries[scale.codes[i]].at + around * jitter(i, k)),
    y: indexes.map((i) => clamped(performance(i), range)),
    text: indexes.map(runHover),
    customdata: indexes,
    hovertemplate: "%{text}<extra></extra>",
    ...look,
  };
}

// Returns the text about a run beside the pointer, for plotly.
function runHover(i) {
  const lines = options().slice(0, 12).map((each) => cut(`${each.name} ${each.text(i) || NO_VALUE}`, 60));
  return [`${runs.label(i)}: ${view.key} ${shown(performance(i))}`, ...lines].map(plain).join("<br>");
}

// Returns mean and standard deviation of each value, or of each of some bins.
function meanTrace(scale, measured, range) {
  const { groups, codes } = groupsOf(scale, SMALL_PLOTS.values);
  const values = groups.map(() => []);
  for (const i of measured) values[codes[i]].push(clamped(performance(i), range));
  const found = groups.map((group, k) => ({ ...group, ...spread(values[k]) })).filter(({ n }) => n);
  const isNumber = scale.of.kind === "number";
  // A gap, so that no line leads from numbers to "none".
  const withGap = found.flatMap((group, k) => (k && found[k - 1].isNumber !== group.isNumber ? [null, group] : [group]));
  return {
    type: "scatter",
    mode: isNumber ? "lines+markers" : "markers",
    connectgaps: false,
    line: { color: colours().text, width: 1.5 },
    x: withGap.map((group) => group && group.at),
    y: withGap.map((group) => group && group.mean),
    error_y: { type: "data", array: withGap.map((group) => group && group.std), color: colours().text, thickness: 1.5, width: 5 },
    text: withGap.map((group) => group && plain(`${scale.of.name} ${cut(group.label, 40)}: mean ${meanText(group)}`)),
    hovertemplate: "%{text}<extra></extra>",
  };
}

// ---------------------------------------------------------------- clicks and drags

function listenToOptions(parts) {
  parts.figure.on("plotly_click", ({ points }) => Number.isInteger(points[0].customdata) && openRun(points[0].customdata));
  parts.figure.on("plotly_selected", (event) => {
    const [id, stretch] = Object.entries((event && event.range) || {}).find(([name]) => name.startsWith("x")) || [];
    if (!id) return;
    const scale = parts.scales[Number(id.slice(1) || 1) - 1];
    const [low, high] = [...stretch].sort((a, b) => a - b);
    filterByEntries(scale, scale.entries.filter(({ at }) => at >= low && at <= high));
    drawOptions(parts);
  });
}
