from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from gwbricks.compare.keys import ComparedKey, Configs
from gwbricks.compare.run import ComparedRun
from gwbricks.errors import UnknownNameError

Make = Callable[..., ComparedRun]


def distinguishing(*runs: ComparedRun) -> list[ComparedKey]:
    return Configs(runs).distinguishing()


def names(*runs: ComparedRun) -> list[str]:
    return [key.name for key in distinguishing(*runs)]


def test_only_what_differs_is_a_key(make_run: Make) -> None:
    runs = [make_run({"data": {"matched": n, "size": 9}, "seed": 0}) for n in (1, 2)]
    assert names(*runs) == ["data.matched"]


@pytest.mark.parametrize("part", ["paths", "logger", "sweep", "threads", "seed"])
def test_what_changes_nothing_is_no_key(make_run: Make, part: str) -> None:
    assert names(*(make_run({part: n}) for n in (1, 2))) == []


def test_a_file_in_the_own_folder_is_no_key(make_run: Make) -> None:
    runs = [
        make_run({"paths": {"run": f"out/{n}"}, "callback": {"dir": f"out/{n}/best"}})
        for n in (1, 2)
    ]
    assert names(*runs) == []


def test_a_seed_that_follows_the_seed_is_no_key(make_run: Make) -> None:
    runs = [make_run({"seed": n, "data": {"seed": n}}) for n in (1, 2)]
    assert names(*runs) == []
    runs = [make_run({"seed": n, "data": {"seed": 7 - n}}) for n in (1, 2)]
    assert names(*runs) == ["data.seed"]


def test_overrides_that_quote_the_seed_are_no_key(make_run: Make) -> None:
    def make(seed: int, quoted: int, experiment: str = "digits") -> ComparedRun:
        source = [f"experiment={experiment}", f"seed={quoted}"]
        return make_run({"seed": seed, "gw": {"from": source}})

    assert names(make(1, 1), make(2, 2)) == []
    assert names(make(1, 2), make(2, 1)) == ["gw.from"]
    assert names(make(1, 1), make(2, 2, "digits_six")) == ["gw.from"]


def test_a_reference_is_told_by_its_key(make_run: Make) -> None:
    runs = [
        make_run({"workspace": {"dim": n}, "domains": {"v": {"coder": {"out": n}}}})
        for n in (4, 8)
    ]
    assert distinguishing(*runs) == [
        ComparedKey("workspace.dim", ("domains.v.coder.out",))
    ]


def test_the_arguments_of_a_class_are_told_by_it(make_run: Make) -> None:
    schedulers = [None, {"_target_": "a.b.Cosine", "steps": 3}]
    runs = [
        make_run({"scheduler": scheduler, "lr": lr})
        for scheduler, lr in product(schedulers, (0.1, 0.2, 0.3))
    ]
    found = distinguishing(*runs)
    assert found == [ComparedKey("lr"), ComparedKey("scheduler", ("scheduler.steps",))]


def test_a_schedule_that_refers_to_the_rate_is_told_by_both(make_run: Make) -> None:
    runs = [
        make_run(
            {
                "optimizer": {"lr": lr},
                "scheduler": has and {"_target_": "a.b.OneCycle", "max_lr": lr},
            }
        )
        for has, lr in product((None, True), (0.1, 0.2))
    ]
    assert names(*runs) == ["scheduler", "optimizer.lr"]


def test_what_the_command_line_changed_comes_first(make_run: Make) -> None:
    runs = [
        make_run({"a": n, "z": {"deep": n}}, overrides=[f"z.deep={n}"]) for n in (1, 2)
    ]
    assert distinguishing(*runs) == [ComparedKey("z.deep", ("a",))]


def test_keys_of_the_command_line_stay_apart(make_run: Make) -> None:
    given = [(0.1, 4), (0.2, 8)]
    runs = [
        make_run({"lr": lr, "dim": dim}, overrides=[f"lr={lr}", f"dim={dim}"])
        for lr, dim in given
    ]
    assert names(*runs) == ["dim", "lr"]


def test_numbers_drawn_at_random_are_not_taken_for_one_another(make_run: Make) -> None:
    runs = [make_run({"lr": n / 7, "decay": n / 3}) for n in range(1, 6)]
    assert names(*runs) == ["decay", "lr"]


def test_experiments_differ_in_one_key(make_run: Make) -> None:
    configs: list[dict[str, Any]] = [{"domains": {"v": {"kind": "mlp"}}}, {"head": "x"}]
    runs = [
        make_run(config, overrides=[f"experiment={name}"])
        for config, name in zip(configs, ("digits", "tones"), strict=True)
    ]
    assert names(*runs) == ["experiment"]


def test_a_run_without_config_counts_by_its_overrides(make_run: Make) -> None:
    runs = [make_run({"lr": lr, "dim": 4}) for lr in (0.1, 0.2)]
    broken = make_run(None, status="failed", overrides=["lr=0.3"])
    configs = Configs([*runs, broken])
    assert [key.name for key in configs.distinguishing()] == ["lr"]
    assert configs.values["lr"] == [0.1, 0.2, 0.3]


def test_what_only_a_run_without_config_changed_is_a_key(make_run: Make) -> None:
    runs = [
        make_run({"lr": 0.1, "seed": n, "data": {"seed": n}}, overrides=["lr=0.1"])
        for n in (0, 1)
    ]
    broken = make_run(None, status="failed", overrides=["lr=abc", "seed=0"])
    configs = Configs([*runs, broken])
    assert configs.distinguishing() == [ComparedKey("lr")]
    assert configs.values["lr"] == [0.1, 0.1, "abc"]
    assert configs.seeds == ["seed", "data.seed"]


def test_a_reference_is_told_by_its_key_if_a_run_left_no_config(make_run: Make) -> None:
    runs = [
        make_run({"lr": lr, "scheduler": {"max_lr": lr}}, overrides=[f"lr={lr}"])
        for lr in (0.1, 0.2, 0.3)
    ]
    broken = make_run(None, status="failed", overrides=["lr=-1"])
    assert distinguishing(*runs, broken) == [ComparedKey("lr", ("scheduler.max_lr",))]


def test_runs_none_of_which_left_a_config_differ_in_overrides(make_run: Make) -> None:
    given = [("-1", "0"), ("-1", "1"), ("-2", "0"), ("-2", "1")]
    runs = [make_run(None, overrides=[f"lr={lr}", f"seed={n}"]) for lr, n in given]
    assert names(*runs) == ["lr"]


def test_what_a_run_without_config_said_means_what_it_meant(make_run: Make) -> None:
    said = ["optimizer=sgd", "data=tones", "lr=1e-3", "experiment=digits"]
    config = {
        "optimizer": {"_target_": "torch.optim.SGD"},
        "data": {"size": 8},
        "lr": 1e-3,
    }
    whole = make_run(config, overrides=said)
    broken = make_run(None, status="failed", overrides=said)
    configs = Configs([whole, broken])
    assert configs.distinguishing() == []
    assert configs.values["optimizer"] == ["torch.optim.SGD"] * 2


def test_a_truth_value_is_no_number(make_run: Make) -> None:
    assert names(make_run({"a": 1}), make_run({"a": True})) == ["a"]
    assert names(make_run({"a": 1}), make_run({"a": 1.0})) == []


def test_keys_are_chosen_by_their_ends(make_run: Make) -> None:
    runs = [make_run({"optimizer": {"lr": n}, "other": {"lr": 0}}) for n in (1, 2)]
    assert Configs(runs).chosen(["lr", "other.lr"]) == [
        ComparedKey("optimizer.lr"),
        ComparedKey("other.lr"),
    ]


def test_the_end_of_a_key_is_not_that_of_its_references(make_run: Make) -> None:
    runs = [
        make_run({"optimizer": {"lr": n}, "domains": {"v": {"lr": n}}}) for n in (1, 2)
    ]
    assert Configs(runs).chosen(["lr"]) == [ComparedKey("optimizer.lr")]


def test_unknown_key_names_the_close_match(make_run: Make) -> None:
    configs = Configs([make_run({"optimizer": {"lr": n}}) for n in (1, 2)])
    with pytest.raises(UnknownNameError, match=r"--by: .* Did you mean 'optimizer.lr'"):
        configs.chosen(["optimizer.lrr"])
