"""What is to be taken in and what is said of it, checked before anything begins."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.contrib.auth.models import User

from moderation.models import RightsHolder
from moderation.registration import Rights, find_holder, holder_named
from tvidz.backfill.manifest import Fault, Line, read_manifest
from tvidz.backfill.sources import NotPossible, Source, gather
from videos.models import Upload
from videos.uploads.accept import Arrival

# So many faults of a manifest are told at once.
FAULTS_TOLD = 20


@dataclass(frozen=True)
class Asked:
    """What an operator asks for; `holder` is the rights holder of what names none."""

    places: Sequence[str] = ()
    manifest: Path | None = None
    visibility: str = ""
    as_reference: bool = False
    holder: str = ""


@dataclass(frozen=True)
class Plan:
    """All sources, and what is known of those that lines and options name."""

    sources: Sequence[Source]
    visibility: str = ""
    owners: dict[str, User] = field(default_factory=dict)
    holders: dict[str, RightsHolder] = field(default_factory=dict)
    holder: RightsHolder | None = None

    def arrival(self, source: Source, name: str) -> Arrival:
        """How the source comes in under a file name; path and origin are still to be set."""
        line = source.line
        if line is None:
            return Arrival(Path(), name, Upload.Entrance.BACKFILL, visibility=self.visibility)
        return Arrival(
            Path(),
            name,
            Upload.Entrance.BACKFILL,
            owner=self.owners.get(line.owner),
            visibility=line.visibility or self.visibility,
            title=line.title,
        )

    def rights(self, source: Source) -> Rights | None:
        """What registers it; None for what is not to be registered."""
        line = source.line or Line(0, "")
        holder = self.holders.get(line.rights_holder, self.holder)
        if holder is None:
            return None
        return Rights(holder, line.licence, line.territories, line.policy)


def make_plan(asked: Asked, *, dry: bool = False) -> Plan:
    """Raises NotPossible, with nothing changed; `dry` makes no row for a missing rights holder."""
    if asked.holder and not asked.as_reference:
        raise NotPossible("--rights-holder goes with --as-reference.")
    lines = _lines(asked)
    if asked.as_reference and not asked.holder and asked.places:
        raise NotPossible("--as-reference needs --rights-holder for what no manifest names.")
    owners = _owners(lines)
    folder = asked.manifest.parent if asked.manifest else Path()
    sources = gather(asked.places, lines, folder)
    if not sources:
        raise NotPossible("There is no file at or below what was named.")
    names = {line.rights_holder for line in lines} - {""}
    return Plan(
        sources,
        asked.visibility,
        owners,
        {name: _holder(name, dry) for name in sorted(names)},
        _holder(asked.holder, dry) if asked.holder else None,
    )


def _holder(name: str, dry: bool) -> RightsHolder:
    if dry:
        return find_holder(name) or RightsHolder(name=name)
    return holder_named(name)


def _lines(asked: Asked) -> list[Line]:
    if asked.manifest is None:
        return []
    try:
        with asked.manifest.open(encoding="utf-8-sig", newline="") as file:
            lines, faults = read_manifest(
                file, has_holder=bool(asked.holder), needs_holder=asked.as_reference
            )
    except OSError as error:
        raise NotPossible(f"{asked.manifest} cannot be read: {error.strerror}.") from None
    _tell(faults)
    return lines


def _owners(lines: Sequence[Line]) -> dict[str, User]:
    names = {line.owner for line in lines} - {""}
    owners = {user.username: user for user in User.objects.filter(username__in=names)}
    missing = names - set(owners)
    _tell(
        [
            Fault(line.number, f"owner: there is no account “{line.owner}”.")
            for line in lines
            if line.owner in missing
        ]
    )
    return owners


def _tell(faults: Sequence[Fault]) -> None:
    if not faults:
        return
    told = [str(fault) for fault in faults[:FAULTS_TOLD]]
    if len(faults) > FAULTS_TOLD:
        told.append(f"and {len(faults) - FAULTS_TOLD} faults more")
    raise NotPossible("The manifest cannot be used:\n  " + "\n  ".join(told))
