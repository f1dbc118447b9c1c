// One colour a row, safe for colour-blind eyes.

const DISTINCT = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c564b", "#7a7a7a"];
const GRADIENTS = { // viridis, without what the background swallows
  light: ["#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#9bc92f"],
  dark: ["#8a5cc4", "#6d78c9", "#4f9bcb", "#35b8b0", "#4ac16d", "#a0da39", "#fde725"],
};

const isDark = () => getComputedStyle(document.documentElement).colorScheme === "dark";

function gradient(t) {
  const stops = GRADIENTS[isDark() ? "dark" : "light"];
  const place = Math.min(0.9999, Math.max(0, t)) * (stops.length - 1);
  const [a, b] = [stops[Math.floor(place)], stops[Math.floor(place) + 1]];
  const mix = (i) => Math.round(
    parseInt(a.slice(i, i + 2), 16) * (1 - (place % 1)) + parseInt(b.slice(i, i + 2), 16) * (place % 1),
  );
  return `rgb(${mix(1)},${mix(3)},${mix(5)})`;
}

const colours = { of: new Map(), legend: [] };

// Colours rows by themselves, by a key, or by the rank of the metric.
function paint() {
  const key = keys.findIndex((each) => `key:${each.name}` === state.colour);
  const groups = key >= 0 ? rows.map((row) => row.values[key]) : rows.map((row) => row.index);
  if (state.colour === "metric") return paintRanks();
  const distinct = [...new Set(groups)].sort(compareValues);
  const even = key >= 0 && keys[key].numeric;
  const shade = (i) => !even && distinct.length <= DISTINCT.length
    ? DISTINCT[i] : gradient(distinct.length < 2 ? 0 : i / (distinct.length - 1));
  rows.forEach((row, i) => colours.of.set(row.index, shade(distinct.indexOf(groups[i]))));
  colours.legend = key >= 0 && distinct.length <= 10
    ? distinct.map((value, i) => [shade(i), number(value)]) : [];
}

function paintRanks() {
  const goal = metrics[state.metric]?.goal;
  const value = (row) => mean(row, state.metric);
  const known = rows.filter((row) => value(row) !== null).sort((a, b) => value(a) - value(b));
  if (goal === "max") known.reverse();
  rows.forEach((row) => colours.of.set(row.index, "var(--faint)"));
  known.forEach((row, i) => colours.of.set(row.index, gradient(known.length < 2 ? 0 : i / (known.length - 1))));
  const shades = [0, 0.25, 0.5, 0.75, 1].map((t) => [gradient(t), ""]);
  colours.legend = [[null, goal ? "best" : "lowest"], ...shades, [null, goal ? "worst" : "highest"]];
}

// Canvas knows no custom properties.
function solid(row) {
  const colour = colours.of.get(row.index);
  return colour.startsWith("var") ? css("--faint") : colour;
}

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
