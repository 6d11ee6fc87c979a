"""Upright flat figures that come with traffic and with incidents: cars from all sides, a police car, a boat, people on the ground."""

import numpy as np

from sample_streams.scene.actors import Views
from sample_streams.scene.light import Colour, Light
from sample_streams.scene.sprites import Pen, Sprite, finish

GLASS: Colour = (96, 84, 70)
TYRE: Colour = (28, 28, 30)


def car_views(colour: Colour, light: Light) -> Views:
    """Paint a car from all sides; 1.5 m high."""
    side = finish([_car_side(colour).sheet], light, 1.0)
    return Views(side, _car_end(colour, light, is_front=True), _car_end(colour, light, is_front=False))


def police_views(light: Light) -> Views:
    """Paint a police car with its lights flashing; 1.6 m high."""
    sides = []
    for phase in range(2):
        pen = _car_side((226, 228, 230))
        for x in range(70, 860, 90):
            pen.polygon(
                [(x, 205), (x + 45, 165), (x + 75, 165), (x + 30, 205)], (190, 90, 20) if x % 180 else (50, 70, 230)
            )
        pen.polygon([(440, 12), (540, 12), (540, 32), (440, 32)], (255, 190, 60) if phase else (120, 60, 20))
        sides.append(pen.sheet)
    glow = np.zeros((300, 900), np.uint8)
    glow[8:34, 436:544] = 255 if light.lamp_strength > 0 else 0
    side = finish(sides, light, 4.0, glow, is_restless=True)
    white: Colour = (226, 228, 230)
    return Views(side, _car_end(white, light, is_front=True), _car_end(white, light, is_front=False))


def _car_side(colour: Colour) -> Pen:
    pen = Pen(900, 300)
    body: list[tuple[float, float]] = [
        (20, 170),
        (60, 130),
        (250, 115),
        (340, 30),
        (620, 30),
        (720, 120),
        (860, 140),
        (885, 180),
        (885, 245),
        (20, 245),
    ]
    pen.polygon(body, colour)
    pen.polygon([(275, 115), (350, 48), (470, 48), (470, 115)], GLASS)
    pen.polygon([(490, 115), (490, 48), (608, 48), (680, 115)], GLASS)
    for x in (190, 700):
        pen.ellipse((x, 240), (62, 58), TYRE)
        pen.ellipse((x, 240), (32, 30), (120, 122, 124))
    pen.ellipse((868, 175), (16, 18), (225, 245, 255))
    pen.ellipse((30, 180), (10, 18), (40, 40, 230))
    return pen


def _car_end(colour: Colour, light: Light, *, is_front: bool) -> Sprite:
    pen = Pen(360, 300)
    for x in (62, 298):
        pen.polygon([(x - 26, 230), (x + 26, 230), (x + 26, 296), (x - 26, 296)], TYRE)
    pen.polygon([(20, 150), (70, 120), (290, 120), (340, 150), (345, 262), (15, 262)], colour)
    pen.polygon([(70, 122), (98, 26), (262, 26), (290, 122)], colour)
    pen.polygon([(88, 116), (108, 42), (252, 42), (272, 116)], GLASS)
    lamp: Colour = (225, 245, 255) if is_front else (40, 40, 230)
    for x in (54, 306):
        pen.ellipse((x, 172), (26, 16), lamp)
    pen.polygon([(130, 205), (230, 205), (230, 232), (130, 232)], (60, 200, 230) if is_front else (50, 210, 240))
    glow = np.zeros((300, 360), np.uint8)
    if light.lamp_strength > 0:
        glow[150:196] = 200
    return finish([pen.sheet], light, 1.0, glow)


def cyclist_views(side: Sprite, coat: Colour, light: Light) -> Views:
    """Paint somebody on a bicycle who comes or goes; 1.8 m high."""
    return Views(side, *(_cyclist_end(coat, light, is_front=is_front) for is_front in (True, False)))


def _cyclist_end(coat: Colour, light: Light, *, is_front: bool) -> Sprite:
    sheets = []
    for i in range(2):
        pen = Pen(180, 400)
        pen.line((90, 250), (90, 392), (40, 40, 42), 12)
        for side in (-1, 1):
            knee = 285 + 26 * side * (1 if i else -1)
            pen.line((90 + 16 * side, 215), (90 + 26 * side, knee), (90, 60, 50), 26)
            pen.line((90 + 26 * side, knee), (90 + 22 * side, knee + 62), (90, 60, 50), 20)
            pen.line((90 + 30 * side, 110), (90 + 50 * side, 190), coat, 18)
        pen.polygon([(58, 90), (122, 90), (116, 230), (64, 230)], coat)
        pen.ellipse((90, 52), (24, 30), (150, 176, 214) if is_front else (40, 60, 90))
        pen.ellipse((90, 34), (26, 18), (40, 60, 90))
        pen.ellipse((90, 232), (9, 9), (235, 250, 255) if is_front else (40, 40, 250))
        sheets.append(pen.sheet)
    return finish(sheets, light, 3.0)


def boat_views(light: Light) -> Views:
    """Paint a sloop with people in it; 2.2 m high."""
    pen = Pen(520, 440)
    pen.polygon([(30, 250), (490, 250), (420, 420), (100, 420)], (60, 50, 44))
    pen.polygon([(30, 240), (490, 240), (486, 268), (34, 268)], (70, 120, 170))
    for x, coat in ((150, (120, 60, 40)), (250, (60, 60, 170)), (350, (70, 110, 60))):
        pen.polygon([(x - 34, 120), (x + 34, 120), (x + 40, 245), (x - 40, 245)], coat)
        pen.ellipse((x, 84), (24, 30), (150, 180, 216))
        pen.ellipse((x, 68), (26, 18), (36, 48, 62))
    end = finish([pen.sheet], light, 1.0)
    return Views(end, end, end)


def fallen(coat: Colour, light: Light) -> Sprite:
    """Paint somebody who lies beside a bicycle; 0.7 m high."""
    pen = Pen(720, 240)
    for x in (440, 620):
        pen.ellipse((x, 196), (72, 34), (40, 40, 42))
        pen.ellipse((x, 196), (58, 24), (96, 100, 104))
    pen.line((440, 196), (540, 150), (60, 60, 130), 9)
    pen.line((540, 150), (620, 196), (60, 60, 130), 9)
    pen.line((210, 190), (350, 150), (90, 60, 50), 34)
    pen.line((350, 150), (420, 214), (90, 60, 50), 26)
    pen.polygon([(80, 160), (220, 160), (230, 222), (80, 222)], coat)
    pen.line((110, 200), (60, 230), coat, 22)
    pen.ellipse((48, 190), (30, 26), (150, 180, 216))
    pen.ellipse((32, 184), (20, 24), (36, 48, 62))
    return finish([pen.sheet], light, 1.0)


def scuffle(coats: tuple[Colour, Colour], light: Light) -> Sprite:
    """Paint two people who push each other; 1.8 m high, four phases."""
    sheets = []
    for i in range(4):
        sway = 14 * float(np.sin(np.pi * i / 2))
        pen = Pen(320, 400)
        for side, coat in ((-1, coats[0]), (1, coats[1])):
            x = 160 + 62 * side + sway
            for step in (-26, 22):
                pen.line((x, 225), (x + step, 385), (70, 54, 48), 30)
            pen.polygon([(x - 30, 92), (x + 30, 92), (x + 34, 240), (x - 34, 240)], coat)
            pen.line((x, 118), (x - side * 66, 130 + 30 * ((i + side) % 2)), coat, 22)
            pen.ellipse((x - 6 * side, 48), (24, 30), (150, 180, 216))
            pen.ellipse((x, 32), (26, 18), (36, 48, 62))
        sheets.append(pen.sheet)
    return finish(sheets, light, 3.0, is_restless=True)


def parasol(colour: Colour, light: Light) -> Sprite:
    """Paint a cafe table under a parasol with two guests; 2.6 m high."""
    pen = Pen(420, 420)
    pen.line((210, 60), (210, 410), (90, 96, 100), 10)
    for x, coat in ((110, (110, 70, 60)), (310, (60, 70, 150))):
        pen.polygon([(x - 28, 236), (x + 28, 236), (x + 32, 340), (x - 32, 340)], coat)
        pen.ellipse((x, 208), (20, 25), (150, 180, 216))
        pen.ellipse((x, 194), (22, 15), (36, 48, 62))
        pen.line((x, 340), (x + (40 if x < 210 else -40), 400), (60, 50, 46), 22)
    pen.polygon([(150, 300), (270, 300), (270, 314), (150, 314)], (190, 196, 200))
    pen.polygon([(10, 120), (210, 20), (410, 120)], colour)
    for x in range(10, 410, 100):
        pen.polygon([(x, 120), (210, 20), (x + 50, 120)], (214, 222, 226))
    return finish([pen.sheet], light, 1.0)
