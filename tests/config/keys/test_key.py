import pytest

from gwbricks.config.keys.key import find_nodes, Key


@pytest.mark.parametrize(
    ("path", "key", "is_match"),
    [
        pytest.param("domains.*.encoder", "domains.v.encoder", True, id="any-name"),
        pytest.param("domains.*.encoder", "domains.v.decoder", False, id="other"),
        pytest.param("domains.*.encoder", "domains.encoder", False, id="shorter"),
        pytest.param("callbacks.*", "callbacks.a.b", False, id="longer"),
        pytest.param("seed", "seed", True, id="no-star"),
    ],
)
def test_star_stands_for_one_name(path: str, key: str, is_match: bool) -> None:
    assert Key(path, "", "").matches(key) is is_match


def test_fix_names_the_key_and_its_section() -> None:
    key = Key("a.*.b", "", "", fix="give {key}, or +{section}=x")
    assert key.fix_for("a.v.b") == " Fix: give a.v.b, or +a.v=x."
    assert Key("a.*.b", "", "").fix_for("a.v.b") == ""


def test_nodes_are_found_with_their_keys_and_values_are_not() -> None:
    config = {"a": {"v": {"b": {"x": 1}}, "t": {"b": 3}, "u": None}, "b": {}}
    assert list(find_nodes(config, "a.*.b")) == [("a.v.b", {"x": 1})]
    assert list(find_nodes(config, "a.*", "b")) == [
        ("a.v", {"b": {"x": 1}}),
        ("a.t", {"b": 3}),
        ("b", {}),
    ]
    assert list(find_nodes(config, "")) == [("", config)]
