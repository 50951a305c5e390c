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

// Returns all columns that the table can show, in order: what was looked for comes first.
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

// ---------------------------------------------------------------- the table: tools above it

// Draws the tools: runs or configurations, columns, copy, and what to do with the chosen runs.
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

// ---------------------------------------------------------------- the table: header

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

// Sorts by a column, by the same the other way round; null: best first.
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

// ---------------------------------------------------------------- the table: rows

// Draws the rows in sight, and some above and below them.
function drawRows(isChanged) {
  const { scroller, grid, rows } = table.parts;
  const count = table.rows.length;
  const first = Math.max(0, Math.floor(scroller.scrollTop / ROW_px) - EXTRA_ROWS);
  const from = first - (first % EXTRA_ROWS); // whole steps: most scroll events then draw nothing
  const to = Math.min(count, from + Math.ceil(scroller.clientHeight / ROW_px) + 3 * EXTRA_ROWS);
  if (!isChanged && table.drawn === `${from} ${to}`) return;
  table.drawn = `${from} ${to}`;
  const shownNow = shownColumns();
  const best = bestRow();
  const lines = (low, high) => table.rows.slice(low, high).map((row, k) => rowLine(row, low + k, shownNow, best));
  const near = [...rows.children].filter((line) => line.dataset.row >= from && line.dataset.row < to);
  if (isChanged || !near.length) rows.replaceChildren(spacer(from), ...(count ? lines(from, to) : [emptyLine(shownNow)]), spacer(count - to));
  else moveRows(rows, near, from, to, lines);
  grid.setAttribute("aria-activedescendant", count ? `row-${table.active}` : "");
}

// Keeps the rows that stay in sight, which spares most of the work of scrolling, and draws those before and after them.
function moveRows(rows, near, from, to, lines) {
  const [first, last] = [near[0], near[near.length - 1]];
  for (const line of [...rows.children]) if (!near.includes(line)) line.remove();
  const [firstKept, lastKept] = [Number(first.dataset.row), Number(last.dataset.row)];
  rows.prepend(spacer(from), ...lines(from, firstKept));
  rows.append(...lines(lastKept + 1, to), spacer(table.rows.length - to));
}

// Returns a line as high as some rows.
function spacer(count) {
  return node("tr", { class: "spacer", "aria-hidden": "true", style: `height: ${Math.max(0, count) * ROW_px}px` });
}

function emptyLine(shownNow) {
  const clear = node("button", { class: "link", type: "button", click: clearFilters }, "Show all");
  return node("tr", { class: "empty" }, node("td", { colspan: shownNow.length + 1 }, "No run passes all filters. ", clear));
}

// Returns the row that is marked: the best run, or the configuration with the best mean. undefined: none has a result.
function bestRow() {
  if (isByConfiguration()) return table.rows.find((row) => row.isGroup && row.id === bestConfiguration());
  return Number.isNaN(performance(view.visible[0])) ? undefined : view.visible[0];
}

function bestConfiguration() {
  const [best] = configurations(view.visible);
  return best ? configurationId(best.runs[0]) : -1;
}

// Returns a row of the table.
function rowLine(row, k, shownNow, best) {
  const members = row.isGroup ? row.runs : [row];
  const isChosen = members.every((i) => table.chosen.has(i));
  const isInside = !row.isGroup && isByConfiguration();
  const classes = [row === best && "best", isInside && "inside", k === table.active && "active", isChosen && "chosen", row === panelRun && "opened"];
  const attributes = { id: `row-${k}`, class: classes.filter((each) => each).join(" "), "data-row": k, "aria-rowindex": k + 2, "aria-selected": String(isChosen) };
  if (row.isGroup) attributes["aria-expanded"] = String(table.open.has(row.id));
  return node("tr", attributes, firstCell(row, isChosen, row === best), ...shownNow.map((of) => cell(of, row)));
}

// Returns the cell that stays in sight: a box to choose, the run's number, a star for the best.
function firstCell(row, isChosen, isBest) {
  const box = node("input", { type: "checkbox", tabindex: -1, "aria-label": row.isGroup ? "Choose its runs" : `Choose ${runs.label(row)}` });
  box.checked = isChosen;
  const name = row.isGroup ? `${table.open.has(row.id) ? "▾" : "▸"} ${amount(row.runs.length, "run")}` : String(content.runs.number[row] || "–");
  const star = isBest ? node("span", { class: "star", title: `the best ${view.key} of the runs shown` }, "★") : null;
  return node("th", { scope: "row" }, box, node("span", {}, name), star);
}

// Returns a cell of a column.
function cell(of, row) {
  if (of.kind === "list" && row.isGroup) return node("td", {}, sparkline(row.runs.slice(0, 10).map((i) => of.at(i))));
  if (of.kind === "list") return node("td", { title: of.text(row) }, sparkline([of.at(row)]));
  const text = cellText(of, row);
  const dot = of.name === "state" && of.role === "run" && text ? stateDots(row) : null;
  const title = row.isGroup ? text : of.format ? text : of.text(row);
  return node("td", { class: of.kind === "number" ? "number" : "", title: title.length > 6 ? title : null }, dot, cut(text, 80));
}

// Returns dots in the colours of the states of a row.
function stateDots(row) {
  return [...new Set((row.isGroup ? row.runs : [row]).map(runs.state))].map(stateDot);
}

// Returns a cell's text, for people.
function cellText(of, row) {
  return row.isGroup ? groupText(of, row) : of.shown(row);
}

// Returns what the runs of a configuration have of a column: their value, their mean and spread, or how many values.
function groupText(of, group) {
  if (of.kind === "number" && of.role === "result") {
    const numbers = numbersOf(of, group);
    return numbers.length ? meanText(spread(numbers)) : "";
  }
  if (of.kind === "number" && of.role === "option") return numbersText(of, new Set(numbersOf(of, group)));
  const counts = new Map();
  for (const i of group.runs) counts.set(of.shown(i), (counts.get(of.shown(i)) || 0) + 1);
  if (of.name === "state" && of.role === "run" && counts.size > 1) return [...counts].map(([text, count]) => `${count} ${text}`).join(", ");
  if (of.format === duration && counts.size > 1) return `${duration(spread(numbersOf(of, group)).mean)} each`;
  return counts.size < 5 ? [...counts.keys()].filter((text) => text !== "").join(", ") : `${counts.size} values`;
}

// Returns some different numbers of a column: "1, 2, 3".
function numbersText(of, distinct) {
  if (distinct.size > 4) return `${distinct.size} values`;
  return [...distinct].sort((a, b) => a - b).map((number) => of.shownNumber(number)).join(", ");
}

// Returns the numbers that the runs of a configuration have of a column.
function numbersOf(of, group) {
  return group.runs.map((i) => of.number(i)).filter((number) => !Number.isNaN(number));
}

// Returns small lines of lists of numbers, null if there is no number.
function sparkline(lists) {
  const all = lists.map((list) => (list || []).map(numberOf));
  const finite = all.flat().filter(Number.isFinite);
  if (!finite.length) return null;
  const low = finite.reduce((a, b) => Math.min(a, b));
  const high = finite.reduce((a, b) => Math.max(a, b));
  const picture = drawing("svg", { class: "spark", width: 70, height: 16, "aria-hidden": "true" });
  picture.append(...all.map((numbers) => drawing("path", { d: linePath(numbers, low, high - low || 1) })));
  return picture;
}

// Returns a new element of a drawing.
function drawing(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// Returns the path of a line 70 x 16 px through numbers; those that are not finite leave a gap.
function linePath(numbers, low, size) {
  const step = Math.max(1, Math.floor(numbers.length / 80));
  let path = "";
  let move = "M";
  for (let k = 0; k < numbers.length; k += step) {
    const x = (k / Math.max(1, numbers.length - 1)) * 68 + 1;
    if (Number.isFinite(numbers[k])) path += `${move}${x.toFixed(1)} ${(15 - ((numbers[k] - low) / size) * 14).toFixed(1)}`;
    move = Number.isFinite(numbers[k]) ? "L" : "M";
  }
  return path;
}

// ---------------------------------------------------------------- the table: mouse and keys

let lastChosen = 0;

// Opens or chooses what was clicked; with Shift, chooses all rows since the last.
function noteRowClick(event) {
  const line = event.target.closest("tr[data-row]");
  if (!line || String(getSelection()) !== "") return; // the end of selecting a text is no click
  const k = Number(line.dataset.row);
  const isBox = event.target.matches("input");
  table.active = k;
  if (!isBox && !event.ctrlKey && !event.metaKey && !event.shiftKey) return enterRow(k);
  const [low, high] = event.shiftKey ? [Math.min(k, lastChosen), Math.max(k, lastChosen)] : [k, k];
  const some = table.rows.slice(low, high + 1).flatMap((row) => (row.isGroup ? row.runs : [row]));
  choose(some, isBox ? event.target.checked : event.shiftKey || !isRowChosen(k));
  lastChosen = k;
}

function isRowChosen(k) {
  const row = table.rows[k];
  return (row.isGroup ? row.runs : [row]).every((i) => table.chosen.has(i));
}

// Ticks runs, or no longer.
function choose(some, isChosen) {
  for (const i of some) {
    if (isChosen) table.chosen.add(i);
    else table.chosen.delete(i);
  }
  drawTools();
  drawRows(true);
}

// Opens the run of a row, or lists the runs of a configuration, or no longer.
function enterRow(k) {
  const row = table.rows[k];
  if (!row.isGroup) return openRun(row);
  if (!table.open.delete(row.id)) table.open.add(row.id);
  redrawTable();
}

// Opens or closes a configuration.
function unfold(k, isOpen) {
  const row = table.rows[k];
  if (row.isGroup && table.open.has(row.id) !== isOpen) enterRow(k);
}

// Follows the keyboard: arrows, pages, Enter, space.
function noteTableKey(event) {
  if (event.target !== table.parts.grid || event.ctrlKey || event.metaKey || event.altKey || !table.rows.length) return;
  const page = Math.max(1, Math.floor(table.parts.scroller.clientHeight / ROW_px) - 2);
  const k = table.active;
  const actions = {
    ArrowDown: () => moveTo(k + 1),
    ArrowUp: () => moveTo(k - 1),
    PageDown: () => moveTo(k + page),
    PageUp: () => moveTo(k - page),
    Home: () => moveTo(0),
    End: () => moveTo(table.rows.length - 1),
    Enter: () => enterRow(k),
    " ": () => choose(table.rows[k].isGroup ? table.rows[k].runs : [table.rows[k]], !isRowChosen(k)),
  };
  if (isByConfiguration()) Object.assign(actions, { ArrowRight: () => unfold(k, true), ArrowLeft: () => unfold(k, false) });
  if (!actions[event.key]) return;
  event.preventDefault();
  actions[event.key]();
}

// Makes a row the active one and brings it into sight.
function moveTo(k) {
  const { scroller, head } = table.parts;
  table.active = Math.max(0, Math.min(table.rows.length - 1, k));
  const top = table.active * ROW_px;
  const room = scroller.clientHeight - head.offsetHeight - ROW_px;
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  else if (top > scroller.scrollTop + room) scroller.scrollTop = top - room;
  drawRows(true);
}
