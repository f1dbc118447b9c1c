import pytest
import yaml
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException

from gwbricks.config.compose import compose
from gwbricks.config.composition_errors import explain
from gwbricks.errors import ConfigError


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        pytest.param(
            ["workspace.dimm=8"],
            "workspace.dimm: the config has no key 'workspace.dimm'. Did you mean"
            " 'dim'?",
            id="key",
        ),
        pytest.param(
            ["workspace.dim.of.it=8"],
            "workspace.dim.of.it: 'workspace.dim' is 16, so it has no keys.",
            id="key-of-a-number",
        ),
        pytest.param(
            ["experiment=digits", "domains.pixx.trainable=true"],
            "domains.pixx.trainable: the config has no key 'domains.pixx'. Did you"
            " mean 'pix'?",
            id="key-of-a-chosen-experiment",
        ),
        pytest.param(
            ["optimizer=adamm"],
            "optimizer=adamm: unknown option. Did you mean 'adam'? Known names: adam,",
            id="option",
        ),
        pytest.param(
            ["+optimiser@x=adam"],
            "optimiser: there is no such config group. Did you mean 'optimizer'?",
            id="group",
        ),
        pytest.param(
            ["routes=simple"],
            "routes: this group has a place. Fix: routes@workspace.routes=OPTION.",
            id="place",
        ),
        pytest.param(
            ["hydra/launcher=slrum"],
            "hydra/launcher=slrum: unknown option. Did you mean 'slurm'?",
            id="option-of-hydra",
        ),
        pytest.param(
            ["workspace.dim=[1"],
            "workspace.dim=[1: cannot be read: ",
            id="unreadable",
        ),
    ],
)
def test_what_cannot_be_composed_is_told_with_a_way_out(
    overrides: list[str], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        compose(overrides)
    assert str(caught.value).startswith(message)


def test_explaining_leaves_no_hydra_behind() -> None:
    before = GlobalHydra.instance().hydra
    with pytest.raises(ConfigError):
        compose(["workspace.dimm=8"])
    assert GlobalHydra.instance().hydra is before


def test_yaml_that_cannot_be_read_is_named_with_its_line() -> None:
    with pytest.raises(yaml.YAMLError) as caught:
        yaml.safe_load("a: 1\nb: [1\n")
    error = explain(caught.value, [])
    assert str(error).startswith('<unicode string>"') or "line 3: expected" in str(
        error
    )


def test_what_is_not_known_is_told_in_its_first_line() -> None:
    error = explain(HydraException("something else\n  and its details"), ["seed=1"])
    assert str(error) == "something else"
