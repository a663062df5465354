"""A value of the settings gets the verdict of the API server of the pinned Kubernetes."""

import json
from itertools import product

import pytest
from hypothesis import strategies as st

from tests.support.manifests import manifests
from tests.support.recording import STACKS, run_stack
from tests.support.verdicts import Comparison, Kind, examples
from tests.verdicts import kubernetes

NUMBERS = (
    "",
    "0",
    "00",
    "1",
    "007",
    "1.5",
    "0.5",
    ".5",
    "5.",
    "1000",
    "0.1",
    "1.0005",
    "99999999999",
)
UNITS = (
    "",
    *"numkMGTPEKgt",
    "Ki",
    "Mi",
    "Gi",
    "Ti",
    "Pi",
    "Ei",
    "ki",
    "mi",
    "GB",
    "MB",
    "e3",
    "E3",
    "e",
)
UNITS_AND_OTHERS = (*UNITS, "e-3", "e+2", "E-1", "e1.5", "i", " ")
QUANTITIES = [
    *map("".join, product(NUMBERS, UNITS_AND_OTHERS)),
    *map("".join, product("+-", ("", "0", "1", ".5", "2000"), UNITS_AND_OTHERS)),
    *(
        "1e003",
        "1E+0003",
        "1e-003",
        "1e000",
        "1e010",
        "1e100",
        "10E",
        "1e19",
        "10Ei",
        "9E",
        "0e999",
    ),
    *(" 1", "1 Gi", "1_000", "0x10", "1,5", "1.5.5", "1Gi\n", "1Gi\t", "inf", "nan", "1e3Mi"),
    *("\N{FULLWIDTH DIGIT ONE}Gi", "--1", "+-1", "1-", "0.5Ti", "50G", "512m", "1.5Gi"),
]


@pytest.mark.parametrize("kind", kubernetes.QUANTITIES, ids=lambda kind: kind.name)
def test_quantities(compare: Comparison, kind: Kind) -> None:
    # One setting of each type gets all of them.
    whole = kind in (kubernetes.CORES, kubernetes.MEMORY)
    compare(kind, QUANTITIES if whole else QUANTITIES[:: len(QUANTITIES) // 60])


def fields(*special: str) -> st.SearchStrategy[str]:
    number = st.integers(-1, 75).map(str)
    value = st.one_of(number, st.sampled_from(["*", "?", "", "+5", "L", "W", "#", "1.5", *special]))
    span = st.one_of(value, st.tuples(value, value).map("-".join))
    step = st.sampled_from(["", "", "", "/1", "/2", "/15", "/0", "/-1", "/x", "/2/3", "/"])
    part = st.tuples(span, step).map("".join)
    return st.lists(part, min_size=1, max_size=3).map(",".join)


SCHEDULES = st.one_of(
    st.tuples(
        fields(), fields(), fields(), fields("jan", "FEB", "13"), fields("sun", "Sat", "7")
    ).map(" ".join),
    st.lists(fields("mon"), max_size=7).map(" ".join),
    st.tuples(
        st.sampled_from(["*", "*/5", "0", "1-59/2", "0,30"]),
        st.sampled_from(["*", "6", "0-23", "8-18/2"]),
        st.sampled_from(["*", "?", "1", "29", "30", "31", "1-31", "*/31"]),
        st.sampled_from(["*", "2", "feb", "4,6", "jan-mar", "12"]),
        st.sampled_from(["*", "?", "0", "6", "7", "mon-fri", "fri-mon", "*/2", "sunday"]),
    ).map(" ".join),
)
NAMED = [
    *("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually", "@reboot"),
    *("@Hourly", "@every 1h", "@every 1h30m5s", "@every 1.5h", "@every 1d", "@every", "@every 0"),
    *("@every 2562047h", "@every 2562048h", "@every 9999999999s", "@every 1h99999999999h"),
    *("@every 9223372036854775807ns", "@every 9223372036854775808ns", "@every 9223372036.9s"),
    *(
        "@every +1h",
        "@every -0",
        "@every 1.h",
        "@every .h",
        "@every 1µs",
        "@every 1H",
        "@every 0.0",
    ),
    *("@every -5m", "@every  5m", "@every 5", "@every 100ms", "@", "", " ", "often", "@hourly "),
    *("TZ=UTC 0 6 * * *", "CRON_TZ=UTC 0 6 * * *", "0 6 * * * UTC", "0\t6\t* * *", "  0 6 * * *"),
    *("0 6 * * *\n", "0 0 6 * * *", "0  6  *  *  *", "62 25 * * 8", "*/5 * * * *", "60 * * * *"),
    *(
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 0 *",
        "* * * 13 *",
        "* * * * 7",
        "5/10 * * * *",
    ),
]


def test_schedules(compare: Comparison) -> None:
    compare(kubernetes.SCHEDULES, [*NAMED, *examples(SCHEDULES, 3000)])


LETTERS = st.text("abz09-._AZ/ é", min_size=0, max_size=12)
LENGTHS = ("a" * 49, "a" * 50, "a" * 52, "a" * 53, "a" * 54, "a" * 55, "a" * 59, "a" * 62, "a" * 63)
NAMES = [
    *LENGTHS,
    *("a" * 64, "a" * 253, "a" * 254, "1", "1a", "a1", "a-", "-a", "a--b", "a_b", "a.b", "a..b"),
    *("a.-b", "A", "aB", "a b", "a/b", "", " a", "a\n", "é", "a-to-b", "a-to-to-b", "pods"),
    *("clients", "x-headless", "0x1", "1e3", "null", "a" * 63 + ".b", ".a", "a.", "-", ".", ".."),
]


@pytest.mark.parametrize("kind", kubernetes.NAMES, ids=lambda kind: kind.name)
def test_names(compare: Comparison, kind: Kind) -> None:
    compare(kind, [*NAMES, *examples(LETTERS, 150)])


KEYS = [
    *NAMES,
    *(f"{prefix}/{name}" for prefix in NAMES[:14:2] for name in ("a", "", "A_b.c", "-a", "a" * 63)),
    *("a/b/c", "kubernetes.io/role", "Example.com/a", "a..b/c", "node-role.kubernetes.io/infra"),
]


@pytest.mark.parametrize("kind", kubernetes.LABELS, ids=lambda kind: kind.name)
def test_labels(compare: Comparison, kind: Kind) -> None:
    compare(kind, [*KEYS, *examples(LETTERS, 150)])


PARTS = (
    "a",
    "a_b",
    "a__b",
    "a___b",
    "a.b",
    "a..b",
    "a-b",
    "a--b",
    "a._b",
    "A",
    "a-",
    "_a",
    "",
    "é",
)
HOSTS = (
    "",
    "r.io/",
    "r.io:5000/",
    "R.io/",
    "localhost/",
    "localhost:5000/",
    "[::1]:5000/",
    "r_x.io/",
)
TAGS = ("", ":1", ":", ":v1.0_x-y", ":-1", ":.1", ":a b", ":A", ":" + "a" * 128, ":" + "a" * 129)
DIGESTS = (
    *("", f"@sha256:{'0' * 64}", f"@sha256:{'0' * 63}", f"@sha256:{'A' * 64}", "@sha256:abc", "@"),
    *(f"@sha512:{'0' * 128}", f"@sha384:{'0' * 96}", f"@md5:{'0' * 32}", f"@sha1:{'0' * 40}"),
)
IMAGES = [
    *map("".join, product(HOSTS, PARTS, TAGS[:5], DIGESTS[:3])),
    *map("".join, product(("r.io/a", "a/b"), TAGS, DIGESTS)),
    *(f"r.io/{first}/{second}:1" for first, second in product(PARTS, PARTS)),
    *("r.io//a:1", "/a:1", "a/:1", "https://r.io/a:1", "0" * 64, f"{'0' * 64}:1", " a:1", "a:1 "),
    *("a:1\n", "r.io:/a:1", "r.io:x/a:1", "r.io:99999/a:1", f"r.io/{'a' * 255}:1", "r-.io/a:1"),
    *(f"r.io/{'a' * 256}:1", f"{'a' * 247}:1", f"{'a' * 248}:1", "user@r.io/a:1", "a:1:2", "a@b:1"),
]


def test_images(compare: Comparison) -> None:
    compare(kubernetes.IMAGES, IMAGES)


ADDRESSES = (
    *("10.0.0.0", "10.0.0.1", "192.0.2.7", "010.0.0.0", "10.0.0", "256.0.0.1", "10.0.0.0.0", ""),
    *(
        "2001:db8::",
        "2001:DB8::",
        "2001:db8::1",
        "fe80::",
        "fe80::1%eth0",
        "::ffff:10.0.0.0",
        ":::",
    ),
    *("[2001:db8::]", "10.0.0.0 ", " 10.0.0.0", "\N{ARABIC-INDIC DIGIT ONE}0.0.0.0", "example.com"),
)
LENGTHS_OF_PREFIX = (
    *("", "/", "/8", "/16", "/24", "/32", "/33", "/64", "/128", "/129", "/08", "/+8", "/-1", "/a"),
    *("/255.0.0.0", "/0.0.0.255", "/16/16", "/ 16", "/16 ", "/٨", "/0", "/7"),
)
NETWORKS = [*map("".join, product(ADDRESSES, LENGTHS_OF_PREFIX))]


def test_networks(compare: Comparison) -> None:
    compare(kubernetes.NETWORKS, NETWORKS)


FILES = [
    *NAMES,
    *("tls.crt", ".dockerconfigjson", "..", "..a", ".", "...", "a..b", "TLS_KEY", "a:b", "a$"),
]


def test_files_of_secrets(compare: Comparison) -> None:
    compare(kubernetes.FILES, [*FILES, *examples(LETTERS, 150)])


VARIABLES = [
    *("http_proxy", "HTTP_PROXY", "no_proxy", "a.b", "a-b", "1A", "_", "A B", "A=B", "=", "", " "),
    *("é", "A\n", "A\t", "~", "!", "PORT", "HOST", "POD_NAME", "Port", "a" * 300, "$(A)", "\x7f"),
]


def test_variables(compare: Comparison) -> None:
    text = st.text(st.characters(max_codepoint=0x100), max_size=5)
    compare(kubernetes.VARIABLES, [*VARIABLES, *examples(text, 300)])


VERSIONS = [
    *("v1.34", "v1.0", "v1.034", "v1.34.4", "1.34", "v2.0", "V1.34", "latest", "v1.", "v1.-1", ""),
    *("v1.34 ", "v1.3a", "v1.99", "v1.٣"),
]


def test_versions_of_pod_security(compare: Comparison) -> None:
    compare(kubernetes.VERSIONS, VERSIONS)


@pytest.mark.parametrize("stack", STACKS)
def test_the_objects_of_every_stack(compare: Comparison, stack: str) -> None:
    compare(kubernetes.OBJECTS, map(json.dumps, manifests(run_stack(stack))))
