"""How much one file may cost before it is given up."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds for one look at one file; every one of them is enforced, none is advice.

    max_duration      seconds of video, by the header and by the decoded timestamps
    max_pixels        width times height of a decoded picture
    max_streams       tracks in the file
    max_frames        decoded frames of one video
    max_frame_rate    frames per second, judged once `FRAMES_BEFORE_RATE` frames are decoded
                      (short slow-motion clips of 960 a second are ordinary)
    wall_seconds      time the child may take; the time the caller holds a batch is not counted
    stall_seconds     time the child may give no sign of life
    cpu_seconds       processor time of the child
    memory_bytes      address space of the child
    threads           decoder threads
    """

    max_duration: float = 14_400.0
    max_pixels: int = 36_000_000
    max_streams: int = 16
    max_frames: int = 1_000_000
    max_frame_rate: float = 300.0
    wall_seconds: float = 3600.0
    stall_seconds: float = 60.0
    cpu_seconds: int = 7200
    memory_bytes: int = 1_500 << 20
    threads: int = 2

    def frames_exceeded(self, frames: float, seconds: float) -> bool:
        """Whether `frames` in `seconds` of video are over the frame budget."""
        if frames > self.max_frames:
            return True
        return frames > FRAMES_BEFORE_RATE and frames > seconds * self.max_frame_rate


FRAMES_BEFORE_RATE = 30_000
