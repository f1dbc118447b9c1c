// One picture of many runs side by side.

const pictureNames = Object.keys(data.pictures);
const PAGE = 12;
const album = { name: pictureNames[0], most: PAGE };

// Runs with the very same picture, such as a graph, share one figure.
function figures() {
  const kept = visibleRows().filter((row) => state.kept.has(row.index));
  const found = new Map();
  for (const row of kept.length ? kept : visibleRows()) {
    for (const run of row.runs) {
      const image = data.pictures[album.name][run];
      if (image !== undefined) found.set(image, [...(found.get(image) ?? []), [row, run]]);
    }
  }
  return [...found];
}

function drawPictures() {
  $("#pictures").hidden = !pictureNames.length;
  if (!pictureNames.length) return;
  const list = figures();
  const further = list.length - album.most;
  const more = () => { album.most += 2 * PAGE; redraw(); };
  $("#pictures .album").replaceChildren(
    ...list.slice(0, album.most).map(([image, owners]) => figure(data.images[image], owners)),
    ...(further > 0 ? [h("button", { type: "button", class: "show-more", onclick: more }, `${further} more`)] : []));
  $("#pictures .note").textContent = data.picturesLeftOut
    ? `${data.picturesLeftOut} pictures were left out to keep the page small; they are in the run folders.` : "";
}

function figure(source, owners) {
  const [[row]] = owners;
  const others = new Set(owners.map(([each]) => each)).size - 1;
  const seeds = owners.filter(([each]) => each === row).map(([, run]) => runs[run].seed);
  const text = others ? `${row.label} and ${others} more` : `${row.label} · seed ${seeds.join(", ")}`;
  return h("figure", { onpointerenter: () => hover(row.index), onpointerleave: () => hover(null) },
    h("button", { type: "button", onclick: () => enlarge(source, text), "aria-label": `enlarge ${text}` },
      h("img", { src: source, alt: `${album.name} of ${text}`, loading: "lazy" })),
    h("figcaption", {}, h("i", { style: { background: colours.of.get(row.index) } }), text));
}

function enlarge(source, text) {
  const dialog = $("#large");
  $("img", dialog).src = source;
  $("p", dialog).textContent = text;
  dialog.showModal();
}

$("#large").addEventListener("click", () => $("#large").close());
$("#picture").addEventListener("change", (event) => { album.name = event.target.value; album.most = PAGE; redraw(); });
options($("#picture"), pictureNames.map((name) => [name, name]), album.name);
views.push({ draw: drawPictures });
