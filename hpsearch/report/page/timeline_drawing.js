// The timeline's three canvases: who waits, the rows of slots, and the axis of time.

// Draws all three canvases for the time that is shown.
function drawTimeline() {
  const { waiting, rows, axis: ticks, rowHeight } = timeline.elements;
  const width = rows.parentElement.clientWidth;
  if (!width) return;
  const choice = timelineChoice();
  const axis = timeAxis(choice);
  const [from, to] = choice.window ? choice.window.map(axis.shownAt) : [axis.from, axis.to];
  const pixel = (at) => ((at - from) / (to - from)) * width;
  timeline.x = { axis, from, to, width, of: (at, search) => pixel(axis.place(at, search)), shownAt: (x) => from + (x / width) * (to - from) };
  const shades = { ...colours(), wait: styleColour("state-wait") };
  drawSlots(sized(rows, width, rowHeight * content.slots.length), shades);
  drawTicks(sized(ticks, width, 34), shades, pixel, axis, from, to);
  if (timeline.waits.length) drawWaits(sized(waiting, width, 44), shades);
}

// Returns a canvas's context, cleared and sized for the screen's pixels.
function sized(canvas, width, height) {
  const scale = Math.min(devicePixelRatio || 1, 16000 / Math.max(width, height, 1));
  Object.assign(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

// Draws the rows of slots: idle time, times without a controller, and bars.
function drawSlots(context, shades) {
  const { rowHeight } = timeline.elements;
  const gap = rowHeight > 12 ? 3 : 1;
  const hatch = hatchOf(context, shades.muted, 7);
  const badHatch = hatchOf(context, shades.surface, 5);
  for (const [search, slots] of slotsBySearch()) {
    const { from, to } = extentOf(search);
    const [x0, x1] = [timeline.x.of(from, search), timeline.x.of(to, search)];
    const away = (content.away || []).filter((each) => each[0] === search);
    for (const slot of slots) {
      const y = slot * rowHeight + gap;
      context.fillStyle = shades.line;
      context.fillRect(x0, y, x1 - x0, rowHeight - 2 * gap);
      for (const [, start, end] of away) {
        const [left, right] = [timeline.x.of(Math.max(start, from), search), timeline.x.of(Math.min(end, to), search)];
        context.fillStyle = shades.surface;
        context.fillRect(left, y, right - left, rowHeight - 2 * gap);
        context.fillStyle = hatch;
        context.fillRect(left, y, right - left, rowHeight - 2 * gap);
      }
    }
  }
  for (const bar of timeline.bars) drawAttempt(context, bar, shades, gap, badHatch);
  context.globalAlpha = 1;
}

// Draws the bar of an attempt; runs that filters hide are faint.
function drawAttempt(context, bar, shades, gap, badHatch) {
  const { rowHeight } = timeline.elements;
  const search = searchOf(bar);
  const [x0, x1] = [timeline.x.of(bar.from, search), timeline.x.of(bar.to, search)];
  if (x1 < 0 || x0 > timeline.x.width) return;
  const width = Math.max(x1 - x0 - (x1 - x0 > 4 ? 1 : 0), 1);
  const [y, height] = [bar.slot * rowHeight + gap, rowHeight - 2 * gap];
  context.globalAlpha = view.isVisible(bar.run) ? 1 : 0.2;
  context.fillStyle = shades.states[bar.state] || shades.muted;
  context.fillRect(x0, y, width, height);
  if (isBad(bar.state) && width > 3) {
    context.fillStyle = badHatch;
    context.fillRect(x0, y, width, height);
  }
  const text = String(content.runs.number[bar.run] || "");
  if (rowHeight >= 20 && text && !isBad(bar.state) && Math.min(x1, timeline.x.width) - Math.max(x0, 0) > 8 * text.length + 10) {
    context.fillStyle = shades.surface;
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.fillText(text, Math.max(x0, 0) + 5, y + height / 2 + 0.5);
  }
}

// Returns search -> its slots, by the bars in them.
function slotsBySearch() {
  const found = new Map();
  for (const bar of timeline.bars) {
    if (!found.has(searchOf(bar))) found.set(searchOf(bar), new Set());
    found.get(searchOf(bar)).add(bar.slot);
  }
  return found;
}

// Returns {from, to}: the first start and the last end of a search's attempts.
function extentOf(search) {
  const own = timeline.bars.filter((bar) => searchOf(bar) === search);
  return { from: own.reduce((least, bar) => Math.min(least, bar.from), Infinity), to: own.reduce((most, bar) => Math.max(most, bar.to), -Infinity) };
}

// Returns a pattern of slanted lines.
function hatchOf(context, colour, step) {
  const tile = node("canvas", { width: step, height: step });
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour;
  pen.globalAlpha = 0.75;
  pen.lineWidth = 1;
  pen.beginPath();
  for (const shift of [-step, 0, step]) {
    pen.moveTo(shift - 1, step + 1);
    pen.lineTo(shift + step + 1, -1);
  }
  pen.stroke();
  return context.createPattern(tile, "repeat");
}

// Draws how many jobs waited: all faintly, those that pass the filters over them.
function drawWaits(context, shades) {
  const height = 44;
  const most = queueSteps(timeline.waits).reduce((top, [, count]) => Math.max(top, count), 1);
  const shownWaits = timeline.waits.filter((wait) => view.isVisible(wait.run));
  for (const [waits, alpha] of [[timeline.waits, 0.35], [shownWaits, 1]]) {
    context.globalAlpha = alpha;
    context.fillStyle = shades.wait;
    context.beginPath();
    context.moveTo(0, height);
    let y = height;
    for (const [x, count] of queueSteps(waits)) {
      context.lineTo(x, y);
      y = height - (count / most) * (height - 16);
      context.lineTo(x, y);
    }
    context.lineTo(timeline.x.width, y);
    context.lineTo(timeline.x.width, height);
    context.fill();
  }
  context.globalAlpha = 1;
  context.fillStyle = shades.muted;
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "top";
  context.fillText(`at most ${amount(most, "job")} at a time`, 4, 1);
}

// Returns how many jobs waited from which pixel on: [[x, count]].
function queueSteps(waits) {
  const steps = waits.flatMap((wait) => [[timeline.x.of(wait.from, searchOf(wait)), 1], [timeline.x.of(wait.to, searchOf(wait)), -1]]);
  let count = 0;
  return steps.sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([x, step]) => [x, (count += step)]);
}

// ---------------------------------------------------------------- the axis

const TICK_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000];

// Draws the axis of time.
function drawTicks(context, shades, pixel, axis, from, to) {
  const room = Math.max(2, timeline.x.width / 70);
  const step = TICK_STEPS.find((each) => (to - from) / each <= room) || TICK_STEPS[TICK_STEPS.length - 1];
  const zone = axis.isClock ? new Date(axis.time(from) * 1000).getTimezoneOffset() * 60 : 0;
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "top";
  context.fillStyle = shades.text;
  context.strokeStyle = shades.muted;
  let day = "";
  let filled = -Infinity;
  for (let at = Math.ceil((axis.time(from) - zone) / step) * step + zone; at <= axis.time(to); at += step) {
    const gap = axis.gaps.find((each) => at > each.from && at < each.to);
    if (gap) {
      filled = drawGap(context, gap, pixel, axis);
      // Straight to the first tick behind it.
      at = Math.ceil((gap.to - zone) / step) * step + zone - step;
      continue;
    }
    const x = pixel(axis.shownAt(at));
    const [time, date] = tickTexts(at, step, axis.isClock);
    if (x - filled < context.measureText(time).width / 2 + 8) continue;
    context.fillRect(x, 0, 1, 4);
    const half = context.measureText(time).width / 2;
    const left = Math.min(timeline.x.width - 2 * half, Math.max(0, x - half));
    context.fillText(time, left, 6);
    if (date !== day) context.fillText(date, left, 19);
    day = date;
    filled = left + 2 * half;
  }
}

// Tells how much time is left out in a gap; returns the pixel where that ends.
function drawGap(context, gap, pixel, axis) {
  const [left, right] = [pixel(axis.shownAt(gap.from)), pixel(axis.shownAt(gap.to))];
  const text = duration(gap.to - gap.from);
  const width = context.measureText(text).width;
  if (width > right - left) return left;
  context.fillText(text, (left + right - width) / 2, 6);
  return (left + right + width) / 2;
}

// Returns the time and the day of a tick.
function tickTexts(at, step, isClock) {
  if (!isClock) return [at === 0 ? "0" : duration(at), ""];
  const date = new Date(at * 1000);
  const two = (number) => String(number).padStart(2, "0");
  const day = date.toLocaleDateString("en", { month: "short", day: "numeric" });
  if (step >= 86400) return [day, ""];
  return [`${two(date.getHours())}:${two(date.getMinutes())}${step < 60 ? `:${two(date.getSeconds())}` : ""}`, day];
}
