"""Times and durations with their methods (Go's package time)."""

from templates.values import (
    BOOL,
    BYTES,
    FLOAT,
    INT,
    INT64,
    TEXT,
    Signature,
    Type,
    Value,
    signatures,
)

_METHODS: dict[str, dict[str, Signature]] = {
    name: {} for name in ("Time", "Duration", "Location", "Month", "Weekday")
}
DURATION = Type("time.Duration", "int", "a duration", methods=_METHODS["Duration"])
TIME = Type("time.Time", "struct", "a time", methods=_METHODS["Time"])
_LOCATION = Type("time.Location", "struct", "a time zone", methods=_METHODS["Location"])
_MONTH = Type("time.Month", "int", "a month", methods=_METHODS["Month"])
_WEEKDAY = Type("time.Weekday", "int", "a weekday", methods=_METHODS["Weekday"])
TYPES: dict[str, Type] = {
    "bool": BOOL,
    "int": INT,
    "int64": INT64,
    "float64": FLOAT,
    "string": TEXT,
    "[]byte": BYTES,
    "Time": TIME,
    "Duration": DURATION,
    "Month": _MONTH,
    "Weekday": _WEEKDAY,
    "*Location": Type("*time.Location", "pointer", "a time zone", Value(_LOCATION)),
    "*Time": Type("*time.Time", "pointer", "a time", Value(TIME)),
    "*Duration": Type("*time.Duration", "pointer", "a duration", Value(DURATION)),
}
"""Go's name, as signatures write it -> type."""

_METHODS["Month"] |= signatures("String() string", TYPES)
_METHODS["Weekday"] |= signatures("String() string", TYPES)
_METHODS["Location"] |= signatures("String() string", TYPES)
_METHODS["Duration"] |= signatures(
    """
    Abs() Duration
    Hours() float64
    Microseconds() int64
    Milliseconds() int64
    Minutes() float64
    Nanoseconds() int64
    Round(Duration) Duration
    Seconds() float64
    String() string
    Truncate(Duration) Duration
    """,
    TYPES,
)
_METHODS["Time"] |= signatures(
    """
    Add(Duration) Time
    AddDate(int, int, int) Time
    After(Time) bool
    AppendBinary([]byte) []byte
    AppendFormat([]byte, string) []byte
    AppendText([]byte) []byte
    Before(Time) bool
    Clock() !it returns three values
    Compare(Time) int
    Date() !it returns three values
    Day() int
    Equal(Time) bool
    Format(string) string
    GoString() string
    GobEncode() []byte
    Hour() int
    ISOWeek() !it returns two values
    In(*Location) Time
    IsDST() bool
    IsZero() bool
    Local() Time
    Location() *Location
    MarshalBinary() []byte
    MarshalJSON() []byte
    MarshalText() []byte
    Minute() int
    Month() Month
    Nanosecond() int
    Round(Duration) Time
    Second() int
    String() string
    Sub(Time) Duration
    Truncate(Duration) Time
    UTC() Time
    Unix() int64
    UnixMicro() int64
    UnixMilli() int64
    UnixNano() int64
    Weekday() Weekday
    Year() int
    YearDay() int
    Zone() !it returns two values
    ZoneBounds() !it returns two values
    """,
    TYPES,
)
