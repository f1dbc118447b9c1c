// Which rows are shown, and in which order.

let visible = null;

function visibleRows() {
  visible ??= sorted(rows.filter(passes()));
  return visible;
}

const OPERATORS = {
  "=": (a, b) => compareTo(a, b) === 0,
  "!=": (a, b) => compareTo(a, b) !== 0,
  ">": (a, b) => compareTo(a, b) > 0,
  "<": (a, b) => compareTo(a, b) < 0,
  ">=": (a, b) => compareTo(a, b) >= 0,
  "<=": (a, b) => compareTo(a, b) <= 0,
};

function compareTo(value, text) {
  if (value === null) return NaN;
  const wanted = text.trim() !== "" && typeof value === "number" ? Number(text) : NaN;
  if (!Number.isNaN(wanted)) return value - wanted;
  const own = String(value).toLowerCase();
  return own === text.toLowerCase() ? 0 : own < text.toLowerCase() ? -1 : 1;
}

// Reads `lr>0.001 accuracy>=0.9 words`; a name may be the end of a key or a metric.
function passes() {
  const terms = state.filter.split(/\s+/).filter((term) => term && !/[=<>!]$/.test(term));
  const tests = terms.map(readTerm);
  const named = new Map(axes().map((axis) => [axis.name, axis]));
  const ranges = [...state.ranges].filter(([name]) => named.has(name));
  return (row) =>
    [...row.statuses].some((status) => !state.hidden.has(status)) &&
    tests.every((test) => test(row)) &&
    ranges.every(([name, [low, high]]) => {
      const at = positionOn(named.get(name), row);
      return at !== null && at >= low && at <= high;
    });
}

function readTerm(term) {
  const [, name, operator, text] = term.match(/^([^=<>!]+)(!=|<=|>=|=|<|>)(.+)$/) ?? [];
  const value = name && finder(name);
  if (value) return (row) => OPERATORS[operator](value(row), text);
  const word = term.toLowerCase();
  return (row) =>
    row.label.toLowerCase().includes(word) ||
    row.values.some((each) => String(each).toLowerCase().includes(word)) ||
    row.runs.some((run) => `${runs[run].name} ${runs[run].status}`.toLowerCase().includes(word));
}

function finder(name) {
  const ends = (full) => full === name || full.endsWith(`.${name}`) || full.endsWith(`/${name}`);
  const position = keys.findIndex((key) => ends(key.name) || key.also.includes(name));
  if (position >= 0) return (row) => row.values[position];
  if (name === "n") return (row) => row.runs.length;
  const metric = state.columns.map((i) => metrics[i]).find((each) => ends(each.name))
    ?? metrics.find((each) => each.name === name) ?? metrics.find((each) => ends(each.name));
  return metric ? (row) => mean(row, metric.index) : null;
}

function sorted(list) {
  const { column, ascending } = state.sort;
  if (column === null) return list;
  const value = column === "n" ? (row) => row.runs.length
    : column.startsWith("key:") ? (row) => row.values[Number(column.slice(4))]
    : (row) => mean(row, Number(column.slice(7)));
  const sign = ascending ? 1 : -1;
  return [...list].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return (x === null) - (y === null);
    return sign * compareValues(x, y) || a.index - b.index;
  });
}
