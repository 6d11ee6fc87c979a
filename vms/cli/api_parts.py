"""What the API is made of, for its process and for commands that sign people in. What takes long to import comes when it is needed."""

from api.parts import ApiParts
from config import Settings
from config.policy import load_policy
from vms.cli.parts import Parts


def api_parts(settings: Settings, parts: Parts) -> ApiParts:
    """Return what the API is made of; the command line signs people in with it as well."""
    from blanking.review import BlankingReview
    from vms.bus.local import LocalBus
    from vms.footage.playback import FootageReader

    return ApiParts(
        settings=settings,
        db=parts.db,
        ledger=parts.ledger,
        signer=parts.signer,
        keys=parts.keys,
        store=parts.store,
        reader=FootageReader(parts.db, parts.keys, parts.store),
        bus=LocalBus(settings.run),
        clock=parts.clock,
        policy=load_policy(),
        plan_review=BlankingReview(),
    )
