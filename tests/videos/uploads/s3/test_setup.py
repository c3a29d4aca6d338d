"""Buckets and queues are made once, and what others put there stays."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.aws import Aws, event
from videos.s3 import s3, sqs
from videos.uploads.s3.poller import queue_url
from videos.uploads.s3.setup import dead_queue, redrive, set_up

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("aws")]


def became() -> dict[str, str]:
    out = StringIO()
    call_command("setup_s3", stdout=out)
    return dict(line.split(": ") for line in out.getvalue().splitlines())


def test_all_is_made_in_an_empty_account_and_is_right_the_second_time(aws: Aws) -> None:
    aws.reset()

    first, second = became(), became()

    assert first == dict.fromkeys(
        [
            *("bucket videos", "queue tvidz-uploads-dead", "queue tvidz-uploads"),
            *("events of videos", "origins of videos", "clearing of videos"),
        ],
        "made",
    )
    assert second == dict.fromkeys(first, "right")


def test_the_library_has_a_bucket_where_files_are_kept_in_s3(library_bucket: Aws) -> None:
    assert became()["bucket tvidz-library"] == "right"


def test_a_changed_setting_is_carried_over(aws: Aws, change_settings: Any) -> None:
    change_settings(s3_origins=("https://tvidz.example",), s3_visibility_seconds=90)

    changed = became()

    assert {thing for thing, what in changed.items() if what == "changed"} == {
        "queue tvidz-uploads",
        "origins of videos",
    }
    rules = s3().get_bucket_cors(Bucket="videos")["CORSRules"]
    assert [rule["AllowedOrigins"] for rule in rules] == [["https://tvidz.example"]]


def test_notifications_rules_and_origins_of_others_stay(aws: Aws) -> None:
    sqs().create_queue(QueueName="theirs")
    arn = "arn:aws:sqs:us-east-1:123456789012:theirs"
    theirs: Any = {"Id": "theirs", "QueueArn": arn, "Events": ["s3:ObjectRestore:*"]}
    known: Any = s3().get_bucket_notification_configuration(Bucket="videos")
    known.pop("ResponseMetadata")
    ours = [rule | {"Events": ["s3:ObjectCreated:Put"]} for rule in known["QueueConfigurations"]]
    s3().put_bucket_notification_configuration(
        Bucket="videos", NotificationConfiguration={"QueueConfigurations": [theirs, *ours]}
    )

    assert became()["events of videos"] == "changed"

    kept = s3().get_bucket_notification_configuration(Bucket="videos")["QueueConfigurations"]
    assert sorted((rule["Id"], sorted(rule["Events"])) for rule in kept) == [
        ("theirs", ["s3:ObjectRestore:*"]),
        ("tvidz", ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]),
    ]


def test_the_queue_lets_the_bucket_write_and_sets_aside_what_fails_five_times(aws: Aws) -> None:
    told: Any = sqs().get_queue_attributes(QueueUrl=queue_url(), AttributeNames=["All"])
    attributes = told["Attributes"]

    assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] == 5
    assert json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"].endswith(dead_queue())
    (leave,) = json.loads(attributes["Policy"])["Statement"]
    assert leave["Principal"] == {"Service": "s3.amazonaws.com"}
    assert leave["Condition"] == {"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::videos"}}


def test_nobody_may_read_the_bucket_from_outside(aws: Aws) -> None:
    told = s3().get_public_access_block(Bucket="videos")["PublicAccessBlockConfiguration"]

    assert set(told.values()) == {True}


def test_a_region_of_its_own_is_named(aws: Aws, change_settings: Any) -> None:
    aws.reset()
    change_settings(s3_region="eu-central-1")

    list(set_up())

    assert s3().get_bucket_location(Bucket="videos")["LocationConstraint"] == "eu-central-1"


def test_what_was_set_aside_can_be_given_to_the_queue_again(aws: Aws) -> None:
    for name in ("a.mp4", "b.mp4"):
        sqs().send_message(QueueUrl=queue_url(dead_queue()), MessageBody=json.dumps(event(name)))

    assert redrive() == 2
    assert aws.dead() == 0
    assert aws.waiting() == 2


def test_an_s3_that_does_not_answer_is_told_in_a_sentence(change_settings: Any) -> None:
    change_settings(s3_endpoint="http://127.0.0.1:9", s3_access_key="k", s3_secret_key="s")

    with pytest.raises(CommandError, match="S3 or SQS does not do it"):
        call_command("setup_s3")
