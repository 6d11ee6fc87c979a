"""`vms masks`: masks proposed from the building register, for a person to accept, edit or reject in the editor."""

import json
from pathlib import Path
from typing import Annotated

import typer

from blanking.exchange import MEMBER
from blanking.register import Stand, too_near
from blanking.register import propose as proposed
from blanking.register_file import read_buildings
from blanking.register_image import FixedView, in_picture
from vms.errors import InvalidInput

app = typer.Typer(no_args_is_help=True, help="Masks from the building register.")


@app.callback()
def masks() -> None:
    """Keep `propose` a command of its own."""


@app.command("propose")
def propose(  # noqa: PLR0917 - typer calls it by name
    register: Annotated[Path, typer.Argument(help="BAG-style GeoJSON of buildings (docs/plans.md).")],
    out: Annotated[Path, typer.Option(help="Where the proposals go (GeoJSON-like; open them in the editor).")],
    x: Annotated[float, typer.Option(help="The camera's x in RD New, metres.")],
    y: Annotated[float, typer.Option(help="The camera's y in RD New, metres.")],
    height: Annotated[float, typer.Option(min=0.5, max=200, help="Height of the lens above the ground, metres.")],
    heading: Annotated[float, typer.Option(help="Bearing of the plan's azimuth 0, degrees clockwise from north.")],
    range_m: Annotated[float, typer.Option(min=1, max=1000, help="Dwellings farther off are left out.")] = 150.0,
    position_error_m: Annotated[float, typer.Option(min=0, help="How far the spot may be off.")] = 1.0,
    heading_error_deg: Annotated[float, typer.Option(min=0, max=15, help="How far the heading may be off.")] = 1.0,
    hfov: Annotated[
        float | None, typer.Option(min=1, max=120, help="Of a fixed camera: horizontal field of view, degrees.")
    ] = None,
    tilt: Annotated[
        float, typer.Option(min=-90, max=90, help="Of a fixed camera: tilt, degrees, up is positive.")
    ] = 0.0,
    roll: Annotated[
        float, typer.Option(min=-45, max=45, help="Of a fixed camera: roll of the picture, degrees.")
    ] = 0.0,
    size: Annotated[str, typer.Option(help="Of a fixed camera: its picture, such as 1920x1080.")] = "1920x1080",
    hfov_error_rel: Annotated[float, typer.Option(min=0, max=0.3, help="How far the field of view may be off.")] = 0.05,
    angle_error_deg: Annotated[float, typer.Option(min=0, max=10, help="How far tilt and roll may be off.")] = 1.0,
) -> None:
    """Propose masks for the dwellings that a camera can see; nothing counts before two persons say so.

    With --hfov for a fixed camera, whose heading is that of the middle of its picture; without it for one that moves.
    """
    try:
        collection = json.loads(register.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InvalidInput(f"{register} can't be read as GeoJSON: {error}", code="register.file") from error
    buildings = read_buildings(collection)
    stand = Stand(x, y, height, heading, position_error_m, heading_error_deg, range_m)
    found = proposed(buildings, stand)
    kind, outlines = "directions", [(one.name, one.polygon_deg, one.origin) for one in found]
    if hfov is not None:
        width, height_px = _size(size)
        view = FixedView(width, height_px, hfov, tilt, roll, hfov_error_rel, angle_error_deg)
        kind, outlines = "image", [(one.name, one.polygon_rel, one.origin) for one in in_picture(found, view)]
    features = [
        {
            "type": "Feature",
            "id": name,
            "properties": {"name": name, **origin},
            "geometry": {"type": "Polygon", "coordinates": [[*outline, outline[0]]]},
        }
        for name, outline, origin in outlines
    ]
    document = {"type": "FeatureCollection", MEMBER: {"kind": kind}, "features": features}
    out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    assumed = sum(origin["height_from"] == "assumed" for _, _, origin in outlines)
    if near := too_near(buildings, stand):
        typer.echo(f"too near to propose, draw by hand: {', '.join(near)}")
    typer.echo(
        f"{out}: {len(outlines)} proposals from {len(buildings)} buildings ({assumed} of unknown height, taken as 15 m)"
    )


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (text.isascii() and width.isdigit() and height.isdigit() and int(width) >= 16 and int(height) >= 16):
        raise InvalidInput(
            f"--size is {text!r}; give the picture's width and height, such as 1920x1080", code="register.size"
        )
    return int(width), int(height)
