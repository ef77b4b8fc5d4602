"""The eight schools: estimated effects of coaching and their standard errors, in points.

Rubin 1981, Journal of Educational Statistics 6(4), doi:10.3102/10769986006004377.
"""

from __future__ import annotations

import numpy as np

EFFECT = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
ERROR = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
NAMES = ("mu", "tau", *(f"theta {j}" for j in range(len(EFFECT))))
