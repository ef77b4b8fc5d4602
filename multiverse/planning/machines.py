"""Where a plan will run, as far as batches hang on it."""

from __future__ import annotations

from dataclasses import dataclass, field

from multiverse.cores import cores


@dataclass(frozen=True)
class Machines:
    """What an executor says of the machines that it runs on.

    workers: how many batches run side by side. platform: of their devices, as JAX names it ("cpu", "gpu", "tpu"); empty
    for that of this process. batch_seconds: how long a batch should take; None: as each engine likes.
    """

    workers: int = field(default_factory=cores)
    platform: str = ""
    batch_seconds: float | None = None

    @property
    def devices(self) -> str:
        """The platform of their devices."""
        if self.platform:
            return self.platform
        import jax

        return str(jax.local_devices()[0].platform)
