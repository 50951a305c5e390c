// The rows of the table in sight, and how they react to mouse and keyboard.

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

// Keeps the rows that stay in sight, which saves most of the work of scrolling, and draws the rows before and after.
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

// Returns a configuration's text in a column: the runs' common value, their mean and spread, or the number of values.
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

// Returns the numbers of a configuration's runs in a column.
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

// ---------------------------------------------------------------- mouse and keys

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

// Ticks or unticks runs.
function choose(some, isChosen) {
  for (const i of some) {
    if (isChosen) table.chosen.add(i);
    else table.chosen.delete(i);
  }
  drawTools();
  drawRows(true);
}

// Opens the run of a row, or expands or collapses a configuration.
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

// Handles keys: arrows, pages, Enter, space.
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
