// From values to places, and the ticks of an axis.

const isLog = (values) =>
  new Set(values).size > 2 && Math.min(...values) > 0 && Math.max(...values) / Math.min(...values) >= 8;

function linear(values, from, to, logarithmic = false) {
  const f = logarithmic ? Math.log10 : (x) => x;
  let low = f(Math.min(...values));
  let high = f(Math.max(...values));
  if (!(high > low)) [low, high] = [low - 0.5, high + 0.5];
  const scale = (value) => from + ((f(value) - low) / (high - low)) * (to - from);
  scale.invert = (place) => {
    const value = low + ((place - from) / (to - from)) * (high - low);
    return logarithmic ? 10 ** value : value;
  };
  scale.ticks = (count) => (logarithmic ? logTicks(low, high, count) : ticks(low, high, count));
  return scale;
}

function ticks(low, high, count) {
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    found.push(Number((i * step).toPrecision(12)));
  }
  return found;
}

function logTicks(low, high, count) {
  const found = [];
  for (const marks of [[1], [1, 3], [1, 2, 5]]) {
    found.length = 0;
    for (let power = Math.floor(low); power <= high; power++) {
      found.push(...marks.map((m) => m * 10 ** power).filter((v) => v >= 10 ** low * 0.999 && v <= 10 ** high * 1.001));
    }
    if (found.length >= Math.min(3, count)) break;
  }
  return found.length > 2 ? found : ticks(10 ** low, 10 ** high, count);
}

// The distinct values of an axis in order, and the values of all rows that are numbers.
function domain(axis) {
  const values = rows.map(axis.of).filter((value) => value !== null);
  const distinct = [...new Set(values)].sort(compareValues);
  const numbers = values.filter((value) => typeof value === "number");
  const continuous = axis.numeric && numbers.length === values.length && numbers.length > 0;
  const logarithmic = continuous && isLog(numbers);
  const ends = axis.falls ? [1, 0] : [0, 1];
  const scale = continuous ? linear(numbers, ...ends, logarithmic) : (value) =>
    (distinct.length < 2 ? 0.5 : distinct.indexOf(value) / (distinct.length - 1));
  return { distinct, continuous, scale };
}

// Where a row lies on an axis, from 0 to 1, the better the higher; null if it has no value.
function positionOn(axis, row) {
  const value = axis.of(row);
  if (value === null) return null;
  axis.domain ??= domain(axis);
  return axis.domain.scale(value);
}
