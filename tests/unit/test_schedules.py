"""A schedule gets the verdict of Kubernetes' parser, unless no time ever fits it."""

import pytest

from schedules import check_schedule

RIGHT = (
    *("* * * * *", "*/5 8-18 * * 1-5", "0 6 1,15 * *", "0 0 29 2 *", "0 0 * jan-mar SUN,tue"),
    *("? ? ? ? ?", "5/10 * * * *", "0 0 31 * *", "0 0 31 2 1", "0 0 31 2 */2", "  0 6\t* * *  "),
    *("1,,2 * * * *", "+5 * * * *", "*/90 * * * *", "*-7/2 * * * *", "0-0 0 1 1 0"),
    *("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"),
    *("@every 1h", "@every 1h30m", "@every 90s", "@every 0", "@every 2562047h", "@every .5h"),
)
WRONG = (
    ("62 25 * * 8", "in the minute, `62` is not within 0 to 59"),
    ("0 24 * * *", "in the hour, `24` is not within 0 to 23"),
    ("0 0 0 * *", "in the day of the month, `0` is not within 1 to 31"),
    ("0 0 1 13 *", "in the month, `13` is not within 1 to 12"),
    ("0 0 * * 7", "in the day of the week, `7` is not within 0 to 6"),
    ("0 0 * * sunday", "in the day of the week, `sunday` is not a number or a name of this field"),
    ("0 0 L * *", "in the day of the month, `L` is not a number"),
    ("-1 * * * *", "in the minute, `-1` is not a number"),
    ("10-5 * * * *", "in the minute, `10-5` ends before it begins"),
    ("*/0 * * * *", "in the minute, `*/0` has no step above zero"),
    ("*/x * * * *", "in the minute, `*/x` has no step above zero"),
    ("1-2-3 * * * *", "in the minute, `1-2-3` has too many hyphens"),
    ("1/2/3 * * * *", "in the minute, `1/2/3` has too many slashes"),
    ("often", "is not a cron expression of five fields"),
    ("", "is not a cron expression of five fields"),
    ("0 0 6 * * *", "is not a cron expression of five fields"),
    ("0 6 * *", "is not a cron expression of five fields"),
    ("TZ=UTC 0 6 * * *", "names a time zone. Remove it"),
    ("CRON_TZ=Europe/Dublin 0 6 * * *", "names a time zone. Remove it"),
    ("@Hourly", "is not the name of a schedule"),
    ("@reboot", "is not the name of a schedule"),
    ("@every", "is not the name of a schedule"),
    ("@every 1d", "is not the name of a schedule"),
    ("@every 2562048h", "is longer than Kubernetes can count. Write @every 24h or less."),
    ("@every 1h99999999999h", "is longer than Kubernetes can count"),
    ("0 0 31 2 *", "no time fits `0 0 31 2 *`"),
    ("0 0 30 feb *", "no time fits"),
    ("0 0 31 4,6,9,11 ?", "no time fits"),
    (", * * * *", "no time fits"),
    ("0 6 * * ,", "no time fits"),
    ("0 6 , * *", "no time fits"),
)


@pytest.mark.parametrize("schedule", RIGHT)
def test_what_kubernetes_takes_is_accepted(schedule: str) -> None:
    assert check_schedule(schedule) == schedule


@pytest.mark.parametrize(("schedule", "reason"), WRONG)
def test_what_it_refuses_is_refused_with_what_to_write(schedule: str, reason: str) -> None:
    with pytest.raises(ValueError) as refused:
        check_schedule(schedule)
    assert reason in str(refused.value)
    assert any(verb in str(refused.value) for verb in (". Write ", ". Remove "))
