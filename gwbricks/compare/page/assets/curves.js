// Learning curves on a canvas: one a row, with its deviation, or one a run.

const sheet = $("#curves canvas");
const curveNames = Object.keys(data.curves.byName);
const chart = { name: null, smooth: 0, logarithmic: false, each: false, lines: [], x: null, y: null };
const EDGE = { left: 58, right: 12, top: 10, bottom: 34 };
const MOST_BANDS = 10;
const MOST_NAMES = 8;

// Opens on what the table is ordered by, or on the loss.
chart.name = [metrics[state.metric]?.name, "val/loss", "train/loss", curveNames[0]]
  .find((name) => name in data.curves.byName);

function smoothed(values) {
  if (!chart.smooth) return values;
  let [total, weight] = [0, 0];
  return values.map((value) => {
    if (value === null) return null;
    total = chart.smooth * total + (1 - chart.smooth) * value;
    weight = chart.smooth * weight + (1 - chart.smooth);
    return total / weight;
  });
}

function at(steps, values, step) {
  let [low, high] = [0, steps.length - 1];
  if (step < steps[0] || step > steps[high]) return null;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (steps[middle] <= step) low = middle;
    else high = middle;
  }
  const [a, b] = [values[low], values[high]];
  if (a === null || b === null || steps[high] === steps[low]) return a ?? b;
  return a + ((step - steps[low]) / (steps[high] - steps[low])) * (b - a);
}

function linesOf(row) {
  const found = data.curves.byName[chart.name] ?? {};
  const own = row.runs.filter((run) => run in found).map((run) => ({
    row, run, steps: data.curves.steps[found[run][0]], values: smoothed(found[run][1]), low: null, high: null,
  }));
  if (chart.each || own.length < 2) return own;
  const [longest] = [...own].sort((a, b) => b.steps.at(-1) - a.steps.at(-1) || b.steps.length - a.steps.length);
  const points = longest.steps.map((step) => spread(own.map((line) => at(line.steps, line.values, step))));
  return [{
    row, run: null, steps: longest.steps,
    values: points.map((p) => p[0]), low: points.map((p) => p[1]), high: points.map((p) => p[2]),
  }];
}

function spread(values) {
  const known = values.filter((value) => value !== null);
  if (!known.length) return [null, null, null];
  const middle = known.reduce((a, b) => a + b) / known.length;
  const squares = known.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  const std = known.length > 1 ? Math.sqrt(squares / (known.length - 1)) : 0;
  return [middle, middle - std, middle + std];
}

function drawCurves() {
  chart.lines = visibleRows().flatMap(linesOf);
  const fits = (value) => value !== null && (!chart.logarithmic || value > 0);
  const values = chart.lines.flatMap((line) => line.values).filter(fits);
  const steps = chart.lines.flatMap((line) => [line.steps[0], line.steps.at(-1)]);
  const { clientWidth: width, clientHeight: height } = sheet;
  chart.x = steps.length ? linear(steps, EDGE.left, width - EDGE.right) : null;
  chart.y = values.length ? linear(robust(values), height - EDGE.bottom, EDGE.top, chart.logarithmic) : null;
  const left = data.curves.leftOut;
  $("#curves .note").textContent = !chart.lines.length ? "No run has logged this."
    : left ? `${left} further curves were left out to keep the page small; --metric NAME brings one in.` : "";
  drawNames();
  highlightCurves();
}

// Says whose curves they are, where that is not too much to say.
function drawNames() {
  const shown = [...new Set(chart.lines.map((line) => line.row))];
  const kept = shown.filter((row) => state.kept.has(row.index));
  const told = kept.length ? kept : shown;
  $("#curves .names").replaceChildren(...(told.length > MOST_NAMES ? [] : told).map((row) =>
    h("span", { onpointerenter: () => hover(row.index), onpointerleave: () => hover(null) },
      h("i", { style: { background: colours.of.get(row.index) } }), row.label)));
}

// Without the steepest start: from the lowest to what 99 in 100 points stay below.
function robust(values) {
  const order = [...values].sort((a, b) => a - b);
  const [low, high] = [0.01, 0.99].map((share) => order[Math.round(share * (order.length - 1))]);
  const inner = (high - low) * 0.25;
  return [Math.max(order[0], low - inner), Math.min(order.at(-1), high + inner)];
}

function highlightCurves() {
  const { clientWidth: width, clientHeight: height } = sheet;
  const ratio = devicePixelRatio || 1;
  [sheet.width, sheet.height] = [width * ratio, height * ratio];
  const pen = sheet.getContext("2d");
  pen.scale(ratio, ratio);
  if (!chart.x || !chart.y) return;
  frame(pen, width, height);
  pen.save();
  pen.beginPath();
  pen.rect(EDGE.left, EDGE.top - 2, width - EDGE.left - EDGE.right + 2, height - EDGE.top - EDGE.bottom + 4);
  pen.clip();
  const front = chart.lines.filter((line) => focused(line.row));
  const few = new Set(chart.lines.map((line) => line.row)).size <= MOST_BANDS;
  const back = chart.lines.filter((line) => !focused(line.row));
  pen.lineJoin = "round";
  back.forEach((line) => stroke(pen, line, anyFocus() ? 0.22 : 0.85, 1.4, few && !anyFocus()));
  front.forEach((line) => stroke(pen, line, 1, 2.4, true));
  pen.restore();
}

function frame(pen, width, height) {
  pen.font = `12px ${css("--font")}`;
  pen.strokeStyle = css("--line");
  pen.fillStyle = css("--muted");
  pen.lineWidth = 1;
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  for (const tick of chart.y.ticks(6)) {
    const y = Math.round(chart.y(tick)) + 0.5;
    rule(pen, EDGE.left, y, width - EDGE.right, y);
    pen.fillText(number(tick), EDGE.left - 8, y);
  }
  pen.textAlign = "center";
  for (const tick of chart.x.ticks(8)) pen.fillText(number(tick), chart.x(tick), height - EDGE.bottom + 14);
  pen.textAlign = "right";
  pen.fillText("step", width - EDGE.right, height - 6);
}

function rule(pen, x1, y1, x2, y2) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}

function stroke(pen, line, alpha, width, withBand) {
  const colour = solid(line.row);
  if (withBand && line.low) {
    pen.globalAlpha = 0.15;
    pen.fillStyle = colour;
    pen.beginPath();
    trace(pen, line.steps, line.high, false);
    trace(pen, [...line.steps].reverse(), [...line.low].reverse(), true);
    pen.fill();
  }
  pen.globalAlpha = alpha;
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.beginPath();
  trace(pen, line.steps, line.values, false);
  pen.stroke();
  pen.globalAlpha = 1;
}

function trace(pen, steps, values, goesOn) {
  let isDown = goesOn;
  values.forEach((value, i) => {
    if (value === null || (chart.logarithmic && value <= 0)) isDown = goesOn;
    else {
      pen[isDown ? "lineTo" : "moveTo"](chart.x(steps[i]), chart.y(value));
      isDown = true;
    }
  });
}

sheet.addEventListener("pointermove", (event) => {
  if (!chart.x || !chart.y) return;
  const step = chart.x.invert(event.offsetX);
  let [nearest, least] = [null, 24];
  for (const line of chart.lines) {
    const value = at(line.steps, line.values, step);
    const away = value === null ? Infinity : Math.abs(chart.y(value) - event.offsetY);
    if (away < least) [nearest, least] = [line, away];
  }
  hover(nearest?.row.index ?? null);
  if (!nearest) return hideTip();
  const value = number(at(nearest.steps, nearest.values, step));
  const who = nearest.run === null ? `mean of ${nearest.row.runs.length}` : `seed ${runs[nearest.run].seed}`;
  showTip(event, nearest.row.label, `${chart.name} ${value}`, `step ${Math.round(step)}, ${who}`);
});
sheet.addEventListener("pointerleave", () => { hover(null); hideTip(); });
sheet.addEventListener("click", () => state.hovered !== null && keep(state.hovered));

$("#curve").addEventListener("change", (event) => { chart.name = event.target.value; redraw(); });
$("#smooth").addEventListener("input", (event) => { chart.smooth = Number(event.target.value); redraw(); });
$("#logarithmic").addEventListener("change", (event) => { chart.logarithmic = event.target.checked; redraw(); });
$("#each").addEventListener("change", (event) => { chart.each = event.target.checked; redraw(); });

options($("#curve"), curveNames.map((name) => [name, name]), chart.name);
$("#curves").hidden = !curveNames.length;
views.push({ draw: drawCurves, highlight: highlightCurves });
