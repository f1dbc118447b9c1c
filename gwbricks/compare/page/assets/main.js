// The tools above the views, and the first drawing.

const counts = new Map();
runs.forEach((run) => counts.set(run.status, (counts.get(run.status) ?? 0) + 1));

function drawTools() {
  const legend = colours.legend.flatMap(([colour, text]) => [colour && h("i", { style: { background: colour } }), text]);
  $("#legend").replaceChildren(...legend.filter(Boolean));
  const all = rows.length;
  const now = visibleRows().length;
  $("#count").textContent = now === all ? "" : `${now} of ${all}`;
  $("#clear").hidden = !(state.filter || state.ranges.size || state.kept.size || state.hidden.size);
}

function drawSummary() {
  const told = [...counts].map(([status, count]) => `${count} ${status}`).join(", ");
  $("#summary").textContent = `${runs.length} runs (${told}) · ${rows.length} settings · ${data.made}`;
  $("#footer").replaceChildren(
    ...data.notes.map((note) => h("p", { class: "error" }, note)),
    h("p", {}, "mean ± standard deviation over those of the n runs that finished; the best mean is bold. Numbers of other runs are the last that they logged."));
  if (counts.size > 1) $("#statuses").replaceChildren(...[...counts].map(statusButton));
}

function statusButton([status, count]) {
  return h("button", { type: "button", class: `status ${status}`, "aria-pressed": "true", onclick: (event) => {
    if (!state.hidden.delete(status)) state.hidden.add(status);
    event.currentTarget.setAttribute("aria-pressed", !state.hidden.has(status));
    redraw();
  } }, `${count} ${status}`);
}

function clear() {
  Object.assign(state, { filter: "", kept: new Set(), ranges: new Map(), hidden: new Set() });
  $("#filter").value = "";
  $("#statuses").querySelectorAll("button").forEach((button) => button.setAttribute("aria-pressed", "true"));
  redraw();
}

function setColumns() {
  const others = metrics.filter((each) => !state.columns.includes(each.index)).map((each) => [each.index, `+ ${each.name}`]);
  const own = state.columns.map((index) => [index, `– ${metrics[index].name}`]);
  options($("#columns"), [["", "add or remove …"], ...own, ...others], "");
}

const names = [...data.shown, ...metrics.map((each) => each.index).filter((index) => !data.shown.includes(index))];
options($("#metric"), names.map((index) => [index, metrics[index].name]), state.metric);
const paints = [["row", "each row"], ...keys.map((key) => [`key:${key.name}`, key.name]), ...(state.metric === null ? [] : [["metric", "metric"]])];
state.colour = rows.length <= DISTINCT.length || state.metric === null ? "row" : "metric";
options($("#colour"), paints, state.colour);
const { goal } = metrics[state.metric] ?? {};
if (goal) state.sort = { column: `metric:${state.metric}`, ascending: goal === "min" };
setColumns();

$("#metric").addEventListener("change", (event) => {
  state.metric = Number(event.target.value);
  if (!state.columns.includes(state.metric)) state.columns.push(state.metric);
  const { name } = metrics[state.metric];
  if (name in data.curves.byName) $("#curve").value = chart.name = name;
  setColumns();
  paint();
  redraw();
});
$("#columns").addEventListener("change", (event) => {
  const index = Number(event.target.value);
  const place = state.columns.indexOf(index);
  if (place < 0) state.columns.push(index);
  else state.columns.splice(place, 1);
  setColumns();
  redraw();
});
$("#colour").addEventListener("change", (event) => { state.colour = event.target.value; paint(); redraw(); });
$("#filter").addEventListener("input", (event) => { state.filter = event.target.value; redraw(); });
$("#clear").addEventListener("click", clear);
$("#theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  paint();
  redraw();
});
addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input, select");
  if (event.key === "/" && !isTyping) {
    event.preventDefault();
    $("#filter").focus();
  } else if (event.key === "Escape" && !$("#large").open) clear();
});
addEventListener("resize", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { paint(); redraw(); });

views.push({ draw: drawTools });
drawSummary();
paint();
redraw();
