from typing import Any

import pytest
from hypothesis import given, strategies as st
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gwbricks.config.saved import masked_overrides, plain_config, saved_config

NAMES = st.sampled_from(["token", "hf_token", "API_KEY", "passwords", "seed", "dim"])
SECRET = "hunter2"
NESTED = st.recursive(
    st.just(SECRET),
    lambda inner: st.dictionaries(NAMES, inner) | st.lists(inner),
    max_leaves=8,
)


@given(config=st.dictionaries(NAMES, NESTED))
def test_no_text_of_a_secret_key_is_saved_wherever_it_stands(config: object) -> None:
    def leaves(node: Any, key: str = "") -> list[str]:  # noqa: ANN401 - of a config
        if isinstance(node, dict):
            return [leaf for k, v in node.items() for leaf in leaves(v, k)]
        if isinstance(node, list):
            return [leaf for item in node for leaf in leaves(item)]
        return [node] if key in ("token", "hf_token", "API_KEY", "passwords") else []

    saved = saved_config(OmegaConf.create(config))  # pyright: ignore[reportArgumentType, reportCallIssue] - a dictionary
    assert set(leaves(saved)) <= {"***"}


@pytest.mark.parametrize(
    ("key", "is_secret"),
    [
        pytest.param("tokenizer", False, id="longer-word"),
        pytest.param("secretary", False, id="another-word"),
        pytest.param("api", False, id="half-of-it"),
        pytest.param("max_token_s", True, id="word-among-others"),
        pytest.param("ApiKey", True, id="without-a-line"),
    ],
)
def test_a_secret_is_told_by_a_word_of_its_key(key: str, is_secret: bool) -> None:
    expected = "***" if is_secret else "x"
    assert saved_config(OmegaConf.create({key: "x"})) == {key: expected}


def test_environment_is_used_but_not_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_A_TEST", SECRET)
    given = {"a": "${oc.env:OF_A_TEST}", "b": "x/${a}", "c": "${oc.env:OF_A_TEST,d}"}
    cfg = OmegaConf.create(given)
    assert plain_config(cfg) == {"a": SECRET, "b": f"x/{SECRET}", "c": SECRET}
    saved = {
        "a": "${oc.env:OF_A_TEST}",
        "b": "x/${oc.env:OF_A_TEST}",
        "c": "${oc.env:OF_A_TEST,d}",
    }
    assert saved_config(cfg) == saved
    assert plain_config(cfg)["a"] == SECRET


def test_environment_is_read_again_after_a_config_that_cannot_be_saved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OF_A_TEST", SECRET)
    with pytest.raises(OmegaConfBaseException):
        saved_config(OmegaConf.create({"a": "${no.such.key}"}))
    assert plain_config(OmegaConf.create({"a": "${oc.env:OF_A_TEST}"}))["a"] == SECRET


def test_saved_config_can_be_composed_into_the_same_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OF_A_TEST", "3")
    cfg = OmegaConf.create({"a": "${oc.env:OF_A_TEST}", "b": [1, None, {"c": True}]})
    assert plain_config(OmegaConf.create(saved_config(cfg))) == plain_config(cfg)


def test_overrides_keep_all_but_the_secrets() -> None:
    given = ["seed=1", "+data.api_key='x'", "tokenizer=bpe", "a={token: x, dim: 2}"]
    expected = [
        "seed=1",
        "+data.api_key=***",
        "tokenizer=bpe",
        "a={token: ***, dim: 2}",
    ]
    assert masked_overrides(given) == expected
