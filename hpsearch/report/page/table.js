// The table of runs and configurations: only the rows in sight are in the document.

const ROW_px = matchMedia("(pointer: coarse)").matches ? 36 : 28;
const EXTRA_ROWS = 10; // drawn beyond those in sight, so that little has to be drawn while scrolling

const table = {
  rows: [], // in order: a run's index, or a configuration {id, runs, isGroup}
  open: new Set(), // the configurations whose runs are listed
  chosen: new Set(), // the runs that are ticked
  active: 0, // the row that the keyboard is at
  drawn: "", // which rows are in the document
  widths: new Map(), // column and kind of rows -> px
  parts: null, // the elements
};

section({
  id: "table",
  title: "Runs",
  isAnswer: true,
  empty: () => (runs.count ? "" : "There is no run yet."),
  draw(body) {
    table.parts = newTable();
    body.append(...Object.values(table.parts).filter((part) => part.dataset.place === "body"));
    this.redraw();
    restoreTable();
  },
  redraw() {
    table.rows = tableRows();
    table.active = Math.max(0, Math.min(table.active, table.rows.length - 1));
    drawTools();
    drawHeader();
    drawRows(true);
  },
});

// Returns the table's elements.
function newTable() {
  const tools = node("div", { class: "tools", "data-place": "body" });
  const constants = node("p", { class: "constants hint", "data-place": "body" }, constantsText());
  const head = node("thead");
  const rows = node("tbody", { click: noteRowClick });
  const sizes = node("colgroup");
  const attributes = { role: "grid", "aria-label": "Runs", "aria-multiselectable": "true", tabindex: 0, "data-focus": "grid", keydown: noteTableKey };
  const grid = node("table", attributes, sizes, head, rows);
  const scroller = node("div", { class: "grid", "data-place": "body" }, grid);
  scroller.style.setProperty("--row", `${ROW_px}px`);
  scroller.addEventListener("scroll", () => requestAnimationFrame(() => drawRows(false)), { passive: true });
  new ResizeObserver(() => drawRows(false)).observe(scroller);
  return { tools, constants, scroller, grid, sizes, head, rows };
}

// Returns the options that are the same in all runs, null if there are none.
function constantsText() {
  const same = columns.filter((each) => each.role === "option" && !each.varies && texts(each).length);
  if (!same.length) return null;
  const parts = same.map((each) => node("span", { title: `${each.name}=${texts(each)[0]}` }, cut(`${each.name}=${texts(each)[0]}`, 60)));
  return [node("span", {}, "the same in all runs: "), ...parts];
}

function texts(of) {
  return of.texts().map(([text]) => text);
}

// Returns all columns that the table can show, in order: the shown result and the varying options come first.
function tableColumns() {
  const [search, run, state, ...rest] = facts;
  const others = columns.filter((each) => each.role === "result" && each.name !== view.key && each.name !== "finished");
  const byKind = (kind) => others.filter((each) => each.kind === kind);
  const constant = columns.filter((each) => each.role === "option" && !each.varies);
  const shownResult = column(view.key, "result");
  const all = [search, shownResult, ...options(), state, ...byKind("number"), ...byKind("word"), ...byKind("list"), ...rest, ...constant];
  return all.filter((each) => each && each !== run);
}

// Returns whether the table shows a column before anybody has chosen.
function isShownAtFirst(of) {
  if (of.role === "option") return of.varies;
  if (of.role === "result") return of.name === view.key || of.varies && columns.filter((each) => each.role === "result").indexOf(of) < 12;
  if (of.name === "search") return content.searches.length > 1;
  if (of.name === "state") return of.texts().some(([text]) => text !== "finished");
  if (of.name === "cause") return content.causes.length > 0;
  return of.name === "duration" || (of.name === "attempts" && content.runs.attempts.some((count) => count > 1));
}

// Returns the columns that the table shows.
function shownColumns() {
  const chosen = Array.isArray(view.kept.columns) ? new Set(view.kept.columns) : null;
  return tableColumns().filter((each) => (chosen ? chosen.has(each.id) : isShownAtFirst(each)));
}

let areSeedsRepeated = null;

// Returns whether some configuration was run several times.
function hasSeeds() {
  areSeedsRepeated ??= seedNames().length > 0 && new Set(Array.from({ length: runs.count }, (_, i) => configurationId(i))).size < runs.count;
  return areSeedsRepeated;
}

// Returns whether the table has a row for each configuration.
function isByConfiguration() {
  return hasSeeds() && view.kept.rows !== "runs";
}

// Returns the rows of the table, in order.
function tableRows() {
  if (!isByConfiguration()) return sortedRuns().filter(view.isVisible);
  return sortedGroups().flatMap((group) => (table.open.has(group.id) ? [group, ...group.runs] : [group]));
}

// Returns the runs shown, in the table's order.
function runsInOrder() {
  return isByConfiguration() ? sortedGroups().flatMap((group) => group.runs) : sortedRuns().filter(view.isVisible);
}

// Returns the column by which the table is sorted, with the direction; null: best first.
function sorting() {
  const [id, direction] = Array.isArray(view.kept.sort) ? view.kept.sort : [];
  const of = id === "run run" ? facts[1] : tableColumns().find((each) => each.id === id);
  return of ? { of, direction: direction === -1 ? -1 : 1 } : null;
}

// Returns the difference of two sort keys; NaN is last in both directions.
function keyDifference(a, b, direction) {
  if (a === b) return 0;
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
  return a < b ? -direction : direction;
}

const sorted = { by: "", base: null, order: [] };

// Returns all runs in the table's order; the same order stays sorted.
function sortedRuns() {
  const by = sorting();
  if (by === null) return view.order;
  const name = `${by.of.id} ${by.direction}`;
  if (sorted.by !== name || sorted.base !== view.order) {
    const keys = by.of.sortKeys();
    const order = [...view.order].sort((a, b) => keyDifference(keys[a], keys[b], by.direction));
    Object.assign(sorted, { by: name, base: view.order, order });
  }
  return sorted.order;
}

// Returns the configurations of the runs shown, with all of their runs, in the table's order.
function sortedGroups() {
  const groups = new Map();
  for (const i of sortedRuns()) {
    if (!view.isVisible(i)) continue;
    const id = configurationId(i);
    if (groups.has(id)) groups.get(id).runs.push(i);
    else groups.set(id, { id, runs: [i], isGroup: true });
  }
  const found = [...groups.values()];
  const by = sorting();
  const key = by ? groupKey(by.of) : rankOfConfiguration(found);
  found.forEach((group) => (group.key = key(group)));
  return found.sort((a, b) => keyDifference(a.key, b.key, by ? by.direction : 1));
}

// Returns the function (configuration -> place by its mean result), NaN without one.
function rankOfConfiguration() {
  const ranks = new Map(configurations(view.visible).map((each, rank) => [configurationId(each.runs[0]), rank]));
  return (group) => ranks.get(group.id) ?? NaN;
}

// Returns the function (configuration -> sort key): the mean of its runs, of words the first.
function groupKey(of) {
  const keys = of.sortKeys();
  if (of.kind !== "number") return (group) => keys[group.runs[0]];
  return (group) => spread(group.runs.map((i) => keys[i]).filter((key) => !Number.isNaN(key))).mean;
}

// ---------------------------------------------------------------- tools above it

// Draws the tools: runs or configurations, columns, copy, and actions on the chosen runs.
function drawTools() {
  const count = table.chosen.size;
  const chosen = count
    ? [
        node("span", {}, `${amount(count, "run")} chosen`),
        tool("Show only these", () => filterChosen(false)),
        tool("Hide these", () => filterChosen(true)),
        tool("Choose none", () => choose([...table.chosen], false)),
      ]
    : [];
  refill(
    table.parts.tools,
    hasSeeds() ? rowsSwitch() : null,
    node("button", { type: "button", "data-focus": "columns", "aria-haspopup": "dialog", click: (event) => openColumnsMenu(event.currentTarget) }, "Columns ▾"),
    copyButton(csvText, "Copy as CSV"),
    sorting() ? tool("Best first", () => sortBy(null)) : null,
    node("span", { class: "chosen-runs", "aria-live": "polite" }, ...chosen),
  );
}

function tool(text, click) {
  return node("button", { type: "button", "data-focus": text, click }, text);
}

// Returns the switch between a row for each configuration and one for each run.
function rowsSwitch() {
  const turn = (rows) => () => {
    keep("rows", rows);
    table.parts.scroller.scrollTop = 0;
    redrawTable();
  };
  const isBy = isByConfiguration();
  const part = (text, rows, isOn) => node("button", { type: "button", "aria-pressed": String(isOn), "data-focus": `rows ${rows}`, click: turn(rows) }, text);
  return node("span", { class: "switch", role: "group", "aria-label": "Rows" }, part("Configurations", "configurations", isBy), part("Runs", "runs", !isBy));
}

function redrawTable() {
  sections.get("table").redraw();
}

// Opens the menu of columns.
function openColumnsMenu(button) {
  const isShown = new Set(shownColumns().map((each) => each.id));
  const change = (of) => (isTicked) => {
    if (isTicked) isShown.add(of.id);
    else isShown.delete(of.id);
    keep("columns", [...isShown]);
    redrawTable();
  };
  const line = (of) => tickLine(isShown.has(of.id), change(of), node("span", { class: "value", title: of.name }, of.name));
  const group = (title, some) => (some.length ? node("fieldset", {}, node("legend", {}, title), ...some.map(line)) : null);
  const all = tableColumns();
  const ofRole = (role) => all.filter((each) => each.role === role);
  const reset = () => {
    keep("columns", undefined);
    redrawTable();
    closeMenu();
  };
  openMenu(button, "Columns", group("Options", ofRole("option")), group("Results", ofRole("result")), group("Run", ofRole("run")), tool("As at first", reset));
}

// Filters by the chosen runs.
function filterChosen(not) {
  const some = [...table.chosen].sort((a, b) => a - b);
  table.chosen.clear();
  const name = not ? "hidden runs" : "chosen runs";
  const before = not ? view.filters.get(name)?.spec.runs || [] : [];
  const all = [...new Set([...before, ...some])];
  addFilter(name, `${not ? "without " : ""}${all.length === 1 ? runs.label(all[0]) : amount(all.length, not ? "run" : "chosen run")}`, { runs: all, ...(not ? { not } : {}) });
}

// Returns what the table shows as CSV: all rows, not just those in sight, and numbers with all digits.
function csvText() {
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
  const parts = csvColumns();
  const rows = isByConfiguration() ? table.rows.filter((row) => row.isGroup) : table.rows;
  const lines = [parts.map(({ name }) => name), ...rows.map((row) => parts.map(({ text }) => text(row)))];
  return lines.map((line) => line.map(quoted).join(",") + "\r\n").join("");
}

// Returns the columns of the CSV: [{name, text(row)}]; of configurations, numbers have mean, standard deviation and number.
function csvColumns() {
  if (!isByConfiguration()) return [facts[1], ...shownColumns()].map((of) => ({ name: of.name, text: (i) => (Array.isArray(of.at(i)) ? of.at(i).join(" ") : of.text(i)) }));
  return shownColumns().flatMap((of) => {
    if (of.role === "option" || of.kind !== "number") return [{ name: of.name, text: (group) => groupText(of, group) }];
    const part = (name, digits) => ({ name: `${of.name} ${name}`, text: (group) => digits(spread(numbersOf(of, group))) });
    return [part("mean", ({ mean }) => (Number.isNaN(mean) ? "" : String(mean))), part("std", ({ std, n }) => (n > 1 ? String(std) : "")), part("n", ({ n }) => String(n))];
  });
}

// ---------------------------------------------------------------- header

// Draws the header and settles the columns' widths.
function drawHeader() {
  const { head, sizes, grid } = table.parts;
  const shownNow = shownColumns();
  const widths = [firstWidth(), ...shownNow.map(widthOf)];
  sizes.replaceChildren(...widths.map((width) => node("col", { style: `width: ${width}px` })));
  grid.style.width = `${widths.reduce((sum, width) => sum + width, 0)}px`;
  grid.setAttribute("aria-rowcount", table.rows.length + 1);
  refill(head, node("tr", { "aria-rowindex": 1 }, headerCell(facts[1]), ...shownNow.map(headerCell)));
}

// Returns a column's header: a click sorts, the funnel filters.
function headerCell(of) {
  const by = sorting() || { of: column(view.key, "result"), direction: view.larger ? -1 : 1 };
  const direction = by.of === of ? by.direction : 0;
  const isFiltered = view.filters.has(filterName(of));
  const sort = { class: "sort", type: "button", title: `${of.name}: sort`, "data-focus": `sort ${of.id}`, click: () => sortBy(of) };
  const label = isFiltered ? `Filter ${of.name}: filtered` : `Filter ${of.name}`;
  const open = (event) => openFilterMenu(of, event.currentTarget);
  const funnel = { class: `funnel${isFiltered ? " on" : ""}`, type: "button", title: label, "aria-label": label, "aria-haspopup": "dialog", "data-focus": label, click: open };
  return node(
    "th",
    { scope: "col", class: of.kind === "number" ? "number" : "", "aria-sort": direction ? (direction > 0 ? "ascending" : "descending") : "none" },
    node("span", {}, node("button", sort, node("span", { class: "name" }, of.name), direction ? node("span", { "aria-hidden": "true" }, direction > 0 ? "↑" : "↓") : null), of.kind === "list" ? null : node("button", funnel)),
  );
}

// Sorts by a column; again by the same column reverses the order; null: best first.
function sortBy(of) {
  const by = sorting();
  const isBestFirst = of !== null && of.role === "result" && of.kind === "number";
  const first = isBestFirst && isLargerBetter(of.name) ? -1 : 1;
  const isSame = of !== null && (by ? by.of === of : of.name === view.key && of.role === "result");
  const before = by ? by.direction : view.larger ? -1 : 1;
  keep("sort", of === null ? undefined : [of.id, isSame ? -before : first]);
  table.parts.scroller.scrollTop = 0;
  table.active = 0;
  redrawTable();
}

const pen = document.createElement("canvas").getContext("2d");

// Returns how wide a text is in the table, in px.
function textWidth(text) {
  pen.font = `600 13px ${getComputedStyle(document.body).fontFamily}`;
  return pen.measureText(text).width;
}

// Returns the width of a column, in px, by its header and some of its cells.
function widthOf(of) {
  const key = `${isByConfiguration()} ${of.id}`;
  if (!table.widths.has(key)) {
    const step = Math.max(1, Math.floor(table.rows.length / 100));
    const cells = table.rows.filter((_, k) => k % step === 0).map((row) => cellText(of, row));
    const known = of.codes && of.values.length < 100 && !isByConfiguration() ? texts(of).map((text) => cut(text, 40)) : [];
    const longest = [...cells, ...known].reduce((long, text) => (text.length > long.length ? text : long), "");
    const wide = of.kind === "list" ? 90 : textWidth(longest) + (of.name === "state" ? 16 : 0);
    table.widths.set(key, Math.round(Math.max(56, Math.min(260, Math.max(wide + 22, textWidth(of.name) + 66)))));
  }
  return table.widths.get(key);
}

// Returns the width of the column that stays in sight, in px.
function firstWidth() {
  const largest = content.runs.number.reduce((most, number) => Math.max(most, number || 0), 0);
  return isByConfiguration() ? 136 : Math.round(Math.max(96, textWidth(String(largest)) + 70));
}
