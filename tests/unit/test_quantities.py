"""Quantities have the size that Kubernetes gives them."""

from fractions import Fraction

import pytest

from quantities import amount, exact, shown_cores, shown_mebibytes


@pytest.mark.parametrize(
    ("quantity", "size"),
    [
        ("0.5Ti", 2**39),
        ("50G", 50 * 10**9),
        ("1e3", 1000),
        ("1E3", 1000),
        ("1E", 10**18),
        ("1e-3", Fraction(1, 1000)),
        ("500m", Fraction(1, 2)),
        ("1n", Fraction(1, 10**9)),
        ("0.1n", Fraction(1, 10**9)),
        ("1.", 1),
        (".5Ki", 512),
        ("007", 7),
        ("+1", 1),
        ("-1Ki", -1024),
        (" 1Gi ", 2**30),
        ("99999Ei", 2**63 - 1),
        ("9E", 9 * 10**18),
        ("1e003", 1000),
        ("1e+0003", 1000),
        ("1e-00003", Fraction(1, 1000)),
        ("1e-99999", Fraction(1, 10**9)),
        ("0e99999", 0),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_a_quantity_has_one_size(quantity: str, size: Fraction) -> None:
    assert exact(quantity) == size
    assert amount(quantity) == float(size)


@pytest.mark.parametrize("text", ["", "Mi", "+", ".", "1K", "1ki", "1GB", "1e", "1 Gi", "1_0", "x"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"Write one such as"):
        exact(text)


@pytest.mark.parametrize("text", ["10E", "1e19", "1e100", "1e999999999", "9223372036854775808"])
def test_what_the_kubelet_would_read_as_another_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"` is too large to count\. Write one such as"):
        exact(text)


def test_what_is_shown_is_never_less() -> None:
    assert [shown_cores(Fraction(n, 10000)) for n in (20000, 12500, 12501)] == [
        "2",
        "1250m",
        "1251m",
    ]
    sizes = (2**30, 2**30 + 1, 3 * 2**29)
    assert [shown_mebibytes(Fraction(size)) for size in sizes] == ["1Gi", "1025Mi", "1536Mi"]
