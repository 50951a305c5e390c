// Runs that ended without finishing: together by cause, with what they have in common and the end of a log.

const GROUPS_AT_FIRST = 20;
const LINKS_AT_FIRST = 20;
const NOT_ENDED = ["planned", "not collected", "queued", "running"];
const logsLeftOpen = new Map(); // group -> whether its log is open, as the reader left it

section({
  id: "failures",
  title: "Failures",
  empty() {
    const ended = view.visible.filter(hasEnded);
    if (!ended.length) return runs.count && !view.visible.length ? "No run passes the filters." : "No run has ended yet.";
    if (!ended.every(runs.isDone)) return "";
    return ended.every(runs.isFinished) ? "Every run that ended finished." : "Every run that ended finished, or was stopped early.";
  },
  draw(body) {
    this.redraw(body);
  },
  redraw(body) {
    const ended = view.visible.filter(hasEnded);
    const groups = failureGroups(ended);
    const failed = groups.reduce((count, group) => count + group.runs.length, 0);
    const many = `${failed.toLocaleString("en")} of the ${amount(ended.length, "run")} that ended did not finish (${shareText(failed / ended.length)}).`;
    const text = ended.length === 1 ? "The one run that ended did not finish." : many;
    const most = this.showsAll ? groups.length : GROUPS_AT_FIRST;
    const more = node("button", { type: "button", click: () => ((this.showsAll = true), this.redraw(body)) }, `Show ${amount(groups.length - most, "more cause")}`);
    body.replaceChildren(
      node("p", { class: "sentence" }, text),
      ...groups.slice(0, most).map((group, k) => failureElement(group, ended, k === 0)),
      ...(groups.length > most ? [more] : []),
    );
    // A log's end says most.
    for (const log of body.querySelectorAll("details[open] pre")) log.scrollTop = log.scrollHeight;
  },
});

// Returns whether a run has ended.
function hasEnded(i) {
  return !NOT_ENDED.includes(runs.state(i));
}

// Returns a share as people write it: "7%", "0.4%".
function shareText(share) {
  const value = share * 100;
  return `${value > 0 && value < 1 ? value.toPrecision(1) : Math.round(value)}%`;
}

// Returns the ended runs that neither finished nor were stopped early, those alike together: [{cause, runs, log, spec}], the largest group first.
function failureGroups(ended) {
  const known = new Set(content.failures.flatMap((group) => group.runs));
  const groups = content.failures.map(({ cause, runs: members, log }) => ({ cause, log, runs: members.filter(view.isVisible), spec: { failure: cause } }));
  const others = new Map();
  for (const i of ended) {
    if (known.has(i) || runs.isDone(i)) continue;
    const state = runs.state(i);
    if (others.has(state)) others.get(state).push(i);
    else others.set(state, [i]);
  }
  for (const [state, members] of others) groups.push({ cause: state, log: members.find(hasLog), runs: members, spec: { runs: members } });
  return groups.filter((group) => group.runs.length).sort((a, b) => b.runs.length - a.runs.length);
}

function hasLog(i) {
  return content.logs[i] !== undefined;
}

// Returns what the page says of one group.
function failureElement(group, ended, isFirst) {
  const states = [...new Set(group.runs.map(runs.state))].filter((state) => state !== group.cause);
  const facts = [amount(group.runs.length, "run"), `${shareText(group.runs.length / ended.length)} of those that ended`, ...states];
  return node(
    "article",
    { class: "failure" },
    node("h3", {}, group.cause),
    node("p", { class: "hint" }, facts.join(" · ")),
    commonElement(group.runs, ended),
    runLinks(group),
    logElement(group, isFirst),
  );
}

// Returns what the runs of a group have in common, null if that is nothing: options and places that other runs lack.
function commonElement(members, ended) {
  if (members.length === 1) {
    const text = runs.options(members[0]);
    return text ? node("p", {}, "With ", node("code", {}, text)) : null;
  }
  const found = commonValues(members, ended);
  if (!found.length) return null;
  const items = found.map(({ text, count }) => [node("code", {}, text), ` (${members.length.toLocaleString("en")} of the ${amount(count, "run")} with it)`]);
  return node("p", {}, "All with ", ...items.flatMap((item, k) => (k ? [", ", ...item] : item)));
}

// Returns the values that these runs share but not all ended runs: [{text, count}]; count: of ended runs with the value.
function commonValues(members, ended) {
  const traits = options().map((each) => ({ name: each.name, of: (i) => each.text(i) }));
  traits.push({ name: "place", of: (i) => content.places[content.runs.place[i]] || "" });
  return traits.flatMap(({ name, of }) => {
    const value = of(members[0]);
    if (value === "" || members.some((i) => of(i) !== value)) return [];
    const count = ended.filter((i) => of(i) === value).length;
    return count < ended.length ? [{ text: `${name}=${cut(value, 80)}`, count }] : [];
  });
}

// Returns links to the first runs of a group, and buttons that filter to all.
function runLinks(group) {
  const only = () => addFilter("failure", group.cause, group.spec);
  const links = group.runs.slice(0, LINKS_AT_FIRST).map((i) => node("button", { class: "link", type: "button", click: () => openRun(i) }, runs.label(i)));
  const left = group.runs.length - links.length;
  if (left) links.push(node("button", { class: "link", type: "button", click: only }, `and ${left.toLocaleString("en")} more`));
  const isAll = view.filters.get("failure")?.label === group.cause;
  if (!isAll) links.push(node("button", { class: "only", type: "button", click: only }, "Show only these"));
  return node("p", { class: "links" }, links);
}

// Returns the end of the log that stands for a group, null if the page has none.
function logElement(group, isFirst) {
  const i = view.isVisible(group.log) ? group.log : group.runs.find(hasLog);
  if (i === undefined || !hasLog(i)) return null;
  const text = content.logs[i];
  const pre = node("pre", { tabindex: "0", "aria-label": `The end of the log of ${runs.label(i)}` }, text);
  const details = node("details", { class: "log", open: logsLeftOpen.get(group.cause) ?? isFirst });
  details.append(node("summary", {}, `End of the log of ${runs.label(i)}`), node("div", {}, copyButton(() => text), pre));
  details.addEventListener("toggle", () => {
    logsLeftOpen.set(group.cause, details.open);
    pre.scrollTop = pre.scrollHeight;
  });
  return details;
}
