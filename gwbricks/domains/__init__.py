"""Domains: one modality a file, each with encode, decode and compute_loss."""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics

from gwbricks.bricks import LossOutput as LossOutput
from gwbricks.domains.autoencoder import (
    AutoencoderDomain as AutoencoderDomain,
    LinearDomain as LinearDomain,
    MLPDomain as MLPDomain,
)
from gwbricks.domains.identity import IdentityDomain as IdentityDomain
from gwbricks.domains.module import DomainModule as DomainModule
from gwbricks.domains.vae import (
    gaussian_nll as gaussian_nll,
    kl_divergence as kl_divergence,
    MLPVAEDomain as MLPVAEDomain,
    reparameterize as reparameterize,
    VAEDomain as VAEDomain,
)
