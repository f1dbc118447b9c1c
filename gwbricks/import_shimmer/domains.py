"""The domains of a checkpoint of Shimmer, as config."""

from gwbricks.errors import ConfigError
from gwbricks.import_shimmer.checkpoint import KEY, ShimmerCheckpoint
from gwbricks.import_shimmer.coder import Coder
from gwbricks.import_shimmer.config_draft import count_tensors, Draft


def draft_domain(draft: Draft, checkpoint: ShimmerCheckpoint, name: str) -> None:
    """Adds a domain: its coders, and a module.

    The module's code is the user's own, so unless the user chooses a domain, its data
    are taken to be latents.

    Raises:
        ConfigError: If its coders are of a kind that gwbricks does not know, or do not
            fit each other.
    """
    domain = f"domains.{name}"
    draft.choose(f"domain@{domain}", "identity", is_new=True)
    encoder = _draft_coder(draft, checkpoint, name, "encoder")
    decoder = _draft_coder(draft, checkpoint, name, "decoder")
    if encoder and decoder and encoder.sizes[0] != decoder.sizes[-1]:
        raise ConfigError(
            f"{KEY}: {name!r} has latents of {encoder.sizes[0]} features before its GW"
            f" encoder and of {decoder.sizes[-1]} behind its GW decoder."
        )
    for coder, latent, dim in ((encoder, 0, -1), (decoder, -1, 0)):
        if coder:
            draft.set(f"{domain}.latent_dim", coder.sizes[latent])
            draft.set("workspace.dim", coder.sizes[dim])
    _report_module(draft, checkpoint, name)


def has_own_module(draft: Draft, name: str) -> bool:
    """Whether the user chose the domain, so that its module takes the weights."""
    key = f"domains.{name}"
    return draft.is_given(f"domain@{key}") or draft.is_given(f"{key}.module._target_")


def _has_own_coder(draft: Draft, name: str, part: str) -> bool:
    key = f"domains.{name}.{part}"
    return draft.is_given(f"{part}@{key}") or draft.is_given(f"{key}._target_")


def _draft_coder(
    draft: Draft, checkpoint: ShimmerCheckpoint, name: str, part: str
) -> Coder | None:
    key, theirs = f"domains.{name}.{part}", f"gw_{part}s.{name}"
    ours = f"bricks.gw.{name}.{part.removesuffix('r')}"
    weights = checkpoint.part(f"{part}s.{name}")
    if _has_own_coder(draft, name, part):
        draft.report(theirs, ours, f"{count_tensors(weights)}, as you chose")
        return None
    coder = Coder.of(weights)
    if coder is None:
        raise ConfigError(
            f"{key}: {theirs} is no GW{part.title()} and no linear map; it has"
            f" {', '.join(list(weights)[:4])}. Fix: {key}._target_=YOUR.CLASS"
            " --trust PACKAGE."
        )
    if coder.is_linear:
        draft.choose(f"{part}@{key}", "linear")
    else:
        draft.set(f"{key}.hidden_dim", coder.sizes[1])
        draft.set(f"{key}.n_layers", len(coder.sizes) - 3)
    draft.set(f"{key}.bias", coder.bias)
    kind = "linear" if coder.is_linear else "MLP"
    shape = "-".join(map(str, coder.sizes))
    draft.report(theirs, ours, f"{kind} {shape}{'' if coder.bias else ', no bias'}")
    return coder


def _report_module(draft: Draft, checkpoint: ShimmerCheckpoint, name: str) -> None:
    weights = checkpoint.part(f"domain_mods.{name}")
    is_taken = has_own_module(draft, name)
    if weights:
        ours = f"bricks.gw.{name}.latent" if is_taken else ""
        note = count_tensors(weights) + ("" if is_taken else ", of code of yours")
        draft.report(f"domain_mods.{name}", ours, note)
    if not is_taken:
        draft.note(
            f"{name}: its data are the latents that its module made. For the module:"
            f" domain@domains.{name}=OPTION --trust PACKAGE."
        )
    elif not weights:
        draft.note(
            f"{name}: the file has no weights of its module."
            f" Fix: domains.{name}.checkpoint=FILE."
        )
