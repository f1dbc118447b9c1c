"""The graph as mermaid text."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from gwbricks.bricks.picture import Arrow, DATA, Node, Picture

MOST_ARROWS = 6
"""A name with more readers is written into them, instead of drawn as arrows."""

import os
DIR=os.environ.get("DIR","TB"); NS=os.environ.get("NS",30); RS=os.environ.get("RS",30)
MOST_NAMES = 3
"""Most names on one arrow."""

SHAPES = {
    "data": ("[(", ")]"),
    "loss": ("{{", "}}"),
    "metrics": ("[/", "\\]"),
    "trained": ("(", ")"),
    "frozen": ("[[", "]]"),
    "function": ("[", "]"),
}
STYLES = {
    "data": "fill:#ececec,stroke:#555555,color:#111111",
    "trained": "fill:#ffe0b8,stroke:#d55e00,stroke-width:3px,color:#111111",
    "frozen": "fill:#d6e9f8,stroke:#0072b2,stroke-width:1.5px,color:#111111",
    "function": "fill:#ffffff,stroke:#777777,color:#111111",
    "loss": "fill:#f9d5e5,stroke:#a3195b,stroke-width:2px,color:#111111",
    "metrics": "fill:#d9f0e3,stroke:#00795c,stroke-width:1.5px,color:#111111",
    "shared": "stroke-dasharray:6 4",
    "dead": "fill:#fafafa,stroke:#d0d0d0,stroke-width:1px,color:#a8a8a8",
    "nest": "fill:#f7f7f4,stroke:#b5b5ac,color:#333333",
    "legend": "fill:#ffffff,stroke:#dddddd,color:#777777",
}
EXPLAINED = {
    "data": "data",
    "trained": "trained weights",
    "frozen": "frozen weights",
    "function": "no weights",
    "loss": "loss",
    "metrics": "metrics",
    "shared": "shares the weights of another brick",
    "dead": "not run in this stage",
}


def draw(
    picture: Picture,
    shapes: Mapping[str, str] | None = None,
    detail: str = "full",
) -> str:
    return _Text(picture, shapes or {}).text()


@dataclass
class _Text:
    picture: Picture
    shapes: Mapping[str, str]
    ids: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def text(self) -> str:
        nodes = self.picture.nodes()
        arrows = self.picture.arrows()
        readers: dict[str, int] = {}
        for a in arrows:
            for n in a.names:
                readers[n] = readers.get(n, 0) + 1
        self.hubs = {n for n, c in readers.items() if c > MOST_ARROWS}
        self.read = set(readers)
        self.tags: dict[str, list[str]] = {}
        for a in arrows:
            for n in a.names:
                if n in self.hubs:
                    self.tags.setdefault(a.target, []).append(n)
        self.lines = ["---","config:","  flowchart:", f"    nodeSpacing: {NS}", f"    rankSpacing: {RS}", "---", f"flowchart {DIR}"]
        for n in nodes:
            if n.role == "data":
                self.lines.append("  " + self.node(n))
        self.nest([n for n in nodes if n.role != "data"], "", 1)
        links = []
        seen = set()
        order = {n.path: i for i, n in enumerate(nodes)}
        arrows = sorted(arrows, key=lambda a: order[a.target])
        dead = []
        for a in arrows:
            names = [n for n in a.names if n not in self.hubs]
            if not names:
                continue
            if a.dead:
                dead.append(len(links))
            outs = [] if a.source.startswith(DATA) else [o for o in self.picture.bricks[a.source].output_names if o in self.read]
            if a.dead or (len(outs) == 1 and a.source in seen):
                links.append(f"  {self.id(a.source)} --> {self.id(a.target)}")
                continue
            seen.add(a.source)
            label = "<br/>".join(self.name(n) for n in names)
            links.append(f"  {self.id(a.source)} -->|\"{label}\"| {self.id(a.target)}"
                if not a.source.startswith(DATA) else f"  {self.id(a.source)} --> {self.id(a.target)}")
        self.lines += links
        self.legend()
        classes: dict[str, list[str]] = {}
        for n in nodes:
            for c in self.classes(n):
                classes.setdefault(c, []).append(self.id(n.path))
        for c, ids in classes.items():
            self.lines.append(f"  class {','.join(ids)} {c}")
        for name, style in STYLES.items():
            self.lines.append(f"  classDef {name} {style}")
        if dead:
            self.lines.append(f"  linkStyle {','.join(map(str, dead))} stroke:#d0d0d0,color:#a8a8a8")
        return "\n".join(self.lines) + "\n"

    def legend(self) -> None:
        self.lines.append('  subgraph legend [" "]')
        self.lines.append("    direction TB")
        for k, v in EXPLAINED.items():
            a, b = SHAPES.get(k, ("(", ")"))
            self.lines.append(f'    l_{k}{a}"{v}"{b}:::{k}')
        ks = list(EXPLAINED)
        for x, y in zip(ks, ks[1:]):
            pass
        self.lines.append("  end")
        self.lines.append("  class legend legend")
        for n in [m for m in self.picture.nodes() if m.role=="data"]:
            self.lines.append(f"  l_{ks[len(ks)//2]} ~~~ {self.id(n.path)}")

    def name(self, n: str) -> str:
        s = self.shapes.get(n)
        return f"{n}<br/><i>{s}</i>" if s and s != "loss" else n

    def classes(self, n: Node) -> list[str]:
        if n.dead:
            return ["dead"]
        return [self.kind(n)] + (["shared"] if n.shared else [])

    def kind(self, n: Node) -> str:
        if n.role == "data":
            return "data"
        if n.trained:
            return "trained"
        if n.frozen:
            return "frozen"
        return n.role if n.role in ("loss", "metrics") else "function"

    def node(self, n: Node) -> str:
        kind = self.kind(n)
        shape = n.role if n.role in SHAPES else kind
        a, b = SHAPES[shape]
        name = n.path.rpartition(".")[2]
        lines = [f"<b>{name}</b>"]
        if n.role == "data":
            if s := self.shapes.get(name): lines.append(f"<i>{s}</i>")
        else:
            if n.label:
                lines.append(("= " if n.shared else "") + n.label)
            if (n.trained or n.frozen) and not n.shared:
                lines.append(f"{n.trained + n.frozen:,} weights")
            for t in self.tags.get(n.path, []):
                lines.append(f"<i>+ {t}</i>")
            br = self.picture.bricks[n.path]
            for o in br.output_names:
                if o not in self.read or o in self.hubs:
                    lines.append(f"→ {self.name(o)}")
        return f'{self.id(n.path)}{a}"{"<br/>".join(lines)}"{b}'

    def nest(self, nodes: list[Node], prefix: str, depth: int) -> None:
        done = set()
        pad = "  " * depth
        for n in nodes:
            rest = n.path.removeprefix(prefix)
            head, dot, _ = rest.partition(".")
            if not dot:
                self.lines.append(pad + self.node(n))
            elif head not in done:
                done.add(head)
                p = f"{prefix}{head}."
                i = self.id("nest " + p)
                self.lines.append(f'{pad}subgraph {i} ["{head}"]')
                self.nest([m for m in nodes if m.path.startswith(p)], p, depth + 1)
                self.lines.append(f"{pad}end")
                self.lines.append(f"{pad}class {i} nest")

    def id(self, path: str) -> str:
        if path not in self.ids:
            self.ids[path] = "b_" + re.sub(r"\W", "_", path, flags=re.A)
        return self.ids[path]
