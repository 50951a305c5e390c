// Where the values of an option lie along an axis, from 0 to 1: the same in all plots that show options.

// At most this many values get evenly spaced places if their sizes would make some of them overlap.
const MOST_STEPS = 12;
const NO_VALUE = "none";
// Which of the fixed random numbers choose samples; plots spread values by those of small numbers.
const OF_SAMPLES = 1e6;

// Returns a number between -1 and 1, always the same for the same two integers.
function jitter(i, salt) {
  let hash = Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(salt + 1, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) / 2147483648 - 1;
}

// Returns about `most` of the runs, always the same ones, or all if there are no more.
function sampled(indexes, most) {
  const share = most / indexes.length;
  return share >= 1 ? indexes : indexes.filter((i) => (jitter(i, OF_SAMPLES) + 1) / 2 < share);
}

// Returns the varying options without seeds; if more than `most`, the most important ones, in the usual order.
function mainOptions(most) {
  const found = options().filter((each) => !content.seeds.includes(each.name));
  if (found.length <= most) return found;
  const shares = new Map(content.importance ? content.importance.shares : []);
  const byShare = [...found].sort((a, b) => (shares.get(b.name) || 0) - (shares.get(a.name) || 0));
  const chosen = new Set(byShare.slice(0, most));
  return found.filter((each) => chosen.has(each));
}

const scales = new Map();

// Returns the scale of a column: {of, entries, codes, isStepped, isLog, ticks, room}. An entry is a distinct value {text,
// label, number, at, run}, in the order of their places, run one that has it; codes holds the position in entries for each run.
function scaleOf(of) {
  if (!scales.has(of)) scales.set(of, newScale(of));
  return scales.get(of);
}

function newScale(of) {
  const { entries, codes } = entriesOf(of);
  const numbers = entries.filter((entry) => Number.isFinite(entry.number));
  const isLog = of.log && numbers.every((entry) => entry.number > 0);
  const scale = { of, isLog, isStepped: false, low: 0, high: 1, floor: 0 };
  if (numbers.length) [scale.low, scale.high] = [numbers[0].number, numbers[numbers.length - 1].number];
  const hasWords = entries.some((entry) => entry.text !== "" && !Number.isFinite(entry.number));
  const isFew = entries.length <= MOST_STEPS;
  scale.isStepped = numbers.length < 2 || (isFew && (hasWords || smallestGap(scale, numbers) < 0.04));
  if (scale.isStepped) entries.forEach((entry, k) => (entry.at = (k + 0.5) / entries.length));
  else placeNumbers(scale, entries);
  entries.sort((a, b) => a.at - b.at);
  entries.forEach((entry, k) => (entry.position = k));
  const room = entries.reduce((gap, entry, k) => (k ? Math.min(gap, entry.at - entries[k - 1].at) : gap), 0.5) / 2;
  const byEntry = isFew || scale.isStepped;
  const ticks = byEntry ? entries : [...entries.filter((entry) => !entry.isNumber), ...numberTicks(scale)];
  return { ...scale, entries, codes: codes.map((entry) => entry.position), room, ticks };
}

// Returns the distinct values of a column, none first, then by size or in the grid's order, and each run's entry.
function entriesOf(of) {
  const found = new Map();
  const grid = of.codes ? of.values.map(String) : [];
  const texts = Array.from({ length: runs.count }, (_, i) => (of.codes ? (of.codes[i] === null ? "" : grid[of.codes[i]]) : of.text(i)));
  texts.forEach((text, i) => found.has(text) || found.set(text, newEntry(of, text, i)));
  const rank = new Map(["", ...grid].map((text, k) => [text, k]));
  const size = (entry) => (entry.text === "" ? [0] : Number.isNaN(entry.number) ? [1, rank.get(entry.text) ?? Infinity] : [2, entry.number]);
  const sized = [...found.values()].map((entry) => [size(entry), entry]);
  sized.sort(([a], [b]) => a[0] - b[0] || (a[1] === b[1] ? 0 : a[1] - b[1]));
  return { entries: sized.map(([, entry]) => entry), codes: texts.map((text) => found.get(text)) };
}

function newEntry(of, text, i) {
  const number = of.kind === "number" ? of.number(i) : NaN;
  return { text, number, label: text === "" ? NO_VALUE : Number.isNaN(number) ? text : shown(number), run: i, isNumber: Number.isFinite(number) };
}

// Gives numbers places by their size; what is no number lies below them.
function placeNumbers(scale, entries) {
  const others = entries.filter((entry) => !entry.isNumber);
  scale.floor = Math.min(0.5, 0.18 * others.length);
  others.forEach((entry, k) => (entry.at = ((k + 0.25) * scale.floor) / others.length));
  entries.filter((entry) => entry.isNumber).forEach((entry) => (entry.at = placeOf(scale, entry.number)));
}

// Returns the place of a number.
function placeOf({ isLog, low, high, floor }, number) {
  const part = isLog ? Math.log(number / low) / Math.log(high / low) : (number - low) / (high - low);
  return floor + (1 - floor) * part;
}

// Returns the number at a place.
function numberAt({ isLog, low, high, floor }, place) {
  const part = (place - floor) / (1 - floor);
  return isLog ? low * (high / low) ** part : low + (high - low) * part;
}

function smallestGap(scale, numbers) {
  const places = numbers.map((entry) => placeOf(scale, entry.number));
  return places.reduce((gap, place, k) => (k ? Math.min(gap, place - places[k - 1]) : gap), 1);
}

// Returns ticks {at, label} at round numbers.
function numberTicks(scale) {
  const { low, high, isLog } = scale;
  const decades = isLog ? Math.log10(high / low) : 0;
  const found = decades > 1.5 ? powers(low, high, Math.ceil(decades / 6)) : roundNumbers(low, high);
  return found.map((number) => ({ at: placeOf(scale, number), label: shown(number) }));
}

function powers(low, high, step) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const count = Math.floor((Math.log10(high) + 1e-9 - first) / step) + 1;
  return Array.from({ length: count }, (_, k) => Number(`1e${first + k * step}`));
}

function roundNumbers(low, high) {
  const rough = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * power >= rough * 0.999) * power;
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, k) => Number(((first + k) * step).toPrecision(12)));
}

// Returns a name of at most about `length` characters: names of options often differ only at their ends.
function shortened(name, length) {
  if (name.length <= length) return name;
  const end = Math.floor((length - 1) / 2);
  return `${name.slice(0, Math.max(1, length - 1 - end))}…${name.slice(name.length - end)}`;
}

// Returns ticks that keep a distance.
function thinned(ticks, gap) {
  let last = -Infinity;
  return ticks.filter((tick) => (tick.at - last >= gap ? ((last = tick.at), true) : false));
}

// ---------------------------------------------------------------- groups of values

// Returns a scale's values in at most about `most` groups, {groups, codes}: a group is {label, at, entries}, codes the
// group of each run.
function groupsOf(scale, most) {
  const { entries } = scale;
  const groups = entries.length <= most ? entries.map((entry) => [entry]) : scale.isStepped ? firstAndRest(entries, most) : binned(scale, 12);
  const byEntry = new Uint32Array(entries.length);
  groups.forEach((group, k) => group.forEach((entry) => (byEntry[entry.position] = k)));
  return { groups: groups.map(groupFrom), codes: scale.codes.map((position) => byEntry[position]) };
}

function firstAndRest(entries, most) {
  return [...entries.slice(0, most - 1).map((entry) => [entry]), entries.slice(most - 1)];
}

// Returns the entries of each of some bins of equal width, without empty bins.
function binned({ entries, floor }, count) {
  const bins = Array.from({ length: count }, () => []);
  for (const entry of entries.filter((each) => each.isNumber)) {
    bins[Math.min(count - 1, Math.floor((count * (entry.at - floor)) / (1 - floor)))].push(entry);
  }
  return [...entries.filter((each) => !each.isNumber).map((entry) => [entry]), ...bins.filter((bin) => bin.length)];
}

function groupFrom(entries) {
  const [first, last] = [entries[0], entries[entries.length - 1]];
  const isRange = entries.length > 1 && first.isNumber;
  const label = entries.length === 1 ? first.label : isRange ? `${brief(first.number)} to ${brief(last.number)}` : `${entries.length} others`;
  return { label, at: (first.at + last.at) / 2, isNumber: first.isNumber, entries };
}

// Returns a number with three digits.
function brief(number) {
  return shown(Number(number.toPrecision(3)));
}

// ---------------------------------------------------------------- filters by values

// Returns the filters [name, filter] on a column, whoever made them.
function filtersOn(of) {
  return [...view.filters].filter(([, { spec }]) => spec.column === of.name && (spec.role || of.role) === of.role);
}

// Removes all filters on a column.
function unfilter(of) {
  filtersOn(of).forEach(([name]) => removeFilter(name));
}

// Keeps only the runs with some of a scale's values, by the filter that the table's menu sets, too; without any of them or with all, the filter is taken away.
function filterByEntries(scale, entries) {
  const { of } = scale;
  unfilter(of);
  if (entries.length === 0 || entries.length === scale.entries.length) return;
  const isRange = !scale.isStepped && entries.length > 1 && entries.every((entry) => entry.isNumber);
  const [low, high] = [entries[0].number, entries[entries.length - 1].number];
  filterColumn(of, isRange ? { low, high } : { values: entries.map((entry) => entry.text) });
}

// Returns the entries that the filters on a scale's column let pass, null if there is no such filter.
function filteredEntries(scale) {
  const filters = filtersOn(scale.of);
  return filters.length ? scale.entries.filter((entry) => filters.every(([, { passes }]) => passes[entry.run])) : null;
}

// Returns the stretches [low, high] of a scale that its filters let pass.
function filteredStretches(scale) {
  const around = Math.max(0.012, Math.min(scale.room * 0.9, 0.08));
  const stretches = [];
  for (const { at, position } of filteredEntries(scale) || []) {
    const last = stretches[stretches.length - 1];
    if (last && last.position === position - 1) Object.assign(last, { high: at + around, position });
    else stretches.push({ low: at - around, high: at + around, position });
  }
  return stretches;
}

// ---------------------------------------------------------------- the axis of the result

// Returns {low, high, outside}: a range that shows nearly all of some numbers, the best included. A diverged run far off
// must not flatten the others: the worst are left outside if they would stretch the range many times.
function resultRange(values) {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => better(a, b));
  if (!sorted.length) return { low: 0, high: 1, outside: 0 };
  const best = sorted[0];
  const worst = sorted[lastInside(sorted)];
  const [low, high] = best < worst ? [best, worst] : [worst, best];
  const outside = values.filter((value) => value < low || value > high).length;
  return low === high ? { low: low - (Math.abs(low) || 1) * 0.05, high: high + (Math.abs(high) || 1) * 0.05, outside } : { low, high, outside };
}

// Returns the last position in sorted numbers, best first, that a range should still hold. Leaving out many takes more.
function lastInside(sorted) {
  const last = sorted.length - 1;
  const distance = (share) => Math.abs(sorted[Math.round(last * share)] - sorted[0]);
  const usual = [0.5, 0.75, 0.9].map(distance).find((each) => each > 0);
  if (!usual) return last;
  const shares = [1, 0.995, 0.99, 0.98, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5];
  const share = shares.find((each) => distance(each) <= usual * (each >= 0.9 ? 10 : 100)) || 0.5;
  return Math.round(last * share);
}

// Returns a number moved into a range.
function clamped(value, { low, high }) {
  return Math.min(high, Math.max(low, value));
}

// Returns how good a result is, 0 to 1, within a range.
function goodness(value, range) {
  const part = (clamped(value, range) - range.low) / (range.high - range.low);
  return view.larger ? part : 1 - part;
}

// Returns plotly's colour scale from worst to best: the best is what stands out most on the page's ground. The end that
// hardly differs from white is left out there.
function goodnessScale() {
  const { scale } = colours();
  const hues = scale.map(([, colour]) => colour);
  if (!isDark()) hues.reverse().splice(0, 1, "#b5d339");
  return hues.map((colour, k) => [k / (hues.length - 1), colour]);
}

// Returns the colour of a colour scale at a place.
function colourAt(scale, place) {
  const position = clamped(place, { low: 0, high: 1 }) * (scale.length - 1);
  const k = Math.min(scale.length - 2, Math.floor(position));
  const channels = (colour) => [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
  const [from, to] = [channels(scale[k][1]), channels(scale[k + 1][1])];
  return `rgb(${from.map((channel, c) => Math.round(channel + (to[c] - channel) * (position - k))).join(",")})`;
}
