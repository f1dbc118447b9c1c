"""Whether the arguments in a config fit what they are given to."""

import inspect
import warnings
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from gwbricks.errors import suggest

POSITIONAL_OR_NAMED = (
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)
COMPOSED = ("domains", "workspace")
"""Parameters of what composes the graph of a workspace."""

OPTIONAL = ("loss_coefs",)
"""Parameters that it may have besides."""


def filled_arguments(target: Callable[..., Any]) -> list[str]:
    """Returns the arguments of a brick that are the config's own sections.

    What composes the graph of a workspace says so by its signature: it takes `domains`
    and `workspace`, and `loss_coefs` if it wants them.

    Example:
        >>> filled_arguments(lambda workspace, domains, depth=2: {})
        ['domains', 'workspace']
        >>> filled_arguments(lambda domains: {})
        []
    """
    parameters = inspect.signature(target).parameters.items()
    named = {name for name, p in parameters if p.kind in POSITIONAL_OR_NAMED}
    if not named.issuperset(COMPOSED):
        return []
    return [name for name in (*COMPOSED, *OPTIONAL) if name in named]


def argument_problems(
    key: str,
    target: Callable[..., Any],
    given: Mapping[str, Any],
    filled: Collection[str] = (),
    num_positional: int = 0,
    is_partial: bool = False,
) -> list[str]:
    """Returns one line for each argument that is unknown, missing or of a wrong type.

    Args:
        key: Config key of the node.
        target: What is called.
        given: Arguments of the config.
        filled: Arguments that gwbricks fills in.
        num_positional: Number of positional arguments of the config.
        is_partial: Whether further arguments come later.

    Example:
        >>> from torch import nn
        >>> argument_problems("head", nn.Flatten, {"start_dm": 1})
        ["head.start_dm: Flatten takes no such argument. Did you mean 'start_dim'? \
Known names: end_dim, start_dim."]
    """
    name = getattr(target, "__name__", str(target))
    parameters = inspect.signature(target).parameters
    named = [n for n, p in parameters.items() if p.kind in POSITIONAL_OR_NAMED]
    accepted, hints = _keywords(target, parameters), _hints(target)
    problems = []
    for argument, value in given.items():
        if argument not in named and accepted is not None and argument not in accepted:
            known = suggest(argument, [*named, *accepted])
            problems.append(f"{key}.{argument}: {name} takes no such argument.{known}")
        elif not fits(value, hints.get(argument, Any)):
            expected = _expected(hints[argument])
            problems.append(f"{key}.{argument}: {value!r}. Expected {expected}.")
    missing = [
        n
        for n in named[num_positional:]
        if parameters[n].default is inspect.Parameter.empty
        and n not in given
        and n not in filled
    ]
    if missing and not is_partial:
        problems.append(
            f"{key}.{missing[0]}: missing. {name} needs {', '.join(missing)}."
        )
    return problems


def _keywords(
    target: Callable[..., Any], parameters: Mapping[str, inspect.Parameter]
) -> list[str] | None:
    """Names behind `**kwargs`; None if they could be any."""
    if all(p.kind is not inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return []
    behind = _behind(target)
    return None if behind is None else list(inspect.signature(behind).parameters)


def _behind(target: Callable[..., Any]) -> Callable[..., Any] | None:
    """What a target hands its `**kwargs` to, where that is known."""
    if getattr(target, "__name__", "") == "WandbLogger":
        import wandb

        return wandb.init
    return None


@cache
def _hints(target: Callable[..., Any]) -> dict[str, Any]:
    behind = _behind(target)
    further = {} if behind is None else _hints(behind)
    # Of a class, `get_type_hints` gives the attributes, not the arguments.
    function = target.__init__ if inspect.isclass(target) else target
    try:
        return {**further, **get_type_hints(function)}
    except (NameError, TypeError, AttributeError):  # names imported for checkers only
        return further


def fits(value: object, hint: object) -> bool:
    """Whether a value of a config fits a type hint.

    What a `_target_` will build is not looked at, nor are hints that cannot be checked.

    Example:
        >>> fits("abc", float), fits(1, float), fits([1, 2], tuple[int, int])
        (False, True, True)
    """
    if hint is Any or _has_target(value):
        return True
    adapter = _adapter(hint)
    if adapter is None or _accepts(adapter, value):
        return True
    # Strict pydantic takes no list for a tuple, but YAML has no tuples.
    return isinstance(value, list) and _accepts(adapter, tuple(value))


def _accepts(adapter: TypeAdapter, value: object) -> bool:
    try:
        # Lax, "3" would be a whole number and 1 would be true.
        adapter.validate_python(value, strict=True)
    except ValidationError:
        return False
    except Exception:  # a hint that cannot be checked, such as a class not yet defined
        return True
    return True


def _adapter(hint: Any) -> TypeAdapter | None:  # noqa: ANN401 - any type hint
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))
    except Exception:  # pydantic takes no config for dataclasses and typed dicts
        return None


def _has_target(value: object) -> bool:
    if isinstance(value, Mapping):
        return "_target_" in value or any(_has_target(v) for v in value.values())
    return isinstance(value, list) and any(_has_target(item) for item in value)


def _expected(hint: object) -> str:
    text = (
        hint.__name__
        if isinstance(hint, type) and not hasattr(hint, "__args__")
        else str(hint)
    )
    for prefix in ("typing.", "collections.abc.", "torch.", "builtins."):
        text = text.replace(prefix, "")
    return f"a value of type {text}"
