// The chosen metric against each key that differs.

const BOX = { width: 0, height: 0, left: 52, right: 14, top: 12, bottom: 46 };

function drawKeys() {
  const metric = metrics[state.metric];
  $("#keys").hidden = !metric || !keys.length;
  if ($("#keys").hidden) return;
  $("#keys h2").textContent = `${metric.name}${arrow[metric.goal] ?? ""} against each key`;
  const shown = visibleRows().filter((row) => mean(row, state.metric) !== null);
  const plots = axes().slice(0, keys.length).filter((axis) => axis.name !== "run");
  fitBox(plots.length);
  $("#keys .plots").replaceChildren(...plots.map((axis) => drawPlot(axis, shown)));
  highlightKeys();
}

// Few plots are higher, so that they fill the room beside the curves.
function fitBox(count) {
  const columns = Math.min(2, count);
  BOX.width = $("#keys .plots").clientWidth / columns - 10;
  BOX.height = Math.max(180, 370 / Math.ceil(count / columns));
  $("#keys .plots").style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
}

function drawPlot(axis, shown) {
  const picture = svg("svg", { viewBox: `0 0 ${BOX.width} ${BOX.height}`, role: "img", "aria-label": axis.name });
  axis.domain = domain(axis);
  const pad = 16;
  const x = (position) => BOX.left + pad + position * (BOX.width - BOX.left - BOX.right - 2 * pad);
  const ends = shown.flatMap((row) => {
    const [middle, std] = average(row, state.metric);
    return [middle - (std ?? 0), middle + (std ?? 0)];
  });
  if (!ends.length) return picture;
  const y = linear(ends, BOX.height - BOX.bottom, BOX.top);
  for (const tick of y.ticks(5)) {
    picture.append(
      svg("line", { class: "grid", x1: BOX.left, x2: BOX.width - BOX.right, y1: y(tick), y2: y(tick) }),
      svg("text", { x: BOX.left - 8, y: y(tick), class: "end" }, number(tick)));
  }
  for (const value of marks(axis)) {
    picture.append(svg("text", { x: x(axis.domain.scale(value)), y: BOX.height - BOX.bottom + 18, class: "middle" }, clipped(number(value), 14)));
  }
  picture.append(svg("text", { x: BOX.width / 2 + 16, y: BOX.height - 12, class: "middle name" }, axis.name));
  const trend = averagesAt(axis, shown).map(([value, average]) => `${x(axis.domain.scale(value))},${y(average)}`);
  if (trend.length > 1) picture.append(svg("polyline", { class: "trend", points: trend.join(" ") }));
  shown.forEach((row) => picture.append(dot(row, x(positionOn(axis, row)), y)));
  return picture;
}

// Values to write on an axis: all of a few, else round ones.
function marks(axis) {
  const { distinct, continuous, scale } = axis.domain;
  if (distinct.length <= 6) return distinct.filter((value, i) => i === 0 || i === distinct.length - 1
    || Math.abs(scale(value) - scale(distinct[i - 1])) > 0.1);
  return continuous ? scale.ticks(4) : distinct.filter((_, i) => i % Math.ceil(distinct.length / 6) === 0);
}

const clipped = (text, size) => (text.length > size ? `${text.slice(0, size - 1)}…` : text);

function averagesAt(axis, shown) {
  const groups = new Map();
  for (const row of shown) {
    const value = axis.of(row);
    groups.set(value, [...(groups.get(value) ?? []), mean(row, state.metric)]);
  }
  return [...groups].sort((a, b) => compareValues(a[0], b[0]))
    .map(([value, means]) => [value, means.reduce((a, b) => a + b) / means.length]);
}

function dot(row, x, y) {
  const [middle, std] = average(row, state.metric);
  const colour = colours.of.get(row.index);
  return svg("g", { "data-row": row.index, class: "dot" },
    std === null ? null : svg("line", { x1: x, x2: x, y1: y(middle - std), y2: y(middle + std), stroke: colour }),
    svg("circle", { cx: x, cy: y(middle), r: 5, fill: colour }));
}

function highlightKeys() {
  for (const group of $("#keys").querySelectorAll("g.dot")) markFocus(group);
}

function markFocus(element) {
  const row = rows[element.dataset.row];
  element.classList.toggle("front", focused(row));
  element.classList.toggle("back", anyFocus() && !focused(row));
}

function tellRow(event) {
  const row = rows[event.target.closest("[data-row]")?.dataset.row];
  hover(row?.index ?? null);
  if (!row) return hideTip();
  showTip(event, row.label, ...state.columns.slice(0, 4).map((index) => {
    const decimals = decimalsOf(rows.map((each) => average(each, index)));
    return `${metrics[index].name} ${plusMinus(average(row, index), decimals)}`;
  }));
}

for (const place of ["#keys", "#parallel"]) {
  $(place).addEventListener("pointermove", (event) => event.buttons || tellRow(event));
  $(place).addEventListener("pointerleave", () => { hover(null); hideTip(); });
}
$("#keys").addEventListener("click", (event) => {
  const row = event.target.closest("[data-row]")?.dataset.row;
  if (row !== undefined) keep(Number(row));
});
views.push({ draw: drawKeys, highlight: highlightKeys });
