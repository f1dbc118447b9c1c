// The table: one line a row, and on request one a run.

const body = $("#table tbody");

function heading(column, [owner, name], title, classes = "") {
  const isSorted = state.sort.column === column;
  const { ascending } = state.sort;
  const click = () => {
    state.sort = { column, ascending: isSorted ? !ascending : startsAscending(column) };
    redraw();
  };
  const order = isSorted ? (ascending ? "ascending" : "descending") : "none";
  return h("th", { class: classes, "aria-sort": order, scope: "col" },
    h("button", { type: "button", title, onclick: click, "data-column": column },
      h("small", {}, owner), h("span", {}, name)));
}

// A name in two lines: what it belongs to, and its own.
function halves(name, sign) {
  const at = sign === "." ? name.lastIndexOf(sign) : name.indexOf(sign);
  return [name.slice(0, at + 1), name.slice(at + 1)];
}

const startsAscending = (column) =>
  !column.startsWith("metric:") || metrics[Number(column.slice(7))].goal !== "max";

function drawHead() {
  const title = (key) => (key.also.length ? `${key.name}, and with it:\n${key.also.join("\n")}` : key.name);
  $("#table thead").replaceChildren(h("tr", {},
    h("th", {}),
    ...keys.map((key, i) => heading(`key:${i}`, halves(key.name, "."), title(key), "key")),
    heading("n", ["", "n"], "number of runs", "right"),
    ...state.columns.map((i) => {
      const [stage, name] = halves(metrics[i].name, "/");
      return heading(`metric:${i}`, [stage, name + (arrow[metrics[i].goal] ?? "")], metrics[i].name, "right");
    })));
}

// Where mean and deviation lie among those of the column.
function whisker(row, column) {
  const found = average(row, column.index);
  if (!found || found[0] === null || !column.place) return null;
  const [middle, std] = found;
  const [x, low, high] = [middle, middle - (std ?? 0), middle + (std ?? 0)].map(column.place);
  return svg("svg", { class: "whisker", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("line", { x1: low, x2: high, y1: 4, y2: 4, stroke: colours.of.get(row.index), "stroke-opacity": 0.45, "stroke-width": 2, "vector-effect": "non-scaling-stroke" }),
    svg("line", { x1: x, x2: x, y1: 0, y2: 8, stroke: colours.of.get(row.index), "stroke-width": 3, "vector-effect": "non-scaling-stroke" }));
}

function columnOf(index, list) {
  const found = list.map((row) => average(row, index)).filter((each) => each && each[0] !== null);
  const ends = found.flatMap(([middle, std]) => [middle - (std ?? 0), middle + (std ?? 0)]);
  return {
    index,
    best: bestOf(list, index),
    decimals: decimalsOf(list.map((row) => average(row, index))),
    place: found.length > 1 ? linear(ends, 2, 98) : null,
  };
}

function statusOf(row) {
  const counts = new Map();
  row.runs.forEach((run) => counts.set(runs[run].status, (counts.get(runs[run].status) ?? 0) + 1));
  return [...counts].filter(([status]) => status !== "finished")
    .map(([status, count]) => h("span", { class: `status ${status}` }, row.runs.length > 1 ? `${count} ${status}` : status));
}

function rowLine(row, columns) {
  const isOpen = state.open.has(row.index);
  const toggle = (event) => {
    event.stopPropagation();
    openRow(row, !isOpen);
  };
  return h("tr", { tabindex: 0, "data-row": row.index, "aria-selected": state.kept.has(row.index) },
    h("td", { class: "mark" },
      h("button", { type: "button", class: "more", onclick: toggle, tabindex: -1, "aria-label": "show runs", "aria-expanded": isOpen }, isOpen ? "▾" : "▸"),
      h("i", { style: { background: colours.of.get(row.index) } })),
    ...row.values.map((value) => h("td", { title: value }, number(value))),
    h("td", { class: "right" }, ...statusOf(row), ` ${row.runs.length}`),
    ...columns.map((column) => h("td", { class: column.best.has(row.index) ? "number best" : "number" },
      plusMinus(average(row, column.index), column.decimals), whisker(row, column))));
}

function runLine(index, columns) {
  const run = runs[index];
  const time = run.seconds === null ? "" : ` · ${duration(run.seconds)}`;
  return h("tr", { class: "run" }, h("td", {}),
    h("td", { class: "who", colspan: keys.length + 1, title: run.place },
      h("span", { class: `status ${run.status}` }, run.status), ` seed ${run.seed}${time} `, h("code", {}, run.name),
      run.error ? h("p", { class: "error" }, run.error) : null),
    ...columns.map((column) => h("td", { class: run.status === "finished" ? "number" : "number so-far", title: run.status === "finished" ? "" : "so far" },
      number(run.numbers[column.index] ?? null))));
}

const duration = (seconds) =>
  seconds < 90 ? `${Math.round(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;

function openRow(row, isOpen) {
  if (isOpen) state.open.add(row.index);
  else state.open.delete(row.index);
  redraw();
}

function drawTable() {
  const focus = document.activeElement?.dataset?.row;
  const columns = state.columns.map((index) => columnOf(index, visibleRows()));
  drawHead();
  body.replaceChildren(...visibleRows().flatMap((row) => [
    rowLine(row, columns),
    ...(state.open.has(row.index) ? row.runs.map((run) => runLine(run, columns)) : []),
  ]));
  if (focus !== undefined) $(`tr[data-row="${focus}"]`, body)?.focus();
  highlightTable();
}

function highlightTable() {
  for (const line of body.children) {
    line.classList.toggle("hovered", line.dataset.row === String(state.hovered));
  }
}

const rowAt = (event) => rows[event.target.closest("tr[data-row]")?.dataset.row];

body.addEventListener("click", (event) => {
  if (rowAt(event) && !getSelection().toString()) keep(rowAt(event).index);
});
body.addEventListener("pointerover", (event) => hover(rowAt(event)?.index ?? null));
body.addEventListener("pointerleave", () => hover(null));
body.addEventListener("focusin", (event) => hover(rowAt(event)?.index ?? null));
body.addEventListener("keydown", (event) => {
  const row = rowAt(event);
  if (!row) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    const lines = [...body.querySelectorAll("tr[data-row]")];
    lines[lines.indexOf(event.target.closest("tr")) + step]?.focus();
  } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") openRow(row, event.key === "ArrowRight");
  else if (event.key === "Enter" || event.key === " ") keep(row.index);
  else return;
  event.preventDefault();
});

views.push({ draw: drawTable, highlight: highlightTable });
