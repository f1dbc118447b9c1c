"""A picture of a graph as mermaid text."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from gwbricks.bricks.drawing.condense import condense, tuck_in
from gwbricks.bricks.drawing.picture import Arrow, DATA, Node, Picture
from gwbricks.errors import UnknownNameError

DETAILS = ("full", "overview", "names")
SHAPES = {  # told apart without colours too
    "data": "cyl",
    "trained": "rounded",
    "frozen": "fr-rect",
    "brick": "rect",
    "loss": "hex",
    "metrics": "trap-b",
}
STYLES = {
    "data": "fill:#ececec,stroke:#555555,color:#111111",
    "trained": "fill:#ffe0b8,stroke:#d55e00,stroke-width:3px,color:#111111",
    "frozen": "fill:#d6e9f8,stroke:#0072b2,stroke-width:1.5px,color:#111111",
    "brick": "fill:#ffffff,stroke:#777777,color:#111111",
    "loss": "fill:#f9d5e5,stroke:#a3195b,stroke-width:2px,color:#111111",
    "metrics": "fill:#d9f0e3,stroke:#00795c,stroke-width:1.5px,color:#111111",
    "shared": "stroke-dasharray:6 4",
    "dead": "fill:#fafafa,stroke:#cccccc,stroke-width:1px,color:#a0a0a0",
    "nest": "fill:#f7f7f4,stroke:#b5b5ac,color:#444444",
    "legend": "fill:#ffffff,stroke:#dddddd,color:#777777",
}
DEAD_ARROW = "stroke:#cccccc"
EXPLAINED = {
    "data": "data",
    "trained": "trained weights",
    "frozen": "frozen weights",
    "brick": "no weights",
    "loss": "loss",
    "metrics": "metrics",
    "shared": "= weights of another brick",
    "dead": "not run in this stage",
}
HEAD = """\
---
config:
  layout: dagre
  look: classic
  theme: base
  themeVariables:
    edgeLabelBackground: "#ffffff"
    lineColor: "#555555"
  flowchart:
    nodeSpacing: 30
    rankSpacing: 35
    wrappingWidth: 400
---
flowchart LR"""


def draw(
    picture: Picture,
    shapes: Mapping[str, str] | None = None,
    detail: str = "full",
    legend: bool = True,
) -> str:
    """Returns a flowchart in mermaid's language.

    Nests are subgraphs. Arrows carry names, with shapes if given: that of a brick's
    only output the first time, those of several outputs each time. Data and outputs
    that nobody reads, or more than six bricks, have their names in the nodes.

    Args:
        picture: What to draw.
        shapes: Shapes by name, such as `{"v/latent": "128x32"}`.
        detail: `full`, `overview` (see `condense`), or `names`: an overview from top to
            bottom with nothing but names, which fits a terminal.
        legend: Whether shapes and colours are explained.

    Raises:
        UnknownNameError: If `detail` is none of these.
    """
    if detail not in DETAILS:
        raise UnknownNameError("detail", detail, DETAILS)
    nodes, arrows = tuck_in(picture.nodes, picture.arrows)
    if detail != "full":
        nodes, arrows = condense(nodes, arrows)
    if detail == "names":
        return _names(nodes, arrows)
    chart = _Chart(nodes, arrows, shapes or {})
    lines = [*chart.bricks(), *chart.links()]
    if legend:
        lines += chart.legend(f"stage {picture.stage.value}")
    return "\n".join([HEAD, *(f"  {line}" for line in lines + chart.styles()), ""])


def _names(nodes: Sequence[Node], arrows: Sequence[Arrow]) -> str:
    places = {node.path: index for index, node in enumerate(nodes)}
    pairs = sorted((places[arrow.target], places[arrow.source]) for arrow in arrows)
    names = [_escape(node.path.removeprefix(DATA)) for node in nodes]
    boxes = [f'n{index}["{name}"]' for index, name in enumerate(names)]
    links = [f"n{source} --> n{target}" for target, source in pairs]
    return "\n".join(["flowchart TD", *(f"  {line}" for line in boxes + links), ""])


@dataclass(frozen=True)
class _Chart:
    nodes: Sequence[Node]
    arrows: Sequence[Arrow]
    shapes: Mapping[str, str]

    @cached_property
    def ids(self) -> dict[str, str]:
        """Mermaid's names of nodes by path, and of nests by path and a dot."""
        bricks = [node.path for node in self.nodes if node.role != "data"]
        dots = [
            (path, dot.end()) for path in bricks for dot in re.finditer(r"\.", path)
        ]
        kinds = {node.path: "data" for node in self.nodes if node.role == "data"}
        kinds |= dict.fromkeys(bricks, "brick")
        kinds |= {path[:end]: "nest" for path, end in dots}
        ids: dict[str, str] = {}
        for path, kind in kinds.items():
            name = f"{kind}_{re.sub('[^A-Za-z0-9]+', '_', path).strip('_')}"
            # `a.b` and `a_b` would have one name
            ids[path] = f"{name}_{len(ids)}" if name in ids.values() else name
        return ids

    def bricks(self) -> list[str]:
        """Returns the nodes, in their nests."""
        data = [node for node in self.nodes if node.role == "data"]
        rest = [node for node in self.nodes if node.role != "data"]
        return [*(self._node(node) for node in data), *self._nest("", rest)]

    def _nest(self, prefix: str, nodes: Sequence[Node]) -> list[str]:
        groups: dict[str, list[Node]] = {}
        for node in nodes:
            name, dot, _ = node.path.removeprefix(prefix).partition(".")
            groups.setdefault(name + dot, []).append(node)
        lines: list[str] = []
        for name, members in groups.items():
            if not name.endswith("."):
                lines.append(self._node(members[0]))
                continue
            inner = self._nest(prefix + name, members)
            title = f'{self.ids[prefix + name]} ["<b>{_escape(name[:-1])}</b>"]'
            lines += [f"subgraph {title}", *(f"  {line}" for line in inner), "end"]
        return lines

    def _node(self, node: Node) -> str:
        label = "<br/>".join(self._label(node))
        shape = SHAPES[node.kind if node.role == "brick" else node.role]
        return f'{self.ids[node.path]}@{{ shape: {shape}, label: "{label}" }}'

    def _label(self, node: Node) -> list[str]:
        if node.role == "data":
            name = self._named(node.path.removeprefix(DATA), "</b><br/>")
            return [f"<b>{name}" + ("" if "</b>" in name else "</b>")]
        lines = [f"<b>{_escape(node.path.rpartition('.')[2])}</b>"]
        if node.label:
            lines.append(("= " if node.is_shared else "") + _escape(node.label))
        if not node.is_shared:
            counts = {"trained": node.trained, "frozen": node.frozen}
            lines += [f"{count:,} {kind}" for kind, count in counts.items() if count]
        lines += [f"reads {_escape(name)}" for name in node.reads]
        ends = [*node.unread, *node.writes]
        return lines + [f"→ {self._named(name, ' ')}" for name in ends]

    def _named(self, name: str, gap: str) -> str:
        shape = self.shapes.get(name)
        return _escape(name) + (f"{gap}<i>{_escape(shape)}</i>" if shape else "")

    @cached_property
    def drawn(self) -> list[Arrow]:
        """Arrows in the order of the bricks that they lead to."""
        place = {node.path: index for index, node in enumerate(self.nodes)}
        return sorted(self.arrows, key=lambda arrow: place[arrow.target])

    def links(self) -> list[str]:
        """Returns the arrows; those of dead bricks are dimmed and carry no names."""
        lines, dead, named = [], [], set()
        for index, arrow in enumerate(self.drawn):
            only = len(self._written(arrow.source)) == 1
            is_clear = arrow.source.startswith(DATA) or (only and arrow.source in named)
            label = "<br/>".join(self._named(name, "<br/>") for name in arrow.names)
            if arrow.is_dead:
                dead.append(str(index))
            elif not is_clear:
                named.add(arrow.source)
            is_bare = arrow.is_dead or is_clear
            line = "-->" if is_bare else f'-->|"{label}"|'
            lines.append(f"{self.ids[arrow.source]} {line} {self.ids[arrow.target]}")
        return [*lines, *([f"linkStyle {','.join(dead)} {DEAD_ARROW}"] if dead else [])]

    def _written(self, source: str) -> set[str]:
        arrows = [arrow for arrow in self.arrows if arrow.source == source]
        return {name for arrow in arrows for name in arrow.names}

    def legend(self, title: str) -> list[str]:
        """Returns a box, left of the data, with one node for each kind there is."""
        used = set().union(*(_classes(node) for node in self.nodes))
        kinds = [kind for kind in EXPLAINED if kind in used]
        lines = [
            f'  legend_{kind}@{{ shape: {SHAPES.get(kind, "rect")}, label: "{text}" }}'
            for kind, text in EXPLAINED.items()
            if kind in used
        ]
        first = [self.ids[a.source] for a in self.drawn if a.source.startswith(DATA)]
        return [
            f'subgraph legend ["{title}"]',
            *lines,
            "end",
            # a link that is not drawn keeps the box left of the data
            *(f"legend_{kinds[0]} ~~~ {name}" for name in first[:1]),
            *(f"class legend_{kind} {kind}" for kind in kinds),
            *(["class legend_shared brick"] if "shared" in kinds else []),
            "class legend legend",
        ]

    def styles(self) -> list[str]:
        """Returns which styles each node has, and the styles."""
        members: dict[str, list[str]] = {}
        for node in self.nodes:
            for kind in _classes(node):
                members.setdefault(kind, []).append(self.ids[node.path])
        nests = [name for name in self.ids.values() if name.startswith("nest_")]
        members |= {"nest": nests} if nests else {}
        given = [f"class {','.join(ids)} {kind}" for kind, ids in members.items()]
        return [*given, *(f"classDef {k} {style}" for k, style in STYLES.items())]


def _classes(node: Node) -> list[str]:
    if node.is_dead:
        return ["dead"]
    return [node.kind, "shared"] if node.is_shared else [node.kind]


def _escape(text: str) -> str:
    """Writes what mermaid or HTML would read as its own as mermaid's entities."""
    text = " ".join(text.split()).replace("#", "#35;")
    entities = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "`": "96"}
    return re.sub('[&<>"`]', lambda match: f"#{entities[match[0]]};", text)
