# What must hold of flags from now on, and a history that can only be added to.

import django.db.models.functions.comparison
from django.db import migrations, models

REFUSE = """
CREATE FUNCTION moderation_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
"""
REFUSED = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION moderation_append_only();
"""

# Whoever appends has locked the subject, so that nobody else's event can come between.
COUNT = """
CREATE FUNCTION moderation_next_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last integer;
BEGIN
    SELECT max(sequence) INTO last FROM moderation_event
    WHERE machine = NEW.machine AND subject_id = NEW.subject_id;
    IF NEW.sequence <> coalesce(last, 0) + 1 THEN
        RAISE EXCEPTION 'event % of % % would leave a gap or a double after %',
            NEW.sequence, NEW.machine, NEW.subject_id, coalesce(last, 0)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'event_sequence_has_no_gap';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER next_event BEFORE INSERT ON moderation_event
FOR EACH ROW EXECUTE FUNCTION moderation_next_event();
"""

# Both tables change in one transaction, so only its end can be judged.
AGREE = """
CREATE FUNCTION moderation_lease_agrees() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
    now_state text;
    held boolean;
BEGIN
    IF TG_TABLE_NAME = 'moderation_flag' THEN
        number := NEW.id;
    ELSIF TG_OP = 'DELETE' THEN
        number := OLD.flag_id;
    ELSE
        number := NEW.flag_id;
    END IF;
    SELECT state INTO now_state FROM moderation_flag WHERE id = number;
    SELECT EXISTS (SELECT FROM moderation_lease WHERE flag_id = number) INTO held;
    IF now_state = 'leased' AND NOT held
        OR held AND now_state NOT IN ('leased', 'second_review', 'escalated') THEN
        RAISE EXCEPTION 'flag % is % and its lease does not agree', number, now_state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'flag_leased_has_a_lease';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER lease_agrees AFTER INSERT OR UPDATE ON moderation_flag
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION moderation_lease_agrees();
CREATE CONSTRAINT TRIGGER lease_agrees AFTER INSERT OR DELETE ON moderation_lease
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION moderation_lease_agrees();
"""

EVIDENCE = """
ALTER TABLE moderation_decision ADD CONSTRAINT decision_evidence_is_what_was_hashed
CHECK (evidence_sha256 = encode(sha256(convert_to(evidence, 'UTF8')), 'hex'));
"""


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0004_flags_of_before'),
    ]

    operations = [
        migrations.AlterField(
            model_name='flag',
            name='reference_id',
            field=models.UUIDField(),
        ),
        migrations.AlterField(
            model_name='flag',
            name='query_id',
            field=models.UUIDField(),
        ),
        migrations.AlterField(
            model_name='flag',
            name='reason',
            field=models.CharField(blank=True, help_text='Of its last move.', max_length=24),
        ),
        migrations.AddConstraint(
            model_name='flag',
            constraint=models.UniqueConstraint(django.db.models.functions.comparison.Least(models.F('query_id'), models.F('reference_id')), django.db.models.functions.comparison.Greatest(models.F('query_id'), models.F('reference_id')), condition=models.Q(('state', 'superseded'), _negated=True), name='flag_pair_once'),
        ),
        migrations.AddConstraint(
            model_name='flag',
            constraint=models.CheckConstraint(condition=models.Q(('query_id', models.F('reference_id')), _negated=True), name='flag_two_videos'),
        ),
        migrations.AddConstraint(
            model_name='flag',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['open', 'leased', 'second_review', 'escalated']), _negated=True), models.Q(('due_at__isnull', False), ('opened_at__isnull', False)), _connector='OR'), name='flag_waits_with_a_due_time'),
        ),
        migrations.AddConstraint(
            model_name='flag',
            constraint=models.CheckConstraint(condition=models.Q(('rule__isnull', True), ('state', 'suppressed'), _connector='OR'), name='flag_rule_suppresses'),
        ),
        migrations.AddConstraint(
            model_name='flag',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('proposer_id__isnull', False), ('state', 'second_review')), models.Q(models.Q(('state', 'second_review'), _negated=True), ('proposer_id__isnull', True)), _connector='OR'), name='flag_proposal_has_its_author'),
        ),
        migrations.RunSQL(
            EVIDENCE,
            reverse_sql="ALTER TABLE moderation_decision "
            "DROP CONSTRAINT decision_evidence_is_what_was_hashed;",
        ),
        migrations.RunSQL(
            REFUSE
            + REFUSED.format(table="moderation_event")
            + REFUSED.format(table="moderation_decision"),
            reverse_sql="DROP FUNCTION moderation_append_only() CASCADE;",
        ),
        migrations.RunSQL(COUNT, reverse_sql="DROP FUNCTION moderation_next_event() CASCADE;"),
        migrations.RunSQL(AGREE, reverse_sql="DROP FUNCTION moderation_lease_agrees() CASCADE;"),
    ]
