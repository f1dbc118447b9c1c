from gwbricks.bricks.drawing.condense import condense, MOST_ARROWS, tuck_in
from gwbricks.bricks.drawing.picture import Arrow, Node

DATA = Node(".x", "data")


def arrows(*pairs: str) -> list[Arrow]:
    """Returns arrows such as `"a-b"`, that carry what they start at."""
    ends = [pair.split("-") for pair in pairs]
    return [Arrow(source, target, (source,)) for source, target in ends]


def pairs(found: list[Arrow]) -> list[str]:
    return [f"{arrow.source}-{arrow.target}" for arrow in found]


def test_name_with_many_readers_is_written_into_the_nodes() -> None:
    readers = [Node(f"r{index}", "brick") for index in range(MOST_ARROWS + 1)]
    links = arrows(*(f"a-{node.path}" for node in readers))
    nodes, kept = tuck_in([Node("a", "brick"), *readers], links)
    assert kept == []
    assert nodes[0].writes == ("a",)
    assert all(node.reads == ("a",) for node in nodes[1:])


def test_name_with_few_readers_stays_on_its_arrows() -> None:
    readers = [Node(f"r{index}", "brick") for index in range(MOST_ARROWS)]
    links = arrows(*(f"a-{node.path}" for node in readers))
    assert tuck_in([Node("a", "brick"), *readers], links)[1] == links


def test_dead_bricks_are_left_out() -> None:
    nodes = [DATA, Node("a", "loss"), Node("b", "brick", is_dead=True)]
    links = [*arrows(".x-a"), Arrow("a", "b", ("a",), is_dead=True)]
    shown, kept = condense(nodes, links)
    assert [node.path for node in shown] == [".x", "a"]
    assert pairs(kept) == [".x-a"]


def test_brick_that_only_hands_on_is_left_out_and_its_names_stay() -> None:
    nodes = [DATA, Node("a", "brick", trained=1), Node("b", "brick"), Node("c", "loss")]
    shown, kept = condense(nodes, arrows(".x-a", "a-b", "b-c"))
    assert [node.path for node in shown] == [".x", "a", "c"]
    assert kept[1] == Arrow("a", "c", ("b",))


def test_brick_between_data_and_the_graph_stays() -> None:
    nodes = [DATA, Node("a", "brick"), Node("b", "loss")]
    assert len(condense(nodes, arrows(".x-a", "a-b"))[0]) == 3


def test_brick_that_writes_a_result_stays() -> None:
    nodes = [DATA, Node("a", "brick", trained=1), Node("b", "brick", unread=("y",))]
    assert len(condense(nodes, arrows(".x-a", "a-b"))[0]) == 3


def test_what_nothing_reads_is_left_out_with_its_data() -> None:
    nodes = [DATA, Node("a", "brick"), Node("b", "loss")]
    shown, kept = condense(nodes, arrows(".x-a"))
    assert ([node.path for node in shown], kept) == (["b"], [])


def test_arrow_that_a_longer_way_replaces_is_left_out() -> None:
    nodes = [DATA, *(Node(path, "brick", trained=1) for path in "abc")]
    links = arrows(".x-a", "a-b", "b-c", "a-c", ".x-c")
    assert pairs(condense(nodes, links)[1]) == [".x-a", "a-b", "b-c"]
