// Configurations that were repeated under several seeds: means with intervals, and which differ by more than chance.

// The most configurations; the probability up to which a difference is significant; the fewest values for a verdict.
const SEEDS = { most: 20, chance: 0.05, fewest: 3, narrow: 640 };

section({
  id: "seeds",
  title: "Seeds",
  isPlot: true,
  empty() {
    if (repeated(view.visible).length) return "";
    if (repeated(view.order).length) return "No configuration that passes the filters has several runs with a result.";
    const [search] = content.searches;
    return `No configuration was repeated. To repeat the best five under five seeds: hpsearch seeds ${search ? shellWord(search.folder) : "DIR"} --top 5 --num_seeds 5`;
  },
  draw(body) {
    this.parts = { figure: node("div", { class: "plot" }), hint: node("p", { class: "hint" }) };
    body.append(this.parts.figure, this.parts.hint);
    this.redraw();
    new ResizeObserver(() => this.parts.isNarrow !== this.parts.figure.clientWidth < SEEDS.narrow && drawSeeds(this.parts)).observe(this.parts.figure);
  },
  redraw() {
    drawSeeds(this.parts);
  },
});

// Returns the configurations with several values, best mean first.
function repeated(indexes) {
  return configurations(indexes).filter(({ n }) => n > 1);
}

// ---------------------------------------------------------------- statistics

// Returns the probability that Student's t is above `t`, 0 or more, with two degrees of freedom or more. With t as the
// cotangent of an angle (times the root of `freedom`), it is the area under a power of the sine; half of all lies above 0.
function studentTail(t, freedom) {
  const least = Math.max(0, Math.PI / 2 - 14 / Math.sqrt(freedom));
  const most = Math.atan2(Math.sqrt(freedom), t);
  return most <= least ? 0 : Math.min(0.5, (0.5 * sineArea(least, most, freedom - 1)) / sineArea(least, Math.PI / 2, freedom - 1));
}

// Returns the area under a power of the sine, by Simpson's rule.
function sineArea(low, high, power) {
  const steps = 400;
  const width = (high - low) / steps;
  let sum = 0;
  for (let k = 0; k <= steps; k++) sum += (k === 0 || k === steps ? 1 : k % 2 ? 4 : 2) * Math.sin(low + k * width) ** power;
  return (sum * width) / 3;
}

// Returns the t above which Student's t has this probability.
function studentQuantile(tail, freedom) {
  let [low, high] = [0, 2];
  while (studentTail(high, freedom) > tail) high *= 2;
  for (let k = 0; k < 60; k++) {
    const middle = (low + high) / 2;
    if (studentTail(middle, freedom) > tail) low = middle;
    else high = middle;
  }
  return high;
}

// Returns the two-sided probability of Welch's t-test, small if `other` is worse than `best` by more than chance, and 1 if
// it is not worse at all; NaN if there are too few values for a verdict. The same rule as `hpsearch table` and `best`.
function worseChance(best, other) {
  if (Math.min(best.n, other.n) < SEEDS.fewest) return NaN;
  const gap = view.larger ? best.mean - other.mean : other.mean - best.mean;
  if (Number.isNaN(gap) || !Number.isFinite(best.std + other.std)) return NaN;
  const parts = [best, other].map(({ std, n }) => std ** 2 / n);
  const error = Math.sqrt(parts[0] + parts[1]);
  const largest = Math.max(Math.abs(best.mean), Math.abs(other.mean));
  if (error <= 1e-12 * largest) return Math.abs(gap) <= 1e-12 * largest ? 1 : Number(gap < 0);
  const freedom = error ** 4 / (parts[0] ** 2 / (best.n - 1) + parts[1] ** 2 / (other.n - 1));
  return gap > 0 ? 2 * studentTail(gap / error, freedom) : 1;
}

// Returns half the width of the mean's 95 % confidence interval; NaN for too few values.
function confidence({ std, n }) {
  return n < SEEDS.fewest ? NaN : (studentQuantile(0.025, n - 1) * std) / Math.sqrt(n);
}

// ---------------------------------------------------------------- drawing

// Draws the best configurations, and says what is shown.
function drawSeeds(parts) {
  const all = repeated(view.visible);
  const rows = seedRows(all.slice(0, SEEDS.most));
  const isNarrow = parts.figure.clientWidth < SEEDS.narrow;
  const range = resultRange(rows.flatMap(({ values, mean, half }) => [...values, ...(half ? [mean - half, mean + half] : [])]));
  Object.assign(parts, { rows, isNarrow });
  const done = plot(parts.figure, [valuesTrace(rows), meansTrace(rows)], seedsLayout(rows, range, isNarrow), { displayModeBar: false });
  parts.hint.replaceChildren(...seedsHint(rows, all.length, range));
  if (!parts.isHeard) parts.isHeard = done.then(() => parts.figure.on("plotly_click", ({ points }) => chooseSeed(parts.rows, points[0])));
}

// Returns the configurations with what is shown of them: label, half (of the interval), chance (see worseChance), standing.
function seedRows(groups) {
  const named = differingOptions(groups);
  return groups.map((group, k) => {
    const chance = k ? worseChance(groups[0], group) : NaN;
    const standing = !k ? "best" : Number.isNaN(chance) ? "unknown" : chance > SEEDS.chance ? "equal" : "worse";
    const label = named.filter((each) => each.at(group.runs[0]) !== null).map((each) => `${each.name}=${each.text(group.runs[0])}`).join(" ");
    return { ...group, label, half: confidence(group), chance, standing };
  });
}

// Returns the options in which some configurations differ; all that vary if there is only one configuration.
function differingOptions(groups) {
  const found = options().filter((each) => !content.seeds.includes(each.name));
  const differs = (each) => new Set(groups.map(({ runs: [i] }) => each.text(i))).size > 1;
  return groups.length > 1 ? found.filter(differs) : found;
}

// Opens the run of a point, or keeps only the configuration of a mean.
function chooseSeed(rows, { data, pointNumber, customdata }) {
  if (data.name === "values") return openRun(customdata);
  const { label, runs: indexes } = rows[pointNumber];
  return addFilter("configuration", cut(label, 60), { runs: indexes });
}

// Returns the trace of all values: a point for each run.
function valuesTrace(rows) {
  const points = rows.flatMap((row, k) => row.runs.map((i, place) => ({ i, value: row.values[place], k })));
  return {
    type: "scatter",
    mode: "markers",
    name: "values",
    x: points.map(({ value }) => value),
    y: points.map(({ k }) => k + 0.22),
    customdata: points.map(({ i }) => i),
    hovertext: points.map(({ i }) => runHover(i)),
    hovertemplate: "%{hovertext}<extra></extra>",
    marker: { color: colours().muted, size: 6, opacity: 0.6 },
  };
}

// Returns the trace of means and their intervals.
function meansTrace(rows) {
  const { accent, muted, best } = colours();
  const hues = { best, equal: accent, worse: muted, unknown: muted };
  return {
    type: "scatter",
    mode: "markers",
    name: "means",
    x: rows.map(({ mean }) => mean),
    y: rows.map((_, k) => k),
    error_x: { type: "data", array: rows.map(({ half }) => (Number.isFinite(half) ? half : null)), color: muted, thickness: 1.5, width: 4 },
    customdata: rows.map(({ chance }) => chance),
    hovertext: rows.map(seedHover),
    hovertemplate: "%{hovertext}<extra></extra>",
    marker: { color: rows.map(({ standing }) => hues[standing]), symbol: rows.map(({ standing }) => (standing === "unknown" ? "diamond-open" : "diamond")), size: 11 },
  };
}

// Returns what is said of a configuration beside the pointer, for plotly.
function seedHover({ label, mean, std, n, half, chance, standing }) {
  const interval = Number.isFinite(half) ? [`95 % confidence: ${shown(mean - half)} to ${shown(mean + half)}`] : [];
  const verdict = { best: "the best mean", unknown: "too few values to compare", equal: "not significantly worse", worse: "significantly worse" }[standing];
  const p = Number.isNaN(chance) ? "" : ` (p ${shown(Number(chance.toPrecision(2)))})`;
  const words = label.match(/.{1,60}(\s|$)/g) || [];
  return [...words.slice(0, 8), `mean ${meanText({ mean, std, n })}`, ...interval, verdict + p].map(plain).join("<br>");
}

function seedsLayout(rows, { low, high }, isNarrow) {
  const margin = (high - low) * 0.04;
  const labels = rows.map(({ label, n }) => `${plain(cut(label, isNarrow ? 44 : 56))} (${n})`);
  const above = labels.map((text, k) => ({ text, x: 0, xref: "paper", xanchor: "left", y: k, yshift: 13, showarrow: false, font: { size: 11 } }));
  return {
    height: 60 + (isNarrow ? 46 : 28) * rows.length,
    hovermode: "closest",
    margin: { l: 8, r: 12, t: isNarrow ? 12 : 4, b: 40 },
    dragmode: false,
    xaxis: { range: [low - margin, high + margin], title: { text: plain(cut(view.key, 40)), standoff: 8 }, zeroline: false, fixedrange: true },
    yaxis: { range: [rows.length - 0.5, isNarrow ? -0.75 : -0.5], tickvals: rows.map((_, k) => k), ticktext: labels.map((text) => `${text} `), showticklabels: !isNarrow, zeroline: false, fixedrange: true },
    annotations: isNarrow ? above : [],
  };
}

// Returns what is shown, each mark named in its colour.
function seedsHint(rows, count, { outside }) {
  const mark = (name, sign = "◆") => node("span", { style: `color: var(--${name})` }, `${sign} `);
  const has = (standing) => rows.some((row) => row.standing === standing);
  const of = count > rows.length ? `The best ${rows.length} of ${count.toLocaleString("en")} configurations with several runs` : "Configurations with several runs";
  return [
    `${of}, best mean first; in brackets, of how many. Bars: 95 % confidence of the mean, from 3 runs on. `,
    mark("best"), "best mean. ",
    ...(has("equal") ? [mark("accent"), "not significantly worse (two-sided Welch's t-test, p above 0.05). "] : []),
    ...(has("worse") ? [mark("muted"), "significantly worse. "] : []),
    ...(has("unknown") ? [mark("muted", "◇"), rows[0].n < SEEDS.fewest ? "not compared: the best has less than 3 values. " : "too few values to compare. "] : []),
    outside ? `${amount(outside, "value")} outside the picture. ` : "",
    "A click on a point opens its run, one on a mean keeps only that configuration.",
  ];
}
