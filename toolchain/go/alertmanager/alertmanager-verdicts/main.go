// Command alertmanager-verdicts answers what this version of Alertmanager thinks of configurations, templates
// and matchers. It reads one JSON object a line and writes one JSON object a line.
package main

import (
	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/alertmanager/matcher/compat"
	"github.com/prometheus/common/promslog"
)

func main() {
	// As cmd/alertmanager does without feature flags.
	compat.InitFromFlags(promslog.NewNopLogger(), featurecontrol.NoopFlags{})
	serve(map[string]handler{
		"config":    answers(judgeConfig),
		"functions": answers(listFunctions),
		"matcher":   answers(judgeMatcher),
		"regex":     answers(judgeRegex),
		"template":  answers(judgeTemplate),
	})
}
