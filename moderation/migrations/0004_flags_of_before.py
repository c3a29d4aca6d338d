# Flags that were there before there was anything to decide: each gets its pair, its place in the
# queue and the history that its state tells.

from datetime import UTC, datetime, timedelta

from django.db import migrations

STRICTNESS = ("block", "monetise", "review", "track")
WEIGHTS = {"block": 3.0, "monetise": 2.0, "review": 1.0}
DUE_HOURS = {"block": 24, "monetise": 72, "review": 168}
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def tell_flags(apps, schema_editor):
    Flag = apps.get_model("moderation", "Flag")
    flags = Flag.objects.select_related("link").order_by("-pk")
    standing = set()
    # Of a pair that several engine versions flagged one stands: an open one, else the last.
    for flag in sorted(flags, key=lambda flag: flag.state != "open"):
        pair = frozenset((flag.link.query_id, flag.link.reference_id))
        _tell(apps, flag, pair in standing)
        standing.add(pair)


def _tell(apps, flag, overtaken):
    link = flag.link
    flag.query_id, flag.reference_id = link.query_id, link.reference_id
    flag.score, flag.kinds = link.score, link.kinds
    flag.covered = max(link.covered_query, link.covered_reference)
    _rank(apps, flag)
    moves = [("detect", "", "detected", "")]
    if flag.state == "open":
        flag.reason = ""
        flag.opened_at = flag.created_at
        flag.due_at = flag.created_at + timedelta(hours=DUE_HOURS.get(flag.policy, 336))
        moves.append(("open", "detected", "open", ""))
    else:
        flag.reason = "less_sure"
        moves.append(("suppress", "detected", "suppressed", "less_sure"))
    if overtaken:
        moves.append(("supersede", flag.state, "superseded", "newer_engine"))
        flag.state, flag.reason = "superseded", "newer_engine"
    flag.version = len(moves)
    flag.save()
    Event = apps.get_model("moderation", "Event")
    for number, (name, before, after, reason) in enumerate(moves, start=1):
        Event.objects.create(
            machine="flag",
            subject_id=flag.pk,
            sequence=number,
            move=name,
            before=before,
            after=after,
            actor_kind="system",
            reason=reason,
            video_ids=[flag.query_id, flag.reference_id],
            facts={"link": link.pk, "engine": link.version},
            at=flag.created_at,
        )


def _rank(apps, flag):
    """By the strictest policy of those who have rights in the reference; none had conditions."""
    Reference = apps.get_model("moderation", "Reference")
    held = Reference.objects.filter(video_id=flag.reference_id).select_related("holder")
    rights = sorted(
        held, key=lambda row: (STRICTNESS.index(row.policy or row.holder.policy), row.pk)
    )
    if rights:
        first = rights[0]
        flag.policy, flag.holder_id = first.policy or first.holder.policy, first.holder_id
        flag.policy_version = f"holder {first.holder_id} v1, reference {first.pk} v1"
    flag.priority = WEIGHTS.get(flag.policy, 0.0) + flag.score * flag.covered
    flag.place = flag.priority - 0.1 * (flag.created_at - EPOCH).total_seconds() / 86_400


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0003_review'),
    ]

    operations = [
        migrations.RunPython(tell_flags, migrations.RunPython.noop),
    ]
