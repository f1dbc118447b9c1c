// The configs of two runs side by side.

const pair = { left: null, right: null, same: false };

// The first two rows in focus, else the first two of the table.
function proposed() {
  const list = visibleRows().filter((row) => state.kept.has(row.index));
  const [a, b] = [...list, ...visibleRows().filter((row) => !list.includes(row))];
  return [a?.runs[0] ?? 0, b?.runs[0] ?? a?.runs.at(-1) ?? 0];
}

function drawDifference() {
  const [a, b] = proposed();
  const [left, right] = [pair.left ?? a, pair.right ?? b];
  const names = runs.map((run, index) => [index, run.name]);
  options($("#left"), names, left);
  options($("#right"), names, right);
  const value = ([texts, places], run) => texts[places[run]];
  const { shared, differing } = data.config;
  const lines = Object.entries(differing).map(([key, found]) => [key, value(found, left), value(found, right)]);
  if (pair.same) lines.push(...Object.entries(shared).map(([key, text]) => [key, text, text]));
  lines.sort((x, y) => (x[0] < y[0] ? -1 : 1));
  const shown = lines.filter(([, x, y]) => pair.same || x !== y);
  $("#difference thead").replaceChildren(
    h("tr", {}, h("th", {}, "key"), h("th", {}, `A  ${runs[left].name}`), h("th", {}, `B  ${runs[right].name}`)));
  $("#difference tbody").replaceChildren(
    ...shown.map(([key, x, y]) => h("tr", { class: x === y ? "" : "differs" }, h("td", {}, h("code", {}, key)), h("td", {}, x), h("td", {}, y))),
    ...(shown.length ? [] : [h("tr", {}, h("td", { colspan: 3 }, "Their configs are equal."))]));
}

for (const side of ["left", "right"]) {
  $(`#${side}`).addEventListener("change", (event) => { pair[side] = Number(event.target.value); drawDifference(); });
}
$("#same").addEventListener("change", (event) => { pair.same = event.target.checked; drawDifference(); });
$("#difference").hidden = runs.length < 2;
views.push({ draw: drawDifference });
