// The panel of a run: its command, values, attempts, other seeds, and the end of its log.

let panelRun = -1; // the run it shows, -1 if it is closed
let panelOpener = null; // what had the focus before

// Shows a run beside the page; takesFocus: whether the keyboard goes there.
function openRun(i, takesFocus = true) {
  const panel = document.getElementById("panel");
  if (panel.hidden) panelOpener = document.activeElement;
  panelRun = i;
  keep("run", runs.id(i));
  panel.hidden = false;
  refill(panel, panelHeader(i), ...panelParts(i));
  panel.scrollTop = 0;
  if (takesFocus && !panel.contains(document.activeElement)) panel.querySelector("[data-focus=close]").focus({ preventScroll: true });
  if (table.parts) drawRows(true);
}

// Closes the panel; the focus goes back to where it came from.
function closeRun() {
  const panel = document.getElementById("panel");
  if (panel.hidden) return;
  const hadFocus = panel.contains(document.activeElement);
  panel.hidden = true;
  panel.replaceChildren();
  panelRun = -1;
  keep("run", undefined);
  if (table.parts) drawRows(true);
  const back = panelOpener?.isConnected && panelOpener !== document.body ? panelOpener : table.parts?.grid;
  if (hadFocus) back?.focus({ preventScroll: true });
}

// Opens the run before (-1) or after (1) the one that is open, in the table's order.
function stepRun(step) {
  const order = runsInOrder();
  const next = order[order.indexOf(panelRun) + step];
  if (next !== undefined) openRun(next);
}

// Returns the panel's head: the run's name, steps to others, a cross.
function panelHeader(i) {
  const order = runsInOrder();
  const place = order.indexOf(i);
  const step = (text, label, by, isOff) =>
    node("button", { type: "button", class: "quiet", title: label, "aria-label": label, "data-focus": label, disabled: isOff, click: () => stepRun(by) }, text);
  return node(
    "header",
    {},
    node("h2", { id: "panel-title" }, runs.label(i)),
    node(
      "span",
      { class: "steps" },
      node("span", { class: "muted" }, place < 0 ? "" : `${(place + 1).toLocaleString("en")} of ${order.length.toLocaleString("en")}`),
      step("←", "Previous run (arrow key)", -1, place < 1),
      step("→", "Next run (arrow key)", 1, place === order.length - 1),
      node("button", { class: "close", type: "button", "aria-label": "Close", title: "Close (Escape)", "data-focus": "close", click: closeRun }, "×"),
    ),
  );
}

// Returns the parts of the panel, what matters most first.
function panelParts(i) {
  const command = runs.command(i);
  const folder = runs.folder(i);
  const cause = content.runs.cause[i] === null ? "" : content.causes[content.runs.cause[i]];
  return [
    node("p", { class: "run-state" }, stateDot(runs.state(i)), stateLine(i)),
    Number.isNaN(performance(i)) ? null : node("p", { class: "best-result" }, node("span", { class: "muted" }, `${view.key} `), node("strong", {}, shown(performance(i))), node("span", { class: "muted" }, rankText(i))),
    cause ? panelPart(runs.isDone(i) ? "Why it was stopped" : "Why it failed", node("pre", { class: "cause" }, cause)) : null,
    panelPart("Configuration", pairs(panelOptions().map((each) => [each.name, each.at(i)]))),
    seedsPart(i),
    panelPart("Results", pairs(columns.filter((each) => each.role === "result").map((each) => [each.name, each.at(i), each.text(i)]))),
    command ? panelPart("Command", copiedText(command)) : null,
    attemptsPart(i),
    logPart(i, folder),
    folder ? panelPart("Folder", copiedText(folder)) : null,
  ].filter((part) => part !== null);
}

function panelPart(title, ...children) {
  return node("div", { class: "part" }, node("h3", {}, title), ...children);
}

// Returns in one line how and where a run ran.
function stateLine(i) {
  const { seconds, place, job, ended } = content.runs;
  const where = place[i] === null ? "" : `on ${content.places[place[i]]}`;
  const number = job[i] === null ? "" : `job ${job[i]}`;
  return [runs.state(i), duration(seconds[i]), where, number, ended[i] === null ? "" : `ended ${moment(ended[i])}`].filter((text) => text).join(" · ");
}

// Returns the rank of a run's result among the runs shown.
function rankText(i) {
  const valued = view.visible.filter((other) => !Number.isNaN(performance(other)));
  const place = valued.filter((other) => better(performance(other), performance(i)) < 0).length + 1;
  return view.isVisible(i) ? `, place ${place.toLocaleString("en")} of ${valued.length.toLocaleString("en")}` : "";
}

// Returns all options, those that vary first.
function panelOptions() {
  const all = columns.filter((each) => each.role === "option");
  return [...all.filter((each) => each.varies), ...all.filter((each) => !each.varies)];
}

// Returns a list of names and values, for lists also what they are; a name without a value is left out.
function pairs(some) {
  const present = some.filter(([, cell]) => cell !== null && cell !== undefined && cell !== "");
  if (!present.length) return node("p", { class: "nothing" }, "none");
  return node("dl", { class: "pairs" }, ...present.flatMap(([name, cell, text]) => [node("dt", {}, name), node("dd", {}, longValue(cell, text))]));
}

// Returns a value; a list or a long text is folded.
function longValue(cell, listText) {
  if (Array.isArray(cell)) {
    if (!cell.length) return "no values";
    return node("details", {}, node("summary", {}, sparkline([cell]), ` ${listText}`), node("pre", {}, cell.map((each) => shown(each)).join("\n")));
  }
  const text = String(cell);
  const line = text.split("\n", 1)[0];
  if (text.length <= 300 && line === text) return text;
  return node("details", {}, node("summary", {}, cut(line, 80)), node("pre", {}, text), copyButton(() => text));
}

// Returns the other runs of the same configuration, null if there are none.
function seedsPart(i) {
  const same = view.order.filter((other) => configurationId(other) === configurationId(i));
  if (same.length < 2) return null;
  const values = same.map(performance).filter((value) => !Number.isNaN(value));
  const seedText = (other) => optionsText(seedNames().map((name) => column(name)), other);
  const line = (other) => {
    const result = Number.isNaN(performance(other)) ? runs.state(other) : shown(performance(other));
    const name = `${runs.shortLabel(other)} `;
    return node("li", {}, other === i ? node("strong", {}, name) : runLink(other, name), ` ${seedText(other)} `, node("span", { class: "muted" }, result));
  };
  const mean = values.length ? node("p", {}, `${view.key} ${meanText(spread(values))}`) : null;
  return panelPart("Same configuration", mean, node("ul", {}, ...same.slice(0, 100).map(line)), same.length > 100 ? node("p", { class: "hint" }, `and ${same.length - 100} more`) : null);
}

let attemptsByRun = null;

// Returns the indexes of a run's attempts.
function attemptsOf(i) {
  if (attemptsByRun === null) {
    attemptsByRun = new Map();
    content.attempts.run.forEach((run, k) => (attemptsByRun.has(run) ? attemptsByRun.get(run).push(k) : attemptsByRun.set(run, [k])));
  }
  return attemptsByRun.get(i) || [];
}

// Returns the table of a run's attempts, null if there are none.
function attemptsPart(i) {
  const found = attemptsOf(i);
  if (!found.length) return null;
  const head = node("tr", {}, ...["", "where", "started", "took", "how it ended"].map((title) => node("th", { scope: "col" }, title)));
  return panelPart(found.length > 1 ? `${found.length} attempts` : "Attempt", node("table", { class: "attempts" }, node("thead", {}, head), node("tbody", {}, ...found.map(attemptLine))));
}

function attemptLine(k) {
  const { attempt, slot, submitted, started, ended, state } = content.attempts;
  const from = started[k] ?? submitted[k];
  const name = content.states[state[k]];
  const cells = [attempt[k], content.slots[slot[k]] ?? "", moment(from), from === null || ended[k] === null ? "" : duration(ended[k] - from)];
  return node("tr", {}, ...cells.map((text) => node("td", {}, String(text ?? ""))), node("td", {}, stateDot(name), name));
}

// Returns the end of a run's log, or where it lies.
function logPart(i, folder) {
  const text = content.logs[i];
  if (text !== undefined) return panelPart("End of its log", node("pre", { class: "log-end" }, text), copyButton(() => text));
  if (!folder || !attemptsOf(i).length) return null;
  const search = content.searches[content.runs.search[i]];
  const command = `hpsearch logs ${shellWord(search.folder)} ${content.runs.number[i]}`;
  return panelPart("Log", node("p", { class: "hint" }, "Its log is not in this page. To see it:"), copiedText(command));
}

// Returns a word as a shell reads it.
function shellWord(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replace(/'/g, `'"'"'`)}'`;
}

// Follows the keyboard in the panel and closes what is open.
function notePageKey(event) {
  if (event.key === "Escape" && menu !== null) closeMenu();
  else if (event.key === "Escape") closeRun();
  const isTyping = event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey;
  const inPanel = document.getElementById("panel").contains(event.target);
  if (inPanel && !isTyping && event.key === "ArrowLeft") stepRun(-1);
  if (inPanel && !isTyping && event.key === "ArrowRight") stepRun(1);
}
