import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn, Tensor

from gwbricks.bricks import (
    BrickCollection,
    BrickTrainable,
    export_bricks_as_onnx,
    export_bricks_as_program,
    Stage,
)
from gwbricks.data import Group, Layout
from gwbricks.domains import IdentityDomain, LinearDomain
from gwbricks.errors import ConfigError, ExportError
from gwbricks.workspace import (
    gw_bricks,
    GWDecoder,
    GWEncoder,
    SharedSelection,
    Workspace,
    WorkspaceDomain,
)

DATA, LATENT, DIM = {"i": 4, "t": 3, "v": 5}, 4, 6
RUN_ALONE = """
import sys
import numpy, onnxruntime
inputs = dict(numpy.load(sys.argv[2]))
session = onnxruntime.InferenceSession(sys.argv[1])
names = [output.name for output in session.get_outputs()]
assert [i.name for i in session.get_inputs()] == ["v"] and names == ["t/raw"]
for rows, v in inputs.items():
    (found,) = session.run(names, {"v": v})
    numpy.save(sys.argv[3] + rows, found)
assert not [name for name in sys.modules if name.startswith(("gwbricks", "torch"))]
"""


def workspace() -> BrickCollection:
    torch.manual_seed(0)
    domains = {}
    for name in DATA:
        module = IdentityDomain(4) if name == "i" else LinearDomain(DATA[name], LATENT)
        encoder = GWEncoder(LATENT, 7, DIM, 1)
        domains[name] = WorkspaceDomain(module, encoder, GWDecoder(DIM, 7, LATENT, 1))
    return BrickCollection({"gw": gw_bricks(domains, Workspace(SharedSelection()))})


def draw(rows: int, *names: str) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(rows)
    return {n: torch.randn(rows, DATA[n], generator=generator) for n in names}


@torch.no_grad()
def v_to_t(collection: BrickCollection, v: Tensor) -> Tensor:
    """The route written out: no plan, no fusion, no graph."""
    bricks = collection.flat().items()
    module: dict[str, Any] = {p: b.model for p, b in bricks if hasattr(b, "model")}
    state = module["gw.v.encode"](module["gw.v.latent"].encode(v)).tanh()
    return module["gw.t.latent"].decode(module["gw.t.decode"](state))


@pytest.fixture(scope="module")
def route(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("route") / "v-to-t.onnx"
    export_bricks_as_onnx(workspace(), draw(4, "v"), path, outputs=["t/raw"])
    return path


@pytest.mark.slow
def test_route_runs_without_gwbricks_and_matches_for_any_number_of_rows(
    route: Path, tmp_path: Path
) -> None:
    batches = {str(rows): draw(rows, "v")["v"] for rows in (1, 7, 256)}
    arrays: dict[str, Any] = {rows: v.numpy() for rows, v in batches.items()}
    np.savez(tmp_path / "v.npz", **arrays)
    args = [str(route), str(tmp_path / "v.npz"), f"{tmp_path}/t"]
    subprocess.run([sys.executable, "-c", RUN_ALONE, *args], check=True, cwd=tmp_path)
    for rows, v in batches.items():
        found = torch.from_numpy(np.load(tmp_path / f"t{rows}.npy"))
        expected = v_to_t(workspace(), v)
        assert found.shape == (int(rows), 3)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_route_is_one_file_with_the_names_and_the_weights_of_the_graph(
    route: Path,
) -> None:
    assert [file.name for file in route.parent.iterdir()] == ["v-to-t.onnx"]
    onnx.checker.check_model(route, full_check=True)
    session = onnxruntime.InferenceSession(route)
    assert [(i.name, i.shape) for i in session.get_inputs()] == [("v", ["batch", 5])]
    assert [(o.name, o.shape) for o in session.get_outputs()] == [
        ("t/raw", ["batch", 3])
    ]
    weights = {i.name for i in onnx.load(route).graph.initializer}
    bricks = {n.partition(".model")[0] for n in weights if n.endswith("weight")}
    assert bricks == {
        f"bricks.gw.{brick}"
        for brick in ("v.latent", "v.encode", "t.decode", "t.latent")
    }


@pytest.mark.parametrize(
    ("rows", "inputs", "outputs"),
    [
        pytest.param(1, ["v"], ["t/raw"], id="route"),
        pytest.param(
            4,
            ["i", "v"],
            ["t/raw", "state", "v/cycled"],
            id="two-sources",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            4,
            ["i"],
            ["i/latent", "i/raw", "i/broadcast"],
            id="same-tensors",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *(4, ["i", "t", "v"], ["state", "t/cycled"]),
            id="no-domain-is-absent",
            marks=pytest.mark.slow,
        ),
        pytest.param(4, ["v"], None, id="everything", marks=pytest.mark.slow),
        pytest.param(1, ["v"], None, id="everything-of-a-row", marks=pytest.mark.slow),
    ],
)
def test_program_matches_inference_for_any_number_of_rows(
    tmp_path: Path, rows: int, inputs: list[str], outputs: list[str] | None
) -> None:
    collection, path = workspace(), tmp_path / "part.pt2"
    report = export_bricks_as_program(
        collection, draw(rows, *inputs), path, outputs=outputs
    )
    assert report.difference == 0
    assert report.inputs == {name: ("batch", DATA[name]) for name in inputs}
    program = torch.export.load(path).module()
    for count in (1, 7, 256):
        batch = draw(count, *reversed(inputs))
        expected = collection(batch, Stage.INFERENCE, outputs=outputs)
        found = program(batch)
        assert list(found) == list(report.outputs)
        for name, value in found.items():
            torch.testing.assert_close(value, expected[name])


def test_program_holds_only_the_weights_that_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "part.pt2"
    export_bricks_as_program(workspace(), draw(3, "v"), path, outputs=["v/latent"])
    assert sorted(torch.export.load(path).state_dict) == [
        "bricks.gw.v.latent.model.encoder.bias",
        "bricks.gw.v.latent.model.encoder.weight",
    ]


@pytest.mark.slow
def test_what_a_brick_writes_can_be_given_instead(tmp_path: Path) -> None:
    collection, path = workspace(), tmp_path / "part.pt2"
    v = draw(4, "v")["v"]
    latent = collection({"v": v}, Stage.INFERENCE, outputs=["v/latent"])["v/latent"]
    layout = Layout((Group(("v",), 4),))
    given = {"v/latent": latent, "layout": layout}
    report = export_bricks_as_program(collection, given, path, outputs=["t/raw"])
    assert report.inputs == {"v/latent": ("batch", LATENT)}
    found = torch.export.load(path).module()({"v/latent": latent})
    torch.testing.assert_close(found["t/raw"], v_to_t(collection, v))


def test_a_fixed_number_of_rows_can_be_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "part.pt2"
    report = export_bricks_as_program(
        workspace(), draw(3, "v"), path, dynamic_batch_size=False, outputs=["t/raw"]
    )
    assert (report.inputs, report.outputs) == ({"v": (3, 5)}, {"t/raw": (3, 3)})


def test_modes_and_gradients_of_the_graph_stay_as_they_were(tmp_path: Path) -> None:
    collection = workspace()
    modes = {name: m.training for name, m in collection.named_modules()}
    assert set(modes.values()) == {False, True}
    export_bricks_as_program(
        collection, draw(3, "v"), tmp_path / "x.pt2", outputs=["t/raw"]
    )
    assert {name: m.training for name, m in collection.named_modules()} == modes
    assert torch.is_grad_enabled()
    values = collection.run(draw(2, "v"), Stage.TRAIN, outputs=["v/encoding"])
    assert values["v/encoding"].requires_grad


class BuiltIn(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(0).expand(int(x.shape[0]), -1)


class Unknown(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.eigvals(x[:, :1, None] @ x[:, None, :1]).real


def test_python_that_depends_on_the_number_of_rows_is_an_error(tmp_path: Path) -> None:
    collection = BrickCollection({"mean": BrickTrainable(BuiltIn(), ["x"], ["y"])})
    message = r"cannot trace the bricks.*Fix: no Python that depends on values or the"
    with pytest.raises(ExportError, match=message):
        export_bricks_as_program(
            collection, {"x": torch.ones(3, 2)}, tmp_path / "x.pt2"
        )
    report = export_bricks_as_program(
        collection, {"x": torch.ones(3, 2)}, tmp_path / "x.pt2", False
    )
    assert report.outputs == {"y": (3, 2)}


@pytest.mark.slow
def test_what_onnx_cannot_express_is_an_error_that_leaves_no_file(
    tmp_path: Path,
) -> None:
    collection = BrickCollection({"eig": BrickTrainable(Unknown(), ["x"], ["y"])})
    batch = {"x": torch.ones(3, 2)}
    with pytest.raises(ExportError, match=r"ONNX cannot express the bricks: .*\.pt2"):
        export_bricks_as_onnx(collection, batch, tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_without_the_extra_the_error_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    message = rf"{package} is not installed\. Fix: pip install 'gwbricks\[export\]'"
    with pytest.raises(ConfigError, match=message):
        export_bricks_as_onnx(
            workspace(), draw(3, "v"), tmp_path / "x.onnx", outputs=["t/raw"]
        )


Export = Callable[..., object]


@pytest.mark.parametrize(
    "export", [export_bricks_as_onnx, export_bricks_as_program], ids=["onnx", "pt2"]
)
@pytest.mark.parametrize(
    ("parts", "message"),
    [
        pytest.param(
            ["nowhere", "x"], "cannot be written: No such file or dir", id="no-folder"
        ),
        pytest.param([], "cannot be written: it is a folder", id="folder"),
        pytest.param(
            ["file", "x"], "cannot be written: Not a dir", id="file-as-folder"
        ),
    ],
)
def test_file_that_cannot_be_written_is_an_error(
    tmp_path: Path, export: Export, parts: Sequence[str], message: str
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=message):
        export(workspace(), draw(3, "v"), tmp_path.joinpath(*parts), outputs=["t/raw"])
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
