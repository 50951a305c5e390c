// Which options decide about the performance: shares that were worked out when the page was made.

const MOST_BARS = 15;

section({
  id: "importance",
  title: "Importance of options",
  isPlot: true,
  empty() {
    const found = content.importance;
    if (!found) return "No run has the search's performance yet.";
    return found.shares.length ? "" : found.text;
  },
  draw(body) {
    this.parts = { text: node("p", {}, content.importance.text.replace(/ %/g, "\u00a0%")), figure: node("div", { class: "plot" }), hint: node("p", { class: "hint" }) };
    body.append(this.parts.text, this.parts.figure, this.parts.hint);
    this.redraw();
  },
  redraw() {
    drawImportance(this.parts);
  },
});

// Draws the bars, and says what they are about.
function drawImportance(parts) {
  const bars = importanceBars();
  const isNarrow = parts.figure.clientWidth < 560;
  const largest = Math.max(...bars.map(({ share }) => share));
  const layout = {
    height: 60 + 28 * bars.length,
    margin: { l: 8, r: 16, t: 4, b: 40 },
    bargap: 0.3,
    dragmode: false,
    xaxis: { range: [0, largest * 1.15], tickformat: ".0%", fixedrange: true, title: { text: plain(shareTitle(isNarrow)), standoff: 8 } },
    yaxis: { autorange: "reversed", fixedrange: true, tickvals: bars.map((_, k) => k), ticktext: bars.map(({ name }) => `${plain(cut(name, isNarrow ? 20 : 40))} `), showgrid: false, zeroline: false },
  };
  const drawn = plot(parts.figure, [barsTrace(bars)], layout, { displayModeBar: false });
  parts.hint.textContent = importanceHint();
  if (!parts.isHeard) parts.isHeard = drawn.then(() => parts.figure.on("plotly_click", ({ points }) => showInMap(importanceBars()[points[0].y])));
}

// Returns what gets a bar: {name, share, isOption}, options first.
function importanceBars() {
  const { shares, together, chance, method } = content.importance;
  const shown = shares.length > MOST_BARS ? shares.slice(0, MOST_BARS - 1) : shares;
  const bars = shown.map(([name, share]) => ({ name, share, isOption: true }));
  const others = shares.slice(shown.length);
  const rest = (name, share) => bars.push({ name, share, isOption: false });
  if (others.length) rest(`${others.length} other options`, others.reduce((sum, [, share]) => sum + share, 0));
  if (method !== "exact") return bars;
  rest(chance === null ? "together, and chance" : "options together", together);
  if (chance !== null) rest("chance between seeds", chance);
  return bars;
}

function barsTrace(bars) {
  const { accent, muted, text } = colours();
  return {
    type: "bar",
    orientation: "h",
    x: bars.map(({ share }) => share),
    y: bars.map((_, k) => k),
    marker: { color: bars.map(({ isOption }) => (isOption ? accent : muted)), opacity: bars.map(({ isOption }) => (isOption ? 1 : 0.5)) },
    text: bars.map(({ share }) => percent(share)),
    textposition: "outside",
    textfont: { color: text },
    cliponaxis: false,
    customdata: bars.map(({ name, share }) => `${plain(cut(name, 80))}: ${percent(share)}`),
    hovertemplate: "%{customdata}<extra></extra>",
  };
}

// Returns a share for people: "71 %", "0.3 %".
function percent(share) {
  const shownShare = share * 100;
  return `${shownShare === 0 || shownShare >= 9.95 ? Math.round(shownShare) : shownShare < 0.05 ? "< 0.1" : shownShare.toFixed(1)} %`;
}

// Returns what the bars measure; on a narrow screen, what fits below them.
function shareTitle(isNarrow) {
  const { key, method, ranked } = content.importance;
  const what = method === "exact" ? "share of the variance" : "share of what decides";
  if (isNarrow) return what;
  return method === "exact" ? `${what} of ${ranked ? "the ranks of " : ""}${cut(key, 40)}` : `${what} about being among the best`;
}

function importanceHint() {
  const { key } = content.importance;
  const other = view.key === key ? "" : `This is about ${key}, by which the search ranks its runs, not about ${view.key}.`;
  return ["Over all finished runs: filters do not change it.", other, "A click on an option shows it in the map of two options."].filter((text) => text).join(" ");
}

// Shows an option in the map of two options, with the most important other one.
function showInMap({ name, isOption }) {
  const map = document.getElementById("heatmap");
  const other = content.importance.shares.map(([each]) => each).find((each) => each !== name);
  if (!isOption || !map || !other) return;
  keep("heatmap", [name, other]);
  changed();
  map.scrollIntoView({ behavior: "smooth" });
}
