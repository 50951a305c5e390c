// Slots over time: which run had which GPU, host or job, how long runs waited, and when slots were idle.

// If searches cover less than one part in this many of the whole time, each is drawn from its own start.
const FAR_APART = 3;

const timeline = {
  bars: [], // what ran: {run, attempt, slot, submitted, from, to, state}, times as they are
  waits: [], // what waited in a queue: {run, from, to}
  now: 0,
  isFarApart: false, // whether clock time would show mostly the time between searches
  x: null, // time -> pixel
  elements: null,
};

section({
  id: "timeline",
  title: "Timeline",
  empty: () => (content.attempts && content.attempts.run.length ? "" : "The times of runs are not known."),
  draw(body) {
    readAttempts();
    timeline.elements = newTimeline();
    body.replaceChildren(...timeline.elements.parts);
    const { rows } = timeline.elements;
    new ResizeObserver(() => rows.parentElement.clientWidth !== timeline.x?.width && drawTimeline()).observe(rows);
    this.redraw(body);
  },
  redraw() {
    const { sentence, choices, legend } = timeline.elements;
    sentence.replaceChildren(...useSentences(), ...waitSentences());
    choices.replaceChildren(...timelineButtons());
    legend.replaceChildren(...timelineLegend());
    drawTimeline();
  },
});

// ---------------------------------------------------------------- what happened when

// Reads all attempts; those that are still running or waiting last until now.
function readAttempts() {
  Object.assign(timeline, { bars: [], waits: [] });
  const { run, attempt, slot, submitted, started, ended, state, queued } = content.attempts;
  const known = [submitted, started, ended].flat().filter((at) => at !== null);
  timeline.now = known.reduce((most, at) => Math.max(most, at), content.made_at ?? -Infinity);
  run.forEach((i, k) => {
    const from = started[k];
    const over = ended[k] ?? timeline.now;
    const leftQueue = from ?? over;
    // Below a second it was no queue, only the way to a process.
    const hasWaited = submitted[k] !== null && (queued ? queued[k] : leftQueue - submitted[k] > 1);
    if (hasWaited) timeline.waits.push({ run: i, from: submitted[k], to: Math.max(submitted[k], leftQueue) });
    if (from === null || slot[k] === null) return;
    // A clock that was set back must not end a run before it began.
    const bar = { run: i, attempt: attempt[k], slot: slot[k], submitted: submitted[k], from, to: Math.max(from, over), isOpen: ended[k] === null };
    timeline.bars.push({ ...bar, state: content.states[state[k]] });
  });
  timeline.bars.sort((a, b) => a.from - b.from);
  timeline.isFarApart = areFarApart(content.searches.map((_, search) => searchSpan(search)).filter((span) => span.to >= span.from));
}

// Returns whether spans {from, to} take but a small part of the time from the first to the last.
function areFarApart(spans) {
  const [from, to] = [Math.min(...spans.map((span) => span.from)), Math.max(...spans.map((span) => span.to))];
  return spans.length > 1 && to - from > FAR_APART * spans.reduce((sum, span) => sum + span.to - span.from, 0);
}

// Returns the reader's choices: {by: "clock" | "start", window: [from, to] or null}.
function timelineChoice() {
  const kept = view.kept.timeline && typeof view.kept.timeline === "object" ? view.kept.timeline : {};
  const [from, to] = Array.isArray(kept.window) ? kept.window : [];
  const isWindow = Number.isFinite(from) && Number.isFinite(to) && to > from;
  const usual = timeline.isFarApart ? "start" : "clock";
  const by = content.searches.length < 2 ? "clock" : ["clock", "start"].includes(kept.by) ? kept.by : usual;
  return { by, window: isWindow ? [from, to] : null };
}

// Keeps a choice of the reader, and draws the section anew.
function chooseTimeline(change) {
  keep("timeline", { ...timelineChoice(), ...change });
  drawSection(sections.get("timeline"));
}

// Returns the axis: {from, to, place(time, search) -> shown time, time(shown) -> time of the axis, gaps}.
// Shown times leave out most of a long time in which there was no controller and nothing ran.
function timeAxis(choice) {
  const starts = content.searches.map((_, search) => searchStart(search));
  const shift = (search) => (choice.by === "start" ? starts[search] : 0);
  const spans = [
    ...timeline.bars.map((bar) => [bar.from - shift(searchOf(bar)), bar.to - shift(searchOf(bar))]),
    ...timeline.waits.map((wait) => [wait.from - shift(searchOf(wait)), wait.to - shift(searchOf(wait))]),
  ].sort((a, b) => a[0] - b[0]);
  const from = spans.reduce((least, span) => Math.min(least, span[0]), Infinity);
  const to = spans.reduce((most, span) => Math.max(most, span[1]), -Infinity);
  const gaps = longGaps(spans, content.away || [], shift);
  const removed = (time) => gaps.reduce((sum, gap) => sum + Math.min(1, Math.max(0, (time - gap.from) / (gap.to - gap.from))) * (gap.to - gap.from - gap.kept), 0);
  const time = (at) => gaps.reduce((found, gap) => (found <= gap.from ? found : found + Math.min(gap.to - gap.from - gap.kept, ((found - gap.from) / gap.kept) * (gap.to - gap.from - gap.kept))), at);
  const place = (at, search) => at - shift(search) - removed(at - shift(search));
  const shownAt = (at) => at - removed(at);
  return { from: shownAt(from), to: Math.max(shownAt(to), shownAt(from) + 1), place, shownAt, time, gaps, isClock: choice.by === "clock" };
}

function searchOf(each) {
  return content.runs.search[each.run];
}

// Returns when the first run of a search was submitted or started.
function searchStart(search) {
  return searchSpan(search).from;
}

// Returns {from, to}: from the first submission or start of a search to its last end.
function searchSpan(search) {
  const own = [...timeline.bars, ...timeline.waits].filter((each) => searchOf(each) === search);
  const from = own.reduce((least, each) => Math.min(least, each.from), Infinity);
  return { from, to: own.reduce((most, each) => Math.max(most, each.to), -Infinity) };
}

// Returns the times without a controller in which nothing ran, if they take most of the room: [{from, to, kept}].
function longGaps(spans, away, shift) {
  const found = [];
  let reached = Infinity;
  for (const [from, to] of spans) {
    if (from > reached && away.some(([search, start, end]) => Math.min(end - shift(search), from) - Math.max(start - shift(search), reached) > 0.9 * (from - reached))) {
      found.push({ from: reached, to: from });
    }
    reached = reached === Infinity ? to : Math.max(reached, to);
  }
  const rest = spans.length ? reached - spans[0][0] - found.reduce((sum, gap) => sum + gap.to - gap.from, 0) : 0;
  return found.filter((gap) => gap.to - gap.from > 0.1 * rest).map((gap) => ({ ...gap, kept: Math.max(0.05 * rest, 1) }));
}

// ---------------------------------------------------------------- what is said of it

// Returns a sentence for each search: which share of its slots' time was idle.
function useSentences() {
  const told = (content.use || []).filter((use) => use && use.kind !== "jobs" && use.to > use.from);
  return told.slice(0, MOST_SENTENCES).map((use) => node("span", { class: "line" }, useText(use)));
}

// Returns which share of its slots' time a search left idle, with what was counted.
function useText(use) {
  const whole = use.slots * (use.to - use.from) - use.away_s;
  const name = content.searches.length > 1 ? `${content.searches[use.search].name}: ` : "";
  const idle = `${amount(use.slots, "slot")} ${use.slots === 1 ? "was" : "were"} idle for ${shareText(whole > 0 ? use.idle_s / whole : 0)} of the time`;
  const isOpen = timeline.bars.some((bar) => bar.isOpen && searchOf(bar) === use.search);
  const together = use.slots === 1 ? "" : ", all slots together";
  const away = use.away_s > 1 ? `; not counted: ${duration(use.away_s)} without a run or a controller` : "";
  return `${name}${idle} from the first start to ${isOpen ? "now" : "the last end"} (${duration(use.idle_s)} of ${duration(whole)}${together}${away}).`;
}

// Returns a sentence on how long runs waited in queues.
function waitSentences() {
  const waits = timeline.waits.filter((wait) => view.isVisible(wait.run));
  if (!waits.length) return [];
  const lengths = waits.map((wait) => wait.to - wait.from).sort((a, b) => a - b);
  const half = lengths[Math.floor((lengths.length - 1) / 2)];
  const waited = lengths.reduce((sum, length) => sum + length, 0);
  const ran = timeline.bars.filter((bar) => view.isVisible(bar.run)).reduce((sum, bar) => sum + bar.to - bar.from, 0);
  const longest = duration(lengths[lengths.length - 1]);
  const long = lengths.length === 1 ? ` for ${longest}` : `, half of them up to ${duration(half)}, the longest ${longest}`;
  const text = `${amount(waits.length, "job")} waited in a queue${long}; that is ${shareText(waited / (waited + ran || 1))} of the time from submission to end.`;
  return [node("span", { class: "line" }, text)];
}

// Returns the legend of colours and patterns.
function timelineLegend() {
  const { states } = colours();
  const present = content.states.filter((state) => timeline.bars.some((bar) => bar.state === state));
  const item = (kind, text, colour) => node("span", { class: "key" }, node("span", { class: `swatch ${kind}`, style: colour ? `background-color: ${colour}` : null }), text);
  const items = present.map((state) => item(isBad(state) ? "bad" : "", state, states[state]));
  if (timeline.waits.length) items.push(item("wait", "waiting"));
  // What a cluster does with a host meanwhile is not known here.
  items.push(item("idle", (content.use || []).some((use) => use && use.kind === "jobs") ? "no run" : "idle"));
  if ((content.away || []).length) items.push(item("away", "no controller"));
  return items;
}

// Returns whether a state is drawn hatched: an end that nobody wanted.
function isBad(state) {
  return state !== "finished" && state !== "stopped early" && !NOT_ENDED.includes(state);
}

// ---------------------------------------------------------------- elements

// Returns the elements of the section.
function newTimeline() {
  const sentence = node("p", { class: "sentence" });
  const choices = node("p", { class: "choices" });
  const legend = node("p", { class: "legend" });
  const [waiting, rows, axis] = ["waiting", "rows", "axis"].map((name) => node("canvas", { class: name, role: "img" }));
  rows.setAttribute("aria-label", "Which run had which slot when; the table and the panels of runs tell the same.");
  const rowHeight = content.slots.length <= 12 ? 26 : content.slots.length <= 40 ? 20 : 11;
  const labels = node("div", { class: "labels", style: `--row: ${rowHeight}px` }, content.slots.map((name) => node("div", { title: name }, name)));
  const waitingLabel = node("div", { class: "waiting-label" }, "waiting");
  const selected = node("div", { class: "selected", hidden: true });
  const hover = node("div", { class: "hover", hidden: true });
  const field = node("div", { class: "field" }, waitingLabel, waiting, labels, node("div", { class: "middle" }, rows, selected), node("div", { class: "corner" }), axis);
  for (const each of [waitingLabel, waiting]) each.hidden = !timeline.waits.length;
  const hint = node("p", { class: "hint" }, "Drag to zoom in; a click on a bar opens its run.");
  followPointer(rows, selected, hover);
  return { sentence, choices, legend, waiting, rows, axis, rowHeight, parts: [sentence, choices, legend, field, hint, hover] };
}

// Returns the buttons that zoom, and the switch between clock and time since the start.
function timelineButtons() {
  const choice = timelineChoice();
  const button = (text, title, click) => node("button", { type: "button", title, "aria-label": title, click }, text);
  const zoom = node("span", { class: "choice" }, button("+", "Zoom in", () => zoomTimeline(0.5)), button("−", "Zoom out", () => zoomTimeline(2)));
  const whole = choice.window ? button("Whole time", "Show the whole time", () => chooseTimeline({ window: null })) : null;
  const by = (value, text) => node("button", { type: "button", "aria-pressed": String(choice.by === value), click: () => chooseTimeline({ by: value, window: null }) }, text);
  const switches = content.searches.length > 1 ? node("span", { class: "choice" }, by("clock", "By the clock"), by("start", "Since each search began")) : null;
  return [switches, zoom, whole].filter((each) => each !== null);
}

// Zooms by a factor around a shown time, by default the middle.
function zoomTimeline(factor, around = null) {
  const { axis, from, to } = timeline.x;
  const middle = around ?? (from + to) / 2;
  const [low, high] = [middle - (middle - from) * factor, middle + (to - middle) * factor];
  showWindow(axis, low, high);
}

// Shows the time between two shown times.
function showWindow(axis, low, high) {
  const [from, to] = [Math.max(axis.from, low), Math.min(axis.to, high)];
  if (to - from < 1e-3) return;
  const isWhole = from <= axis.from && to >= axis.to;
  chooseTimeline({ window: isWhole ? null : [axis.time(from), axis.time(to)] });
}

// ---------------------------------------------------------------- pointer

// Handles the pointer over the rows: shows what is there, opens runs and zooms in.
function followPointer(rows, selected, hover) {
  let pressedAt = null;
  const at = (event) => Math.min(rows.clientWidth, Math.max(0, event.clientX - rows.getBoundingClientRect().left));
  rows.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pressedAt = at(event);
    rows.setPointerCapture(event.pointerId);
  });
  rows.addEventListener("pointermove", (event) => {
    const isDrag = pressedAt !== null && Math.abs(at(event) - pressedAt) > 5;
    selected.hidden = !isDrag;
    if (isDrag) Object.assign(selected.style, { left: `${Math.min(pressedAt, at(event))}px`, width: `${Math.abs(at(event) - pressedAt)}px` });
    showHover(hover, isDrag ? null : barAt(event), event);
  });
  rows.addEventListener("pointerup", (event) => {
    const from = pressedAt;
    pressedAt = null;
    selected.hidden = true;
    if (from === null) return;
    if (Math.abs(at(event) - from) > 5) showWindow(timeline.x.axis, timeline.x.shownAt(Math.min(from, at(event))), timeline.x.shownAt(Math.max(from, at(event))));
    else if (barAt(event)) openRun(barAt(event).run);
  });
  rows.addEventListener("pointercancel", () => ((pressedAt = null), (selected.hidden = true)));
  rows.addEventListener("pointerleave", (event) => showHover(hover, null, event));
  rows.addEventListener("wheel", (event) => wheelTimeline(event, timeline.x.shownAt(at(event))), { passive: false });
}

// Zooms with the control key; moves sideways otherwise. The page scrolls as usual.
function wheelTimeline(event, around) {
  const { axis, from, to } = timeline.x;
  if (event.ctrlKey) {
    event.preventDefault();
    zoomTimeline(event.deltaY > 0 ? 1.25 : 0.8, around);
  } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY) && timelineChoice().window) {
    event.preventDefault();
    const wanted = (event.deltaX / timeline.x.width) * (to - from);
    const step = Math.min(axis.to - to, Math.max(axis.from - from, wanted));
    if (step) showWindow(axis, from + step, to + step);
  }
}

// Returns the bar under the pointer, undefined if there is none; thin ones are easier to hit than they are drawn.
function barAt(event) {
  const { rows, rowHeight } = timeline.elements;
  const box = rows.getBoundingClientRect();
  const slot = Math.floor((event.clientY - box.top) / rowHeight);
  const pixel = event.clientX - box.left;
  const distance = (bar) => Math.max(timeline.x.of(bar.from, searchOf(bar)) - pixel, pixel - timeline.x.of(bar.to, searchOf(bar)), 0);
  const near = timeline.bars.filter((bar) => bar.slot === slot && distance(bar) <= 3);
  return near.sort((a, b) => view.isVisible(b.run) - view.isVisible(a.run) || distance(a) - distance(b))[0];
}

// Shows what a bar stands for beside the pointer, or nothing.
function showHover(hover, bar, event) {
  hover.hidden = !bar;
  timeline.elements.rows.style.cursor = bar ? "pointer" : "crosshair";
  if (!bar) return;
  hover.replaceChildren(...barLines(bar).map((line) => node("div", {}, line)));
  const left = Math.min(event.clientX + 14, document.documentElement.clientWidth - hover.offsetWidth - 8);
  const below = event.clientY + 18;
  const top = below + hover.offsetHeight > innerHeight ? event.clientY - hover.offsetHeight - 10 : below;
  Object.assign(hover.style, { left: `${Math.max(8, left)}px`, top: `${top}px` });
}

// Returns the text about a bar, in lines.
function barLines(bar) {
  const attempt = content.runs.attempts[bar.run] > 1 ? `, attempt ${bar.attempt}` : "";
  const cause = content.runs.cause[bar.run];
  const because = bar.state !== "finished" && cause !== null && cause !== undefined && !attempt ? `: ${cut(content.causes[cause], 120)}` : "";
  const queued = bar.submitted !== null && bar.from - bar.submitted > 1 ? `waited ${duration(bar.from - bar.submitted)}, ` : "";
  const times = `${queued}${bar.isOpen ? "running for" : "took"} ${duration(bar.to - bar.from)}`;
  const result = performance(bar.run);
  const lines = [`${runs.label(bar.run)}${attempt} on ${content.slots[bar.slot]}`, `${bar.state}${because}`, times, `started ${moment(bar.from)}`, cut(runs.options(bar.run), 300)];
  return [...lines, Number.isNaN(result) ? "" : `${view.key}: ${shown(result)}`].filter((line) => line);
}
