"""`vms masks`: masks proposed from the building register, for a person to accept, edit or reject in the editor."""

import json
from pathlib import Path
from typing import Annotated

import typer

from blanking.exchange import MEMBER
from blanking.register import Stand, too_near
from blanking.register import propose as proposed
from blanking.register_file import read_buildings
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
) -> None:
    """Propose masks for the dwellings that a moving camera can see; nothing counts before two persons say so."""
    try:
        collection = json.loads(register.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InvalidInput(f"{register} can't be read as GeoJSON: {error}", code="register.file") from error
    buildings = read_buildings(collection)
    stand = Stand(x, y, height, heading, position_error_m, heading_error_deg, range_m)
    found = proposed(buildings, stand)
    features = [
        {
            "type": "Feature",
            "id": one.name,
            "properties": {"name": one.name, **one.origin},
            "geometry": {"type": "Polygon", "coordinates": [[*one.polygon_deg, one.polygon_deg[0]]]},
        }
        for one in found
    ]
    document = {"type": "FeatureCollection", MEMBER: {"kind": "directions"}, "features": features}
    out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    assumed = sum(one.origin["height_from"] == "assumed" for one in found)
    if near := too_near(buildings, stand):
        typer.echo(f"too near to propose, draw by hand: {', '.join(near)}")
    typer.echo(
        f"{out}: {len(found)} proposals from {len(buildings)} buildings ({assumed} of unknown height, taken as 15 m)"
    )
