"""What the servers take and we refuse on purpose."""

from tests.support.verdicts import OnPurpose
from tests.verdicts import kinds

ON_PURPOSE = (
    OnPurpose(
        kind=kinds.EXPRESSIONS,
        says="contains the dashboard variable",
        because="In a rule, $pod in a matcher's value is what a dashboard's query left behind.",
        example='up{pod="$pod"}',
    ),
)
