// Menus, and menus by which columns filter.

let menu = null; // {element, button}

// Opens a menu below a button, or closes it; a click elsewhere and Escape close it, too.
function openMenu(button, label, ...children) {
  const isOpen = menu !== null && menu.button === button;
  closeMenu();
  if (isOpen) return;
  const element = node("div", { class: "menu", role: "dialog", "aria-label": label }, ...children);
  document.body.append(element);
  placeMenu(element, button.getBoundingClientRect());
  button.setAttribute("aria-expanded", "true");
  menu = { element, button };
  element.querySelector("input, button")?.focus({ preventScroll: true });
}

// Puts a menu below a place of the window, or above it where there is more room.
function placeMenu(element, { left, top, bottom }) {
  const width = document.documentElement.clientWidth;
  const below = innerHeight - bottom;
  element.style.maxHeight = `${Math.max(below, top) - 16}px`;
  element.style.left = `${Math.max(8, Math.min(left, width - element.offsetWidth - 8)) + scrollX}px`;
  element.style.top = `${(below >= Math.min(element.offsetHeight, top) ? bottom + 4 : top - element.offsetHeight - 4) + scrollY}px`;
}

// Closes the menu; what opened it has the focus again if the menu had it.
function closeMenu() {
  if (menu === null) return;
  const { element, button } = menu;
  menu = null;
  const hadFocus = element.contains(document.activeElement);
  element.remove();
  // The table's header may have been drawn anew in the meantime.
  const key = button.dataset.focus;
  const now = button.isConnected || !key ? button : document.querySelector(`[data-focus="${CSS.escape(key)}"]`);
  now?.setAttribute("aria-expanded", "false");
  if (hadFocus) now?.focus({ preventScroll: true });
}

// Closes the menu if something outside is clicked or gets the focus.
function noteOutside(event) {
  if (menu !== null && !menu.element.contains(event.target) && !menu.button.contains(event.target)) closeMenu();
}

// Returns a line of a menu that is ticked or not; change(isTicked) is called.
function tickLine(isTicked, change, ...children) {
  const box = node("input", { type: "checkbox", change: (event) => change(event.target.checked) });
  box.checked = isTicked;
  return node("label", { class: "tick" }, box, ...children);
}

// ---------------------------------------------------------------- filters of columns

// Returns the name of the filter that a column's menu sets.
function filterName(of) {
  return `column ${of.id}`;
}

// Filters by a column; null: no longer.
function filterColumn(of, part) {
  if (part === null) removeFilter(filterName(of));
  else addFilter(filterName(of), columnLabel(of, part), { column: of.name, role: of.role, ...part });
}

// Returns a filter's label: "lr 0.001 to 0.1", "act: relu, tanh".
function columnLabel(of, { low, high, values, text }) {
  if (text !== undefined) return `${of.name} contains ${text}`;
  if (values) return `${of.name}: ${values.map((each) => each || "none").join(", ")}`;
  if (low === null || high === null) return low === null ? `${of.name} ≤ ${of.shownNumber(high)}` : `${of.name} ≥ ${of.shownNumber(low)}`;
  return `${of.name} ${of.shownNumber(low)} to ${of.shownNumber(high)}`;
}

// Opens the menu by which a column filters.
function openFilterMenu(of, button) {
  const spec = view.filters.get(filterName(of))?.spec || {};
  const texts = of.texts();
  const isNumber = of.kind === "number";
  const parts = [node("h3", {}, of.name)];
  if (isNumber) parts.push(rangePart(of, spec));
  if (!isNumber && texts.length > 8) parts.push(containsPart(of, spec));
  if (texts.length <= (isNumber ? 30 : 300) && !of.isMoment) parts.push(ticksPart(of, spec, texts));
  parts.push(node("button", { type: "button", click: () => (filterColumn(of, null), closeMenu()) }, "Show all"));
  openMenu(button, `Filter ${of.name}`, ...parts);
}

// Returns the inputs of a range: from, to.
function rangePart(of, spec) {
  const type = of.isMoment ? { type: "datetime-local" } : { type: "number", step: "any" };
  const input = (end, value) => node("input", { ...type, "data-end": end, value: rangeText(of, value) });
  const [low, high] = [input("low", spec.low), input("high", spec.high)];
  const apply = () => {
    const part = { low: rangeNumber(of, low.value), high: rangeNumber(of, high.value) };
    filterColumn(of, part.low === null && part.high === null ? null : part);
  };
  const hint = of.format === duration ? node("p", { class: "hint" }, "in seconds") : null;
  return node("div", { class: "range", input: debounced(apply, typingPause_ms()) }, node("label", {}, "from ", low), node("label", {}, "to ", high), hint);
}

// Returns an end of a range as its input has it, "" if it is open.
function rangeText(of, value) {
  if (value === null || value === undefined) return "";
  return of.isMoment ? moment(value).replace(" ", "T") : String(value);
}

// Returns the end of a range that an input holds, null if it is open.
function rangeNumber(of, text) {
  const number = of.isMoment ? new Date(text).getTime() / 1000 : Number(text);
  return text.trim() === "" || Number.isNaN(number) ? null : number;
}

// Returns the input for a text that must be contained.
function containsPart(of, spec) {
  const apply = debounced((text) => filterColumn(of, text.trim() ? { text: text.trim() } : null), typingPause_ms());
  const value = spec.text || "";
  return node("label", { class: "contains" }, "contains ", node("input", { type: "search", value, input: (event) => apply(event.target.value) }));
}

// Returns boxes for all values and for none; what is ticked is shown.
function ticksPart(of, spec, texts) {
  const ticked = new Set(spec.values || []);
  const change = (text) => (isTicked) => {
    if (isTicked) ticked.add(text);
    else ticked.delete(text);
    filterColumn(of, ticked.size ? { values: [...ticked] } : null);
  };
  const missing = runs.count - texts.reduce((sum, [, count]) => sum + count, 0);
  const lines = missing ? [...texts, ["", missing]] : texts;
  const line = ([text, count]) =>
    tickLine(ticked.has(text), change(text), node("span", { class: "value", title: text }, text || "none"), node("span", { class: "count" }, count.toLocaleString("en")));
  return node("fieldset", {}, node("legend", {}, "Show only"), ...lines.map(line));
}
