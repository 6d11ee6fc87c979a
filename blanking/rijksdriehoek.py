"""WGS84 to the Dutch grid (RD New, EPSG:28992), by the published power series around Amersfoort.

Good to a few decimetres within the Netherlands, which is less than what is known of a camera's spot; the grid-shift file that
surveyors use would add megabytes for nothing here (decision 0075).

Source: F.H. Schreutelkamp, G.L. Strang van Hees, "Benaderingsformules voor de transformatie tussen RD- en WGS84-kaartcoördinaten", 2001.
"""

from typing import Final

from vms.errors import InvalidInput

_LATITUDE_0: Final = 52.15517440
_LONGITUDE_0: Final = 5.38720621
_X: Final = (
    (0, 1, 190094.945), (1, 1, -11832.228), (2, 1, -114.221), (0, 3, -32.391), (1, 0, -0.705), (3, 1, -2.340), (1, 3, -0.608),
    (0, 2, -0.008), (2, 3, 0.148),
)  # fmt: skip
_Y: Final = (
    (1, 0, 309056.544), (0, 2, 3638.893), (2, 0, 73.077), (1, 2, -157.984), (3, 0, 59.788), (0, 1, 0.433), (2, 2, -6.439), (1, 1, -0.032),
    (0, 4, 0.092), (1, 4, -0.054),
)  # fmt: skip


def to_rd(latitude_deg: float, longitude_deg: float) -> tuple[float, float]:
    """Return x and y in metres.

    Raises:
        InvalidInput: the place is not in the Netherlands; says what may have been swapped.
    """
    if not (50.5 <= latitude_deg <= 53.8 and 3.0 <= longitude_deg <= 7.5):
        raise InvalidInput(
            f"latitude {latitude_deg:g}, longitude {longitude_deg:g} is not in the Netherlands; GeoJSON has longitude first",
            code="register.place",
        )
    north, east = 0.36 * (latitude_deg - _LATITUDE_0), 0.36 * (longitude_deg - _LONGITUDE_0)
    x = 155_000.0 + sum(factor * north**p * east**q for p, q, factor in _X)
    y = 463_000.0 + sum(factor * north**p * east**q for p, q, factor in _Y)
    return x, y
