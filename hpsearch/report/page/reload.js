// Reloads the page while its search runs, and restores where the reader was.

let lastAction_ms = 0;
let pointersDown = 0;

// Returns where the reader is, for the page after this one.
function readerPlace() {
  const at = document.activeElement;
  const heights = [...sections.values()].map((part) => [part.id, part.isDrawn ? part.body.offsetHeight : 0]);
  const cursor = at?.id === "search" ? [at.selectionStart, at.selectionEnd] : null;
  return {
    heights: Object.fromEntries(heights.filter(([, height]) => height)),
    y: scrollY,
    panel: document.getElementById("panel").scrollTop,
    table: table.parts && {
      top: table.parts.scroller.scrollTop,
      left: table.parts.scroller.scrollLeft,
      active: table.active,
      chosen: [...table.chosen].map(runs.id),
      open: sortedGroupsOpen().map((group) => runs.id(group.runs[0])),
    },
    focus: at?.id || at?.dataset?.focus || "",
    cursor,
  };
}

// Returns the configurations whose runs are listed.
function sortedGroupsOpen() {
  return table.rows.filter((row) => row.isGroup && table.open.has(row.id));
}

const placeBefore = history.state && typeof history.state === "object" ? history.state : null;

// Keeps as much room for the sections as they had, so that the page is as long as it was.
function restoreHeights() {
  for (const [id, height] of Object.entries(placeBefore?.heights || {})) {
    const part = sections.get(id);
    if (part) part.body.style.minHeight = `${height}px`;
  }
}

// Goes back to where the reader was in the table.
function restoreTable() {
  const place = placeBefore?.table;
  if (!place) return;
  const known = (ids) => ids.map(runs.withId).filter((i) => i >= 0);
  table.active = place.active;
  table.chosen = new Set(known(place.chosen));
  table.open = new Set(known(place.open).map(configurationId));
  redrawTable();
  table.parts.scroller.scrollTo(place.left, place.top);
}

// Goes back to where the reader was on the page.
function restorePlace() {
  if (placeBefore === null) return;
  history.scrollRestoration = "manual";
  scrollTo(0, placeBefore.y);
  document.getElementById("panel").scrollTop = placeBefore.panel;
  const key = CSS.escape(placeBefore.focus || "");
  const at = key ? document.querySelector(`#${key}, [data-focus="${key}"]`) : null;
  at?.focus({ preventScroll: true });
  if (placeBefore.cursor) at?.setSelectionRange?.(...placeBefore.cursor);
}

// Returns whether the reader is doing something that loading the page anew would disturb.
function isBusy() {
  const at = document.activeElement;
  const isTyping = at !== null && at.matches("input, select, textarea") && Date.now() - lastAction_ms < 3000;
  const isSelecting = String(getSelection()) !== "";
  return document.hidden || menu !== null || pointersDown > 0 || isSelecting || isTyping || Date.now() - lastAction_ms < 1000;
}

// Reloads the page once the time has come and the reader is idle.
function watch() {
  const note = () => (lastAction_ms = Date.now());
  for (const kind of ["keydown", "input", "pointerdown", "wheel", "touchmove"]) addEventListener(kind, note, { passive: true, capture: true });
  addEventListener("pointerdown", () => (pointersDown = 1), { capture: true });
  for (const kind of ["pointerup", "pointercancel"]) addEventListener(kind, () => (pointersDown = 0), { capture: true });
  const due_ms = Date.now() + content.watch_s * 1000;
  setInterval(() => {
    if (Date.now() < due_ms) return;
    if (isBusy()) document.getElementById("newer").hidden = false;
    else location.reload();
  }, 250);
}
