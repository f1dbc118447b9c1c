"""Which items are matched across domains, and which appear alone."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gwbricks.errors import ConfigError, suggest
from gwbricks.seeding import derive_seed

Domains = tuple[str, ...]
Matched = int | Mapping[str, int | None] | None
"""A number of items that have all domains, numbers by group (`v+t`), or None: all."""


def pair_items(
    present: Mapping[str, Tensor],
    matched: Matched,
    unpaired: bool | Sequence[str],
    seed: int,
) -> dict[Domains, Tensor]:
    """Draws the groups of a training set.

    Larger groups are drawn first and no item is in two matched groups. Drawing more
    items from the same seed keeps the ones drawn before.

    Args:
        present: For each domain, which items have it, of shape `(items,)`.
        matched: How many items are matched; see `Matched`.
        unpaired: Whether every domain's items also appear alone, or the domains whose
            items do.
        seed: Seed of the draw.

    Returns:
        The items of each group of domains, sorted.

    Raises:
        ConfigError: If there are not enough items, a domain is unknown, or a group is
            given twice.

    Example:
        >>> present = {"t": torch.ones(5).bool(), "v": torch.ones(5).bool()}
        >>> {g: len(i) for g, i in pair_items(present, 2, True, seed=0).items()}
        {('t',): 5, ('t', 'v'): 2, ('v',): 5}
    """
    groups: dict[Domains, Tensor] = {}
    if matched is None and len(present) > 1:
        groups |= {g: items for g, items in by_presence(present).items() if len(g) > 1}
    elif matched is not None:
        groups |= _draw(present, _counts(matched, present), seed)
    for domain in _alone(unpaired, present):
        groups[(domain,)] = present[domain].nonzero().flatten()
    return {group: items for group, items in sorted(groups.items()) if len(items)}


def by_presence(present: Mapping[str, Tensor]) -> dict[Domains, Tensor]:
    """Groups items by the exact set of domains that they have."""
    domains = sorted(present)
    flags = torch.stack([present[domain] for domain in domains], dim=1)
    groups = {}
    for pattern in flags.unique(dim=0):
        group = tuple(
            d for d, has in zip(domains, pattern.tolist(), strict=True) if has
        )
        if group:
            groups[group] = (flags == pattern).all(dim=1).nonzero().flatten()
    return dict(sorted(groups.items()))


def _draw(
    present: Mapping[str, Tensor], counts: Mapping[Domains, int | None], seed: int
) -> dict[Domains, Tensor]:
    items = len(next(iter(present.values())))
    generator = torch.Generator().manual_seed(derive_seed(seed, "pairing"))
    order = torch.randperm(items, generator=generator)
    free = torch.ones(items, dtype=torch.bool)
    groups = {}
    for group, count in sorted(
        counts.items(), key=lambda pair: (-len(pair[0]), pair[0])
    ):
        has_all = torch.stack([present[domain] for domain in group]).all(dim=0) & free
        candidates = order[has_all[order]]
        wanted = len(candidates) if count is None else count
        if wanted > len(candidates):
            raise ConfigError(
                f"data.matched: {wanted} items of {'+'.join(group)} are asked for, but"
                f" {len(candidates)} have these domains and are in no larger group."
                " Fix: ask for fewer."
            )
        groups[group] = candidates[:wanted].sort().values
        free[groups[group]] = False
    return groups


def _counts(
    matched: int | Mapping[str, int | None], domains: Mapping[str, object]
) -> dict[Domains, int | None]:
    if isinstance(matched, int):
        matched = {"+".join(domains): matched} if len(domains) > 1 else {}
    counts: dict[Domains, int | None] = {}
    for key, count in matched.items():
        group = tuple(sorted(set(key.split("+"))))
        for domain in group:
            if domain not in domains:
                raise ConfigError(
                    f"data.matched: no domain {domain!r} in {key!r}."
                    f"{suggest(domain, domains)}"
                )
        if count is not None and count < 0:
            raise ConfigError(
                f"data.matched: {count} items of {key!r}. Expected 0 or more."
            )
        if group in counts:
            raise ConfigError(
                f"data.matched: {key!r} is given twice. Fix: keep one of the two."
            )
        counts[group] = count
    return counts


def _alone(unpaired: bool | Sequence[str], domains: Mapping[str, object]) -> list[str]:
    if isinstance(unpaired, bool):
        return sorted(domains) if unpaired or len(domains) == 1 else []
    for domain in unpaired:
        if domain not in domains:
            raise ConfigError(
                f"data.unpaired: no domain {domain!r}.{suggest(domain, domains)}"
            )
    return sorted(unpaired)
