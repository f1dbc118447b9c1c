// Parallel coordinates: keys, then the metrics of the table. Ranges filter all views.

const wide = $("#parallel svg");
const TALL = 300;
const INNER = { top: 44, bottom: TALL - 18 };

function drawParallel() {
  const list = axes().filter((axis) => axis.name !== "run");
  $("#parallel").hidden = list.length < 2;
  const width = Math.max(wide.clientWidth, list.length * 90);
  wide.setAttribute("viewBox", `0 0 ${width} ${TALL}`);
  list.forEach((axis, i) => {
    axis.domain = domain(axis);
    axis.x = 70 + (i * (width - 140)) / Math.max(1, list.length - 1);
  });
  const place = (position) => INNER.bottom - position * (INNER.bottom - INNER.top);
  const shown = new Set(visibleRows());
  const ordered = [...rows].sort((a, b) => shown.has(a) - shown.has(b));
  wide.replaceChildren(
    svg("g", {}, ...ordered.map((row) => line(row, list, place, shown.has(row)))),
    ...list.map((axis) => drawAxis(axis, place)));
  highlightParallel();
}

function line(row, list, place, isShown) {
  const points = list.map((axis) => [axis.x, positionOn(axis, row)]);
  let path = "";
  points.forEach(([x, position], i) => {
    if (position === null) return;
    const before = points[i - 1];
    if (!before || before[1] === null) path += `M${x},${place(position)}`;
    else {
      const bend = (x - before[0]) * 0.4;
      path += `C${before[0] + bend},${place(before[1])} ${x - bend},${place(position)} ${x},${place(position)}`;
    }
  });
  return svg("path", {
    d: path, stroke: colours.of.get(row.index), class: isShown ? "run-line" : "run-line hidden-line",
    "data-row": isShown ? row.index : null,
  });
}

function drawAxis(axis, place) {
  const range = state.ranges.get(axis.name);
  const group = svg("g", { class: "axis", transform: `translate(${axis.x} 0)` },
    svg("line", { y1: INNER.top, y2: INNER.bottom }),
    svg("text", { y: 14, class: "middle name" }, svg("title", {}, axis.name), clipped(axis.short, 22)),
    ...marks(axis).map((value) => svg("text", { x: -8, y: place(axis.domain.scale(value)), class: "end halo" }, clipped(number(value), 16))),
    range ? svg("rect", { class: "range", x: -9, width: 18, y: place(range[1]), height: Math.max(2, place(range[0]) - place(range[1])) }) : null,
    svg("rect", { class: "grip", x: -14, width: 28, y: INNER.top - 8, height: INNER.bottom - INNER.top + 16 }));
  $(".grip", group).addEventListener("pointerdown", (event) => drag(event, axis));
  return group;
}

function drag(event, axis) {
  event.preventDefault();
  const box = wide.getBoundingClientRect();
  const position = (each) => {
    const y = ((each.clientY - box.top) / box.height) * TALL;
    return Math.min(1, Math.max(0, (INNER.bottom - y) / (INNER.bottom - INNER.top)));
  };
  const start = position(event);
  let moved = false;
  const move = (each) => {
    const here = position(each);
    if (Math.abs(here - start) < 0.02 && !moved) return;
    moved = true;
    state.ranges.set(axis.name, [Math.min(start, here), Math.max(start, here)]);
    redraw();
  };
  const stop = () => {
    removeEventListener("pointermove", move);
    removeEventListener("pointerup", stop);
    if (!moved && state.ranges.delete(axis.name)) redraw();
  };
  addEventListener("pointermove", move);
  addEventListener("pointerup", stop);
}

function highlightParallel() {
  for (const path of wide.querySelectorAll("path[data-row]")) markFocus(path);
}

wide.addEventListener("click", (event) => {
  const row = event.target.closest("path[data-row]")?.dataset.row;
  if (row !== undefined) keep(Number(row));
});
views.push({ draw: drawParallel, highlight: highlightParallel });
