// Options and results of all runs, and other facts about runs, as columns.

const SPECIAL = { nan: NaN, inf: Infinity, "-inf": -Infinity };

// Returns a cell as a number, NaN if it is none.
function numberOf(cell) {
  if (typeof cell === "number") return cell;
  return typeof cell === "string" && cell in SPECIAL ? SPECIAL[cell] : NaN;
}

// An option or a result of all runs, or a fact about them (role "run"): state, duration, ...
class Column {
  constructor(raw) {
    Object.assign(this, raw);
    this.id = `${this.role} ${this.name}`;
    this.numbers = this.values ? this.values.map(numberOf) : null;
    this.decimals = this.role === "result" && this.kind === "number" ? decimalsOf(this) : null;
  }

  // Returns run i's value: number, text, list of numbers, or null.
  at(i) {
    if (!this.codes) return this.cells[i];
    const code = this.codes[i];
    return code === null ? null : this.values[code];
  }

  // Returns the number that run i has, NaN if none.
  number(i) {
    if (!this.codes) return numberOf(this.cells[i]);
    const code = this.codes[i];
    return code === null ? NaN : this.numbers[code];
  }

  // Returns run i's whole value as text, as filters name it.
  text(i) {
    const cell = this.at(i);
    if (cell === null || cell === undefined) return "";
    if (!Array.isArray(cell)) return String(cell);
    return cell.length ? `${amount(this.length(i), "value")}, last ${shown(lastOf(cell))}` : "";
  }

  // Returns how many numbers run i's list had: long ones come thinned.
  length(i) {
    return this.lengths?.[i] ?? this.at(i).length;
  }

  // Returns run i's value for people.
  shown(i) {
    const cell = this.at(i);
    return typeof cell === "number" ? this.shownNumber(cell) : this.text(i);
  }

  // Returns a number of this column for people; results have as many decimals as the others.
  shownNumber(number) {
    if (this.format) return this.format(number);
    const isPlain = Number.isFinite(number) && this.decimals !== null && (number === 0 || Math.abs(number) >= 10 ** (2 - this.decimals));
    if (isPlain) return number.toFixed(this.decimals);
    const text = String(number);
    return text.length > 9 ? shown(number) : text;
  }

  // Returns the distinct texts of all runs and how many runs have each: numbers by size, words in the grid's order.
  texts() {
    const counts = new Map((this.values || []).map((value) => [String(value), 0]));
    for (let i = 0; i < runs.count; i++) {
      const text = this.text(i);
      if (text !== "") counts.set(text, (counts.get(text) || 0) + 1);
    }
    const found = [...counts].filter(([, count]) => count);
    return this.kind === "number" && !this.values ? found.sort(([a], [b]) => Number(a) - Number(b)) : found;
  }

  // Returns a number for each run by which the table sorts, NaN for none: size, place in the grid, or in the alphabet.
  sortKeys() {
    if (this.kind === "number") return floats((i) => this.number(i));
    if (this.kind === "list") return floats((i) => lastOf(this.at(i) || []));
    if (this.codes) return floats((i) => (this.codes[i] === null ? NaN : this.codes[i]));
    const sorted = this.texts().map(([text]) => text).sort(new Intl.Collator(undefined, { numeric: true }).compare);
    const ranks = new Map(sorted.map((text, rank) => [text, rank]));
    return floats((i) => ranks.get(this.text(i)) ?? NaN);
  }
}

// Returns a number for each run.
function floats(number) {
  const found = new Float64Array(content.runs.number.length);
  for (let i = 0; i < found.length; i++) found[i] = number(i);
  return found;
}

// Returns the last number of a list, NaN if there is none.
function lastOf(list) {
  return list.length ? numberOf(list[list.length - 1]) : NaN;
}

// Returns the number of decimals for a result: as many as its numbers have, but at most five digits in all for the
// largest. null: each number has its own.
function decimalsOf({ values, cells }) {
  const numbers = (values || cells).map(numberOf).filter(Number.isFinite);
  const largest = numbers.reduce((most, number) => Math.max(most, Math.abs(number)), 0);
  if (largest >= 1e6 || largest < 1e-2) return null;
  const most = Math.max(0, 4 - Math.floor(Math.log10(largest)));
  let found = 0;
  for (let k = 0; k < numbers.length && found < most; k++) found = Math.max(found, Math.min(most, decimalsIn(numbers[k])));
  return found || null;
}

// Returns how many decimals a number is written with.
function decimalsIn(number) {
  const text = String(number);
  if (text.includes("e")) return Infinity;
  return text.includes(".") ? text.length - text.indexOf(".") - 1 : 0;
}

const columns = content.columns.map((raw) => new Column(raw));
const facts = newFacts();
const columnsByName = new Map([...facts, ...columns].reverse().flatMap((each) => [[each.id, each], ...(each.role === "run" ? [] : [[each.name, each]])]));

// Returns the facts about all runs besides options and results, as columns.
function newFacts() {
  const { search, number, state, seconds, submitted, ended, place, job, attempts, cause } = content.runs;
  const fact = (name, kind, rest) => new Column({ name, role: "run", kind, log: false, varies: true, ...rest });
  return [
    fact("search", "word", { values: content.searches.map((each) => each.name), codes: search }),
    fact("run", "number", { cells: number }),
    fact("state", "word", { values: content.states, codes: state }),
    fact("duration", "number", { cells: seconds, format: duration }),
    fact("attempts", "number", { cells: attempts }),
    fact("cause", "word", { values: content.causes, codes: cause }),
    fact("place", "word", { values: content.places, codes: place }),
    fact("job", "word", { cells: job }),
    fact("submitted", "number", { cells: submitted, format: moment, isMoment: true }),
    fact("ended", "number", { cells: ended, format: moment, isMoment: true }),
  ];
}

// Returns the column of an option or result, undefined if there is none; options come first if no role is given.
function column(name, role = "") {
  return columnsByName.get(role ? `${role} ${name}` : name);
}

// Returns the names of the options that repeat configurations.
function seedNames() {
  return content.seeds.filter((name) => column(name));
}

// Returns the options that vary, seeds last.
function options() {
  const varying = columns.filter((each) => each.role === "option" && each.varies);
  const isSeed = (each) => content.seeds.includes(each.name);
  return [...varying.filter((each) => !isSeed(each)), ...varying.filter(isSeed)];
}

// Returns the results that are numbers.
function results() {
  return columns.filter((each) => each.role === "result" && each.kind === "number" && each.name !== "finished");
}

let runsById = null;

// Returns a run's values of some options: "lr=0.1 units=64".
function optionsText(some, i) {
  return some.filter((each) => each.text(i) !== "").map((each) => `${each.name}=${each.shown(i)}`).join(" ");
}

const runs = {
  count: content.runs.number.length,

  // Returns a run's state as text.
  state(i) {
    return content.states[content.runs.state[i]];
  },

  // Returns whether a run's results count.
  isFinished(i) {
    return content.states[content.runs.state[i]] === "finished";
  },

  // Returns whether a run finished, or was stopped early because it was hopeless.
  isDone(i) {
    return ["finished", "stopped early"].includes(runs.state(i));
  },

  // Returns a run's name for people.
  label(i) {
    return content.searches.length > 1 ? `${content.searches[content.runs.search[i]].name}: ${runs.shortLabel(i)}` : runs.shortLabel(i);
  },

  // Returns a run's name for people who know which search is meant.
  shortLabel(i) {
    return content.runs.number[i] ? `run ${content.runs.number[i]}` : "a run of the table";
  },

  // Returns the options that vary, and their values: "lr=0.1 units=64".
  options(i) {
    return optionsText(options(), i);
  },

  // Returns the run's configuration, without seeds: "lr=0.1 units=64".
  configuration(i) {
    return optionsText(configurationOptions(), i);
  },

  // Returns the folder of a run.
  folder(i) {
    const folder = content.runs.folder[i] || "";
    return !folder || folder.startsWith("/") ? folder : `${content.searches[content.runs.search[i]].folder}/${folder}`;
  },

  // Returns the text that names a run in the address, and stays the same while a search gets more runs.
  id(i) {
    return `${content.runs.search[i]}:${content.runs.number[i] || `row${i}`}`;
  },

  // Returns the run of such a text (or of its index), -1 if there is none.
  withId(id) {
    if (typeof id === "number") return Number.isInteger(id) && id >= 0 && id < runs.count ? id : -1;
    runsById ||= new Map(Array.from({ length: runs.count }, (_, i) => [runs.id(i), i]));
    return runsById.get(id) ?? -1;
  },

  // Returns the run's command for a shell; empty if it is not known.
  command(i) {
    const program = content.programs[content.runs.program[i]] || "";
    if (!program) return "";
    const words = columns.filter((each) => each.role === "option").map((each) => commandWord(each, i));
    return [program, ...words, content.runs.out[i]].filter((word) => word).join(" ");
  },
};

// Returns the word that gives run i an option, "" if none does.
function commandWord(option, i) {
  if (!option.words) return "";
  if (!option.codes) return option.words[i] || "";
  return option.codes[i] === null ? "" : option.words[option.codes[i]] || "";
}
