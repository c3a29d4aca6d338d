from videos.media.limits import Limits


def test_a_short_clip_of_slow_motion_is_within_the_frame_budget() -> None:
    assert not Limits().frames_exceeded(9_600, 10.0)


def test_a_thousand_frames_a_second_for_ten_minutes_are_over_it() -> None:
    assert Limits().frames_exceeded(600_000, 600.0)


def test_four_hours_of_sixty_frames_a_second_are_within_it() -> None:
    assert not Limits().frames_exceeded(4 * 3600 * 60, 4 * 3600.0)
