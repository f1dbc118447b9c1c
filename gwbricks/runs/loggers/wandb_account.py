"""Whether W&B can be reached, and by whom, without a prompt and without a long wait."""

import ssl
import sys
from contextlib import redirect_stderr
from io import StringIO
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

WANDB = (sys.executable, "-P", "-m", "wandb")
"""W&B's command line; `-P` ignores a `wandb` in the current folder."""

TIMEOUT = 5.0
"""Seconds to wait for W&B's server."""


def account_problem() -> str | None:
    """Returns why nothing can be sent to W&B, and the fix; None if something can."""
    import wandb
    from wandb.sdk import wandb_setup

    try:
        with redirect_stderr(StringIO()):  # it tells where the key is from
            is_known = wandb.login(prompt=False, verify=False)
    except (wandb.Error, ValueError) as error:
        text = " ".join(str(error).split()).removesuffix(".")
        return f"W&B's credentials cannot be used: {text}. Fix: wandb login."
    if not is_known:
        return "nobody is logged in to W&B. Fix: wandb login."
    url = wandb_setup.singleton().settings.base_url
    cause = _unreachable(url)
    if cause:
        return (
            f"{url} cannot be reached: {cause}. Fix: a network; until then"
            " logger.wandb.mode=offline, and gwbricks sync RUN later."
        )
    return None


def _unreachable(url: str) -> str | None:
    try:
        with urlopen(Request(url, method="HEAD"), timeout=TIMEOUT):
            return None
    except HTTPError:
        return None
    except URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            return None  # W&B has its own certificates
        return str(error.reason)
    except (OSError, ValueError) as error:
        return str(error)
