// The mean result over each pair of values of two options.

const HEAT = { values: 30, bins: 12, texts: 240, narrow: 560 };

section({
  id: "heatmap",
  title: "Two options together",
  isPlot: true,
  empty() {
    if (options().length < 2) return "It takes two options that vary.";
    return view.order.some((i) => !Number.isNaN(performance(i))) ? "" : noResultText();
  },
  draw(body) {
    const choice = (name) => node("select", { "aria-label": name, change: () => choosePair(this.parts) }, options().map((each) => node("option", { value: each.name }, cut(each.name, 60))));
    this.parts = { across: choice("Option across"), up: choice("Option upwards"), figure: node("div", { class: "plot" }), hint: node("p", { class: "hint" }) };
    const { across, up, figure, hint } = this.parts;
    body.append(node("p", { class: "pair" }, node("label", {}, "Across ", across), node("label", {}, "Upwards ", up)), figure, hint);
    this.redraw();
  },
  redraw() {
    drawHeatmap(this.parts);
  },
});

// Returns the two options: as chosen, else the two that matter most, else the first two.
function chosenPair() {
  const named = (names) => names.map((name) => options().find((each) => each.name === name)).filter((each) => each);
  const kept = Array.isArray(view.kept.heatmap) ? named(view.kept.heatmap) : [];
  if (kept.length === 2 && kept[0] !== kept[1]) return kept;
  const byShare = named(content.importance ? content.importance.shares.map(([name]) => name) : []);
  return [...new Set([...byShare, ...options()])].slice(0, 2);
}

// Takes a choice in; an option chosen twice changes places with the other.
function choosePair(parts) {
  const [across, up] = chosenPair().map(({ name }) => name);
  const chosen = [parts.across.value, parts.up.value];
  keep("heatmap", chosen[0] === chosen[1] ? [up, across] : chosen);
  drawHeatmap(parts);
}

// Returns {x, y, cells}: groups of values of both options, and rows of cells {n, mean, std, all, indexes}. Filters on these
// two options are marked rather than followed, so that one can choose other cells.
function heatOf(pair) {
  const [x, y] = pair.map((of) => groupsOf(scaleOf(of), HEAT.values));
  const own = new Set(pair.flatMap(filtersOn).map(([name]) => name));
  const others = [...view.filters].filter(([name]) => !own.has(name)).map(([, { passes }]) => passes);
  const cells = y.groups.map(() => x.groups.map(() => ({ all: 0, values: [] })));
  for (const i of view.order) {
    if (!others.every((passes) => passes[i])) continue;
    const cell = cells[y.codes[i]][x.codes[i]];
    cell.all += 1;
    if (!Number.isNaN(performance(i))) cell.values.push(performance(i));
  }
  return { x, y, cells: cells.map((row) => row.map((cell) => ({ ...cell, ...spread(cell.values) }))) };
}

// Draws the map and the text below.
function drawHeatmap(parts) {
  const pair = chosenPair();
  [parts.across.value, parts.up.value] = pair.map(({ name }) => name);
  const heat = heatOf(pair);
  const found = heat.cells.flatMap((row, v) => row.map((cell, h) => ({ ...cell, h, v }))).filter(({ n }) => n);
  const best = found.reduce((first, cell) => (!first || better(cell.mean, first.mean) < 0 ? cell : first), null);
  const range = resultRange(found.map(({ mean }) => mean));
  parts.pair = pair;
  parts.heat = heat;
  const traces = [heatTrace(heat, pair, range, parts), emptyTrace(heat, pair)];
  const drawn = plot(parts.figure, traces, heatLayout(heat, pair, best, parts.figure.clientWidth), { displayModeBar: false });
  if (!parts.isHeard) parts.isHeard = drawn.then(() => parts.figure.on("plotly_click", (event) => chooseCell(parts, event.points[0])));
  parts.hint.textContent = [
    "Mean over the other options; in brackets, of how many runs. A click on a cell filters to its values, a second one takes that back.",
    best ? `Framed: the best mean, ${meanText(best)}.` : "No run that passes the filters has a result.",
    range.outside ? `${amount(range.outside, "cell")} beyond the colours' range.` : "",
  ].join(" ");
}

// Returns the coloured cells.
function heatTrace({ x, y, cells }, pair, { low, high }, { figure }) {
  const scale = goodnessScale();
  const count = x.groups.length * y.groups.length;
  const isNarrow = figure.clientWidth < HEAT.narrow;
  const isRoomy = count <= HEAT.texts && (figure.clientWidth - (isNarrow ? 110 : 240)) / x.groups.length > 56;
  const colorscale = view.larger ? scale : scale.map(([at, colour]) => [1 - at, colour]).reverse();
  const bar = { thickness: 12, outlinewidth: 0, nticks: 6, title: { text: plain(cut(view.key, 24)) } };
  return {
    type: "heatmap",
    z: cells.map((row) => row.map(({ n, mean }) => (n ? mean : null))),
    zmin: low,
    zmax: high,
    colorscale,
    xgap: 2,
    ygap: 2,
    text: cells.map((row) => row.map(({ n, mean }) => (n ? `${shown(Number(mean.toPrecision(3)))} (${n})` : ""))),
    texttemplate: isRoomy ? "%{text}" : "",
    customdata: cells.map((row, v) => row.map((cell, h) => cellHover(cell, pair, x.groups[h], y.groups[v]))),
    hovertemplate: "%{customdata}<extra></extra>",
    colorbar: isNarrow ? { ...bar, orientation: "h", nticks: 4, tickangle: 0, y: 1, yanchor: "bottom" } : { ...bar, title: { ...bar.title, side: "right" } },
  };
}

// Returns the text about a cell beside the pointer, for plotly.
function cellHover({ n, all, mean, std }, [across, up], h, v) {
  const result = n ? [`mean ${shown(mean)}, std ${n > 1 ? shown(Number(std.toPrecision(2))) : "unknown"}, n ${n}`] : [];
  const without = all - n ? [`${amount(all - n, "run")} without a result`] : [];
  return [`${across.name} ${cut(h.label, 60)}`, `${up.name} ${cut(v.label, 60)}`, ...result, ...(all ? without : ["no run"])].map(plain).join("<br>");
}

// Returns signs in the cells without a mean: a cross if no run has a result, a dot if there is no run at all.
function emptyTrace({ x, y, cells }, pair) {
  const empty = cells.flatMap((row, v) => row.map((cell, h) => ({ ...cell, h, v }))).filter(({ n }) => !n);
  return {
    type: "scatter",
    mode: "text",
    x: empty.map(({ h }) => h),
    y: empty.map(({ v }) => v),
    text: empty.map(({ all }) => (all ? "×" : "·")),
    textfont: { color: colours().muted, size: 14 },
    hovertext: empty.map((cell) => cellHover(cell, pair, x.groups[cell.h], y.groups[cell.v])),
    hovertemplate: "%{hovertext}<extra></extra>",
  };
}

function heatLayout({ x, y, cells }, [across, up], best, width) {
  const isNarrow = width < HEAT.narrow;
  const length = Math.max(4, Math.floor((width - (isNarrow ? 110 : 240)) / x.groups.length / 7));
  const rows = Math.max(160, Math.min(720, y.groups.length * 34));
  return {
    height: rows + (isNarrow ? 130 : 100),
    hovermode: "closest",
    dragmode: false,
    xaxis: heatAxis(across, x.groups, Math.min(24, Math.max(16, length))),
    yaxis: heatAxis(up, y.groups, isNarrow ? 9 : 18),
    margin: { l: 50, r: 8, t: isNarrow ? 50 : 8, b: 50 },
    shapes: [...chosenCells({ x, y, cells }, [across, up]), ...bestFrame(best)],
  };
}

function heatAxis(of, groups, length) {
  return {
    tickvals: groups.map((_, k) => k),
    ticktext: groups.map((group) => plain(cut(group.label, length))),
    range: [-0.5, groups.length - 0.5],
    title: { text: plain(cut(of.name, 40)), standoff: 16 },
    showgrid: false,
    zeroline: false,
    fixedrange: true,
  };
}

function cellFrame({ h, v }, color, width) {
  return { type: "rect", x0: h - 0.48, x1: h + 0.48, y0: v - 0.48, y1: v + 0.48, line: { color, width } };
}

// Returns a frame that is seen on any colour.
function bestFrame(best) {
  return best ? [cellFrame(best, colours().surface, 7), cellFrame(best, colours().best, 3)] : [];
}

// Returns frames around the cells that filters on the two options let pass; none if there are no such filters.
function chosenCells({ x, y }, pair) {
  const [across, up] = pair.map((of) => filteredEntries(scaleOf(of)));
  if (!across && !up) return [];
  const isChosen = (group, passing) => !passing || group.entries.some((entry) => passing.includes(entry));
  const columnsOf = x.groups.map((group, h) => (isChosen(group, across) ? h : -1)).filter((h) => h >= 0);
  const rowsOf = y.groups.map((group, v) => (isChosen(group, up) ? v : -1)).filter((v) => v >= 0);
  return rowsOf.flatMap((v) => columnsOf.map((h) => cellFrame({ h, v }, colours().text, 2)));
}

// Filters to the values of a cell; if it was chosen already, takes that back.
function chooseCell({ pair, heat }, { x, y }) {
  const chosen = [heat.x.groups[x].entries, heat.y.groups[y].entries];
  const before = pair.map((of) => filteredEntries(scaleOf(of)));
  const isSame = before.every((entries, k) => entries && entries.length === chosen[k].length && entries.every((entry) => chosen[k].includes(entry)));
  pair.forEach((of, k) => (isSame ? unfilter(of) : filterByEntries(scaleOf(of), chosen[k])));
}
