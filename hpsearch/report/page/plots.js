// Colours, plotly's script, and plots.

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

const coloursOfThemes = new Map(); // whether the page is dark -> its colours

// Returns the colours of the theme that is shown now; all are told apart by colour-blind people.
function colours() {
  const dark = isDark();
  if (!coloursOfThemes.has(dark)) coloursOfThemes.set(dark, newColours());
  return coloursOfThemes.get(dark);
}

// Reads the colours from the style: the browser computes it anew for each.
function newColours() {
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
