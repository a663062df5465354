"""Why pods of ψ-Field disagree: which of them got no step."""

from ops.numbers import number
from ops.report.facts import ENGINE, ERROR, STEPS, Facts, Unavailable, pod_of

ACTION = (
    "Send the same steps to every pod, by the headless Service and never through the ClusterIP:"
    " see that the feeder runs and that its last run reached all pods."
)
_CLUSTER_IP = "A ClusterIP picks one pod for each connection, so a sender that uses it reaches one."


def cause(facts: Facts) -> str:
    """The likely cause, from what the pods' series say; which pods stand furthest apart first."""
    errors = {pod_of(one.metric): one.value[1] for one in facts.series(ERROR)}
    engines = {
        pod_of(one.metric): one.metric.get("engine", "?")
        for one in facts.series(ENGINE)
        if one.value[1] == 1
    }
    sent = dict.fromkeys(errors, 0.0) if facts.series(STEPS) else {}
    for one in facts.series(STEPS):
        pod = pod_of(one.metric)
        sent[pod] = sent.get(pod, 0.0) + one.value[1]
    moves = {} if isinstance(facts.moves, Unavailable) else facts.moves
    moved = {pod_of(one.metric): one.value[1] for one in moves}
    return " ".join(filter(None, (_apart(errors), _why(engines, sent, moved))))


def _apart(errors: dict[str, float]) -> str:
    if len(errors) < 2:
        return ""
    low, high = min(errors, key=errors.__getitem__), max(errors, key=errors.__getitem__)
    return (
        f"The prediction error is {number(errors[high])} on {high} and {number(errors[low])} on"
        f" {low}."
    )


def _why(engines: dict[str, str], sent: dict[str, float], moved: dict[str, float]) -> str:
    if len(set(engines.values())) > 1:
        listed = ", ".join(f"{pod} runs {engine}" for pod, engine in sorted(engines.items()))
        return f"The pods run different engines: {listed}."
    if text := _left_out(moved, "did not move in the last hour", "moved {} times"):
        return f"{text} {_CLUSTER_IP}"
    if moved and all(moved.values()):
        return "Every pod was stepped in the last hour, but not with the same steps."
    if text := _left_out(sent, "was never sent a step since it started", "got {}"):
        return f"{text} {_CLUSTER_IP}"
    if moved and not any(moved.values()):
        return (
            "No pod moved in the last hour, so they stand where they were left: one missed a step,"
            " or was restarted, and nothing has stepped them since."
        )
    return "Which pod got no step can't be told: their history could not be had."


def _left_out(counts: dict[str, float], nothing: str, some: str) -> str:
    idle = sorted(pod for pod, count in counts.items() if count == 0)
    busy = sorted((pod, count) for pod, count in counts.items() if count > 0)
    if not idle or not busy:
        return ""
    others = ", ".join(f"{pod} {some.format(number(count))}" for pod, count in busy)
    return f"{', '.join(idle)} {nothing}, while {others}: it got no step."
