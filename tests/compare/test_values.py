from gwbricks.compare.values import label, short_names


def test_short_names_stay_apart() -> None:
    assert short_names(["a.x", "b.x", "x"]) == {"a.x": "a.x", "b.x": "b.x", "x": "x"}


def test_label_is_short() -> None:
    values = {"optimizer.lr": 1e-3, "scheduler": "a.b.OneCycle", "loss.cycles": None}
    assert label(values) == "lr=0.001, scheduler=OneCycle, cycles=null"
