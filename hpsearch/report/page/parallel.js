// Every run as a line over its options and its result.
//
// Drawn on a canvas of our own: plotly's parcoords has no event for a click on a line, no place for missing values and no
// say in which line lies on top; its brushes cannot be reached by keyboard, and it takes three WebGL contexts.

const PARALLEL = { best: 5000, sample: 5000, filtered: 2000, strokes: 1500, axes: 12, height: 400, top: 44, bottom: 24, left: 28, right: 76, step: 100 };

section({
  id: "parallel",
  title: "Parallel coordinates",
  empty: () => (options().length ? "" : "No option varies."),
  draw(body) {
    this.parts = parallelParts(body);
    new ResizeObserver(() => this.parts.strip.clientWidth !== this.parts.width && drawParallel(this.parts)).observe(this.parts.strip);
    this.redraw();
  },
  redraw() {
    drawParallel(this.parts);
  },
});

// Returns the elements of the plot.
function parallelParts(body) {
  const parts = {
    choice: node("div", { class: "boxes" }),
    summary: node("summary", {}),
    hint: node("p", { class: "hint" }),
    canvas: node("canvas", { class: "lines" }),
    marked: node("canvas", {}),
    svg: svgNode("svg", {}),
    tip: node("div", { class: "tip", hidden: true }),
  };
  parts.stage = node("div", { class: "stage" }, parts.canvas, parts.marked, parts.svg, parts.tip);
  parts.strip = node("div", { class: "strip" }, parts.stage);
  body.append(node("details", { class: "axes" }, parts.summary, parts.choice), parts.strip, parts.hint);
  parts.stage.addEventListener("pointermove", (event) => showNearest(parts, event));
  parts.stage.addEventListener("pointerleave", () => markLine(parts, null));
  parts.stage.addEventListener("click", (event) => openNearest(parts, event));
  return parts;
}

// Returns a new element of a drawing.
function svgNode(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// ---------------------------------------------------------------- axes

// Returns the options that have an axis: as chosen, else the main ones.
function chosenAxes() {
  const kept = view.kept.parallel && view.kept.parallel.axes;
  const chosen = Array.isArray(kept) ? options().filter(({ name }) => kept.includes(name)) : [];
  if (chosen.length) return chosen;
  const main = mainOptions(PARALLEL.axes);
  return main.length ? main : options();
}

// Returns the axis of an option: {of, ticks, entries, place(run), stretches(), choose(low, high)}, places from 0 to 1.
function optionAxis(of, salt) {
  const scale = scaleOf(of);
  const around = Math.min(0.045, scale.room * 0.6);
  return {
    of,
    ticks: scale.ticks,
    entries: scale.entries,
    place: (i) => scale.entries[scale.codes[i]].at + around * jitter(i, salt),
    stretches: () => filteredStretches(scale),
    choose: (low, high) => filterByEntries(scale, scale.entries.filter(({ at }) => at >= low && at <= high)),
  };
}

// Returns the axis of the result; runs without one lie at its lower end. Null while there is no result at all.
function resultAxis() {
  const all = Array.from({ length: runs.count }, (_, i) => performance(i));
  const values = all.filter((value) => !Number.isNaN(value));
  if (!values.length) return null;
  const of = column(view.key, "result");
  const range = resultRange(values);
  const floor = values.length < runs.count ? 0.12 : 0;
  const placeOfResult = (value) => floor + ((1 - floor) * (clamped(value, range) - range.low)) / (range.high - range.low);
  const none = floor ? [{ at: 0.02, label: NO_VALUE }] : [];
  const rounds = roundNumbers(range.low, range.high).map((value) => ({ at: placeOfResult(value), label: shown(value) }));
  const ticks = [...none, ...rounds];
  return {
    of,
    isResult: true,
    range,
    floor,
    ticks,
    entries: ticks,
    place: (i) => (Number.isNaN(all[i]) ? 0.02 + 0.02 * jitter(i, 99) : placeOfResult(all[i])),
    stretches: () => filtersOn(of).flatMap(([, { spec }]) => resultStretches(spec, placeOfResult)),
    choose: (low, high) => filterByResult(of, values, values.map(placeOfResult), low, high),
  };
}

function resultStretches({ values, low, high }, placeOfResult) {
  if (values) return values.includes("") ? [{ low: 0, high: 0.05 }] : [];
  return [{ low: placeOfResult(low ?? -Infinity) - 0.005, high: placeOfResult(high ?? Infinity) + 0.005 }];
}

// Keeps the runs whose result has a place in a stretch; the lower end stands for those without a result.
function filterByResult(of, values, places, low, high) {
  unfilter(of);
  const inside = values.filter((_, k) => places[k] >= low && places[k] <= high);
  const hasNone = low <= 0.04 && values.length < runs.count;
  if (inside.length === values.length && (hasNone || values.length === runs.count)) return;
  const [least, most] = [inside.reduce((a, b) => Math.min(a, b), Infinity), inside.reduce((a, b) => Math.max(a, b), -Infinity)];
  if (inside.length) filterColumn(of, { low: least, high: most });
  else if (hasNone) filterColumn(of, { values: ["", "nan"] });
}

// ---------------------------------------------------------------- drawing

// Draws axes, lines and the text below.
function drawParallel(parts) {
  const chosen = chosenAxes();
  const result = resultAxis();
  parts.axes = [...chosen.map(optionAxis), ...(result ? [result] : [])];
  parts.width = parts.strip.clientWidth;
  const { left, right, height } = PARALLEL;
  parts.full = Math.max(parts.width, left + right + PARALLEL.step * (parts.axes.length - 1));
  const gap = parts.axes.length > 1 ? (parts.full - left - right) / (parts.axes.length - 1) : 0;
  parts.axes.forEach((axis, k) => (axis.x = Math.round(left + gap * k)));
  Object.assign(parts.stage.style, { width: `${parts.full}px`, aspectRatio: `${parts.full} / ${height}` });
  parts.svg.setAttribute("viewBox", `0 0 ${parts.full} ${height}`);
  parts.lines = chooseLines();
  parts.heights = parts.axes.map((axis) => heights(axis, parts.lines.shown));
  paintLines(parts, result);
  markLine(parts, null);
  drawAxes(parts, gap);
  drawChoice(parts, chosen);
  parts.hint.textContent = parallelHint(parts.lines, result);
}

// Returns the runs to draw, worst first, and those hidden by filters.
function chooseLines() {
  const { best, sample, filtered } = PARALLEL;
  const shown = [...view.visible.slice(0, best), ...sampled(view.visible.slice(best), sample)].reverse();
  const out = sampled(view.order.filter((i) => !view.isVisible(i)), filtered);
  return { shown, out };
}

function parallelHint({ shown }, result) {
  const left = view.visible.length - shown.length;
  const { outside } = result ? result.range : { outside: 0 };
  return [
    "Drag along an axis to filter, or click on a value; a click on a line opens its run.",
    left ? `Drawn: the best ${PARALLEL.best.toLocaleString("en")} and a random ${amount(shown.length - PARALLEL.best, "other")} of ${amount(view.visible.length, "run")}.` : "",
    outside ? `${amount(outside, "result")} beyond the range of ${result.of.name}: drawn at its end.` : "",
  ].join(" ");
}

function heightOf(place) {
  const { height, top, bottom } = PARALLEL;
  return height - bottom - place * (height - bottom - top);
}

// Returns the heights of some runs on an axis.
function heights(axis, indexes) {
  return Float32Array.from(indexes, (i) => heightOf(axis.place(i)));
}

// Draws the lines: what filters keep out, then the others, the best last.
function paintLines(parts, result) {
  const { line, muted, best } = colours();
  const { shown, out } = parts.lines;
  const isMany = shown.length + out.length > PARALLEL.strokes;
  const context = isMany ? clearedPen(parts.canvas, parts.full, PARALLEL.height, 1) : clearedPen(parts.canvas, parts.full, PARALLEL.height);
  const draw = isMany ? fillLines : strokeLines;
  const scale = goodnessScale();
  const hues = Array.from({ length: 33 }, (_, k) => colourAt(scale, k / 32));
  const hueOf = (value) => (Number.isNaN(value) ? muted : hues[Math.round(32 * goodness(value, result.range))]);
  const outHeights = parts.axes.map((axis) => heights(axis, out));
  draw(context, parts.axes, outHeights, out.map(() => line), 0.6);
  const alpha = Math.max(0.16, Math.min(0.85, 12 / Math.sqrt(shown.length)));
  draw(context, parts.axes, parts.heights, shown.map((i) => hueOf(performance(i))), alpha);
  const last = shown.length - 1;
  if (last < 0 || Number.isNaN(performance(shown[last]))) return;
  context.globalAlpha = 1;
  context.lineWidth = 2.5;
  context.strokeStyle = best;
  strokePath(context, parts.axes, parts.heights, last, last + 1);
}

// Draws axes with their texts, brushes and what can be grasped.
function drawAxes(parts, gap) {
  const scale = goodnessScale();
  const hues = scale.map(([at, colour]) => svgNode("stop", { offset: view.larger ? at : 1 - at, "stop-color": colour }));
  if (!view.larger) hues.reverse();
  const ramp = svgNode("linearGradient", { id: "parallel-ramp", x1: 0, x2: 0, y1: 1, y2: 0 }, ...hues);
  const focused = parts.axes.findIndex((axis) => axis.grip === document.activeElement);
  const before = parts.grips && parts.grips.indexOf(document.activeElement);
  parts.svg.replaceChildren(svgNode("defs", {}, ramp), ...parts.axes.map((axis) => drawnAxis(parts, axis, gap)));
  parts.grips = parts.axes.map((axis) => axis.grip);
  const again = focused >= 0 ? focused : before;
  if (again >= 0 && parts.grips[again]) parts.grips[again].focus({ preventScroll: true });
}

function drawnAxis(parts, axis, gap) {
  const { height, top, bottom } = PARALLEL;
  const long = height - bottom - top;
  const room = Math.max(4, Math.floor((axis === parts.axes[parts.axes.length - 1] ? PARALLEL.right : gap - 4) / 8.4));
  const group = svgNode("g", { class: axis.isResult ? "axis result" : "axis", transform: `translate(${axis.x} 0)` });
  const bar = { x: -5, width: 10, y: heightOf(1), height: long * (1 - (axis.floor || 0)), fill: "url(#parallel-ramp)", class: "ramp" };
  const title = { class: "title", y: 18, x: -PARALLEL.left + 6 };
  const grip = { class: "grip", x: -14, width: 28, y: top - 12, height: long + 24, tabindex: 0, role: "slider" };
  axis.grip = svgNode("rect", { ...grip, "aria-orientation": "vertical", "aria-label": axis.of.name, ...axisValue(axis) });
  axis.brushes = svgNode("g", {}, ...axis.stretches().map(drawnBrush));
  const ticks = thinned(axis.ticks, 15 / long).map((tick) => drawnTick(tick, room));
  group.append(svgNode("text", title, svgNode("title", {}, axis.of.name), shortened(axis.of.name, room)));
  group.append(svgNode("line", { y1: heightOf(0), y2: heightOf(1) }), ...(axis.isResult ? [svgNode("rect", bar)] : []));
  group.append(axis.brushes, ...ticks, axis.grip);
  listenToAxis(parts, axis);
  return group;
}

function drawnTick({ at, label, text }, room) {
  const name = svgNode("text", { x: 9, dy: "0.32em", class: text === "" ? "none" : "" }, cut(label, room - 2));
  return svgNode("g", { class: "tick", transform: `translate(0 ${heightOf(at)})` }, svgNode("line", { x1: -4, x2: 4 }), name, svgNode("title", {}, label));
}

function drawnBrush({ low, high }) {
  const [upper, lower] = [heightOf(Math.min(high, 1.02)), heightOf(Math.max(low, -0.02))];
  return svgNode("rect", { class: "brush", x: -9, width: 18, y: upper, height: Math.max(4, lower - upper), rx: 3 });
}

// Returns an axis's text for screen readers: which values pass.
function axisValue(axis) {
  const filters = filtersOn(axis.of);
  const text = filters.length ? filters.map(([, { label }]) => label).join("; ") : "all values";
  return { "aria-valuetext": text, "aria-valuemin": 0, "aria-valuemax": 1, "aria-valuenow": 0 };
}

// Draws the choice of axes.
function drawChoice(parts, chosen) {
  parts.summary.textContent = `Axes: ${chosen.length} of ${amount(options().length, "option")}`;
  const names = new Set(chosen.map(({ name }) => name));
  const choose = () => {
    const boxes = [...parts.choice.querySelectorAll("input")];
    const axes = boxes.filter((box) => box.checked).map((box) => box.value);
    keep("parallel", axes.length ? { axes } : undefined);
    drawParallel(parts);
  };
  if (parts.choice.firstChild) {
    for (const box of parts.choice.querySelectorAll("input")) box.checked = names.has(box.value);
    return;
  }
  for (const { name } of options()) {
    const box = node("input", { type: "checkbox", value: name, checked: names.has(name), change: choose });
    parts.choice.append(node("label", { title: name }, box, cut(name, 40)));
  }
}

// ---------------------------------------------------------------- brushes

// Lets pointer and keyboard choose a stretch of an axis.
function listenToAxis(parts, axis) {
  const placeAt = (event) => {
    const box = parts.svg.getBoundingClientRect();
    const y = ((event.clientY - box.top) * PARALLEL.height) / box.height;
    return (heightOf(0) - y) / (heightOf(0) - heightOf(1));
  };
  let start = null;
  axis.grip.addEventListener("pointerdown", (event) => {
    start = placeAt(event);
    axis.grip.setPointerCapture(event.pointerId);
  });
  axis.grip.addEventListener("pointermove", (event) => {
    if (start === null) return;
    const [low, high] = [start, placeAt(event)].sort((a, b) => a - b);
    axis.brushes.replaceChildren(drawnBrush({ low, high }));
  });
  axis.grip.addEventListener("pointerup", (event) => {
    if (start === null) return;
    const [low, high] = [start, placeAt(event)].sort((a, b) => a - b);
    start = null;
    if (high - low > 0.015) axis.choose(low, high);
    else chooseAt(axis, (low + high) / 2);
  });
  axis.grip.addEventListener("pointercancel", () => (start = null));
  axis.grip.addEventListener("click", (event) => event.stopPropagation());
  axis.grip.addEventListener("keydown", (event) => chooseByKey(axis, event));
}

// Handles a click: it chooses the value there; a second click, or a click beside the values, undoes the choice.
function chooseAt(axis, place) {
  const isChosen = axis.stretches().some(({ low, high }) => place >= low && place <= high);
  const nearest = nearestEntry(axis, place);
  const isNear = !axis.isResult && Math.abs(nearest.at - place) < 0.04;
  if (isChosen || !isNear) unfilter(axis.of);
  else axis.choose(nearest.at, nearest.at);
}

function nearestEntry(axis, place) {
  return axis.entries.reduce((found, entry) => (Math.abs(entry.at - place) < Math.abs(found.at - place) ? entry : found));
}

// Handles a key: up and down go through the values, with shift they add one; delete undoes the choice.
function chooseByKey(axis, event) {
  const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  if (!step && !["Delete", "Backspace"].includes(event.key)) return;
  event.preventDefault();
  if (!step) return unfilter(axis.of);
  const stops = axis.isResult ? Array.from({ length: 21 }, (_, k) => ({ at: k / 20 })) : axis.entries;
  const stretches = axis.stretches();
  if (!stretches.length) return chooseStops(axis, stops, step > 0 ? 0 : stops.length - 1, step);
  const edge = step > 0 ? Math.max(...stretches.map(({ high }) => high)) : Math.min(...stretches.map(({ low }) => low));
  const next = stops.findIndex(({ at }, k) => (step > 0 ? at > edge : at < edge && (k + 1 === stops.length || stops[k + 1].at >= edge)));
  if (next < 0) return;
  if (!event.shiftKey) return chooseStops(axis, stops, next, step);
  const [low, high] = [Math.min(...stretches.map((each) => each.low)), Math.max(...stretches.map((each) => each.high))];
  axis.choose(Math.min(low, stops[next].at), Math.max(high, stops[next].at));
}

// Chooses one value; of the result, a twentieth of the axis.
function chooseStops(axis, stops, k, step) {
  const other = axis.isResult ? stops[clamped(k + step, { low: 0, high: stops.length - 1 })] : stops[k];
  axis.choose(Math.min(stops[k].at, other.at), Math.max(stops[k].at, other.at));
}

// ---------------------------------------------------------------- the line under the pointer

// Returns the position of the line nearest to an event, -1 if none is near.
function nearestLine(parts, event) {
  const box = parts.svg.getBoundingClientRect();
  const size = parts.full / box.width;
  const [x, y] = [(event.clientX - box.left) * size, (event.clientY - box.top) * size];
  const { axes, heights } = parts;
  if (axes.length < 2) return nearestAt(heights[0], heights[0], 0, 1, y);
  const right = clamped(axes.findIndex((axis) => axis.x >= x), { low: 1, high: axes.length - 1 });
  if (x < axes[0].x - 14 || x > axes[axes.length - 1].x + 14) return -1;
  const gap = axes[right].x - axes[right - 1].x;
  return nearestAt(heights[right - 1], heights[right], (x - axes[right - 1].x) / gap, gap, y);
}

// Returns the position of the line nearest to height y, at a part of the way between two axes; the best of several.
function nearestAt(from, to, part, gap, y) {
  let [found, least] = [-1, 14];
  for (let k = from.length - 1; k >= 0; k--) {
    const rise = to[k] - from[k];
    const distance = Math.abs(from[k] + rise * part - y) / Math.hypot(1, rise / gap);
    if (distance < least - 0.25) [found, least] = [k, distance];
  }
  return found;
}

function showNearest(parts, event) {
  if (event.buttons) return;
  const k = nearestLine(parts, event);
  parts.stage.classList.toggle("near", k >= 0);
  markLine(parts, k < 0 ? null : k);
  if (k >= 0) placeTip(parts, event, parts.lines.shown[k]);
}

function openNearest(parts, event) {
  const k = nearestLine(parts, event);
  if (k >= 0) openRun(parts.lines.shown[k]);
}

// Marks one line, or none.
function markLine(parts, k) {
  parts.tip.hidden = k === null;
  if (k === null && !parts.isMarked) return;
  parts.isMarked = k !== null;
  const context = clearedPen(parts.marked, parts.full, PARALLEL.height);
  if (k === null) return;
  const { text, surface } = colours();
  for (const [colour, width] of [[surface, 6], [text, 2.5]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    strokePath(context, parts.axes, parts.heights, k, k + 1);
  }
}

// Shows a run's options and result beside the pointer.
function placeTip({ tip, strip, stage }, event, i) {
  const value = performance(i);
  const result = Number.isNaN(value) ? runs.state(i) : `${view.key} ${shown(value)}`;
  const rows = options().slice(0, 16).map((each) => node("div", {}, cut(`${each.name} ${each.text(i) || NO_VALUE}`, 60)));
  tip.replaceChildren(node("b", {}, `${runs.label(i)}: ${result}`), ...rows);
  const [outer, inner] = [strip.getBoundingClientRect(), stage.getBoundingClientRect()];
  const isLeft = event.clientX - outer.left > outer.width / 2;
  const x = event.clientX - inner.left + (isLeft ? -12 - tip.offsetWidth : 12);
  const least = outer.left - inner.left;
  tip.style.left = `${clamped(x, { low: least, high: Math.max(least, least + outer.width - tip.offsetWidth) })}px`;
  tip.style.top = `${clamped(event.clientY - inner.top + 12, { low: 0, high: Math.max(0, inner.height - tip.offsetHeight) })}px`;
}
