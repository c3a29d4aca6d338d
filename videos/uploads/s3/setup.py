"""Buckets, queues and what joins them, made where they are missing and left where they are right.

Every step tells what it found. Notifications, rules and origins of others stay.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from botocore.exceptions import ClientError
from django.conf import settings

from videos.s3 import answering, code_of, s3, sqs
from videos.uploads.s3.ingest import INCOMING
from videos.uploads.s3.poller import queue_url

OURS: Final = "tvidz"
MOST_RECEIVES: Final = 5
DEAD_DAYS: Final = 14
# A browser's object is taken in within minutes, or its upload was given up.
INCOMING_DAYS: Final = 8
EVENTS: Final = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]

Step = tuple[str, str]


def set_up() -> Iterator[Step]:
    """Each thing and what became of it: made, changed or right. Raises StorageUnavailable."""
    options = settings.TVIDZ
    with answering():
        yield _bucket(options.s3_bucket)
        if options.storage == "s3":
            yield _bucket(options.s3_library_bucket)
        yield _queue(dead_queue(), {"MessageRetentionPeriod": str(DEAD_DAYS * 24 * 3600)})
        yield _queue(options.s3_queue, _queue_attributes())
        yield _notifications()
        yield _origins()
        yield _rules()


def dead_queue() -> str:
    return f"{settings.TVIDZ.s3_queue}-dead"


def redrive() -> int:
    """Give what lies in the dead-letter queue to the other once more; how many messages."""
    dead, alive, moved = queue_url(dead_queue()), queue_url(), 0
    with answering():
        while (
            messages := sqs()
            .receive_message(QueueUrl=dead, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            .get("Messages")
        ):
            for message in messages:
                sqs().send_message(QueueUrl=alive, MessageBody=message["Body"])
                sqs().delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
                moved += 1
    return moved


def _bucket(name: str) -> Step:
    try:
        s3().head_bucket(Bucket=name)
        made = "right"
    except ClientError as error:
        if code_of(error) not in ("404", "NoSuchBucket", "NotFound"):
            raise
        region = settings.TVIDZ.s3_region
        # The first region has no name here.
        where: Any = (
            {}
            if region == "us-east-1"
            else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        )
        s3().create_bucket(Bucket=name, **where)
        made = "made"
    s3().put_public_access_block(
        Bucket=name,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    return f"bucket {name}", made


def _queue(name: str, attributes: dict[str, str]) -> Step:
    try:
        url = sqs().get_queue_url(QueueName=name)["QueueUrl"]
    except ClientError as error:
        if "NonExistentQueue" not in code_of(error) and "DoesNotExist" not in code_of(error):
            raise
        sqs().create_queue(QueueName=name, Attributes=attributes)  # type: ignore[arg-type]
        return f"queue {name}", "made"
    known = sqs().get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    if all(_same(known.get(key), value) for key, value in attributes.items()):  # type: ignore[call-overload]
        return f"queue {name}", "right"
    sqs().set_queue_attributes(QueueUrl=url, Attributes=attributes)  # type: ignore[arg-type]
    return f"queue {name}", "changed"


def _queue_attributes() -> dict[str, str]:
    """What the bucket's events need: its leave to write, and a place for what fails again."""
    options = settings.TVIDZ
    arn = _arn(options.s3_queue)
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": OURS,
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{options.s3_bucket}"}},
            }
        ],
    }
    redrive = {"deadLetterTargetArn": _arn(dead_queue()), "maxReceiveCount": MOST_RECEIVES}
    return {
        "VisibilityTimeout": str(options.s3_visibility_seconds),
        "MessageRetentionPeriod": str(DEAD_DAYS * 24 * 3600),
        "RedrivePolicy": json.dumps(redrive),
        "Policy": json.dumps(policy),
    }


def _arn(queue: str) -> str:
    """The queue's name in policies; the dead-letter queue, which is there first, knows its own."""
    url = sqs().get_queue_url(QueueName=dead_queue())["QueueUrl"]
    told = sqs().get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return f"{told['Attributes']['QueueArn'].rpartition(':')[0]}:{queue}"


def _notifications() -> Step:
    bucket = settings.TVIDZ.s3_bucket
    known: Any = s3().get_bucket_notification_configuration(Bucket=bucket)
    known.pop("ResponseMetadata", None)
    ours = {"Id": OURS, "QueueArn": _arn(settings.TVIDZ.s3_queue), "Events": EVENTS}
    queues, made = _with_ours(known.get("QueueConfigurations", []), ours, "Id")
    if made != "right":
        s3().put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=known | {"QueueConfigurations": queues}
        )
    return f"events of {bucket}", made


def _origins() -> Step:
    """Let pages of the site send files to the bucket and read what it answers."""
    bucket = settings.TVIDZ.s3_bucket
    ours = {
        "ID": OURS,
        "AllowedOrigins": list(settings.TVIDZ.s3_origins),
        "AllowedMethods": ["PUT", "POST"],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 3600,
    }
    known = _or_none(lambda: s3().get_bucket_cors(Bucket=bucket).get("CORSRules", []))
    rules, made = _with_ours(known, ours, "ID")
    if made != "right":
        s3().put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    return f"origins of {bucket}", made


def _rules() -> Step:
    """Have the bucket clear away what browsers began to send and gave up."""
    bucket = settings.TVIDZ.s3_bucket
    ours = {
        "ID": OURS,
        "Status": "Enabled",
        "Filter": {"Prefix": INCOMING},
        "Expiration": {"Days": INCOMING_DAYS},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": INCOMING_DAYS},
    }
    known = _or_none(
        lambda: s3().get_bucket_lifecycle_configuration(Bucket=bucket).get("Rules", [])
    )
    rules, made = _with_ours(known, ours, "ID")
    if made != "right":
        s3().put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": rules}
        )
    return f"clearing of {bucket}", made


def _with_ours(known: list[Any], ours: dict[str, Any], name: str) -> tuple[list[Any], str]:
    """All rules with ours among them, and whether that is a change."""
    before = next((rule for rule in known if rule.get(name) == OURS), None)
    others = [rule for rule in known if rule.get(name) != OURS]
    if before is None:
        return [*others, ours], "made"
    same = all(_same(before.get(key), value) for key, value in ours.items())
    return (known, "right") if same else ([*others, ours], "changed")


def _or_none(read: Callable[[], Any]) -> list[Any]:
    """Rules that a bucket has; S3 tells none by an error."""
    try:
        return list(read())
    except ClientError as error:
        if not code_of(error).startswith("NoSuch"):
            raise
        return []


def _same(known: Any, wanted: Any) -> bool:
    """Whether two values say the same, be they written as JSON, in another order or as text."""
    return bool(_plain(known) == _plain(wanted))


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return _plain(json.loads(value))
        except ValueError:
            return value
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return sorted(str(_plain(each)) for each in value)
    return str(value)
