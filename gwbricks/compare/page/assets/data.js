// What the page shows, what is chosen, and who draws it.

const data = JSON.parse($("#data").textContent);
const { keys, rows, runs } = data;
const metrics = data.metrics.map(([name, goal], index) => ({ name, goal, index }));
const arrow = { min: " ↓", max: " ↑" };

rows.forEach((row, index) => {
  row.index = index;
  row.statuses = new Set(row.runs.map((run) => runs[run].status));
  row.label = row.label || data.title;
});

const state = {
  metric: data.shown[0] ?? null,
  columns: [...data.shown],
  colour: null,
  sort: { column: null, ascending: true }, // as the rows come
  filter: "",
  hidden: new Set(), // statuses
  ranges: new Map(), // axis to [low, high]
  hovered: null,
  kept: new Set(),
  open: new Set(),
};

const views = [];
let asked = false;

// Draws everything anew, once a frame.
function redraw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    visible = null;
    views.forEach((view) => view.draw());
  });
}

// Draws only what shows which row is meant.
function hover(index) {
  if (state.hovered === index) return;
  state.hovered = index;
  views.forEach((view) => view.highlight?.());
}

function keep(index) {
  if (!state.kept.delete(index)) state.kept.add(index);
  redraw();
}

const focused = (row) => row.index === state.hovered || state.kept.has(row.index);
const anyFocus = () => state.hovered !== null || state.kept.size > 0;

const average = (row, metric) => row.averages[metric] ?? null;
const mean = (row, metric) => average(row, metric)?.[0] ?? null;

// Value of a row on an axis: a key by its position, or a metric.
const axes = () => [
  ...keys.map((key, position) => ({
    name: key.name, short: key.short, numeric: key.numeric, of: (row) => row.values[position],
  })),
  ...state.columns.map((metric) => ({
    name: metrics[metric].name,
    short: metrics[metric].name + (arrow[metrics[metric].goal] ?? ""),
    numeric: true,
    falls: metrics[metric].goal === "min",
    of: (row) => mean(row, metric),
  })),
];

function compareValues(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "number" || typeof b === "number") return typeof a === "number" ? -1 : 1;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

function number(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1000 && size < 1e6) return value.toFixed(0);
  if (size >= 1e-4 && size < 1e6) return String(Number(value.toPrecision(4)));
  return value.toExponential(2);
}

// Decimals that show two digits of a usual deviation.
function decimalsOf(averages) {
  const stds = averages.map((each) => each?.[1]).filter((std) => std > 0).sort((a, b) => a - b);
  if (!stds.length) return null;
  const usual = stds[(stds.length - 1) >> 1];
  return Math.min(6, Math.max(0, 1 - Math.floor(Math.log10(usual))));
}

function plusMinus(found, decimals) {
  if (!found) return "–";
  const [middle, std] = found;
  if (middle === null) return "not finite";
  const text = (value) => (decimals === null ? number(value) : value.toFixed(decimals));
  return text(middle) + (std === null ? "" : ` ± ${text(std)}`);
}

// Rows with the best mean; none if nobody knows what is better.
function bestOf(list, metric) {
  const goal = metrics[metric].goal;
  const means = list.map((row) => mean(row, metric)).filter((value) => value !== null);
  if (!goal || means.length < 2) return new Set();
  const target = goal === "min" ? Math.min(...means) : Math.max(...means);
  return new Set(list.filter((row) => mean(row, metric) === target).map((row) => row.index));
}
