"""Bring what a register file says of a camera into the database: device, area, designation, placement, plan; each change in the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from vms.cli.acts import by_command_line
from vms.cli.parts import Parts
from vms.cli.register_file import Registration
from vms.db import cameras, designations, placements, plans
from vms.db.cameras import Camera
from vms.db.designations import Designation
from vms.db.placements import Area, NewPlacement
from vms.errors import Conflict, IntegrityLost
from vms.ledger.acts import Act
from vms.ledger.entries import Value
from vms.model import CameraId, PlacementId, UserId


@dataclass(frozen=True, slots=True)
class Registered:
    """What came of one camera of a register file.

    Args:
        acts: what was done, in order.
        newer_plan: the version that counts instead of the file's plan, which was replaced by a later one; None: the file's counts.
    """

    placement_id: PlacementId
    acts: tuple[Act, ...]
    newer_plan: int | None


def register(parts: Parts, wanted: Registration, *, officers: tuple[UserId, UserId] | None) -> Registered:
    """Add a camera with its area, designation, placement and plan, or bring a known one up to date; all in the ledger.

    A camera that now has another placement than the file says was moved: the old placement ends with its plan and footage, the new
    one begins with the file's plan only.

    Args:
        parts: adapters.
        wanted: what is to be there.
        officers: the blanking officer who drew the plan and the other one who approved it; needed where the file has one.

    Raises:
        Conflict: the camera was taken out of use, or the placement is over or another camera's; nothing was changed.
    """
    with parts.db.write() as conn:
        registering = _Registering(parts, conn, wanted, parts.clock.now())
        device_act = registering.device()
        registering.placed(registering.designation())
        registering.note_device(device_act)
        newer_plan = registering.plan(*officers) if officers is not None and wanted.has_plan else None
    return Registered(PlacementId(wanted.placement_id), tuple(registering.acts), newer_plan)


@dataclass
class _Registering:
    """One camera's registration, within one transaction."""

    parts: Parts
    conn: Connection
    wanted: Registration
    now_at: datetime
    acts: list[Act] = field(default_factory=list)

    def _note(self, act: Act, about: Mapping[str, Value]) -> None:
        self.parts.ledger.append(self.conn, by_command_line(act, about))
        self.acts.append(act)

    def device(self) -> Act | None:
        """Add or change the camera itself; return what was done to it.

        Raises:
            Conflict: the camera was taken out of use.
        """
        wanted = self.wanted
        device = Camera(
            id=CameraId(wanted.camera_id),
            name=wanted.name,
            kind=wanted.kind,
            rtsp_url=wanted.rtsp_url,
            rtsp_transport=wanted.rtsp_transport,
            onvif_url=wanted.onvif_url,
            username=wanted.username,
            sealed_password=self.parts.credentials.seal(wanted.password),
            added_at=self.now_at,
            allows_basic=wanted.allows_basic,
        )
        known = {one.id: one for one in cameras.list_all(self.conn, removed=True)}.get(device.id)
        if known is None:
            cameras.add(self.conn, device)
            return Act.CAMERA_ADD
        if known.removed_at is not None:
            raise Conflict(
                f"camera {device.id} was taken out of use on {known.removed_at:%Y-%m-%d}, and its placement with it: register it "
                "under another id",
                code="camera.removed",
            )
        changed = self._with_kept_seal(device, known)
        if changed == known:
            return None
        cameras.change(self.conn, changed)
        return Act.CAMERA_CHANGE

    def note_device(self, act: Act | None) -> None:
        """Write down what was done to the camera itself, after its place."""
        if act is not None:
            self._note(act, {"camera": self.wanted.camera_id, "kind": self.wanted.kind.value})

    def _with_kept_seal(self, changed: Camera, known: Camera) -> Camera:
        """Return the camera with the seal it had, if the password is the same: each sealing is another, and a change restarts a worker."""
        try:
            is_same = self.parts.credentials.unseal(known.sealed_password) == self.wanted.password
        except IntegrityLost:
            is_same = False
        seal = known.sealed_password if is_same else changed.sealed_password
        return replace(changed, sealed_password=seal, added_at=known.added_at)

    def designation(self) -> str:
        """Make area and designation where there are none, withdraw the designation if the file says so, and return its id.

        Raises:
            Conflict: the file says otherwise of a decision that is known, and decisions are final.
        """
        wanted = self.wanted
        area_id = wanted.area.casefold().replace(" ", "-")
        if area_id not in {one.id for one in placements.list_areas(self.conn)}:
            placements.add_area(self.conn, Area(area_id, wanted.area))
            self._note(Act.AREA_ADD, {"area": area_id})
        decided = Designation(
            f"{area_id}/{wanted.designation}",
            area_id,
            wanted.designation,
            wanted.legal_basis,
            valid_from_at=wanted.valid_from_at,
            valid_until_at=wanted.valid_until_at,
        )
        known = designations.find(self.conn, decided.id)
        about: dict[str, Value] = {
            "designation": decided.id,
            "from": decided.valid_from_at,
            "to": decided.valid_until_at,
            "basis": decided.legal_basis,
        }
        if known is None:
            designations.add(self.conn, decided)
            self._note(Act.DESIGNATION_ADD, about)
        elif replace(known, withdrawn_at=None) != decided or designations.is_assumed(self.conn, known.id):
            self._complete(known, decided, about)
        self._withdraw(decided, None if known is None else known.withdrawn_at)
        return decided.id

    def _complete(self, known: Designation, decided: Designation, about: dict[str, Value]) -> None:
        """Enter what an older version assumed of a designation; one that was entered by a person is final."""
        if not designations.is_assumed(self.conn, known.id):
            raise Conflict(
                f"designation {known.number} is known from {known.valid_from_at.isoformat()} until "
                f'{known.valid_until_at.isoformat()}, basis "{known.legal_basis}", and is never changed: enter a new decision under '
                'its own number, or say in the file when this one was "withdrawn"',
                code="designation.final",
            )
        designations.complete(self.conn, decided)
        was: dict[str, Value] = {"from": known.valid_from_at, "to": known.valid_until_at, "basis": known.legal_basis}
        self._note(Act.DESIGNATION_CHANGE, {**about, "was": was})

    def _withdraw(self, decided: Designation, known_at: datetime | None) -> None:
        withdrawn_at = self.wanted.withdrawn_at
        if withdrawn_at in {None, known_at}:
            return
        assert withdrawn_at is not None, "None was dealt with"
        if known_at is not None:
            raise Conflict(
                f"designation {decided.number} was withdrawn on {known_at.isoformat()}: that is final",
                code="designation.final",
            )
        designations.withdraw(self.conn, decided.id, withdrawn_at=withdrawn_at, entered_at=self.now_at)
        self._note(Act.DESIGNATION_CHANGE, {"designation": decided.id, "withdrawn": withdrawn_at})

    def placed(self, designation_id: str) -> None:
        """Place the camera, move it to another placement, or bring name and designation of its placement up to date.

        Raises:
            Conflict: the wanted placement is over, or another camera's.
        """
        wanted, placement_id = self.wanted, PlacementId(self.wanted.placement_id)
        known = {one.id: one for one in placements.list_all(self.conn)}
        same = known.get(placement_id)
        if same is not None:
            self._refuse_another(same)
            designation_id = self._newest(same, designation_id)
            if (same.name, same.designation.id) != (wanted.name, designation_id):
                placements.change(
                    self.conn, placement_id, name=wanted.name, designation_id=designation_id, at=self.now_at
                )
                was: dict[str, Value] = {"name": same.name, "designation": same.designation.id}
                self._note(
                    Act.PLACEMENT_CHANGE,
                    {"placement_id": placement_id, "name": wanted.name, "designation": designation_id, "was": was},
                )
            return
        for earlier in known.values():
            if earlier.camera.id == wanted.camera_id and earlier.until_at is None:
                placements.end(self.conn, earlier.id, self.now_at)
                self._note(Act.PLACEMENT_END, {"placement_id": earlier.id, "moved_to": placement_id})
        camera_id = CameraId(wanted.camera_id)
        placements.add(self.conn, NewPlacement(placement_id, camera_id, designation_id, wanted.name, self.now_at))
        self._note(
            Act.PLACEMENT_ADD, {"placement_id": placement_id, "camera": camera_id, "designation": designation_id}
        )

    @staticmethod
    def _newest(same: placements.Placement, designation_id: str) -> str:
        """Return the designation to be under: an old file must not put a placement back under a decision that was followed by another."""
        is_followed = designation_id in {one.id for one in same.decisions} and same.designation.withdrawn_at is None
        return same.designation.id if is_followed else designation_id

    def _refuse_another(self, same: placements.Placement) -> None:
        if same.camera.id != self.wanted.camera_id:
            raise Conflict(
                f'placement {same.id} is camera {same.camera.id}\'s: give camera {self.wanted.camera_id} another "placement"',
                code="placement.taken",
            )
        if same.until_at is not None:
            raise Conflict(
                f"placement {same.id} ended on {same.until_at:%Y-%m-%d} and does not come back: say in the file where camera "
                f'{same.camera.id} is now ("placement"), with the plan of that spot',
                code="placement.over",
            )

    def plan(self, drawn_by: UserId, approved_by: UserId) -> int | None:
        """Approve the file's plan unless it counts already; return the version that has replaced it since, or None."""
        placement_id, document = PlacementId(self.wanted.placement_id), self.wanted.plan
        present = plans.current(self.conn, placement_id)
        sha256 = plans.digest(document)
        if present is not None:
            if present.sha256 == sha256:
                return None
            if any(one.sha256 == sha256 and one.approved_by for one in plans.list_versions(self.conn, placement_id)):
                # An old file must not bring an old plan back over what was drawn and approved since.
                return present.version
        reason = f"register file, {self.wanted.camera_id}"
        draft = plans.add_draft(
            self.conn, placement_id, document=document, reason=reason, drawn_by=drawn_by, drawn_at=self.now_at
        )
        plans.approve(self.conn, placement_id, draft.version, approved_by=approved_by, approved_at=self.now_at)
        for act, person in ((Act.PLAN_DRAFT, drawn_by), (Act.PLAN_APPROVE, approved_by)):
            about: dict[str, Value] = {"version": draft.version, "sha256": draft.sha256, "by": person}
            self._note(act, {"placement_id": placement_id, **about})
        return None
