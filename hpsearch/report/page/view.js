// The present view: the result, the runs that pass all filters, and their configurations.

const view = {
  key: "",
  larger: true,
  filters: new Map(), // name -> {label, spec, test}
  visible: [], // the runs that pass all filters, best first
  order: [], // all runs, best first
  kept: {}, // what sections want kept in the address: name -> JSON
  marks: new Uint8Array(runs.count),
  performance: new Float64Array(runs.count), // what `performance` returns

  // Returns whether a run passes all filters.
  isVisible(i) {
    return view.marks[i] === 1;
  },
};

const SMALLER = /loss|err|mse|mae|rmse|perplexity|ppl|nll|latency|time|seconds|duration|bpb|fid|wer\b|cer\b/i;

// Returns whether larger values of a result are better: as the search says, for other results guessed from the name.
function isLargerBetter(key) {
  return key === content.performance.key ? content.performance.larger : !SMALLER.test(key);
}

// Returns the shown result of a finished run, NaN if there is none.
function performance(i) {
  return view.performance[i];
}

// Returns a sort key's difference: negative if a is better than b; NaN is worst.
function better(a, b) {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
  if (a === b) return 0;
  return a > b === view.larger ? -1 : 1;
}

// Returns the options that tell configurations apart: all varying ones except seeds.
function configurationOptions() {
  return options().filter((each) => !content.seeds.includes(each.name));
}

let configurationIds = null;

// Returns the number of a run's configuration: runs of a search that differ in nothing but seeds have the same.
function configurationId(i) {
  configurationIds ||= newConfigurationIds();
  return configurationIds[i];
}

// Numbers the configurations: each option splits those of the options before it.
function newConfigurationIds() {
  const ids = Int32Array.from(content.runs.search);
  for (const option of configurationOptions()) {
    const known = new Map();
    const idOf = (key) => known.get(key) ?? (known.set(key, known.size), known.size - 1);
    const codes = option.codes || textCodes(option);
    for (let i = 0; i < ids.length; i++) ids[i] = idOf(ids[i] * (runs.count + 2) + (codes[i] ?? -1) + 1);
  }
  // Runs whose options nobody knows may differ in all of them.
  const known = columns.filter((each) => each.role === "option").map((option) => option.codes || option.cells);
  if (known.length) ids.forEach((_, i) => known.every((cells) => cells[i] === null) && (ids[i] = -1 - i));
  return ids;
}

// Returns a number for each run that is the same where a column's text is.
function textCodes(of) {
  const known = new Map();
  return Array.from({ length: runs.count }, (_, i) => {
    const text = of.text(i);
    if (!known.has(text)) known.set(text, known.size);
    return known.get(text);
  });
}

// Returns the configurations of some runs, best mean first: runs that differ in nothing but seeds, with mean, standard
// deviation (of a sample: n - 1) and the number of values. Those with less than half as many values as another are last.
function configurations(indexes) {
  const groups = new Map();
  for (const i of indexes) {
    const value = performance(i);
    if (Number.isNaN(value)) continue;
    const group = groups.get(configurationId(i));
    if (group) group.runs.push(i), group.values.push(value);
    else groups.set(configurationId(i), { runs: [i], values: [value] });
  }
  const found = [...groups.values()];
  found.forEach((group) => Object.assign(group, spread(group.values)));
  const most = found.reduce((count, group) => Math.max(count, group.n), 0);
  const isThin = (group) => 2 * group.n < most;
  return found.sort((a, b) => isThin(a) - isThin(b) || better(a.mean, b.mean));
}

// Returns mean, standard deviation of a sample (0 for a single value) and number of some values.
function spread(values) {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: n > 1 ? Math.sqrt(squares / (n - 1)) : 0, n };
}

// Returns "0.951 ± 0.004 (5)", or the value alone where there is one.
function meanText({ mean, std, n }) {
  if (n < 2) return shown(mean);
  // The mean has as many decimals as two digits of its spread.
  const decimals = std > 0 ? 1 - Math.floor(Math.log10(std)) : NaN;
  const text = (value) => (decimals >= 0 && decimals <= 6 ? value.toFixed(decimals) : shown(value));
  return `${text(mean)} ± ${decimals >= 0 ? text(std) : shown(Number(std.toPrecision(2)))} (${n})`;
}
