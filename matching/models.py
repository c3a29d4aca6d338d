"""What videos are compared by, and what was found."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest, Least
from pgvector.django import BitField, HnswIndex, VectorField

from matching.engine.descriptors import DCT256, HSV108
from videos.models import FrameInfo, MediaType, Video

# The most visual words a vocabulary may make, two times 4096 centres.
WORDS = 4096 * 4096


class Fingerprint(models.Model):
    """The stored, versioned set of a video's descriptors.

    `dense_times` is float64 little-endian seconds; `dense_hashes` 32 bytes and `dense_quality`
    one byte a frame, in the same order, of the whole picture. Where the picture has still
    borders, `box` (left, top, width, height in shares of the picture) is what lies inside them
    and the `box_` columns hold its hashes. `small_frames` are the dense frames as strips of JPEG,
    `small_height` pixels each, of pictures `picture_width` by `picture_height`. Only a `ready`
    fingerprint is found by a search; it becomes ready in the transaction that writes its index
    rows.
    """

    video = models.ForeignKey(Video, on_delete=models.CASCADE, related_name="fingerprints")
    version = models.CharField(max_length=16)
    ready = models.BooleanField(default=False)
    media_type = models.CharField(max_length=8, choices=MediaType)
    duration = models.FloatField(help_text="Seconds.")
    dense_times = models.BinaryField()
    dense_hashes = models.BinaryField()
    dense_quality = models.BinaryField()
    box = ArrayField(models.FloatField(), size=4, null=True, blank=True)
    box_hashes = models.BinaryField(null=True)
    box_quality = models.BinaryField(null=True)
    small_frames = models.BinaryField(null=True)
    small_height = models.PositiveSmallIntegerField(default=0)
    picture_width = models.PositiveSmallIntegerField(default=0)
    picture_height = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["video", "version"], name="fingerprint_once")
        ]

    def __str__(self) -> str:
        return f"fingerprint {self.version}"


class FeatureVector(models.Model):
    """The descriptors of one region of one index frame.

    `bands` is empty for frames that say nothing (flat, black): they can verify a match but not
    propose one. `colour` is set in one frame of a shot. `words` are the visual words of the whole
    picture's local features and `marks` 32 bits for each of them; the database makes `WordPosting`
    rows of both. `patches` are the features themselves, packed, for geometry. Rows are written and
    deleted, never changed.
    """

    frame = models.ForeignKey(FrameInfo, on_delete=models.CASCADE, related_name="features")
    # Carried along so that rows can be split by video and filtered without a join.
    video = models.ForeignKey(Video, on_delete=models.CASCADE, related_name="+", db_index=False)
    version = models.CharField(max_length=16)
    region = models.PositiveSmallIntegerField(default=0)
    media_type = models.CharField(max_length=8, choices=MediaType)
    frame_number = models.PositiveIntegerField()
    timestamp = models.FloatField(help_text="Seconds.")
    quality = models.PositiveSmallIntegerField()
    hash = BitField(length=DCT256.dimension)
    bands = ArrayField(models.IntegerField(), default=list)
    colour = VectorField(dimensions=HSV108.dimension, null=True)
    words = ArrayField(models.IntegerField(), null=True)
    marks = ArrayField(models.IntegerField(), null=True)
    patches = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["frame", "region", "version"], name="feature_vector_once"
            )
        ]
        indexes = [
            models.Index(fields=["frame"], name="idx_feature_vector_frame_info"),
            models.Index(fields=["video", "version"], name="idx_feature_vector_video"),
            # Without a pending list an insert costs the same every time and a search never
            # pays for the inserts of others.
            GinIndex(fields=["bands"], name="idx_feature_vector_bands", fastupdate=False),
            HnswIndex(
                fields=["colour"],
                name="idx_feature_vector_colour",
                m=16,
                ef_construction=64,
                opclasses=["vector_l2_ops"],
                condition=Q(media_type="video"),
            ),
        ]

    def __str__(self) -> str:
        return f"features of frame {self.frame_number}"


class WordPosting(models.Model):
    """Where a visual word was seen: an index that triggers on `FeatureVector` keep.

    A table of its own, as an inverted list is read from one place in its primary key, without a
    visit to the frames' rows; GIN over their arrays took twenty times as long (docs/benchmarks.md).
    `feature` is the `FeatureVector`'s number. There is no foreign key, for it would need an index
    as large as this one.
    """

    pk = models.CompositePrimaryKey("word", "feature", "mark")
    word = models.IntegerField()
    feature = models.BigIntegerField()
    mark = models.IntegerField()

    def __str__(self) -> str:
        return f"word {self.word} in {self.feature}"


class LibraryChange(models.Model):
    """A change that a search may tell of: triggers write a row in the transaction that makes it.

    The sum of all `weight` is the library's version (`matching.changes`): rows are only ever added,
    whoever commits first, so any two states differ in it.
    """

    weight = models.BigIntegerField()

    def __str__(self) -> str:
        return f"change {self.pk}"


class DescriptorVector(models.Model):
    """What a descriptor of the operator's own makes of one frame of a shot of a video.

    `version` is the descriptor's, not the engine's. Vectors of different length lie in one
    column; the HNSW index of a version is made by `manage.py descriptor index`.
    """

    frame = models.ForeignKey(FrameInfo, on_delete=models.CASCADE, related_name="+")
    video = models.ForeignKey(Video, on_delete=models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=24)
    version = models.CharField(max_length=16)
    timestamp = models.FloatField(help_text="Seconds.")
    vector = VectorField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["frame", "name", "version"], name="descriptor_vector_once"
            )
        ]
        indexes = [
            models.Index(fields=["video", "name", "version"], name="idx_descriptor_vector_video")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version} at {self.timestamp:.2f} s"


class DescriptorCalibration(models.Model):
    """How sure a distance makes one: the curve 1 / (1 + exp(-(intercept + slope * distance))).

    Measured on `pictures` pictures of `families` unrelated videos. `separation` is the share of
    (copy, stranger) pairs in which the copy is nearer; `error` the expected calibration error
    with families left out in turn.
    """

    name = models.CharField(max_length=24)
    version = models.CharField(max_length=16)
    intercept = models.FloatField()
    slope = models.FloatField()
    pictures = models.PositiveIntegerField()
    families = models.PositiveIntegerField()
    separation = models.FloatField()
    error = models.FloatField()
    measured_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="calibration_once"),
            models.CheckConstraint(name="calibration_falls", condition=Q(slope__lt=0)),
        ]

    def __str__(self) -> str:
        return f"calibration of {self.name} {self.version}"


class CutToken(models.Model):
    """A few consecutive shot lengths of a video as one number.

    `time` is its first cut's and `span` the seconds to its last, so that a shared token tells
    offset and speed.
    """

    video = models.ForeignKey(
        Video, on_delete=models.CASCADE, related_name="cut_tokens", db_index=False
    )
    version = models.CharField(max_length=16)
    token = models.BigIntegerField()
    time = models.FloatField(help_text="Seconds.")
    span = models.FloatField(help_text="Seconds.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["video", "version", "token", "time"], name="cut_token_once"
            )
        ]
        indexes = [models.Index(fields=["token", "video"], name="idx_cut_token_token")]

    def __str__(self) -> str:
        return f"token {self.token} at {self.time:.2f} s"


class DuplicateLink(models.Model):
    """What matching found between two videos; never edited by moderation.

    One row for an unordered pair and engine version. `query` copies `reference`, which is the
    registered side, else the earlier upload. `provisional` while the query's analysis runs.
    """

    query = models.ForeignKey(Video, on_delete=models.CASCADE, related_name="links")
    reference = models.ForeignKey(Video, on_delete=models.CASCADE, related_name="linked_by")
    version = models.CharField(max_length=16)
    score = models.FloatField(help_text="Confidence from 0 to 1.")
    matched_frames = models.PositiveIntegerField()
    aligned_cuts = models.PositiveIntegerField(default=0)
    covered_query = models.FloatField(help_text="Share of the query that is copied.")
    covered_reference = models.FloatField(help_text="Share of the reference that is copied.")
    kinds = ArrayField(models.CharField(max_length=24), default=list, blank=True)
    provisional = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-score"]
        constraints = [
            models.UniqueConstraint(
                Least(F("query"), F("reference")),
                Greatest(F("query"), F("reference")),
                F("version"),
                name="duplicate_link_pair_once",
            ),
            models.CheckConstraint(
                name="duplicate_link_two_videos", condition=~Q(query=F("reference"))
            ),
            models.CheckConstraint(
                name="duplicate_link_score_range", condition=Q(score__gte=0) & Q(score__lte=1)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.query} copies {self.reference}"


class Segment(models.Model):
    """A half-open stretch of the query and the stretch of the reference it equals, in seconds.

    `pairs` keeps the evidence: [query time, reference time, similarity] of matched frames, and
    `points` of up to four of them where they agree, the best first: [query time, reference time,
    [[x and y in the query's picture, x and y in the reference's], …]]. `transform` (two rows of
    three) takes places in the query's picture to those in the reference's. All of these are shares
    of the pictures, 0 to 1, as seen and not mirrored.
    """

    link = models.ForeignKey(DuplicateLink, on_delete=models.CASCADE, related_name="segments")
    q_start = models.FloatField()
    q_end = models.FloatField()
    r_start = models.FloatField()
    r_end = models.FloatField()
    speed = models.FloatField(default=1.0)
    mirrored = models.BooleanField(default=False)
    inverted = models.BooleanField(default=False, help_text="The colours are the other's negative.")
    transform = ArrayField(models.FloatField(), size=6, null=True, blank=True)
    motion = models.FloatField(
        null=True, blank=True, help_text="Correlation of what moves in both, -1 to 1."
    )
    matched_frames = models.PositiveIntegerField()
    similarity = models.FloatField(help_text="Mean over the matched frames, 0 to 1.")
    pairs = models.JSONField(default=list, blank=True)
    points = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["q_start"]
        constraints = [
            models.CheckConstraint(
                name="segment_runs_forward",
                condition=Q(q_end__gte=F("q_start")) & Q(r_end__gte=F("r_start")),
            ),
            models.CheckConstraint(
                name="segment_starts_at_zero", condition=Q(q_start__gte=0) & Q(r_start__gte=0)
            ),
            models.CheckConstraint(name="segment_speed_positive", condition=Q(speed__gt=0)),
            models.CheckConstraint(
                name="segment_transform_is_a_matrix",
                condition=Q(transform__isnull=True) | Q(transform__len=6),
            ),
            models.CheckConstraint(
                name="segment_motion_is_a_correlation",
                condition=Q(motion__isnull=True) | Q(motion__gte=-1, motion__lte=1),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.q_start:.1f}–{self.q_end:.1f} s"
