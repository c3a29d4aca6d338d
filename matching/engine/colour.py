"""Mean colours on a 6 by 6 grid: a second opinion, useless alone once the light was changed.

The layout (36 cells of three numbers) is that of rep0st. Hue is an angle, and the mean of 359 and
1 degrees is not 180: so hue and saturation are averaged as one vector, which has no seam at red.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

GRID: Final = 6
DIMENSION: Final = GRID * GRID * 3


def colour_vector(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Colours of RGB pictures (n, h, w, 3) uint8 as float32 (n, 108), each number in 0 to 1.

    Cells run row by row; each gives saturation times cosine and sine of the hue (0.5 is grey)
    and the value.
    """
    if pictures.ndim != 4 or pictures.shape[3] != 3:
        raise ValueError(f"pictures must be (n, h, w, 3), not {pictures.shape}")
    vectors = np.empty((len(pictures), DIMENSION), dtype=np.float32)
    for place, picture in enumerate(pictures):
        hsv = cv2.cvtColor(picture.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2HSV)
        hue = np.deg2rad(hsv[:, :, 0])
        plane = np.dstack(
            (
                (hsv[:, :, 1] * np.cos(hue) + 1) / 2,
                (hsv[:, :, 1] * np.sin(hue) + 1) / 2,
                hsv[:, :, 2],
            )
        )
        cells = cv2.resize(plane, (GRID, GRID), interpolation=cv2.INTER_AREA)
        vectors[place] = np.clip(cells, 0, 1).reshape(DIMENSION)
    return vectors
